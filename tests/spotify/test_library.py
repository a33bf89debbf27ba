"""The library from the fake's pages to ClickHouse and the topic, and what may not happen on the way."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer
from structlog.testing import capture_logs

from deploy import doctor
from deploy.kafka.inprocess import InProcessBroker
from deploy.kafka.topics import create_topics
from producers.library import SHELVES
from producers.spotify.errors import QuotaExceeded
from producers.spotify.fake.clock import ManualClock
from producers.spotify.fake.people import Person
from producers.spotify.fake.server import FakeSpotify, make_people
from producers.spotify.fake.troubles import NASTY, Fault
from producers.spotify.fake.world import Habits
from producers.spotify.library import LibraryPoller
from producers.spotify.pacing import Pace
from producers.spotify.settings import NEEDED
from sinks.clickhouse import ClickHouse
from sinks.erase import erase_listener, held
from streams.contracts.errors import BrokerUnavailable, SourceUnavailable, SpotifireError, StoreUnavailable
from streams.contracts.ids import to_hex
from streams.contracts.ports import Shelf
from streams.contracts.topics import LIBRARY_ITEM
from streams.publisher import Publisher, PublisherSettings

from .conftest import Bench, MakeFake, MovingClock, StraightIn
from .test_collector import collector, of, running, until

TRACKS, FOLLOWING, TOP = "/v1/me/tracks", "/v1/me/following", "/v1/me/top/artists"
SAVED, FOLLOWED = Shelf("saved-track"), Shelf("followed-artist")
STILL = Habits(library_s=0)
PACE = Pace(library_page_s=0, jitter=0)
DAY_S = 86_400


def people(habits: Habits = STILL) -> tuple[Person, ...]:
    return tuple(msgspec.structs.replace(one, habits=habits) for one in make_people())


@pytest.fixture
def clickhouse(one_database: ClickHouse) -> ClickHouse:
    """The module's database, with nobody in it."""
    for table in ("listeners", "connections", "library_items", "library_looks", "sightings", "plays"):
        one_database.command(f"TRUNCATE TABLE {table}")
    return one_database


@pytest.fixture
def bench(make_fake: MakeFake, music: ManualClock, clock: MovingClock, clickhouse: ClickHouse) -> Bench:
    """A calm fake whose people change their libraries only when a test says so; 90 artists."""
    artists = tuple((f"artist{number:02}", f"Artist {number}") for number in range(90))
    return Bench(make_fake(people=people(), artists=artists), music, clock, clickhouse)


@pytest.fixture
def listener(bench: Bench) -> int:
    made = bench.add()
    bench.connect(made)
    return made


class Kept(StraightIn):
    """Keeps what is published of a library; there is no pipeline behind it."""

    def __init__(self) -> None:
        super().__init__(None)  # type: ignore[arg-type]


@pytest.fixture
def kept() -> Kept:
    return Kept()


def poller(bench: Bench, listener: int, publisher: Any, scope: str | None = None) -> LibraryPoller:
    made = LibraryPoller(listener, PACE, bench.client, bench.library, publisher, bench.clock)
    connection = bench.connections.get(listener)
    made.granted(connection.scope if scope is None and connection else scope or "")
    return made


async def to_the_end(one: LibraryPoller) -> float:
    """Until nothing is due; the seconds until something is."""
    while not (pause := await one.poll_once()):
        pass
    return pause


def stands(bench: Bench, listener: int, shelf: Shelf) -> set[str]:
    return set(bench.library.standing(listener, shelf))


def truth(bench: Bench, shelf: Shelf) -> set[str]:
    library, now = bench.fake.library(bench.account()), bench.music()
    span = f"{shelf.time_range}_term"
    match shelf.kind:
        case "saved-track":
            return {track.id for track, _ in library.saved(now)}
        case "followed-artist":
            return {artist.id for artist in library.followed(now)}
        case "top-track":
            return {track.id for track in library.top_tracks(now, span)}
    return {artist.id for artist in library.top_artists(now, span)}


