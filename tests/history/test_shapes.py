"""Every kind of file that people have: recognised by content, read whole, and each row an event or named."""

from __future__ import annotations

import io
import json
import random
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.history.archive import Exports
from producers.history.lines import Lines
from producers.history.listens import USUAL
from producers.history.published import Published
from producers.history.reading import read_export
from producers.history.rows import LISTENS, ListenRow, ScrobbleRow, Unread
from producers.history.tables import Table, columns_of
from streams.contracts import codec
from streams.contracts.errors import Refused
from streams.contracts.events import Artist, PlayRecorded
from tests.history.recording import row, write

NOW = 1_790_000_000_000
BEGAN = 1_704_067_200  # 2024-01-01T00:00:00Z


def read(path: Path) -> list[Published]:
    with Exports([path]) as exports:
        return [record for batch in read_export(exports.files, 1, 2, NOW) for record in batch.records]


def events(path: Path) -> list[PlayRecorded]:
    found = [codec.decode_value(PlayRecorded, each.value, now=NOW) for each in read(path)]
    assert [each.sighting_id != 0 for each in read(path)] == [True] * len(found)
    return found


def listen(at: int = BEGAN, **more: Any) -> dict[str, Any]:
    about = {"artist_name": "Adele", "track_name": "Hello", "release_name": "25", "additional_info": more}
    return {"listened_at": at, "inserted_at": "2024-01-02T00:00:00Z", "track_metadata": about, "user_name": "planted"}


def scrobble(at: int | None = BEGAN) -> dict[str, Any]:
    made: dict[str, Any] = {
        "artist": {"#text": "Adele", "mbid": ""},
        "album": {"#text": "25", "mbid": ""},
        "name": "Hello",
        "image": [{"#text": "https://img.example/34s/1.png", "size": "small"}],
        "date": {"uts": str(at), "#text": "01 Jan 2024, 00:00"},
    }
    if at is None:
        del made["date"]
        made["@attr"] = {"nowplaying": "true"}
    return made


def test_account_data_of_music_and_of_podcasts(tmp_path: Path) -> None:
    write(
        tmp_path / "StreamingHistory_music_0.json",
        [{"endTime": "2024-01-01 10:00", "artistName": "Adele", "trackName": "Hello", "msPlayed": 295_000}],
    )
    write(
        tmp_path / "StreamingHistory_podcast_0.json",
        [{"endTime": "2024-01-01 11:00", "podcastName": "Show", "episodeName": "One", "msPlayed": 60_000}],
    )
    track, episode = events(tmp_path)
    assert track == PlayRecorded(
        listener="0000000000000001",
        source="spotify.export.account",
        reported_end=1_704_103_200_000,
        published_at=NOW,
        started_at=1_704_103_200_000 - 295_000,
        ms_played=295_000,
        title="Hello",
        artists=(Artist("Adele"),),
        import_id="0000000000000002",
    )
    assert (episode.kind, episode.title, episode.album) == ("episode", "One", "Show")


@pytest.mark.parametrize("form", ["lines", "list"])
def test_listens_say_when_a_play_began(tmp_path: Path, form: str) -> None:
    told = [
        listen(
            duration_ms=295_000, spotify_id="https://open.spotify.com/track/4sPmO7WMQUAf45kwMOtONw", isrc="GBBKS1500214"
        ),
        listen(BEGAN + 600, duration_played=100),
        listen(BEGAN + 1_200),
    ]
    path = tmp_path / "listens.jsonl"
    if form == "lines":
        path.write_text("\n".join(map(json.dumps, told)) + "\n\n")
    else:
        write(path, told)
    whole, cut, bare = events(path)
    assert whole.source == "listenbrainz"
    assert (whole.reported_end, whole.started_at, whole.ended_at) == (
        BEGAN * 1000,
        BEGAN * 1000,
        BEGAN * 1000 + 295_000,
    )
    assert (whole.uri, whole.isrc, whole.ms_played) == ("spotify:track:4sPmO7WMQUAf45kwMOtONw", "GBBKS1500214", None)
    assert (cut.ms_played, cut.ended_at) == (100_000, (BEGAN + 700) * 1000)
    assert bare.ended_at == (BEGAN + 1_200) * 1000 + USUAL
    assert b"planted" not in b"".join(each.value for each in read(path))


