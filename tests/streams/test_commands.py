"""Commands to the one writer: as if it had never been, resumable, right while plays go on."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import pyarrow as pa
import pytest
from msgspec.structs import replace

import streams.commands
from sinks.clickhouse import ClickHouse
from sinks.commands import Commands as CommandLog
from sinks.corrections import ClickHouseCorrections
from sinks.imports import Imports
from sinks.patience import Patience, PatientClickHouse
from sinks.writer import Writer
from streams.contracts.errors import StoreUnavailable
from streams.contracts.events import PlayRecorded
from streams.contracts.ids import from_hex, sighting_id, to_hex
from streams.contracts.ports import Correction
from streams.corrections import corrections_of
from tests.streams.commands_bench import COLUMNS, House, Plays
from tests.streams.memory import Crash, at_once
from tests.streams.worlds import LISTENER, NOW, SOURCES, heard, sighting_key
from tests.support.clickhouse import fresh_database

T = TypeVar("T")

STORED = ("plays", "sightings", "import_rows")
X, Y = "00000000000000aa", "00000000000000bb"
POLL = "spotify.recently-played"


@pytest.fixture(scope="module")
def database(engine: ClickHouse) -> Iterator[ClickHouse]:
    with fresh_database() as ch:
        yield ch


@pytest.fixture
def clickhouse(database: ClickHouse) -> ClickHouse:
    """The module's database, emptied: quicker than making one."""
    for table in ("listeners", "dead_letters", "imports", "commands", "gaps", "corrections", *STORED):
        database.command(f"TRUNCATE TABLE {table}")
    return database


@pytest.fixture
def house(clickhouse: ClickHouse) -> House:
    return House(clickhouse)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams.commands, "ROWS", 9)


def crowd(chance: random.Random, many: int = 40) -> list[PlayRecorded]:
    """Sightings by several sources, close enough to meet."""
    made = [
        heard(
            chance.randint(0, 900),
            chance.choice(SOURCES),
            track=chance.choice([0, 0, 0, 1, 2, 3, 4, 5]),
            ms_played=chance.choice([None, 5_000, 25_000, 200_000]),
            kind=chance.choice(["track"] * 9 + ["episode"]),
        )
        for _ in range(many)
    ]
    return list({sighting_key(event): event for event in made}.values())


def by(import_id: str, events: Sequence[PlayRecorded], at: int = 0) -> list[PlayRecorded]:
    return [replace(event, import_id=import_id, published_at=NOW - 500 + at) for event in events]


def expected(events: Sequence[PlayRecorded]) -> Plays:
    """Plays as deriving them at once gives them."""
    return {key: {name: row[name] for name in COLUMNS} for key, row in at_once(events).items()}


def id_of(event: PlayRecorded) -> int:
    first = event.artists[0].name if event.artists else ""
    return sighting_id(LISTENER, event.source, event.reported_end, event.uri, first, event.title, event.ms_played)


def slices(chance: random.Random, events: Sequence[PlayRecorded]) -> Iterator[list[PlayRecorded]]:
    left = list(events)
    while left:
        many = chance.randint(1, 8)
        yield left[:many]
        left = left[many:]


