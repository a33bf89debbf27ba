from __future__ import annotations

import json
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from hypothesis import given
from hypothesis import strategies as st

from deploy.kafka.inprocess import InProcessBroker
from deploy.kafka.topics import create_topics
from producers.catalog import CatalogImport, import_catalog, read_catalog
from sinks.catalog import ClickHouseCatalog
from sinks.clickhouse import ClickHouse
from sinks.reference import ClickHouseReference
from sinks.writer import Writer
from streams.contracts.errors import Refused, UserError
from streams.contracts.topics import ARTIST_DESCRIBED
from streams.publisher import Publisher, PublisherSettings
from tests.support.data import shared_data
from tests.support.rows import play, plays_table

GOOD: list[dict[str, Any]] = [
    {"id": "1", "name": "ROSALÍA", "genres": ["flamenco pop"], "popularity": 85, "followers": 9},
    {"id": "2", "name": "Handa", "genres": [], "popularity": None, "followers": {"href": None, "total": 3668}},
    {"id": "3", "name": "Nirvana", "images": [], "extra": {"any": "thing"}},
]
BAD: list[tuple[object, str]] = [
    ({"name": "no id"}, "missing-field"),
    ({"id": "", "name": "empty id"}, "missing-field"),
    ({"id": "x", "name": " \t"}, "missing-field"),
    ({"id": "x"}, "missing-field"),
    ({"id": 7, "name": "a number"}, "wrong-type"),
    ({"id": "x", "name": "n", "genres": "pop"}, "wrong-type"),
    ({"id": "x", "name": "n", "genres": ["pop", 3]}, "wrong-type"),
    ({"id": "x", "name": "n", "genres": [{"name": "pop", "count": "3"}]}, "wrong-type"),
    ({"id": "x", "name": "n", "genres": [{"count": 3}]}, "missing-field"),
    ({"id": "x", "name": "n", "genres": [{"name": "pop", "count": -1}]}, "out-of-range"),
    ({"id": "x", "name": "n", "popularity": 101}, "out-of-range"),
    ({"id": "x", "name": "n", "followers": -1}, "out-of-range"),
    ({"id": "x" * 65, "name": "n"}, "too-long"),
    ({"id": "x", "name": "n", "genres": ["g"] * 257}, "too-long"),
    ("a text", "malformed-json"),
    (None, "malformed-json"),
    ([1], "malformed-json"),
]


def write(path: Path, rows: Sequence[object], *, lines: bool) -> Path:
    text = "\n\n".join(json.dumps(row) for row in rows) + "\n" if lines else json.dumps(rows, indent=1)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("lines", [False, True])
def test_a_list_and_lines_say_the_same(tmp_path: Path, lines: bool) -> None:
    path = write(tmp_path / "a.json", GOOD, lines=lines)
    artists = [one.artist for one in read_catalog(path, described_at=1_700_000_000_000)]
    assert [(a.source, a.id, a.name, a.genres, a.popularity, a.followers, a.described_at) for a in artists] == [
        ("spotify", "1", "ROSALÍA", ("flamenco pop",), 85, 9, 1_700_000_000_000),
        ("spotify", "2", "Handa", (), None, 3668, 1_700_000_000_000),
        ("spotify", "3", "Nirvana", (), None, None, 1_700_000_000_000),
    ]


@pytest.mark.parametrize("lines", [False, True])
def test_bad_rows_are_told_by_index_and_reason_and_the_rest_goes_on(tmp_path: Path, lines: bool) -> None:
    rows = [GOOD[0], *(row for row, _ in BAD), GOOD[2]]
    told: list[tuple[int, str]] = []

    def on_refused(index: int, why: Refused) -> None:
        told.append((index, why.reason))
        assert why.message

    path = write(tmp_path / "a.json", rows, lines=lines)
    artists = [one.artist for one in read_catalog(path, on_refused=on_refused)]
    assert [artist.id for artist in artists] == ["1", "3"]
    assert told == [(index, reason) for index, (_, reason) in enumerate(BAD, start=1)]


def test_a_broken_line_is_one_row(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        b'\xef\xbb\xbf{"id":"1","name":"A"}\n{"id":"2","na\n{"id":"\xff","name":"B"}\n{"id":"3","name":"C"}'
    )
    told: list[tuple[int, str]] = []
    artists = [one.artist for one in read_catalog(path, on_refused=lambda index, why: told.append((index, why.reason)))]
    assert [artist.id for artist in artists] == ["1", "3"]
    assert told == [(1, "malformed-json"), (2, "malformed-json")]


@pytest.mark.parametrize(
    ("content", "cause"),
    [(b"", "empty"), (b"  \n", "empty"), (b"id,name\n1,A", "not JSON"), (b"\x1f\x8b\x08", "not JSON"),
     (b"[1, 2", "not a JSON list: it ends in the middle"), (b"[] []", "not a JSON list: it goes on")],
)  # fmt: skip
def test_a_file_that_is_no_catalogue_is_a_user_error(tmp_path: Path, content: bytes, cause: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=cause) as caught:
        list(read_catalog(path))
    assert "{id, name, genres, popularity, followers}" in caught.value.cure
    assert "\n" not in caught.value.one_line()


def test_a_list_that_was_cut_short_gives_no_artist(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(GOOD * 50_000)[:-100])
    with pytest.raises(UserError, match="not a JSON list"):
        next(read_catalog(path))


def test_a_broken_element_of_a_list_is_one_row(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'[{"id":"1","name":"A"},{"id":"2" "name"},{"id":"\xff","name":"B"},{"id":"3","name":"C"}]')
    told: list[tuple[int, str]] = []
    artists = [one.artist for one in read_catalog(path, on_refused=lambda index, why: told.append((index, why.reason)))]
    assert [artist.id for artist in artists] == ["1", "3"]
    assert told == [(1, "malformed-json"), (2, "malformed-json")]


