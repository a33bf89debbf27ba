"""What is read at the edge: secrets, addresses, and what a killed process left in the data folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from api.sessions import Sessions
from deploy import folder, owner
from deploy.parts import open_vault
from deploy.settings import load
from producers.spotify.vault import Vault
from streams.contracts.errors import UserError
from tests.support.web import settings as api_settings


def test_a_key_that_was_given_may_be_a_containers_secret(tmp_path: Path) -> None:
    """Docker mounts a secret file with the mode that it has, and the container's user must read it."""
    own = load(None, data=tmp_path)
    locked = open_vault(own).lock("token")
    secret = tmp_path / "token_key"
    secret.write_bytes((tmp_path / "secrets" / "key").read_bytes())
    secret.chmod(0o444)
    given = open_vault(load(None, data=tmp_path / "other", key_file=secret))
    assert isinstance(given, Vault)
    assert given.unlock(locked) == "token"


def test_a_key_that_was_given_is_never_made(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        open_vault(load(None, data=tmp_path, key_file=tmp_path / "missing"))


def test_a_restart_with_the_same_password_file_ends_no_session(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("one\n")
    given = load(None, data=tmp_path / "data", owner_password_file=secret)

    def sessions() -> Sessions:
        hashed, made = owner.password(given)
        assert not made
        return Sessions(owner.session_key(given), hashed, 60)

    cookie = sessions().issue()
    assert sessions().check(cookie) == 0
    secret.write_text("another\n")
    assert sessions().check(cookie) is None


@pytest.mark.parametrize("url", ["music.example.org", "music.example.org:443", "ftp://a", "https://a/music"])
def test_a_public_address_without_scheme_or_host_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(UserError, match="public_url"):
        load(None, data=tmp_path, public_url=url)


def test_a_public_address_turns_sign_in_on(tmp_path: Path) -> None:
    given = load(None, data=tmp_path, public_url="https://music.example.org")
    assert given.sign_in
    assert not api_settings(tmp_path, public_url=given.public_url, sign_in=given.sign_in).open_to_owner


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8765"),
        ("0.0.0.0", "http://127.0.0.1:8765"),
        ("::", "http://[::1]:8765"),
        ("192.0.2.7", "http://192.0.2.7:8765"),
    ],
)
def test_the_command_reaches_the_server_itself(tmp_path: Path, host: str, url: str) -> None:
    made = api_settings(tmp_path, host=host, public_url="https://music.example.org")
    assert made.local_url == url
    assert made.origin == "https://music.example.org"
    assert made.hosts is not None
    assert "0.0.0.0" not in made.hosts
    assert {"music.example.org", url.split("/")[2].rsplit(":", 1)[0].strip("[]")} <= made.hosts


def test_what_a_killed_process_left_is_gone(tmp_path: Path) -> None:
    (tmp_path / "running.json").write_text(json.dumps({"url": "http://127.0.0.1:1", "pid": 1}))
    (tmp_path / "token").write_text("old")
    (tmp_path / "uploads" / "0").mkdir(parents=True)
    (tmp_path / "uploads" / "0" / "export.zip").write_text("private")
    with folder.hold(tmp_path):
        assert not (tmp_path / "uploads").exists()
        assert folder.find(tmp_path) is None, "the address is not the one of who holds it now"
