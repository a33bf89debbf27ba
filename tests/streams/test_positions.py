from __future__ import annotations

import asyncio

import pytest

from streams.chunks import _firsts
from streams.contracts.errors import RecordsLost, SpotifireError
from streams.contracts.record import Record
from streams.positions import Hole, InHand, Partition, Positions
from streams.reading import Run

AT = Partition("topic", 0)


def take(positions: Positions, first: int, end: int, *, start: int | None = None, generation: int = 1) -> Hole | None:
    return positions.take(AT, start=start, first=first, end=end, generation=generation)


def record(offset: int) -> Record:
    return Record(topic=AT.topic, partition=AT.partition, offset=offset, timestamp=0, key=None, value=b"", headers=())


def test_only_what_is_stored_is_committed() -> None:
    positions = Positions()
    positions.starts_at({AT: None}, 1)
    take(positions, 0, 3)
    assert list(positions) == []
    positions.store(AT, 2, 1)
    assert positions.stored(AT) == 2
    assert list(positions) == [AT]


def test_offsets_in_a_row_have_no_hole() -> None:
    positions = Positions()
    positions.starts_at({AT: 5}, 1)
    assert take(positions, 5, 7) is None
    assert take(positions, 7, 9, start=7) is None
    assert take(positions, 9, 9, start=9) is None, "only a control record, and nothing was handed out"


@pytest.mark.parametrize(("commit", "start"), [(5, None), (5, 5), (5, 2)])
def test_a_hole_is_a_loss_if_the_partition_begins_behind_it(commit: int, start: int | None) -> None:
    positions = Positions()
    positions.starts_at({AT: commit}, 1)
    hole = take(positions, 7, 9, start=start)
    assert hole == Hole(AT, 5, 7)
    with pytest.raises(RecordsLost, match=r"2 records .*expected offset 5, found 7"):
        positions.filled(hole, beginning=7)
    with pytest.raises(RecordsLost):
        positions.filled(hole, beginning=6)
    for still_there in (0, 5):  # a control record, an aborted transaction, a compacted record
        positions.filled(hole, beginning=still_there)


def test_what_was_read_and_never_came_is_no_hole_of_the_broker() -> None:
    positions = Positions()
    positions.starts_at({AT: 5}, 1)
    take(positions, 5, 7)
    with pytest.raises(SpotifireError, match="read and dropped") as raised:
        take(positions, 9, 12, start=9)
    assert not isinstance(raised.value, RecordsLost)


def test_without_a_commit_a_real_broker_may_start_anywhere_and_one_in_memory_may_not() -> None:
    real = Positions()
    real.starts_at({AT: None}, 1)
    assert take(real, 100, 101) is None
    memory = Positions(in_memory=True)
    memory.starts_at({AT: -1}, 1)
    assert take(memory, 100, 101) == Hole(AT, 0, 100)


def test_records_that_come_again_are_no_loss_and_what_follows_is_watched() -> None:
    positions = Positions()
    positions.starts_at({AT: 0}, 1)
    take(positions, 0, 4)
    assert take(positions, 1, 3) is None
    assert take(positions, 3, 4, start=3) is None
    assert take(positions, 6, 7) == Hole(AT, 4, 6)


def test_a_new_generation_starts_at_its_own_commit() -> None:
    positions = Positions()
    positions.starts_at({AT: 0}, 1)
    take(positions, 0, 3)
    positions.store(AT, 3, 1)
    positions.starts_at({AT: 10}, 2)
    assert take(positions, 10, 11, generation=2) is None
    assert positions.stored(AT) is None


def test_a_commit_of_an_older_generation_says_nothing() -> None:
    """Another worker read on meanwhile, and Faust's look at the commits timed out: nothing is lost."""
    positions = Positions(in_memory=True)
    positions.starts_at({AT: 0}, 1)
    take(positions, 0, 3)
    positions.forget({AT})
    assert take(positions, 10, 11, generation=3) is None


def test_a_slice_of_an_older_generation_acknowledges_nothing() -> None:
    positions = Positions()
    positions.starts_at({AT: 0}, 1)
    take(positions, 0, 2)
    take(positions, 0, 1, generation=2)
    positions.store(AT, 2, 1)
    assert positions.stored(AT) is None
    positions.forget({AT})
    positions.store(AT, 2, 2)
    assert positions.stored(AT) is None


def test_nothing_behind_a_slice_that_was_dropped_is_committed() -> None:
    positions = Positions()
    positions.starts_at({AT: 0}, 1)
    take(positions, 0, 10)
    take(positions, 10, 20)
    positions.drop(AT, 10, 1)
    positions.store(AT, 10, 1)  # the slice before it was still being stored
    assert positions.stored(AT) == 10
    take(positions, 20, 30)
    positions.store(AT, 30, 1)
    assert positions.stored(AT) == 10
    positions.starts_at({AT: 10}, 2)
    take(positions, 10, 30, generation=2)
    positions.store(AT, 30, 2)
    assert positions.stored(AT) == 30


def test_a_dropped_slice_of_several_runs_is_dropped_from_its_first_one_on() -> None:
    positions = Positions()
    positions.starts_at({AT: 0}, 1)
    runs = [Run(AT, [record(first)], first, first + 10, 1, 0.0) for first in (0, 10)]
    for run in runs:
        take(positions, run.first, run.end)
    for at, first in _firsts(runs).items():
        positions.drop(at, first, 1)
    take(positions, 20, 30)
    positions.store(AT, 30, 1)
    assert not positions.stored(AT)


def test_a_position_never_moves_back_within_a_generation() -> None:
    positions = Positions()
    positions.starts_at({AT: 0}, 1)
    take(positions, 0, 3)
    positions.store(AT, 3, 1)
    positions.store(AT, 1, 1)
    assert positions.stored(AT) == 3


def test_a_loss_can_be_accepted_and_is_normal_where_records_are_short_lived() -> None:
    Positions(accept_loss=True).filled(Hole(AT, 5, 9), beginning=9)
    Positions(short_lived=[AT.topic]).filled(Hole(AT, 5, 9), beginning=9)
    with pytest.raises(RecordsLost):
        Positions(short_lived=["another"]).filled(Hole(AT, 5, 9), beginning=9)


async def test_in_hand_waits_for_the_last_one() -> None:
    hand = InHand()
    assert await hand.finished(0.01)
    hand.begin()
    hand.begin()
    assert hand
    hand.end()
    assert not await hand.finished(0.01)
    waiting = asyncio.create_task(hand.finished(5))
    await asyncio.sleep(0)
    hand.end()
    assert await waiting
    assert not hand
