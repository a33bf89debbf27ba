from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.window import Window


def test_a_new_window_looks_at_the_broker_before_it_sends() -> None:
    window = Window(1000, 10)
    assert window.stale
    window.observed(end=0, committed=0)
    assert not window.stale


def test_room_ends_at_the_limit_in_bytes_and_comes_back_with_the_commit() -> None:
    window = Window(1000, 100)
    window.observed(0, 0)
    for offset in range(4):
        assert window.room(250)
        window.sent(250)
        window.acknowledged(offset, 250)
    assert not window.room(1)
    window.observed(end=4, committed=1)
    assert window.room(250)
    assert not window.room(251)


def test_room_ends_at_the_limit_in_records() -> None:
    window = Window(1_000_000, 2)
    window.observed(0, 0)
    window.sent(1)
    assert window.room(1)
    window.sent(1)
    assert not window.room(1)


def test_what_others_published_counts() -> None:
    window = Window(10_000, 1000)
    window.observed(end=500, committed=0)
    assert window.records == 500
    assert not window.room(1)
    window.observed(end=500, committed=500)
    assert window.room(1)


def test_ours_is_not_counted_twice() -> None:
    window = Window(10_000, 1000)
    window.observed(0, 0)
    for offset in (0, 1, 5):
        window.sent(100)
        window.acknowledged(offset, 100)
    window.observed(end=5, committed=1)  # 1 is ours, 2 to 4 are others', 5 came after the look
    assert window.records == 2 + 3


def test_after_a_share_of_the_window_the_broker_is_asked_again() -> None:
    window = Window(8000, 1000)
    window.observed(0, 0)
    window.sent(999)
    assert not window.stale
    window.sent(1)
    assert window.stale


def test_an_empty_window_takes_a_record_of_any_size() -> None:
    window = Window(10, 10)
    window.observed(7, 7)
    assert window.room(1_000_000)


def test_a_record_that_failed_leaves_no_trace() -> None:
    window = Window(1000, 10)
    window.observed(0, 0)
    window.sent(600)
    window.failed(600)
    assert not window.open
    assert window.bytes == 0


@given(st.lists(st.tuples(st.sampled_from("sao"), st.integers(1, 400)), max_size=200))
def test_the_books_balance(steps: list[tuple[str, int]]) -> None:
    """Whatever the order of sending, acknowledging and committing, sizes and counts agree."""
    window = Window(1000, 20)
    sending: list[int] = []
    held: list[tuple[int, int]] = []
    end = committed = 0
    window.observed(0, 0)
    for step, number in steps:
        if step == "s" and window.room(number):
            window.sent(number)
            sending.append(number)
        elif step == "a" and sending:
            size = sending.pop(0)
            window.acknowledged(end, size)
            held.append((end, size))
            end += 1
        elif step == "o":
            committed = min(end, committed + number % 5)
            window.observed(end, committed)
            held = [(offset, size) for offset, size in held if offset >= committed]
        assert window.records == len(sending) + len(held)
        assert window.bytes == sum(sending) + sum(size for _, size in held)
        assert window.records <= 1 or (window.bytes <= 1000 and window.records <= 20)
        assert window.open == bool(sending or held)