def calls(fake: FakeSpotify, path: str = "/v1/me/t") -> list[str]:
    return [f"{call.path}?{call.query}" for call in fake.calls if call.path.startswith(path)]


async def test_every_list_is_stored_published_and_a_change_follows(bench: Bench, listener: int, kept: Kept) -> None:
    one = poller(bench, listener, kept)
    await to_the_end(one)
    for shelf in SHELVES:
        assert stands(bench, listener, shelf) == truth(bench, shelf) != set(), shelf
    assert len(truth(bench, SAVED)) > 100 and len(truth(bench, FOLLOWED)) > 50  # several pages
    told = {(event.kind, event.time_range, event.item) for event in kept.library}
    assert told == {(shelf.kind, shelf.time_range, item) for shelf in SHELVES for item in truth(bench, shelf)}
    assert {event.listener for event in kept.library} == {to_hex(listener)}

    library, now = bench.fake.library(bench.account()), bench.music()
    (newest, _), *_, (oldest, saved_at) = library.saved(now)
    new = next(track for track in bench.fake.played(bench.account()) if track.track.id not in truth(bench, SAVED))
    artist = library.followed(now)[3]
    bench.music.advance(60)
    library.do(now + 1_000, "unsave", oldest.id)
    library.do(now + 2_000, "save", new.track.id)
    library.do(now + 3_000, "unfollow", artist.id)
    bench.clock.advance(DAY_S + 1)
    kept.library.clear()
    await to_the_end(one)
    for shelf in SHELVES:
        assert stands(bench, listener, shelf) == truth(bench, shelf), shelf
    gone = {event.item: event.added_at for event in kept.library if event.removed_at}
    assert gone == {oldest.id: saved_at // 1000 * 1000, artist.id: None}
    assert {event.item for event in kept.library if event.kind == "saved-track"} == {oldest.id, new.track.id}

    library.do(bench.music(), "save", oldest.id)
    bench.clock.advance(DAY_S + 1)
    kept.library.clear()
    await to_the_end(one)
    (back,) = [event for event in kept.library if event.kind == "saved-track"]
    assert (back.item, back.removed_at) == (oldest.id, None)
    assert bench.clock() - back.seen_at > 2 * DAY_S * 1000  # it was seen there before it went
    assert newest.id in stands(bench, listener, SAVED)


async def test_tracks_and_artists_are_described(bench: Bench, listener: int, kept: Kept) -> None:
    await to_the_end(poller(bench, listener, kept))
    sql = (
        "SELECT position, title, artist, artist_id, album, image_url != '', uri, isrc, added_at IS NOT NULL "
        "FROM library_items FINAL WHERE kind = {kind:String} AND item = {item:String} AND time_range = {span:String}"
    )
    library, now = bench.fake.library(bench.account()), bench.music()
    track = library.saved(now)[70][0]
    first = track.artists[0]
    described = [track.name, first.name, first.id, track.album, True, track.uri, track.isrc]
    assert bench.ch.query(sql, {"kind": "saved-track", "item": track.id, "span": ""}) == [(0, *described, True)]
    best = library.top_artists(now, "short_term")[1]
    found = bench.ch.query(sql, {"kind": "top-artist", "item": best.id, "span": "short"})
    assert found == [(2, "", best.name, best.id, "", True, f"spotify:artist:{best.id}", "", False)]


async def test_a_day_without_changes_costs_one_call_for_the_saved_tracks(
    bench: Bench, listener: int, kept: Kept
) -> None:
    one = poller(bench, listener, kept)
    await to_the_end(one)
    for day, wanted in ((1, 1), (7, 3)):  # once a week to the end
        bench.clock.advance(day * DAY_S + 1)
        bench.connect(listener)  # refreshes what an hour ends
        before, kept.library[:] = len(calls(bench.fake, TRACKS)), []
        await to_the_end(one)
        assert len(calls(bench.fake, TRACKS)) - before == wanted
        assert kept.library == []


async def test_after_a_restart_nothing_is_asked_again(bench: Bench, listener: int, kept: Kept) -> None:
    await to_the_end(poller(bench, listener, kept))
    asked = len(bench.fake.calls)
    pause = await to_the_end(poller(bench, listener, kept))
    assert len(bench.fake.calls) == asked
    assert DAY_S - 60 < pause <= DAY_S


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=429, reason="QUOTA_EXCEEDED", retry_after="3"),
        Fault(status=502, body="<html>"),
        Fault(status=200, body='{"items": 5}'),
        Fault(status=403),
    ],
    ids=lambda fault: f"{fault.status}{fault.reason}",
)
async def test_a_list_that_breaks_off_takes_nothing_away(bench: Bench, listener: int, kept: Kept, fault: Fault) -> None:
    await to_the_end(poller(bench, listener, kept))
    before = stands(bench, listener, SAVED)
    library = bench.fake.library(bench.account())
    gone = library.saved(bench.music())[20][0].id
    library.do(bench.music(), "unsave", gone)
    bench.clock.advance(8 * DAY_S)
    bench.connect(listener)
    kept.library.clear()
    one = poller(bench, listener, kept)
    await one.poll_once()  # the first page is in
    bench.fake.script(TRACKS, fault)
    with suppress(SpotifireError):
        await one.poll_once()
    assert calls(bench.fake, TRACKS)[-1].endswith("offset=50")
    assert stands(bench, listener, SAVED) == before
    assert kept.library == []
    bench.clock.advance(5 if fault.status != 403 else DAY_S + 1)
    bench.connect(listener)
    await to_the_end(one)
    assert stands(bench, listener, SAVED) == before - {gone}
    assert [event.item for event in kept.library if event.removed_at] == [gone]


