from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import json as msgjson

from producers.history.formats import SANE_PAUSE, ExtendedFormat, times
from producers.history.published import Published
from producers.history.rows import EXTENDED, ExtendedRow
from streams.contracts import codec, ids
from streams.contracts.errors import (
    ImpossibleTime,
    MalformedJson,
    MissingField,
    OutOfRange,
    Refused,
    TooLong,
    WrongType,
)
from streams.contracts.events import Artist, PlayRecorded
from tests.history.recording import row
from tests.support.data import shared_data

PLANTED = "203.0.113.77"
LISTENER, IMPORT, NOW = 0xAB, 0xCD, 1_790_000_000_000
END = 1_745_890_268_000  # of recording.ROW


def published(**changes: Any) -> Published:
    read = EXTENDED.one(json.dumps(row(**changes)).encode())
    assert isinstance(read, ExtendedRow)
    found = ExtendedFormat(LISTENER, IMPORT, NOW).publish(read, "f#1")
    assert found.origin == "f#1"
    return found


def event(**changes: Any) -> PlayRecorded:
    return codec.decode_value(PlayRecorded, published(**changes).value, now=NOW)


def refusal(**changes: Any) -> Refused:
    found = published(**changes)
    assert found.sighting_id == 0
    with pytest.raises(Refused) as caught:
        codec.decode_value(PlayRecorded, found.value, now=NOW)
    return caught.value


def test_a_row_becomes_an_event_with_every_allow_listed_field() -> None:
    assert event() == PlayRecorded(
        listener="00000000000000ab",
        source="spotify.export.extended",
        reported_end=END,
        published_at=NOW,
        started_at=1_745_890_158_000,
        ms_played=108_465,
        uri="spotify:track:2B8geqnq9YIym0ixYn83Pd",
        title="Red Liberation",
        artists=(Artist("fripSide"),),
        album="infinite Resonance 2",
        country="US",
        platform="windows",
        reason_start="clickrow",
        reason_end="trackdone",
        shuffle=False,
        skipped=False,
        offline=False,
        incognito=False,
        import_id="00000000000000cd",
    )


def test_the_sighting_id_is_the_one_that_the_worker_computes() -> None:
    found, said = published(), event()
    assert found.sighting_id == ids.sighting_id(
        LISTENER, said.source, said.reported_end, said.uri, said.artists[0].name, said.title, said.ms_played
    )


@pytest.mark.parametrize(
    ("device", "offline", "started", "ended"),
    [
        (None, False, END - 108_465, None),
        (END - 108_465, False, END - 108_465, None),
        (END - 108_465 - SANE_PAUSE, False, END - 108_465 - SANE_PAUSE, None),
        (END - 108_465 - SANE_PAUSE - 1, False, END - 108_465, None),  # no pause is as long
        (END - 108_465 + 1, False, END - 108_465, None),  # ends before it can have ended
        (END - 86_400_000, True, END - 86_400_000, END - 86_400_000 + 108_465),  # the upload came late
        (END - 86_400_000, False, END - 108_465, None),
    ],
)
def test_start_and_end(device: int | None, offline: bool, started: int, ended: int | None) -> None:
    assert times(END, 108_465, device, offline=offline) == (started, ended)


def test_without_a_length_there_is_no_start() -> None:
    assert times(END, None, END - 1_000, offline=False) == (None, None)


@pytest.mark.parametrize(
    ("stamp", "started"),
    [
        (1_745_890_158, 1_745_890_158_000),
        (1_745_890_158_250, END - 108_465),  # milliseconds: 250 of them more than the play is long
        (1_745_890_158_000, 1_745_890_158_000),
        ("1745890158", 1_745_890_158_000),
        (1_745_890_158.0, 1_745_890_158_000),
        (0, END - 108_465),
        (None, END - 108_465),
        ([], END - 108_465),
        (10**30, END - 108_465),
    ],
)
def test_offline_timestamps_are_seconds_or_milliseconds(stamp: Any, started: int) -> None:
    changes = {"ms_played": 109_900} if stamp == 1_745_890_158_250 else {}
    said = event(offline_timestamp=stamp, **changes)
    assert said.started_at == (END - 109_900 if changes else started)


