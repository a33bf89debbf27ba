"""What ends a worker, and what only looks like it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError

import pytest

from streams.contracts.errors import UserError
from streams.offsets import Standing
from streams.positions import Partition
from streams.threads import Threads
from streams.vitals import alive, last_seen, waiting
from streams.watchdog import Stuck, Watchdog

AT = Partition("music.play.recorded.v1", 0)


class Reader:
    """A consumer as the watchdog sees it."""

    def __init__(self) -> None:
        self.ended: BaseException | None = None
        self.joined = True
        self.open_transaction: int | None = None

    def dead(self) -> BaseException | None:
        return self.ended

    def member(self) -> bool:
        return self.joined

    def readable(self, at: Partition, end: int) -> int:
        return end if self.open_transaction is None else min(end, self.open_transaction)


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def dog() -> Watchdog:
    return Watchdog(0.0, stalled_s=60.0, joining_s=120.0)


def standing(committed: int | None, end: int) -> dict[tuple[str, int], Standing]:
    return {AT: Standing(committed or 0, end, committed)}


def test_records_wait_and_nothing_is_committed(dog: Watchdog, reader: Reader) -> None:
    for now in range(0, 61, 10):
        dog.look(now, reader, standing(5, 9 + now), 0.0)
    with pytest.raises(Stuck, match="records wait"):
        dog.look(61, reader, standing(5, 99), 0.0)


def test_commits_that_move_are_enough(dog: Watchdog, reader: Reader) -> None:
    for now in range(0, 600, 50):
        dog.look(now, reader, standing(now, now + 1_000), 0.0)


def test_without_lag_nothing_need_move(dog: Watchdog, reader: Reader) -> None:
    for now in (0, 100, 200):
        dog.look(now, reader, standing(9, 9), 0.0)


def test_waiting_for_clickhouse_is_said_again_and_again(dog: Watchdog, reader: Reader) -> None:
    for now in range(0, 600, 20):
        dog.look(now, reader, standing(5, 9), float(now - 15))
    with pytest.raises(Stuck):
        dog.look(660, reader, standing(5, 9), 570.0)


def test_an_open_transaction_cannot_be_read(dog: Watchdog, reader: Reader) -> None:
    reader.open_transaction = 5
    for now in (0, 100, 200):
        dog.look(now, reader, standing(5, 9), 0.0)
    reader.open_transaction = 7
    dog.look(210, reader, standing(5, 9), 0.0)
    with pytest.raises(Stuck, match="2 records"):
        dog.look(280, reader, standing(5, 9), 0.0)


def test_a_reader_that_died_with_nothing_assigned(dog: Watchdog, reader: Reader) -> None:
    dog.look(0, reader, {}, 0.0)
    reader.ended = AssertionError("a != b")
    with pytest.raises(Stuck, match="a != b"):
        dog.look(1, reader, {}, 0.0)


def test_one_that_never_gets_into_the_group(dog: Watchdog, reader: Reader) -> None:
    reader.joined = False
    dog.look(100, reader, standing(5, 9), 0.0)
    with pytest.raises(Stuck, match="could not join"):
        dog.look(121, reader, {}, 0.0)


def test_what_a_person_can_mend_is_said_as_it_is(dog: Watchdog, reader: Reader) -> None:
    reader.ended = UserError("Another worker has that name.", cure="Give it another one.")
    with pytest.raises(UserError, match="Another worker") as raised:
        dog.look(1, reader, {}, 0.0)
    assert raised.value is reader.ended


def test_while_the_broker_is_away_nothing_is_said(dog: Watchdog, reader: Reader) -> None:
    reader.joined = False
    dog.unknown(1_000)
    dog.look(1_100, reader, standing(5, 9), 0.0)


def test_a_thread_that_hangs_says_nothing_and_one_that_waits_does() -> None:
    threads = Threads(2, "test")
    release = threading.Event()
    threads.submit(release.wait)
    began = time.monotonic()
    assert last_seen(threads.idents) < began
    threads.submit(alive).result(5)
    assert last_seen(threads.idents) >= began
    release.set()
    threads.stop()


def test_what_waits_for_something_that_times_out_is_alive_until_then() -> None:
    threads = Threads(1, "test")
    entered, release = threading.Event(), threading.Event()

    def long_statement(timeout_s: float) -> None:
        with waiting(timeout_s):
            entered.set()
            release.wait(5)

    for timeout_s, still in ((60.0, True), (0.0, False)):
        entered.clear()
        release.clear()
        job = threads.submit(long_statement, timeout_s)
        entered.wait(5)
        (since,) = threads.busy().values()
        time.sleep(0.05)
        before = time.monotonic()
        assert (last_seen(threads.idents) >= before) is still
        assert since < before
        release.set()
        job.result(5)
        assert last_seen(threads.idents) >= before, "it came back"
        assert threads.busy() == {}
    threads.stop()


def test_a_topic_that_stands_still_is_not_hidden_by_another(dog: Watchdog, reader: Reader) -> None:
    with pytest.raises(Stuck, match=r"4 records wait in music\.play\.recorded"):
        for now in range(0, 70, 5):
            other = {("music.playback.changed.v1", 0): Standing(now, now + 3, now)}
            dog.look(now, reader, standing(5, 9) | other, 0.0)


def test_threads_work_off_in_order_and_cancel_what_has_not_begun() -> None:
    threads = Threads(1, "test")
    release, begun = threading.Event(), threading.Event()
    order: list[int] = []

    def wait_first() -> None:
        release.wait(5)
        order.append(1)

    def say_and_wait() -> None:
        begun.set()
        release.wait(5)

    first = threads.submit(wait_first)
    second = threads.submit(order.append, 2)
    failing = threads.submit(divmod, 1, 0)
    late = threads.submit(order.append, 3)
    release.set()
    first.result(5)
    second.result(5)
    assert isinstance(failing.exception(5), ZeroDivisionError)
    late.result(5)
    assert order == [1, 2, 3]
    release.clear()
    busy = threads.submit(say_and_wait)
    begun.wait(5)
    never = threads.submit(order.append, 4)
    threads.stop()
    release.set()
    busy.result(5)
    with pytest.raises(CancelledError):
        never.result(5)
    assert order == [1, 2, 3]