async def test_a_listener_who_disconnects_in_the_middle_loses_nothing(bench: Bench, listener: int, kept: Kept) -> None:
    await to_the_end(poller(bench, listener, kept))
    before = stands(bench, listener, SAVED)
    bench.clock.advance(8 * DAY_S)
    bench.connect(listener)
    one = poller(bench, listener, kept)
    await one.poll_once()
    bench.fake.revoke(bench.account())
    bench.tokens.forget(listener)
    with pytest.raises(SpotifireError):
        await one.poll_once()
    assert stands(bench, listener, SAVED) == before


async def test_a_reading_that_is_held_up_goes_on_and_after_an_hour_begins_anew(
    bench: Bench, listener: int, kept: Kept
) -> None:
    one = poller(bench, listener, kept)
    await one.poll_once()
    bench.clock.advance(3_000)
    await one.poll_once()
    bench.clock.advance(3_000)
    await one.poll_once()
    assert [int(call.rpartition("=")[2]) for call in calls(bench.fake, TRACKS)] == [0, 50, 100]
    assert stands(bench, listener, SAVED) == truth(bench, SAVED)
    await one.poll_once()
    bench.clock.advance(3_700)
    bench.connect(listener)
    await one.poll_once()
    assert [bool("after" in call) for call in calls(bench.fake, FOLLOWING)] == [False, False]


async def test_a_track_that_goes_between_two_pages_hides_no_other(bench: Bench, listener: int, kept: Kept) -> None:
    one = poller(bench, listener, kept)
    await one.poll_once()
    library, now = bench.fake.library(bench.account()), bench.music()
    first = library.saved(now)[0][0].id
    library.do(now, "unsave", first)
    await to_the_end(one)
    assert stands(bench, listener, SAVED) == truth(bench, SAVED)
    assert len(calls(bench.fake, TRACKS)) == 6  # three pages, and once more


async def test_a_quota_of_the_library_leaves_the_plays_alone(bench: Bench, listener: int, kept: Kept) -> None:
    bench.fake.script(TRACKS, Fault(status=429, reason="QUOTA_EXCEEDED", retry_after="80000"))
    bench.fake.script(FOLLOWING, Fault(status=429, retry_after="9000"))
    one = poller(bench, listener, kept)
    for _ in range(2):
        with pytest.raises(QuotaExceeded) as raised:
            await one.poll_once()
        assert raised.value.retry_after > 79_000
    assert len(calls(bench.fake, TRACKS)) == 1
    assert bench.client.blocked_until(listener) is None
    assert len(bench.client.recently_played(listener).plays) == 50