LASTFM = {
    "lastfmstats.csv": b"\xef\xbb\xbfArtist;Album;AlbumId;Track;Date#somebody\r\n"
    b'"Adele";"25";"";"Hello";"1704067200000"\r\n"Ad;ele";"2\n5";"";"Hel""lo";"1704067800000"\r\n',
    "mainstream.csv": b"uts,utc_time,artist,artist_mbid,album,album_mbid,track,track_mbid\n"
    b'"1704067200","01 Jan 2024, 00:00",Adele,x,25,,Hello,\n'
    b'"1704067800","01 Jan 2024, 00:10","Ad;ele",x,"2\n5",,"Hel""lo",\n',
    "lastfm-to-csv.csv": b'Adele,25,Hello,"01 Jan 2024, 00:00"\n"Ad;ele","2\n5","Hel""lo","01 Jan 2024, 00:10"\n',
    "lastfmstats.json": json.dumps(
        {
            "username": "somebody",
            "scrobbles": [
                {"track": "Hello", "artist": "Adele", "album": "25", "albumId": "", "date": BEGAN * 1000},
                {"track": 'Hel"lo', "artist": "Ad;ele", "album": "2 5", "date": (BEGAN + 600) * 1000},
            ],
            "more": [1],
        }
    ).encode(),
}


@pytest.mark.parametrize("name", LASTFM)
def test_scrobbles_of_every_exporter(tmp_path: Path, name: str) -> None:
    first, second = events(write(tmp_path / "renamed.txt", LASTFM[name]))
    assert first == PlayRecorded(
        listener="0000000000000001",
        source="lastfm",
        reported_end=BEGAN * 1000,
        published_at=NOW,
        ended_at=BEGAN * 1000 + USUAL,
        started_at=BEGAN * 1000,
        title="Hello",
        artists=(Artist("Adele"),),
        album="25",
        import_id="0000000000000002",
    )
    assert (second.title, second.artists, second.album) == ('Hel"lo', (Artist("Ad;ele"),), "2 5")
    assert second.reported_end == (BEGAN + 600) * 1000


@pytest.mark.parametrize("paged", [True, False])
def test_scrobbles_as_lastfms_api_gives_them_without_what_plays_now(tmp_path: Path, *, paged: bool) -> None:
    tracks = [scrobble(None), *(scrobble(BEGAN + n * 300) for n in range(5))]
    pages = [{"track": tracks[:3], "@attr": {"page": "1"}}, {"track": tracks[3:], "@attr": {"page": "2"}}, {"track": 7}]
    path = write(tmp_path / "recenttracks.json", pages if paged else tracks[1:])
    found = read(path)
    assert [each.end for each in found if each.value] == [(BEGAN + n * 300) * 1000 + USUAL for n in range(5)]
    assert sum(not each.value for each in found) == (1 if paged else 0)
    assert len({each.origin for each in found}) == len(found)


