"""One record in a hundred is none: exactly these become dead letters, and exactly the others are stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from streams.contracts.record import ERROR_OFFSET, ERROR_PARTITION, SCHEMA_VERSION
from streams.contracts.topics import DEAD_LETTER, PLAY_RECORDED
from tests.faults.conftest import Scene
from tests.faults.world import HEADERS, Record
from tests.support.fleet import wait

pytestmark = [pytest.mark.apache_kafka, pytest.mark.timeout(900)]

Spoiled = tuple[bytes | None, list[tuple[str, bytes]]]
NEWER = [*HEADERS[:1], (SCHEMA_VERSION, b"99")]


def said(**changed: Any) -> Callable[[Record], Spoiled]:
    """A record whose JSON says something else; None leaves the field out."""

    def spoil(record: Record) -> Spoiled:
        fields = {**msgspec.json.decode(record.value), **changed}
        return msgspec.json.encode({name: value for name, value in fields.items() if value is not None}), HEADERS

    return spoil


KINDS: list[tuple[str, Callable[[Record], Spoiled]]] = [
    ("malformed-json", lambda record: (record.value[: len(record.value) // 2], HEADERS)),
    ("not-utf8", lambda _: (b"\xff\xfe\x00 not text", HEADERS)),
    ("malformed-json", lambda _: (b"", HEADERS)),
    ("malformed-json", lambda _: (None, HEADERS)),
    ("unknown-version", lambda record: (record.value, NEWER)),
    ("missing-field", said(reported_end=None)),
    ("wrong-type", said(ms_played="many")),
    ("too-long", said(title="x" * 5_000)),
    ("impossible-time", said(reported_end=946_684_800_000)),
    ("impossible-time", said(reported_end=4_200_000_000_000)),
    ("out-of-range", said(ms_played=-1)),
    ("unknown-listener", said(listener="00000000000000ff")),
]


@pytest.mark.simple
def test_one_record_in_a_hundred_is_none(scene: Scene, short: bool) -> None:
    events = 5_000 if short else 50_000
    poison = events // 100
    fleet, dice = scene.fleet, scene.dice
    wanted: dict[tuple[int, int], tuple[str, bytes]] = {}  # partition, offset: reason, bytes
    spoiled = set(dice.sample(range(events), poison))
    for _ in range(2):
        fleet.start()
    fleet.sharing(2)
    for number in range(events):
        if number not in spoiled:
            scene.publish(1)
            continue
        reason, spoil = dice.choice(KINDS)
        record = scene.world.take(1)[0]
        value, headers = spoil(record)

        def delivered(partition: int, offset: int, entry: tuple[str, bytes] = (reason, value or b"")) -> None:
            wanted[partition, offset] = entry

        scene.sender.send(PLAY_RECORDED, record.key, value, headers, delivered)
    if not short:
        wait(lambda: scene.stored() > events // 4, "nothing was stored", fleet.said)
        fleet.kill(fleet.workers[0])  # what is read again is refused again, and is one dead letter still
        fleet.start()
    scene.sender.flush()
    fleet.settled()

    rows = scene.ch.query(
        "SELECT partition, offset, reason, payload FROM v_dead_letters WHERE topic = {topic:String}",
        {"topic": PLAY_RECORDED.name},
        column_formats={"payload": "bytes"},
    )
    kept = {(row[0], row[1]): (row[2], bytes(row[3] or b"")) for row in rows}
    told = {}
    for message in scene.wire.read(DEAD_LETTER):
        why = dict(message.headers())
        told[int(why[ERROR_PARTITION]), int(why[ERROR_OFFSET])] = message.value() or b""
    reasons = Counter(reason for reason, _ in kept.values())
    good = len(scene.stored_ids())
    scene.must_hold("poison", dead_letters=len(rows), good=good, reasons=dict(reasons))
    assert len(rows) == poison == len(wanted)
    assert good == events - poison
    assert kept == wanted, differing(kept, wanted)
    assert told == {at: value for at, (_, value) in wanted.items()}


def differing(found: dict[tuple[int, int], Any], wanted: dict[tuple[int, int], Any]) -> str:
    """A few of what differs."""
    wrong = {
        at: (found.get(at), wanted.get(at)) for at in found.keys() | wanted.keys() if found.get(at) != wanted.get(at)
    }
    return f"{len(wrong)} differ: {list(wrong.items())[:3]}"