async def test_a_long_wait_is_the_librarys_and_a_short_one_everybodys(bench: Bench, listener: int, kept: Kept) -> None:
    bench.fake.script(TRACKS, Fault(status=429, retry_after="20"), Fault(status=429, retry_after="9000"))
    one = poller(bench, listener, kept)
    with pytest.raises(SourceUnavailable):
        await one.poll_once()
    with pytest.raises(SourceUnavailable):
        bench.client.recently_played(listener)
    bench.clock.advance(21)
    with pytest.raises(SourceUnavailable):
        await one.poll_once()
    assert bench.client.recently_played(listener).plays


async def test_a_scope_that_lacks_is_said_once_a_day_and_never_asked_for(
    bench: Bench, listener: int, kept: Kept
) -> None:
    one = poller(bench, listener, kept, " ".join([*NEEDED, "user-follow-read"]))
    with capture_logs() as logs:
        for _ in range(3):
            await to_the_end(one)
            bench.clock.advance(3_600)
    assert [log["scopes"] for log in logs if log["event"] == "library.not-granted"] == [
        "user-library-read user-top-read"
    ]
    assert {call.path for call in bench.fake.calls} - {"/v1/me/"} == {FOLLOWING}
    health = one.health("")
    assert (health.lists, health.lacking, health.error) == (1, ("user-library-read", "user-top-read"), "")
    one.granted(" ".join([*NEEDED, "user-follow-read", "user-library-read", "user-top-read"]))
    await to_the_end(one)
    assert one.health("").lists == len(SHELVES)


async def test_a_refused_list_rests_for_a_day_and_the_others_go_on(bench: Bench, listener: int, kept: Kept) -> None:
    bench.fake.script(TOP, *[Fault(status=403, message="Insufficient client scope")] * 3)
    one = poller(bench, listener, kept, "")
    await to_the_end(one)
    assert len(calls(bench.fake, TOP)) == 3
    assert one.health("").lists == len(SHELVES) - 3
    assert "403" in one.health("").error
    bench.clock.advance(DAY_S + 1)
    bench.connect(listener)
    await to_the_end(one)
    assert (one.health("").lists, one.health("").error) == (len(SHELVES), "")


async def test_nothing_is_stored_or_published_of_a_listener_who_was_erased(
    bench: Bench, listener: int, kept: Kept
) -> None:
    one = poller(bench, listener, kept)
    await one.poll_once()
    erase_listener(bench.ch, listener)
    await to_the_end(one)
    assert kept.library == []
    assert {table: rows for table, rows in held(bench.ch, listener).rows.items() if rows} == {}