@pytest.mark.parametrize(
    ("start", "end", "artists", "reasons"),
    [("[", "]", 100_001, set()), ('{"artists":[', "]}", 0, {"too-long"})],
    ids=["list", "object"],
)
def test_one_line_however_long_is_read_in_flat_memory(
    tmp_path: Path, start: str, end: str, artists: int, reasons: set[str]
) -> None:
    path = tmp_path / "a.json"
    row = json.dumps({"id": "1", "name": "A" * 100, "genres": ["pop"]})
    path.write_text(start + f"{row}," * 100_000 + row + end)
    told: set[str] = set()
    tracemalloc.start()
    try:
        found = sum(1 for _ in read_catalog(path, on_refused=lambda _index, why: told.add(why.reason)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (found, told) == (artists, reasons)
    assert peak < 5_000_000 < path.stat().st_size / 2


def test_a_file_that_is_not_there_is_a_user_error(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(UserError, match="cannot be read"):
            list(read_catalog(path))


@given(content=st.binary(max_size=300) | st.binary(max_size=300).map(lambda tail: b"[{" + tail))
def test_any_bytes_are_artists_refusals_or_a_user_error(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(content)
    try:
        for artist in read_catalog(path, on_refused=lambda _index, _why: None):
            assert artist.artist.id
    except UserError:
        pass


async def test_it_stores_with_genres_and_a_second_time_changes_nothing(
    tmp_path: Path, clickhouse: ClickHouse, reference: ClickHouseReference
) -> None:
    path = write(tmp_path / "a.json", [*GOOD, {"id": 1}], lines=False)
    catalog = ClickHouseCatalog(clickhouse)
    seen: list[int] = []
    first = await import_catalog(path, catalog, on_progress=seen.append)
    assert first == CatalogImport(read=4, stored=3, refused={"wrong-type": 1}, listeners_to_restamp=())
    assert seen == [4]
    found = reference.artists_by_id(["1", "2"])
    assert (found["1"].genre, found["1"].subgenre, found["1"].popularity) == ("latin-pop", "flamenco pop", 85)
    assert (found["2"].genre, found["2"].subgenre) == ("unknown", "")
    second = await import_catalog(path, catalog)
    assert (second.read, second.stored) == (4, 0)


async def test_counted_genres_decide_by_their_counts(
    tmp_path: Path, clickhouse: ClickHouse, reference: ClickHouseReference
) -> None:
    listed = {"id": "1", "name": "A", "genres": ["rock", "jazz"]}
    counted = {
        "id": "2",
        "name": "B",
        "genres": [{"name": "rock", "count": 2, "id": "x"}, {"name": "jazz", "count": 12}],
    }
    mixed = {"id": "3", "name": "C", "genres": [{"name": "rock", "count": 0}, "jazz"]}
    path = write(tmp_path / "a.json", [listed, counted, mixed], lines=True)
    await import_catalog(path, ClickHouseCatalog(clickhouse))
    found = reference.artists_by_id(["1", "2", "3"])
    assert {id_: (one.genre, one.subgenre) for id_, one in found.items()} == {
        "1": ("rock", "rock"),
        "2": ("jazz", "jazz"),
        "3": ("jazz", "jazz"),
    }
    kept = clickhouse.query("SELECT genres FROM artists FINAL WHERE artist_id = '2'")
    assert kept == [(["jazz", "rock"],)]  # most votes first


async def test_listeners_of_changed_artists_are_to_be_restamped(
    tmp_path: Path, clickhouse: ClickHouse, store: Writer
) -> None:
    store.write_plays(
        plays_table(play(7, artist="rosalía"), play(8, artist="Somebody", artist_id="3"), play(9, artist="Else"))
    )
    path = write(tmp_path / "a.json", GOOD, lines=True)
    catalog = ClickHouseCatalog(clickhouse)
    assert (await import_catalog(path, catalog)).listeners_to_restamp == (7, 8)
    assert (await import_catalog(path, catalog)).listeners_to_restamp == ()
    assert (await import_catalog(path, catalog, again=True)).listeners_to_restamp == (7, 8)


async def test_every_artist_is_published(tmp_path: Path, clickhouse: ClickHouse) -> None:
    path = write(tmp_path / "a.json", GOOD, lines=False)
    with InProcessBroker() as broker:
        await create_topics(broker.bootstrap)
        async with Publisher(PublisherSettings(bootstrap=broker.bootstrap)) as publisher:
            await import_catalog(path, ClickHouseCatalog(clickhouse), publisher)
        consumer = AIOKafkaConsumer(
            ARTIST_DESCRIBED.name, bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            records = [await consumer.getone() for _ in GOOD]
        finally:
            await consumer.stop()
    assert {record.key for record in records} == {b"spotify:1", b"spotify:2", b"spotify:3"}
    assert {json.loads(record.value)["name"] for record in records} == {"ROSALÍA", "Handa", "Nirvana"}


async def test_the_real_catalogue(clickhouse: ClickHouse, reference: ClickHouseReference) -> None:
    path = shared_data("artists.json")
    rows = json.loads(path.read_text(encoding="utf-8"))
    result = await import_catalog(path, ClickHouseCatalog(clickhouse))
    assert (result.read, result.stored, result.refused) == (len(rows), len({row["id"] for row in rows}), {})
    found = reference.artists_by_id([row["id"] for row in rows])
    with_genre = {row["id"] for row in rows if row["genres"]}
    known = {artist_id for artist_id, artist in found.items() if artist.genre != "unknown"}
    assert known <= with_genre
    assert len(known) / len(with_genre) > 0.99