def test_an_offline_play_sorts_and_ends_when_it_was_played() -> None:
    found = published(offline=True, offline_timestamp=1_745_000_000)
    said = codec.decode_value(PlayRecorded, found.value, now=NOW)
    assert (said.reported_end, said.ended_at, found.end) == (END, 1_745_000_108_465, 1_745_000_108_465)


def test_episodes_and_chapters_are_kinds_of_their_own() -> None:
    nothing = dict.fromkeys(
        (
            "master_metadata_track_name",
            "master_metadata_album_artist_name",
            "master_metadata_album_album_name",
            "spotify_track_uri",
        )
    )
    episode = event(
        **nothing, episode_name="On Jazz", episode_show_name="Nights", spotify_episode_uri="spotify:episode:1"
    )
    assert (episode.kind, episode.title, episode.album, episode.uri, episode.artists) == (
        "episode", "On Jazz", "Nights", "spotify:episode:1", (),
    )  # fmt: skip
    chapter = event(
        **nothing,
        audiobook_title="Dune",
        audiobook_uri="spotify:show:2",
        audiobook_chapter_title="One",
        audiobook_chapter_uri="spotify:episode:3",
    )
    assert (chapter.kind, chapter.title, chapter.album, chapter.uri, chapter.album_uri) == (
        "chapter", "One", "Dune", "spotify:episode:3", "spotify:show:2",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("platform", "family"),
    [
        ("Android OS 9 API 28 (samsung, SM-G960F)", "android"),
        ("iOS 14.4 (iPhone12,1)", "ios"),
        ("ios", "ios"),
        ("Windows 10 (10.0.19042; x64)", "windows"),
        ("OS X 10.15.7 [x86 8]", "macos"),
        ("osx", "macos"),
        ("Linux [x86-64 0]", "linux"),
        ("web_player windows 10;chrome 87.0;desktop", "web"),
        ("WebPlayer (websocket RFC6455)", "web"),
        ("Partner google cast_tv;Chromecast;;", "cast"),
        ("Partner sonos_ppc Sonos;Play5", "other"),
        ("not_applicable", "other"),
        ("", ""),
        (None, ""),
        (7, ""),
        ({"a": 1}, ""),
    ],
)
def test_the_platform_is_reduced_to_its_family(platform: Any, family: str) -> None:
    assert event(platform=platform).platform == family


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ms_played": "108465"}, {"ms_played": 108_465}),
        ({"ms_played": 108_465.0}, {"ms_played": 108_465}),
        ({"ms_played": None}, {"ms_played": None}),
        ({"ts": "2025-04-29 01:31:08"}, {"reported_end": END}),
        ({"ts": "2025-04-29 01:31:08 UTC"}, {"reported_end": END}),
        ({"ts": "2025-04-29T03:31:08+02:00"}, {"reported_end": END}),
        ({"ts": END // 1000}, {"reported_end": END}),
        ({"ts": str(END)}, {"reported_end": END}),
        ({"master_metadata_track_name": 1989}, {"title": "1989"}),
        ({"master_metadata_track_name": "a\x00b\u202ec"}, {"title": "a b c"}),
        ({"master_metadata_track_name": "שלום \u200f!"}, {"title": "שלום \u200f!"}),
        ({"shuffle": "true", "skipped": 1, "offline": "no idea"}, {"shuffle": True, "skipped": True, "offline": None}),
        ({"conn_country": "ZZ"}, {"country": ""}),
        ({"conn_country": "us"}, {"country": "US"}),
        ({"reason_end": "203.0.113.77"}, {"reason_end": ""}),
        ({"spotify_track_uri": "spotify:local:" + "a" * 600}, {"uri": ""}),
        ({"spotify_track_uri": "javascript:alert(1)"}, {"uri": "", "title": "Red Liberation"}),  # its names will do
        ({"spotify_track_uri": "spotify:local:A:B:T:99"}, {"uri": "spotify:local:A:B:T:99"}),
        (
            {"master_metadata_track_name": None, "master_metadata_album_artist_name": None},  # removed: played yet
            {"title": "", "artists": (), "uri": "spotify:track:2B8geqnq9YIym0ixYn83Pd"},
        ),
        ({"skipped": None, "reason_start": None, "incognito_mode": None}, {"skipped": None, "incognito": None}),
    ],
)
def test_odd_types_become_the_best_event(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    said = event(**changes)
    assert {name: getattr(said, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"ts": None}, MissingField, "reported_end"),
        ({"ts": PLANTED}, WrongType, "reported_end"),
        ({"ts": {"ip": PLANTED}}, WrongType, "reported_end"),
        ({"ts": True}, WrongType, "reported_end"),
        ({"ts": "1970-01-01T00:00:00Z"}, ImpossibleTime, "reported_end"),
        ({"ts": "2099-01-01T00:00:00Z"}, ImpossibleTime, "reported_end"),
        ({"ms_played": -1}, OutOfRange, "ms_played"),
        ({"ms_played": 86_400_001}, OutOfRange, "ms_played"),
        ({"ms_played": 10**40}, OutOfRange, "ms_played"),
        ({"ms_played": float("nan")}, WrongType, "ms_played"),
        ({"ms_played": PLANTED}, WrongType, "ms_played"),
        ({"ms_played": [PLANTED]}, WrongType, "ms_played"),
        ({"ms_played": False}, WrongType, "ms_played"),
        ({"master_metadata_track_name": [PLANTED]}, WrongType, "title"),
        ({"master_metadata_track_name": "x" * 2_000_000}, TooLong, "title"),
        ({"master_metadata_track_name": False}, WrongType, "title"),
        ({"master_metadata_album_artist_name": {}}, WrongType, "artists"),
        ({"spotify_track_uri": "spotify:track:with space"}, WrongType, "uri"),
        ({"spotify_track_uri": "spotify:track:" + "x" * 513}, TooLong, "uri"),
        ({"incognito_mode": "perhaps"}, WrongType, "incognito"),
        ({"incognito_mode": 0.5}, WrongType, "incognito"),
        ({"spotify_track_uri": None, "master_metadata_album_artist_name": None}, MissingField, "uri"),
        ({"spotify_track_uri": "javascript:alert(1)", "master_metadata_track_name": ""}, MissingField, "uri"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_name_and_not_quoted(
    changes: dict[str, Any], error: type[Refused], field: str
) -> None:
    refused = refusal(**changes)
    assert isinstance(refused, error)
    assert field in refused.message
    assert b"203.0.113.77" not in published(**changes).value


def test_what_is_no_object_is_an_empty_record() -> None:
    found = ExtendedFormat(LISTENER, IMPORT, NOW).publish(None, "f#1")
    assert found == Published(b"", 0, "f#1", 0)
    with pytest.raises(MalformedJson):
        codec.decode_value(PlayRecorded, found.value, now=NOW)


def test_every_row_of_the_real_export_is_an_event() -> None:
    raw = shared_data("Streaming_History_Audio_2025.json").read_bytes()
    rows_of = ExtendedFormat(LISTENER, IMPORT, NOW)
    found = []
    for number, element in enumerate(msgjson.decode(raw)):
        read = EXTENDED.one(msgjson.encode(element))
        assert isinstance(read, ExtendedRow)
        record = rows_of.publish(read, f"f#{number}")
        found.append(codec.decode_value(PlayRecorded, record.value, now=NOW))
        assert b"x.x.x.x" not in record.value
    assert len(found) == 39
    assert {said.platform for said in found} == {"windows", "android"}
    assert all(said.started_at is not None and said.started_at <= said.reported_end for said in found)
    assert sum((said.started_at or 0) % 1000 == 0 for said in found) == 36  # three were paused for over an hour


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"ms_played": None, "offline_timestamp": None},
        {"offline": True, "offline_timestamp": 1_745_000_000},
        {"master_metadata_track_name": 'A "quoted" \\ Ünï\u2028 name', "shuffle": None, "conn_country": "ZZ"},
        {"spotify_track_uri": None, "skipped": 1, "incognito_mode": "true", "platform": ""},
        {"spotify_track_uri": None, "master_metadata_track_name": None, "episode_name": "On Jazz"},
    ],
)
def test_what_is_written_is_what_the_codec_writes(changes: dict[str, Any]) -> None:
    value = published(**changes).value
    assert value == codec.encode(codec.decode_value(PlayRecorded, value, now=NOW))
