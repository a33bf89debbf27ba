"""One database with two listeners for the tests of a module that only read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from sinks.clickhouse import ClickHouse
from sinks.writer import Writer
from tests.support.clickhouse import fresh_database
from tests.support.library import favourite, followed, keep, saved
from tests.support.web import Seeded, seed


@dataclass(frozen=True)
class Library:
    """A database, and who is in it. Do not change it."""

    ch: ClickHouse
    seeded: Seeded


@pytest.fixture(scope="module")
def library(engine: ClickHouse) -> Iterator[Library]:
    """Ada with 30 plays and a library, Bob with 3 plays (see tests/support/web.py)."""
    with fresh_database() as ch:
        seeded = seed(ch, Writer(ch, threading.Event()))
        ada = seeded.ada.id
        keep(
            ch,
            [
                saved(ada, "heard", "Sinnerman", "Nina Simone"),
                saved(ada, "unheard", "Autobahn", "Kraftwerk"),
                saved(ada, "unheard too", "Das Model", "Kraftwerk"),
                followed(ada, "N", "Nina Simone"),
                followed(ada, "K", "Kraftwerk"),
                favourite(ada, "top-artist", "short", 1, "B", artist="Björk"),
            ],
        )
        yield Library(ch, seeded)
