from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from producers.spotify.vault import Vault, read_or_make_key
from streams.contracts.errors import UserError


def test_what_is_locked_opens_again_and_does_not_show() -> None:
    vault = Vault(Fernet.generate_key())
    locked = vault.lock("a refresh token")
    assert "refresh" not in locked
    assert vault.unlock(locked) == "a refresh token"
    assert vault.lock("") == vault.unlock("") == ""


def test_another_key_is_told_and_not_crashed_on() -> None:
    locked = Vault(Fernet.generate_key()).lock("secret")
    with pytest.raises(UserError, match="another key"):
        Vault(Fernet.generate_key()).unlock(locked)
    with pytest.raises(UserError, match="not a Fernet key"):
        Vault(b"short")


def test_a_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "key"
    key = read_or_make_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_or_make_key(path) == key
    assert [file.name for file in path.parent.iterdir()] == ["key"]
    Vault(key)


def test_whoever_comes_at_once_gets_the_same_key(tmp_path: Path) -> None:
    got: list[bytes] = []
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait()
        got.append(read_or_make_key(tmp_path / "key"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8
    assert len(set(got)) == 1


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    read_or_make_key(path)
    path.chmod(0o644)
    with pytest.raises(UserError, match="read by others") as told:
        read_or_make_key(path)
    assert "chmod 600" in told.value.cure