def test_a_folder_with_everything_in_it(tmp_path: Path) -> None:
    write(tmp_path / "Streaming_History_Audio_2025.json", [row()])
    write(
        tmp_path / "history.json", [{"endTime": "2024-01-01 10:00", "artistName": "A", "trackName": "T", "msPlayed": 1}]
    )
    (tmp_path / "listens.jsonl").write_text(json.dumps(listen()))
    write(tmp_path / "scrobbles.csv", LASTFM["mainstream.csv"])
    write(tmp_path / "notes.csv", b"date,weight\n2024-01-01,70\n")
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.writestr(
            "my_data/Spotify Extended Streaming History/endsong_0.json", json.dumps([row(ts="2020-01-01")])
        )
    with Exports([tmp_path]) as exports:
        assert [file.shape.name for file in exports.files] == [
            "Extended streaming history",  # by time: the endsong file of 2020, out of the zip
            "ListenBrainz listens",
            "Last.fm scrobbles",
            "Account data",
            "Extended streaming history",
        ]
        assert [(each.label, each.why) for each in exports.ignored] == [("notes.csv", "no list of plays")]
    assert len(read(tmp_path)) == 6


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"endTime": "yesterday", "artistName": "A", "trackName": "T", "msPlayed": 1}, "reported_end"),
        ({"endTime": "1969-01-01 00:00", "artistName": "A", "trackName": "T", "msPlayed": 1}, "reported_end"),
        ({"endTime": "2024-01-01 10:00", "artistName": "A", "trackName": "T", "msPlayed": -1}, "ms_played"),
        ({"endTime": "2024-01-01 10:00", "artistName": None, "trackName": "T", "msPlayed": 1}, "artist"),
        ({"endTime": "2024-01-01 10:00", "artistName": ["A"], "trackName": "T", "msPlayed": 1}, "artists"),
    ],
)
def test_a_row_that_cannot_be_an_event_is_refused_by_its_field(tmp_path: Path, row: dict[str, Any], field: str) -> None:
    good = {"endTime": "2024-01-01 10:00", "artistName": "A", "trackName": "T", "msPlayed": 1}
    refused, taken = sorted(read(write(tmp_path / "s.json", [row, good])), key=lambda each: each.sighting_id)
    assert taken.sighting_id
    assert refused.sighting_id == 0
    with pytest.raises(Refused) as caught:
        codec.decode_value(PlayRecorded, refused.value, now=NOW)
    assert field in caught.value.message


def test_a_line_that_is_too_long_is_one_unreadable_row() -> None:
    good = json.dumps(listen()).encode()
    text = b"\n".join([good, b'{"x":"' + b"a" * 3_000_000 + b'"}', b"nonsense", b"", good])
    found = [each for batch in Lines(io.BytesIO(text).read, "l", of=LISTENS) for each in batch]
    assert found[1:3] == [Unread.TOO_LONG, None]
    assert [isinstance(each, ListenRow) for each in found] == [True, False, False, True]


def test_a_table_with_broken_lines_goes_on() -> None:
    text = b"uts,artist,album,track\n1704067200,A,,T\nshort\n" + b'"' + b"x" * 200_000 + b'",A,,T\n1704067800,A,,T\n'
    columns = columns_of(text)
    assert columns is not None
    found = [each for batch in Table(io.BytesIO(text).read, "t", columns) for each in batch]
    assert found[1:3] == [None, Unread.TOO_LONG]
    assert [isinstance(each, ScrobbleRow) for each in found] == [True, False, False, True]


@settings(max_examples=150, deadline=None)
@given(content=st.data())
def test_whatever_the_bytes_are_every_row_is_an_event_or_is_refused_by_name(
    content: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    values: st.SearchStrategy[Any] = (
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just([]) | st.just({})
    )
    seed = content.draw(st.sampled_from([listen(), scrobble(), row()]))
    made = []
    for _ in range(content.draw(st.integers(1, 4))):
        changed = dict(seed)
        for key in content.draw(st.lists(st.sampled_from(sorted(changed)), max_size=3)):
            changed[key] = content.draw(values)
        made.append(changed)
    raw = bytearray(json.dumps([seed, *made]).encode())
    for at in content.draw(st.lists(st.integers(300, 5_000), max_size=3)):
        if at < len(raw) - 1:
            raw[at] = content.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("fuzz") / "any.json"
    path.write_bytes(raw)
    try:
        found = read(path)
    except Exception as error:
        assert type(error).__name__ == "UserError", error
        return
    for each in found:
        try:
            codec.decode_value(PlayRecorded, each.value, now=NOW)
            assert each.sighting_id
        except Refused:
            assert each.sighting_id == 0


def test_a_million_bytes_of_lines_are_read_in_pieces_of_any_size() -> None:
    text = b"\n".join(json.dumps(listen(BEGAN + n)).encode() for n in range(3_000))
    steps = random.Random(5)
    stream = io.BytesIO(text)
    found = [
        each.listened_at
        for batch in Lines(lambda n: stream.read(min(n, steps.randint(1, 9_999))), "l", of=LISTENS)
        for each in batch
    ]
    assert found == [BEGAN + n for n in range(3_000)]