async def test_what_could_not_be_stored_or_published_is_not_asked_for_again(
    bench: Bench, listener: int, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    troubles: Iterator[SpotifireError] = iter([StoreUnavailable("away"), BrokerUnavailable("away")])

    class Away(Kept):
        async def flush(self) -> None:
            if error := next(troubles, None):
                raise error
            await super().flush()

    away = Away()
    one = poller(bench, listener, away, " ".join([*NEEDED, "user-library-read"]))
    raised = 0
    while raised < 2:
        try:
            await one.poll_once()
        except (StoreUnavailable, BrokerUnavailable):
            raised += 1
    assert len(calls(bench.fake, TRACKS)) == 3
    away.library.clear()
    await to_the_end(one)
    assert len(calls(bench.fake, TRACKS)) == 3
    assert {event.item for event in away.library} == truth(bench, SAVED)  # all that was not flushed before


async def test_the_collector_reads_libraries_beside_the_plays(bench: Bench, straight_in: StraightIn) -> None:
    first, second = bench.add("Ada"), bench.add("Bo")
    bench.connect(first, 0)
    bench.connect(second, 1)
    connection = bench.connections.get(second)
    assert connection is not None
    # one who connected when only the plays were asked for
    bench.connections.put(msgspec.structs.replace(connection, scope=" ".join(NEEDED)))
    pace = Pace(active_s=1, idle_s=1, silent_s=1, playing_s=1, library_first_s=0.1, library_page_s=0.01)
    async with running(collector(bench, straight_in, pace)) as one:
        await until(lambda: len(bench.library.looks(first)) == len(SHELVES))
        await until(lambda: len(bench.stored(first)) == 50 == len(bench.stored(second)))
        health = of(one, second)
        assert health is not None
        assert (health.state, health.last_error, health.library.lists) == ("ok", "", 0)
        assert health.library.lacking == ("user-follow-read", "user-library-read", "user-top-read")
        found = {
            finding.detail.split()[1][:-1]: finding for finding in doctor.spotify(one) if finding.part == "library"
        }
        assert (found[to_hex(first)].state, found[to_hex(second)].state) == ("ok", "warning")
        assert "8 lists, at most 0 h old" in found[to_hex(first)].detail
        assert "not granted: user-follow-read" in found[to_hex(second)].detail
    assert stands(bench, first, SAVED) == truth(bench, SAVED)
    assert bench.library.looks(second) == {}


async def test_it_goes_through_the_topic(bench: Bench, listener: int) -> None:
    with InProcessBroker() as broker:
        await create_topics(broker.bootstrap)
        async with Publisher(PublisherSettings(bootstrap=broker.bootstrap)) as publisher:
            await to_the_end(poller(bench, listener, publisher))
        wanted = {(s.kind, s.time_range, item) for s in SHELVES for item in truth(bench, s)}
        consumer = AIOKafkaConsumer(LIBRARY_ITEM.name, bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest")
        await consumer.start()
        try:
            async with asyncio.timeout(20):
                records = [await consumer.getone() for _ in wanted]
        finally:
            await consumer.stop()
    keys = {f"{to_hex(listener)}|{kind}|{span}|{item}".encode() for kind, span, item in wanted}
    assert {record.key for record in records} == keys
    assert all(json.loads(record.value)["seen_at"] for record in records)


async def test_troubles_of_every_kind_end_in_the_same_library(
    make_fake: MakeFake, music: ManualClock, clock: MovingClock, clickhouse: ClickHouse, kept: Kept
) -> None:
    bench = Bench(make_fake(people=people(Habits(library_s=600)), troubles=NASTY), music, clock, clickhouse)
    listener = bench.add()
    while bench.connections.get(listener) is None:
        try:
            bench.connect(listener)
        except SourceUnavailable:
            clock.advance(2)
    one = poller(bench, listener, kept)
    for _ in range(2):
        polls = 0
        while True:
            try:
                if await one.poll_once():
                    break
            except SourceUnavailable:
                clock.advance(2)
            polls += 1
            if polls % 5 == 0:
                music.advance(600)  # something is saved or taken away while it is read
            assert polls < 1_000
        clock.advance(DAY_S + 1)
        music.advance(DAY_S)
    bench.fake._trouble.troubles = msgspec.structs.replace(NASTY, odd_items=0, bad_gateway=0, throttled=0, token_dies=0)
    clock.advance(8 * DAY_S)
    await to_the_end(one)
    for shelf in SHELVES:
        assert stands(bench, listener, shelf) == truth(bench, shelf), shelf


def test_the_address_of_the_next_page_is_what_is_asked_for(bench: Bench, listener: int) -> None:
    first = bench.client.library_page(listener, FOLLOWED, 0, "")
    second = bench.client.library_page(listener, FOLLOWED, 50, first.after)
    assert (len(first.entries), first.more, second.more) == (50, True, False)
    assert {e.item for e in first.entries}.isdisjoint(e.item for e in second.entries)
    assert re.fullmatch(r"/v1/me/following\?.*after=artist\d\d.*", calls(bench.fake, FOLLOWING)[-1])
