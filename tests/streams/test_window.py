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


def test_a_run_that_is_committed_in_part_counts_for_the_rest() -> None:
    window = Window(1000, 100)
    window.observed(0, 0)
    window.sent(900, 9)
    window.acknowledged(20, 900, 9)
    window.observed(end=29, committed=22)
    assert (window.records, window.bytes) == (7, 700)
    window.observed(end=29, committed=28)
    assert (window.records, window.bytes, window.open) == (1, 100, True)
    window.observed(end=29, committed=29)
    assert (window.records, window.bytes, window.open) == (0, 0, False)


def test_what_was_compressed_takes_the_room_that_it_needs() -> None:
    window = Window(1000, 100)
    window.observed(0, 0)
    window.sent(900, 9)
    assert not window.room(200)
    window.acknowledged(0, 900, 9, stored=90)
    assert (window.records, window.bytes) == (9, 90)
    window.observed(end=9, committed=9)
    assert (window.records, window.bytes) == (0, 0)


def test_of_a_run_that_came_after_the_look_nothing_is_anothers() -> None:
    window = Window(10_000, 1000)
    window.observed(0, 0)
    window.sent(500, 5)
    window.acknowledged(7, 500, 5)
    window.observed(end=9, committed=4)  # 7 and 8 are ours, 4 to 6 are others', 9 to 11 came later
    assert window.records == 3 + 5


def test_a_full_window_is_not_filled_again_record_by_record() -> None:
    window = Window(8000, 800)
    window.observed(0, 0)
    assert window.roomy(1_000_000), "an empty window takes anything"
    window.sent(7500, 75)
    assert window.free() == (500, 725)
    assert window.roomy(400)
    assert not window.roomy(501)
    window.failed(1000, 10)
    assert window.roomy(1_000_000), "an eighth of it is free"
    window.sent(10, 690)
    assert not window.roomy(1), "records are short"


@given(
    st.lists(st.tuples(st.sampled_from("sao"), st.integers(1, 400), st.integers(1, 9)), max_size=200),
)
def test_the_books_balance(steps: list[tuple[str, int, int]]) -> None:
    """Whatever the order of sending, acknowledging and committing, counts agree, and sizes to a share of a run."""
    window = Window(1000, 20)
    sending: list[tuple[int, int]] = []
    held: list[tuple[int, int, int]] = []
    end = committed = 0
    window.observed(0, 0)
    for step, number, records in steps:
        if step == "s" and window.room(number) and records <= max(1, window.free()[1]):
            window.sent(number, records)
            sending.append((number, records))
        elif step == "a" and sending:
            size, count = sending.pop(0)
            window.acknowledged(end, size, count)
            held.append((end, size, count))
            end += count
        elif step == "o":
            committed = min(end, committed + number % 5)
            window.observed(end, committed)
            held = [run for run in held if run[0] + run[2] > committed]
        waiting = sum(min(count, first + count - committed) for first, _, count in held)
        assert window.records == sum(count for _, count in sending) + waiting
        whole = sum(size for size, _ in sending) + sum(size for first, size, _ in held if first >= committed)
        assert whole <= window.bytes <= sum(size for size, _ in sending) + sum(size for _, size, _ in held)
        assert window.open == bool(sending or held)
        assert window.records <= 9 or (window.bytes <= 1000 and window.records <= 20)
    window.observed(end, end)
    assert window.bytes == sum(size for size, _ in sending)


def test_others_records_show_between_ours() -> None:
    window = Window(10_000, 1000)
    window.sent(300, 3)
    assert not window.acknowledged(40, 300, 3)  # what lies before our first is old
    window.sent(100)
    assert not window.acknowledged(43, 100)
    window.sent(100)
    assert window.acknowledged(45, 100)
    window.sent(100)
    assert not window.acknowledged(46, 100)


def test_a_little_goes_though_others_fill_the_window() -> None:
    window = Window(16_000, 160)
    window.observed(end=5000, committed=0)
    assert not window.room(100)
    for offset in range(10):
        assert window.little(100)
        window.sent(100)
        window.acknowledged(5000 + offset, 100)
    assert not window.little(100)  # that is a sixteenth
    window.observed(end=5010, committed=5005)
    assert window.little(100)
