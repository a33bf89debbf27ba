"""Resume points, gaps, the import ledger's proof, the catalogue."""

from __future__ import annotations

import msgspec
import pyarrow as pa
import pytest

from sinks.catalog import ClickHouseCatalog
from sinks.clickhouse import ClickHouse
from sinks.collected import CollectedSightings
from sinks.imports import Imports
from sinks.reference import ClickHouseReference
from sinks.times import to_time
from sinks.writer import Writer
from streams.contracts import codec
from streams.contracts.errors import SpotifireError, UserError
from streams.contracts.events import Artist, ArtistDescribed, PlayRecorded
from streams.contracts.ids import to_hex
from streams.contracts.tables import DEAD_LETTERS, IMPORT_ROWS
from tests.support.rows import NOON_MS, import_rows_table, play, plays_table, sighting, sightings_table

POLL = "spotify.recently-played"
ADA, BEN = 11, 12
MINUTE = 60_000


def test_resume_points_are_per_source(clickhouse: ClickHouse, store: Writer) -> None:
    collected = CollectedSightings(clickhouse)
    assert collected.newest_end(ADA, POLL) is None
    rows = [sighting(ADA, NOON_MS + n * MINUTE, source=POLL) for n in range(3)]
    other = sighting(ADA, NOON_MS + 9 * MINUTE)
    removed = sighting(ADA, NOON_MS + 8 * MINUTE, source=POLL)
    store.write_sightings(sightings_table(*rows, other, removed), IMPORT_ROWS.empty_table())
    store.write_sightings(sightings_table(removed | {"is_deleted": 1, "version": 2}), IMPORT_ROWS.empty_table())
    assert collected.newest_end(ADA, POLL) == NOON_MS + 2 * MINUTE
    assert collected.ids_since(ADA, POLL, NOON_MS + MINUTE) == {rows[1]["sighting_id"], rows[2]["sighting_id"]}
    assert collected.newest_end(BEN, POLL) is None


def _refusal(number: int, import_id: int, reason: str) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(DEAD_LETTERS.names, "")
    return row | {
        "dead_letter_id": number, "refused_at": NOON_MS, "reason": reason, "listener": ADA, "import_id": import_id,
        "partition": 0, "offset": number, "published_at": NOON_MS, "headers": [], "key": b"", "payload": b"{}",
    }  # fmt: skip


def test_an_import_that_adds_up(clickhouse: ClickHouse, store: Writer) -> None:
    ledger, collected, first, second = Imports(clickhouse), CollectedSightings(clickhouse), 501, 502
    collected.note_gap(ADA, POLL, NOON_MS + MINUTE, NOON_MS + 2 * MINUTE)
    collected.note_gap(ADA, POLL, NOON_MS + MINUTE, NOON_MS + 2 * MINUTE)
    collected.note_gap(ADA, POLL, NOON_MS, NOON_MS + 99 * MINUTE)  # longer than the import
    ledger.start(ADA, first, ["a.json"])
    ledger.progress(first, 3, 2)
    assert clickhouse.query("SELECT state, read, published FROM v_imports") == [("running", 3, 2)]
    rows = [sighting(ADA, NOON_MS + n * MINUTE, import_id=first) for n in range(4)]
    episode = sighting(ADA, NOON_MS + 5 * MINUTE, import_id=first, kind="episode", uri="spotify:episode:1")
    store.write_plays(plays_table(*(play(ADA, NOON_MS + n * MINUTE) for n in range(3))))  # two rows are one play
    store.write_sightings(sightings_table(*rows, episode), import_rows_table(first, *rows, episode))
    letters = [_refusal(1, first, "wrong-type"), _refusal(2, first, "wrong-type"), _refusal(3, first, "too-long")]
    store.write_dead_letters(pa.Table.from_pylist(letters, schema=DEAD_LETTERS))
    store.write_dead_letters(pa.Table.from_pylist(letters, schema=DEAD_LETTERS))  # a replay

    report = ledger.finish(first, read=10, repeats=2, seconds=1.23456)

    assert (report.read, report.stored, report.known) == (10, 5, 2)
    assert report.refused == {"wrong-type": 2, "too-long": 1}
    assert (report.plays_new, report.plays_merged, report.gaps_closed) == (3, 1, 1)
    assert (report.first, report.last) == (to_time(NOON_MS), to_time(NOON_MS + 5 * MINUTE))
    assert ledger.recount(first) == report
    assert clickhouse.query("SELECT state, finished_at IS NOT NULL FROM v_imports") == [("done", True)]
    assert clickhouse.scalar("SELECT count() FROM v_gaps WHERE closed_at IS NULL") == 1
    collected.note_gap(ADA, POLL, NOON_MS + MINUTE, NOON_MS + 2 * MINUTE)
    assert clickhouse.scalar("SELECT count() FROM v_gaps WHERE closed_at IS NULL") == 1, "a closed gap stays closed"

    ledger.start(ADA, second, ["a.json"])  # the same file again: the sightings keep their first import
    store.write_sightings(sightings_table(), import_rows_table(second, *rows, episode))
    again = ledger.finish(second, read=5, repeats=0, seconds=1)
    assert (again.stored, again.known, again.plays_new, again.plays_merged) == (0, 5, 0, 0)


