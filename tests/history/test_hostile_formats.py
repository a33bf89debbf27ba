"""Odd values in every format that is not Spotify's extended one: an event, or refused by the field's name."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from producers.history import values
from producers.history.archive import Exports
from producers.history.published import unread
from producers.history.reading import read_export
from producers.history.rows import Unread
from streams.contracts import codec
from streams.contracts.errors import NotUtf8, Refused, TooLong
from streams.contracts.events import PlayRecorded
from tests.history.recording import write

NOW = 1_790_000_000_000
GOOD = 1_704_067_200  # 2024-01-01T00:00:00Z
LATER = 4_070_908_800  # 2099-01-01T00:00:00Z

LISTEN = (
    '{{"listened_at":{at},"track_metadata":{{"artist_name":{name},"track_name":"T","additional_info":{{{more}}}}}}}'
)
FORMS = {
    "account.json": '[{{"endTime":{at},"artistName":{name},"trackName":"T","msPlayed":{played}}}]',
    "listens.jsonl": LISTEN,
    "listens.json": f"[{LISTEN}]",
    "recenttracks.json": '[{{"artist":{{"#text":{name}}},"name":"T","date":{{"uts":{at}}}}}]',
    "lastfmstats.json": '{{"scrobbles":[{{"artist":{name},"track":"T","date":{at}}}]}}',
}
TABLES = {
    "mainstream.csv": "uts,utc_time,artist,album,track\n{at},x,{name},,T\n",
    "lastfmstats.csv": "Artist;Album;AlbumId;Track;Date#somebody\n{name};;;T;{at}\n",
}


def moment(form: str, seconds: int) -> str:
    """A time as the format writes it."""
    if form == "account.json":
        stamp = {GOOD: "2024-01-01 00:00", 0: "1970-01-01 00:00", LATER: "2099-01-01 00:00"}[seconds]
        return json.dumps(stamp)
    if form.startswith("lastfmstats"):
        return str(seconds * 1000)
    return json.dumps(str(seconds)) if form == "recenttracks.json" else str(seconds)


def filled(form: str, *, artist: str = "Adele", seconds: int = GOOD, **said: str) -> str:
    """One file of one row. `said` replaces the JSON of a field."""
    if form in TABLES:
        return TABLES[form].format(at=said.get("at", moment(form, seconds)), name=artist)
    said = {"at": moment(form, seconds), "name": json.dumps(artist), "played": "1000", "more": "", **said}
    return FORMS[form].format(**said)


def outcome(path: Path) -> PlayRecorded | Refused:
    """What the worker makes of the only row of a file."""
    with Exports([path]) as exports:
        (record,) = [one for batch in read_export(exports.files, 1, 2, NOW) for one in batch.records]
    try:
        event = codec.decode_value(PlayRecorded, record.value, now=NOW)
    except Refused as refused:
        assert record.sighting_id == 0
        return refused
    assert record.sighting_id != 0
    return event


def told(path: Path, text: str, encoding: str = "utf-8") -> PlayRecorded | Refused:
    return outcome(write(path, text.encode(encoding)))


@pytest.mark.parametrize("form", [*FORMS, *TABLES])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(tmp_path: Path, form: str, encoding: str) -> None:
    found = told(tmp_path / form, filled(form, artist="Björk 東京"), encoding)
    assert isinstance(found, PlayRecorded)
    assert found.artists[0].name == "Björk 東京"


@pytest.mark.parametrize("form", [*FORMS, *TABLES])
def test_another_encoding_is_refused_by_its_name_and_taken_once_saved_as_utf8(tmp_path: Path, form: str) -> None:
    written = filled(form, artist="Bj\xf6rk")
    if form not in TABLES:
        written = written.replace("\\u00f6", "\xf6")
    refused = told(tmp_path / form, written, "latin-1")
    assert isinstance(refused, NotUtf8)
    assert "save the file as UTF-8" in refused.message
    assert "rk" not in refused.message
    assert isinstance(found := told(tmp_path / form, written), PlayRecorded)
    assert found.artists[0].name == "Bj\xf6rk"


def test_half_a_character_in_utf16_is_refused(tmp_path: Path) -> None:
    spoilt = filled("mainstream.csv", artist="\ud800x").encode("utf-16", "surrogatepass")
    assert isinstance(outcome(write(tmp_path / "mainstream.csv", spoilt)), NotUtf8)


def test_one_spoilt_scrobble_of_a_page_spoils_no_other(tmp_path: Path) -> None:
    scrobbles = [{"artist": {"#text": name}, "name": "T", "date": {"uts": str(GOOD)}} for name in ("A", "\ud800", "C")]
    path = write(tmp_path / "pages.json", json.dumps([{"track": scrobbles}]).encode())
    with Exports([path]) as exports:
        records = [one for batch in read_export(exports.files, 1, 2, NOW) for one in batch.records]
    assert sorted((one.origin.rpartition("#")[2], bool(one.sighting_id)) for one in records) == [
        ("1", True), ("2", False), ("3", True),
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["account.json", "listens.jsonl", "mainstream.csv"])
def test_a_name_of_three_megabytes_is_too_long(tmp_path: Path, form: str) -> None:
    path = write(tmp_path / form, filled(form).encode())
    with Exports([path]) as exports:
        shape = exports.files[0].shape
    with io.BytesIO(filled(form, artist="x" * 3_000_000).encode()) as stream:
        first = next(row for rows in shape.batches(stream.read, form) for row in rows)
    assert first is Unread.TOO_LONG
    with pytest.raises(TooLong):
        codec.decode_value(PlayRecorded, unread(first, "f#1").value, now=NOW)


@pytest.mark.parametrize(
    ("form", "seconds"),
    [*((form, seconds) for form in FORMS for seconds in (0, LATER)), *((form, LATER) for form in TABLES)],
)
def test_times_that_cannot_be(tmp_path: Path, form: str, seconds: int) -> None:
    """A table is known by a time in its first row, and 1970 is written with too few digits to be one."""
    found = told(tmp_path / form, filled(form, seconds=seconds))
    assert isinstance(found, Refused), found
    assert found.reason == "impossible-time"


@pytest.mark.parametrize(
    ("form", "said", "refused"),
    [
        ("account.json", {"played": "-1"}, "out-of-range"),
        ("account.json", {"played": "99999999999999"}, "out-of-range"),
        ("account.json", {"played": "9" * 10_000}, "out-of-range"),
        ("account.json", {"played": "1e400"}, ""),
        ("account.json", {"played": "NaN"}, "wrong-type"),
        ("account.json", {"played": '"1000"'}, None),
        ("account.json", {"played": '1000,"msPlayed":2000'}, None),
        ("account.json", {"name": "NaN"}, "wrong-type"),
        ("account.json", {"name": "1989"}, None),
        ("listens.jsonl", {"at": '"1704067200"'}, None),
        ("listens.jsonl", {"at": f'{GOOD},"listened_at":{GOOD}'}, None),
        ("listens.jsonl", {"more": '"duration_ms":-5'}, None),
        ("listens.jsonl", {"more": '"duration_ms":"295000"'}, None),
        ("listens.jsonl", {"more": '"duration_played":99999999999'}, None),
        ("listens.jsonl", {"more": '"duration_ms":NaN'}, None),
        ("listens.json", {"name": "[]"}, ""),
        ("lastfmstats.json", {"name": "{}"}, ""),
        ("recenttracks.json", {"name": "null"}, ""),
    ],
)
def test_odd_values(tmp_path: Path, form: str, said: dict[str, Any], refused: str | None) -> None:
    """`refused`: the reason, "" for any, None where the row is taken."""
    found = told(tmp_path / form, filled(form, **said))
    if refused is None:
        assert isinstance(found, PlayRecorded), found
        assert found.ms_played is None or 0 <= found.ms_played <= 86_400_000
    else:
        assert isinstance(found, Refused), found
        assert refused in ("", found.reason)


@pytest.mark.parametrize(
    "said", ["1712122012", "1712122012000", 1_712_122_012, 1_712_122_012_000, "2024-04-03 05:26:52"]
)
def test_digits_are_a_number_whatever_else_they_could_be_read_as(said: object) -> None:
    assert values.moment(said) == 1_712_122_012_000  # 1712-12-20T20:00 is what ISO 8601 makes of one