@pytest.mark.parametrize("seed", range(3))
def test_an_undone_import_was_never_run(clickhouse: ClickHouse, seed: int) -> None:
    chance = random.Random(seed)
    house, every = House(clickhouse), crowd(chance)
    undone = chance.sample(every, 2 * len(every) // 3)
    kept = by(Y, chance.sample(every, len(every) // 3), 1) + by("", chance.sample(every, len(every) // 4), 2)
    stream = by(X, undone) + kept
    chance.shuffle(stream)
    for part in slices(chance, stream):
        house.take(part)
    house.do("undo-import", **{"import": X})

    never = [event for event in stream if event.import_id != X]
    assert house.plays() == expected(list({sighting_key(event): event for event in never}.values()))
    assert house.heard_live() == set(house.plays()), "who reads only the enriched topic knows the same plays"
    assert {imported for imported, _ in house.held()} <= {from_hex(Y)}
    brought: dict[int, set[int]] = {}
    for event in never:
        brought.setdefault(id_of(event), set()).add(from_hex(event.import_id or "0" * 16))
    assert house.brought().keys() == brought.keys()
    assert all(one in brought[sighting] for sighting, one in house.brought().items())


def test_plays_that_arrive_during_an_undo_are_all_there(house: House) -> None:
    chance = random.Random(7)
    every = crowd(chance, 60)
    imported, live = every[:40], by("", every[25:], 3)
    house.take(by(X, imported))
    house.log.ask(LISTENER, "undo-import", {"import": X})
    coming = slices(chance, live)
    replayed = slices(chance, by(X, imported))  # a worker that was killed reads the same records again

    def go_on() -> None:
        house.take(next(coming, []))
        house.take(next(replayed, []))

    assert house.carry_out(between=go_on) > 4
    for part in (*coming, *replayed):
        house.take(part)
    assert house.plays() == expected(live)
    assert house.heard_live() == set(house.plays())
    assert house.ch.query("SELECT DISTINCT reason, payload FROM dead_letters FINAL") == [("undone", "")]


class DyingWriter(Writer):
    """The real store; dies before its write of that number, once."""

    left = -1

    def _write(self, table: str, rows: pa.Table, schema: pa.Schema) -> None:
        self.left -= 1
        if self.left == -1:
            raise Crash
        super()._write(table, rows, schema)


def test_an_undo_that_dies_before_any_of_its_writes_goes_on(
    clickhouse: ClickHouse, stopping: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams.commands, "ROWS", 5)
    every = crowd(random.Random(3), 16)
    store = DyingWriter(clickhouse, stopping)
    house = House(clickhouse, store=store)
    house.take(by("", every[7:]))
    died = 0
    for death in (0, 2, 3, 5, 8):
        store.left = -1
        imported = by(f"{death + 16:016x}", every[:9], 2 * death)
        house.take(imported)
        house.log.ask(LISTENER, "undo-import", {"import": f"{death + 16:016x}"})
        store.left = death
        try:
            house.carry_out()
        except Crash:
            died += 1
        house.restart()
        store.left = -1
        house.take(imported[:4])  # Kafka's records come again first
        house.carry_out()
        assert house.plays() == expected(every[7:]), death
        assert house.heard_live() == set(house.plays()), death
    assert died == 5


def test_commands_wait_while_clickhouse_is_away(house: House, stopping: threading.Event) -> None:
    events = crowd(random.Random(4), 12)
    house.take(by(f"{7:016x}", events))
    asked = house.log.ask(LISTENER, "undo-import", {"import": f"{7:016x}"})
    flaky = FlakyClickHouse(house.ch.settings)
    patient = PatientClickHouse(flaky, stopping)
    patient._patiently = Patience(stopping, first_s=0.001)
    house.log, house.imports, house.corrections = CommandLog(patient), Imports(patient), ClickHouseCorrections(patient)
    house.restart()
    house.carry_out()
    assert flaky.refused > 10
    done = house.log.get(asked.command_id)
    assert done is not None
    assert done.state == "done"
    assert house.plays() == {}
    stopping.set()
    flaky.away = True
    with pytest.raises(StoreUnavailable):
        house.commands.command(LISTENER)
    flaky.close()


class FlakyClickHouse(ClickHouse):
    """Every other statement finds it away."""

    refused = 0
    away = True

    def _run(self, ask: Callable[[Any], T]) -> T:
        if away := self.away:
            self.refused += 1
        self.away = not away
        if away:
            raise StoreUnavailable("away")
        return super()._run(ask)


def test_importing_again_brings_everything_back(house: House) -> None:
    every = crowd(random.Random(5))
    house.take(by(X, every))
    before = house.plays()
    assert before == expected(every)
    detail = house.do("undo-import", **{"import": X}).detail
    assert detail.startswith(f"{len(every)} sightings removed")
    assert house.plays() == {} and house.brought() == {} and house.held() == set()
    again = house.take(by(Y, every, 9))
    assert (again.stored, again.known, again.refused) == (len(every), 0, 0)
    assert house.plays() == before
    assert house.do("undo-import", **{"import": "00000000000000ff"}).detail.startswith("0 sightings")


def finish(house: House, import_id: str, events: Sequence[PlayRecorded], *, refused: int = 0) -> Any:
    number = from_hex(import_id)
    house.imports.start(LISTENER, number, ["a.json"])
    house.take(by(import_id, events))
    return house.imports.finish(number, len(events) + refused, 0, 1.0)


def test_reports_and_gaps_follow_an_undo(house: House) -> None:
    events = [heard(400 * n) for n in range(10)]
    house.ch.command(
        "INSERT INTO gaps (listener, source, gap_start, gap_end, version) VALUES ({l:UInt64}, {s:String}, "
        "toDateTime64(1750000500, 3), toDateTime64(1750001000, 3), 1), ({l:UInt64}, {s:String}, "
        "toDateTime64(1750002500, 3), toDateTime64(1750003000, 3), 1)",
        {"l": LISTENER, "s": POLL},
    )
    first, second = finish(house, X, events), finish(house, Y, events[:4])
    assert (first.stored, first.gaps_closed, second.stored, second.known, second.gaps_closed) == (10, 2, 0, 4, 0)
    assert house.reader.gaps(LISTENER) == []
    house.do("undo-import", **{"import": X})
    undone, other = (house.reader.one_import(LISTENER, one) for one in (X, Y))
    assert undone is not None and undone.state == "undone"
    assert other is not None and other.state == "done" and other.report is not None
    assert other.report["first"] < other.report["last"]
    assert {**other.report, "seconds": 0, "import_id": "", "first": "", "last": ""} == {
        "import_id": "", "read": 4, "stored": 4, "known": 0, "refused": {}, "plays_new": 4, "plays_merged": 0,
        "gaps_closed": 1, "seconds": 0, "first": "", "last": "",
    }  # fmt: skip
    assert [gap.gap_start.timestamp() for gap in house.reader.gaps(LISTENER)] == [1750002500]


def counted(house: House) -> dict[str, int]:
    window = house.reader.window(house.reader.listener("l0"), "all")
    return {row.name: row.plays for row in house.reader.top(LISTENER, "tracks", window)}


def test_a_hidden_play_stays_hidden_however_it_is_regrouped(house: House) -> None:
    house.take([heard(5), heard(400, track=4)])
    play = house.reader.recent(LISTENER)[1]
    assert counted(house) == {"Blue Train": 1, "Naima": 1}
    house.do("hide", play=play.play_id)
    assert counted(house) == {"Naima": 1}
    assert [one.title for one in house.reader.recent(LISTENER)] == ["Naima"]
    assert [(one.hidden, one.counted) for one in house.reader.recent(LISTENER, hidden=True)] == [
        (False, True),
        (True, False),
    ]
    house.take([heard(2, POLL), heard(30, "lastfm")])  # an earlier sighting: the play has another id now
    (row,) = house.reader.corrections(LISTENER)
    assert (row.kind, row.label) == ("play", "John Coltrane – Blue Train")
    hidden = [one for one in house.reader.recent(LISTENER, hidden=True) if one.hidden]
    assert len(hidden) == 1 and hidden[0].play_id != play.play_id
    house.do("restamp")
    assert counted(house) == {"Naima": 1}
    house.do("unhide", play=hidden[0].play_id)
    assert counted(house) == {"Blue Train": 1, "Naima": 1} and house.reader.corrections(LISTENER) == []
    assert house.do("hide", play="0" * 16).detail == "there is no such play"


def test_a_hidden_play_outlives_the_import_that_showed_it_first(house: House) -> None:
    house.take([*by(X, [heard(0)]), heard(10, POLL)])
    (play,) = house.reader.recent(LISTENER)
    house.do("hide", play=play.play_id)
    house.do("undo-import", **{"import": X})
    (left,) = house.reader.recent(LISTENER, hidden=True)
    assert left.hidden and left.play_id != play.play_id


@pytest.mark.parametrize(
    ("what", "left"),
    [
        ({"artist": " john  COLTRANE "}, {}),
        ({"artist": "0abc"}, {"Naima": 1}),
        ({"track": "spotify:track:1"}, {"Naima": 1}),
    ],
)
def test_artists_and_tracks_are_hidden_whoever_saw_them(
    house: House, what: dict[str, str], left: dict[str, int]
) -> None:
    house.take([heard(0, POLL), heard(400, track=4)])
    house.do("hide", **what)
    house.take([heard(800, POLL), heard(1200, POLL, track=1)])  # what is played later, too
    assert counted(house) == left
    assert house.ch.scalar("SELECT count() FROM v_sightings") == 4
    assert house.ch.scalar("SELECT count() FROM v_plays") == sum(left.values())
    house.do("unhide", **what)
    assert sum(counted(house).values()) == 4 and house.plays() == expected(
        [heard(0, POLL), heard(400, track=4), heard(800, POLL), heard(1200, POLL, track=1)]
    )


def test_merged_recordings_count_as_one_track(house: House) -> None:
    live, remaster = "spotify:track:1", "spotify:track:3"
    said = [
        heard(0, isrc="USAT20103458"),
        heard(400, track=4, isrc="USAT20103458"),
        heard(800, track=4, isrc="USAT20103458"),
    ]
    house.take(said)
    (found,) = house.reader.same_recordings(LISTENER)
    assert (found.isrc, found.uris, found.plays) == ("USAT20103458", (remaster, live), 3)
    house.do("merge", track=remaster, into=live)
    assert counted(house) == {"Blue Train": 3} and house.reader.same_recordings(LISTENER) == []
    house.take([heard(1200, "lastfm", track=2), heard(1600, track=4, uri="", isrc="")])  # by name alone
    assert counted(house) == {"Blue Train": 5}
    house.do("restamp")
    window = house.reader.window(house.reader.listener("l0"), "all")
    assert counted(house) == {"Blue Train": 5} and house.reader.totals(LISTENER, window).tracks == 1
    house.do("unmerge", track=remaster)
    assert counted(house) == {"Blue Train": 2, "Naima": 3}
    assert {row["counts_as"] for row in house.plays().values()} == {""}


def merge(track: str, into: str) -> Correction:
    return Correction(listener=1, kind="merge", subject=track, target=into, keys=(track, into))


def test_merging_goes_to_the_end_of_the_chain_and_never_round() -> None:
    made = corrections_of([merge("a", "b"), merge("c", "a")])
    assert made is not None and made.merged == {"a": "b", "b": "b", "c": "b"}
    round_ = corrections_of([merge("a", "b"), merge("b", "a")])
    assert round_ is not None and len(set(round_.merged.values())) == 1
    assert corrections_of([]) is None


def test_erasing_tells_the_readers_first_and_repeats_after_a_crash(house: House) -> None:
    house.take([heard(400 * n) for n in range(12)])
    house.do("hide", artist="John Coltrane")
    house.log.ask(LISTENER, "erase")
    pieces = []
    for _ in range(2):
        pieces.append(house.commands.command(LISTENER))
        house.commands.conclude(pieces[-1])
    assert house.plays(), "nothing is gone before it was told"
    (working,) = house.log.open_commands(LISTENER)
    assert (working.state, working.detail) == ("working", "12 plays told to be gone")
    house.restart()
    house.carry_out()
    assert house.heard_live() == set() and house.plays() == {} and house.brought() == {}
    assert house.take([heard(0)]).refused == 1
    assert house.ch.scalar("SELECT count() FROM corrections") == 0
    assert house.do("restamp").detail == "0 plays from 0 sightings"


def test_restamping_goes_on_where_plays_arrive(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.pipeline.ROWS_AT_ONCE", 6)
    chance = random.Random(11)
    events = [heard(300 * n, chance.choice(SOURCES)) for n in range(40)]
    more = [heard(300 * n + chance.randint(-60, 60), chance.choice(SOURCES)) for n in range(0, 40, 2)]
    every = list({sighting_key(event): event for event in events + more}.values())
    house.take(events)
    house.log.ask(LISTENER, "restamp")
    coming = slices(chance, more)
    assert house.carry_out(between=lambda: house.hear(house.take(next(coming, [])))) > 3
    for part in coming:
        house.take(part)
    assert house.plays() == expected(every) and house.heard_live() == set(house.plays())


def test_a_newer_versions_command_stays_open_and_stops_nobody(house: House) -> None:
    asked = house.log.ask(LISTENER, "restamp")
    house.log._write(replace(asked, kind="polish"))
    assert not house.commands.command(LISTENER).commands
    assert [each.kind for each in house.log.open_commands(LISTENER)] == ["polish"]


def test_one_listeners_command_touches_no_other(clickhouse: ClickHouse) -> None:
    house = House(clickhouse, (LISTENER, LISTENER + 1))
    both = [heard(400 * n, listener=to_hex(LISTENER + who)) for n in range(4) for who in (0, 1)]
    house.take(by(X, both))
    theirs = {key: row for key, row in house.plays().items() if key[0] == LISTENER + 1}
    house.do("undo-import", **{"import": X})
    house.do("hide", artist="John Coltrane")
    assert house.plays() == theirs
    assert len(house.held()) == 4