def test_rows_that_say_the_same_and_are_refused_count_as_refused_alone(clickhouse: ClickHouse, store: Writer) -> None:
    ledger = Imports(clickhouse)
    ledger.start(ADA, 8, ["a.json"])
    event = PlayRecorded(
        listener=to_hex(ADA), source="spotify.export.extended", reported_end=NOON_MS, published_at=NOON_MS,
        kind="track", uri="spotify:track:4uLU6hMCjMI75M1A2tKUQC", title="Blue Train", ms_played=200_000,
        artists=(Artist(name="John Coltrane"),),
    )  # fmt: skip
    later = msgspec.structs.replace(event, reported_end=NOON_MS + MINUTE)
    stored = sighting(ADA, NOON_MS + MINUTE, import_id=8)
    store.write_sightings(sightings_table(stored), import_rows_table(8, stored))
    # of the first three copies all were refused, of the second two one
    letters = [
        _refusal(number, 8, "our-fault") | {"payload": codec.encode(one)}
        for number, one in enumerate([event, event, event, later], 1)
    ]
    store.write_dead_letters(pa.Table.from_pylist(letters, schema=DEAD_LETTERS))
    report = ledger.finish(8, read=5, repeats=3, seconds=1)
    assert (report.stored, report.known, report.refused) == (1, 0, {"our-fault": 4})
    again = ledger.recount(8)
    assert again is not None
    assert (again.stored, again.known, again.refused) == (1, 0, {"our-fault": 4})


def test_an_import_is_noted_by_a_slow_clock_too(clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Imports(clickhouse)
    ledger.start(ADA, 9, ["a.json"])
    monkeypatch.setattr("sinks.imports.next_version", lambda: 5)
    ledger.progress(9, 3, 2)
    ledger.fail(9, "it failed")
    assert clickhouse.query("SELECT state, read FROM v_imports") == [("failed", 3)]


def test_an_import_that_does_not_add_up_says_so(clickhouse: ClickHouse, store: Writer) -> None:
    ledger = Imports(clickhouse)
    ledger.start(ADA, 7, ["a.json"])
    told = sighting(ADA, import_id=7)
    stored = [sighting(ADA, NOON_MS + n * MINUTE, import_id=7) for n in (-1, 9)]
    CollectedSightings(clickhouse).note_gap(ADA, POLL, NOON_MS, NOON_MS + MINUTE)
    store.write_sightings(sightings_table(*stored), import_rows_table(7, *stored))
    # the crash between the two inserts: import_rows without its sightings proves nothing
    store.write_sightings(sightings_table(), import_rows_table(7, told))
    with pytest.raises(SpotifireError, match="1 are neither stored"):
        ledger.finish(7, read=3, repeats=0, seconds=1)
    state, report = clickhouse.query("SELECT state, report FROM v_imports")[0]
    assert state == "failed"
    assert '"read":3' in report
    assert clickhouse.scalar("SELECT count() FROM v_gaps WHERE closed_at IS NULL") == 1, "it proves nothing"


def test_failed_and_interrupted_imports(clickhouse: ClickHouse) -> None:
    ledger = Imports(clickhouse)
    ledger.start(ADA, 1, ["a.json"])
    ledger.start(ADA, 2, ["b.json"])
    ledger.fail(1, "not a zip")
    assert ledger.fail_interrupted() == 1
    rows: dict[int, str] = dict(clickhouse.query("SELECT import_id, report FROM v_imports WHERE state = 'failed'"))
    assert rows[1] == "not a zip"
    assert "interrupted" in rows[2]
    with pytest.raises(UserError, match=to_hex(99)):
        ledger.finish(99, 0, 0, 0)


def _artist(id_: str, name: str, popularity: int | None = None, source: str = "file") -> ArtistDescribed:
    return ArtistDescribed(source=source, id=id_, name=name, described_at=NOON_MS, popularity=popularity, genres=("x",))


def test_catalogue_counts_what_is_new_or_changed(clickhouse: ClickHouse, reference: ClickHouseReference) -> None:
    catalog = ClickHouseCatalog(clickhouse)
    artists = [_artist("a", "Ásgeir", 5), _artist("b", "ÁSGEIR", 50), _artist("c", "Björk"), _artist("d", "asgeir")]
    genres = [("folk", "x"), ("pop", "x"), ("unknown", ""), ("rock", "x")]
    assert reference.artists_by_id(["a"]) == {}
    assert catalog.put_artists(artists, genres).stored == 4
    assert catalog.put_artists(artists, genres).stored == 0
    genres[0] = ("metal", "y")
    assert catalog.put_artists(artists, genres).stored == 1
    assert catalog.put_artists([], []).stored == 0

    assert [a.artist_id for a in reference.artists_by_name(["ásgeir"])["ásgeir"]] == ["b", "a"]
    known = reference.artists_by_id(["a", "c", "nobody"])
    assert set(known) == {"a", "c"}
    assert (known["a"].genre, known["a"].subgenre, known["a"].popularity) == ("metal", "y", 5)
    assert known["c"].popularity is None

    # another source knows the genre of "c": that description is the one that counts, also when older
    catalog.put_artists([_artist("c", "Björk", 80, source="api")], [("electronic", "x")])
    catalog.put_artists([_artist("c", "Bjork")], [("unknown", "")])
    assert reference.artists_by_id(["c"])["c"].genre == "electronic"


def test_whose_plays_an_artist_concerns(clickhouse: ClickHouse, store: Writer) -> None:
    catalog = ClickHouseCatalog(clickhouse)
    store.write_plays(
        plays_table(play(ADA, artist="BJÖRK"), play(BEN, artist="Other", artist_id="b"), play(13, artist="Third"))
    )
    assert catalog.listeners_with(["björk"], []) == [ADA]
    assert catalog.listeners_with([], ["b", ""]) == [BEN]
    assert catalog.listeners_with(["björk"], ["b"]) == [ADA, BEN]
    assert catalog.listeners_with(["nobody"], []) == []
    store.write_plays(plays_table(play(14, artist="Main", artist_names=["Main", "Björk"], artist_ids=["m", "second"])))
    assert catalog.listeners_with(["björk"], []) == [ADA, 14]
    assert catalog.listeners_with([], ["second"]) == [14]
