"""The owner's password, the brake on guessing, and session cookies."""

from __future__ import annotations

import pytest

from api.passwords import Brake, hash_password, verify_password
from api.sessions import Sessions


def test_the_right_password_and_no_other_passes() -> None:
    hashed = hash_password("correct horse")
    assert verify_password("correct horse", hashed)
    assert not verify_password("correct  horse", hashed)
    assert hash_password("correct horse") != hashed, "every hash has a salt of its own"


@pytest.mark.parametrize("hashed", ["", "plain", "scrypt$x$8$1$a$b", "bcrypt$1$2$3$4$5"])
def test_what_is_no_hash_lets_nobody_in(hashed: str) -> None:
    assert not verify_password("", hashed)


def test_the_brake_holds_one_address_and_lets_others_try() -> None:
    now = [0.0]
    brake = Brake(tries=3, seconds=60, clock=lambda: now[0])
    for _ in range(3):
        assert brake.wait("a") == 0
        brake.failed("a")
    assert brake.wait("a") == 60
    assert brake.wait("b") == 0
    now[0] = 61
    assert brake.wait("a") == 0


def test_the_brake_holds_everybody_when_many_addresses_guess() -> None:
    brake = Brake(tries=2, seconds=60, clock=lambda: 0.0)
    for number in range(20):
        brake.failed(str(number))
    assert brake.wait("new") == 60


def test_a_session_is_believed_until_it_is_changed_or_too_old() -> None:
    key = b"k" * 32
    sessions = Sessions(key, "hash", 60)
    value = sessions.issue()
    assert sessions.check(value) == 0
    assert sessions.check(sessions.issue(7)) == 7
    assert sessions.check(value[:-1] + ("A" if value[-1] != "A" else "B")) is None
    assert sessions.check(value.replace("0000000000000000", "0000000000000001", 1)) is None
    assert Sessions(key, "another hash", 60).check(value) is None, "a new password ends every session"
    assert Sessions(key, "hash", -1).check(Sessions(key, "hash", -1).issue()) is None
    for junk in ("", ".", "a.b.c.d", "\x00", "é.1.2"):
        assert sessions.check(junk) is None
