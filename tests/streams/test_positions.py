from __future__ import annotations

import asyncio

import pytest

from streams.contracts.errors import RecordsLost
from streams.positions import InHand, Positions

AT = ("topic", 0)


def read(positions: Positions, *offsets: int, generation: int = 1) -> None:
    for offset in offsets:
        positions.read(*AT, offset, generation)


def test_only_what_is_stored_is_committed() -> None:
    positions = Positions()
    positions.starts_at({AT: None})
    read(positions, 0, 1, 2)
    assert list(positions) == []
    positions.store(*AT, 2, 1)
    assert positions.stored(AT) == 2
    assert list(positions) == [AT]


def test_a_hole_is_a_loss() -> None:
    positions = Positions()
    positions.starts_at({AT: 5})
    read(positions, 5, 6)
    with pytest.raises(RecordsLost, match="1 records"):
        read(positions, 8)


def test_starting_behind_the_commit_is_a_loss() -> None:
    positions = Positions()
    positions.starts_at({AT: 5})
    with pytest.raises(RecordsLost, match="expected offset 5, found 7"):
        read(positions, 7)


def test_without_a_commit_a_real_broker_may_start_anywhere_and_one_in_memory_may_not() -> None:
    real = Positions()
    real.starts_at({AT: None})
    read(real, 100, 101)
    memory = Positions(in_memory=True)
    memory.starts_at({AT: -1})
    with pytest.raises(RecordsLost):
        read(memory, 100)


def test_records_that_come_again_are_no_loss() -> None:
    positions = Positions()
    positions.starts_at({AT: 0})
    read(positions, 0, 1, 2, 1, 2, 3)
    with pytest.raises(RecordsLost):
        read(positions, 5)


def test_a_new_generation_starts_at_the_commit() -> None:
    positions = Positions()
    positions.starts_at({AT: 0})
    read(positions, 0, 1, 2)
    positions.starts_at({AT: 10})
    read(positions, 10, generation=2)
    assert positions.stored(AT) is None


def test_a_slice_of_an_older_generation_acknowledges_nothing() -> None:
    positions = Positions()
    positions.starts_at({AT: 0})
    read(positions, 0, 1)
    read(positions, 0, generation=2)
    positions.store(*AT, 2, 1)
    assert positions.stored(AT) is None
    positions.forget({AT})
    positions.store(*AT, 2, 2)
    assert positions.stored(AT) is None


def test_a_position_never_moves_back() -> None:
    positions = Positions()
    positions.starts_at({AT: 0})
    read(positions, 0, 1, 2)
    positions.store(*AT, 3, 1)
    positions.store(*AT, 1, 1)
    assert positions.stored(AT) == 3


def test_a_loss_can_be_accepted() -> None:
    positions = Positions(accept_loss=True)
    positions.starts_at({AT: 5})
    read(positions, 9, 10, 12)


async def test_in_hand_waits_for_the_last_one() -> None:
    hand = InHand()
    assert await hand.finished(0.01)
    with hand:
        assert not await hand.finished(0.01)
        with hand:
            assert hand
    waiting = asyncio.create_task(hand.finished(5))
    assert await waiting
    assert not hand
