"""Bytes to events: what goes out comes back, and whatever else comes in gets a name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from streams.contracts import codec
from streams.contracts.errors import (
    ImpossibleTime,
    MalformedJson,
    MissingField,
    NotUtf8,
    OutOfRange,
    Refused,
    TooLong,
    UnknownVersion,
    WrongType,
)
from streams.contracts.events import (
    DAY,
    EARLIEST,
    Artist,
    ArtistDescribed,
    ListenerCommand,
    ListenerProfile,
    PlaybackChanged,
    PlayEnriched,
    PlayRecorded,
)
from streams.contracts.record import Record
from streams.contracts.topics import PLAY_RECORDED, TOPICS
from tests.streams.worlds import NOW, heard

SECRET = "hunter2"

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
uris = st.from_regex(r"\A[^\s\ud800-\udfff]{0,40}\Z")
ids = st.from_regex(r"\A[0-9a-f]{16}\Z")
times = st.integers(EARLIEST, NOW + DAY)
durations = st.integers(0, DAY)
flags = st.none() | st.booleans()

sightings = st.builds(
    PlayRecorded,
    listener=ids,
    source=st.sampled_from(["lastfm", "spotify.recently-played"]),
    reported_end=times,
    published_at=times,
    ended_at=st.none() | times,
    started_at=st.none() | times,
    ms_played=st.none() | durations,
    uri=uris.map(lambda text: f"spotify:track:{text}"),
    title=names,
    artists=st.lists(st.builds(Artist, name=names, id=words), max_size=3).map(tuple),
    platform=words,
    shuffle=flags,
    import_id=st.just("") | ids,
)


def as_json(**said: Any) -> bytes:
    """A good sighting as JSON, changed: None takes a field away."""
    good: dict[str, Any] = {
        "listener": "00c0ffee00000001",
        "source": "lastfm",
        "reported_end": NOW - 5,
        "published_at": NOW,
        "title": "Naima",
        "artists": [{"name": "John Coltrane"}],
    }
    return json.dumps({name: value for name, value in (good | said).items() if value is not None}).encode()


def refused(value: bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        codec.decode_value(PlayRecorded, value, now=NOW)
    assert type(caught.value) is not Refused
    return caught.value


@given(sightings)
def test_what_is_encoded_comes_back(event: PlayRecorded) -> None:
    assert codec.decode_value(PlayRecorded, codec.encode(event), now=NOW) == event


@given(sightings, st.randoms(use_true_random=False))
def test_the_order_of_fields_and_fields_that_nobody_knows_do_not_matter(event: PlayRecorded, chance: Any) -> None:
    pairs = [*json.loads(codec.encode(event)).items(), ("later", {"deep": [1, 10**400, "x"]})]
    chance.shuffle(pairs)
    assert codec.decode_value(PlayRecorded, json.dumps(dict(pairs), indent=1).encode(), now=NOW) == event


@pytest.mark.parametrize(
    "event",
    [
        PlayEnriched(listener="0" * 16, play_id="f" * 16, version=2**60, removed=True),
        PlaybackChanged(listener="0" * 16, observed_at=NOW, is_playing=False),
        ListenerCommand(listener="0" * 16, command_id="1" * 16, kind="erase", asked_at=NOW),
        ArtistDescribed(source="file", id="x", name="Björk", described_at=NOW, genres=("art pop",), popularity=0),
        ListenerProfile(listener="0" * 16, window="all", computed_at=NOW, plays=3, features={"skips": 0.25}),
    ],
)
def test_every_event_has_a_topic_and_comes_back(event: Struct) -> None:
    assert type(event) in {topic.event for topic in TOPICS}
    assert codec.decode_value(type(event), codec.encode(event), now=NOW) == event


@pytest.mark.parametrize(
    ("value", "error", "word"),
    [
        (b"", MalformedJson, "empty"),
        (b"null", MalformedJson, "object"),
        (b"[]", MalformedJson, "object"),
        (b"7", MalformedJson, "object"),
        (b'"text"', MalformedJson, "object"),
        (b"{", MalformedJson, "JSON"),
        ('{"title": "\xe9'.encode()[:-1], MalformedJson, "JSON"),  # cut within a character
        (b"\xff\xfe{}", NotUtf8, "UTF-8"),
        (as_json() + b" {}", MalformedJson, "JSON"),
        (as_json().replace(b"Naima", b"\xff"), NotUtf8, "UTF-8"),
        (as_json(later="!").replace(b"!", b"\xff"), NotUtf8, "UTF-8"),
        (as_json().replace(b"Naima", b"\\ud800"), MalformedJson, "UTF-8"),
        (as_json(title=SECRET).replace(b'"%s"' % SECRET.encode(), b"NaN"), MalformedJson, "JSON"),
        (as_json().replace(b"{", b'{"listener": "00c0ffee00000002", ', 1), MalformedJson, "listener stands twice"),
        (as_json().replace(b"{", b'{"%s": 1, "%s": 2, ' % ((SECRET.encode(),) * 2), 1), MalformedJson, "a field"),
        (as_json(later="!").replace(b'"!"', b"[" * 200_000 + b"]" * 200_000), MalformedJson, "deep"),
        (b"[" * 1_000_000, MalformedJson, "object"),
        (as_json(listener=None), MissingField, "listener"),
        (as_json(reported_end=None), MissingField, "reported_end"),
        (as_json(artists=[{"id": SECRET}]), MissingField, "artists[0].name"),
        (as_json(artists=None), MissingField, "uri"),
        (as_json(title=" "), MissingField, "uri"),
        (as_json(artists=[{"name": "\u3000"}]), MissingField, "uri"),
        (as_json(kind="episode", title=None), MissingField, "title"),
        (as_json(ms_played=SECRET), WrongType, "ms_played"),
        (as_json(ms_played=1.5), WrongType, "ms_played"),
        (as_json(ms_played=True), WrongType, "ms_played"),
        (as_json(title=["x"]), WrongType, "title"),
        (as_json(shuffle=1), WrongType, "shuffle"),
        (as_json(artists="x"), WrongType, "artists"),
        (as_json(listener="00C0FFEE00000001"), WrongType, "listener"),
        (as_json(listener="00c0ffee00000001\n"), WrongType, "listener"),
        (as_json(uri="spotify:track:1\n"), WrongType, "uri"),
        (as_json(uri=f"a {SECRET}"), WrongType, "uri"),
        (as_json(import_id="x"), WrongType, "import_id"),
        (as_json(title="x" * 1025), TooLong, "title"),
        (as_json(uri="x" * 513), TooLong, "uri"),
        (as_json(artists=[{"name": "x" * 1025}]), TooLong, "artists[0].name"),
        (as_json(artists=[{"name": "x"}] * 65), TooLong, "artists"),
        (as_json(reported_end=EARLIEST - 1), ImpossibleTime, "reported_end"),
        (as_json(reported_end=0), ImpossibleTime, "reported_end"),
        (as_json(reported_end=NOW + DAY + 1), ImpossibleTime, "reported_end"),
        (as_json(started_at=10**15), ImpossibleTime, "started_at"),
        (as_json(ended_at=int("9" * 4000)), ImpossibleTime, "ended_at"),
        (as_json(published_at=NOW + 2 * DAY), ImpossibleTime, "published_at"),
        (as_json(ms_played=-1), OutOfRange, "ms_played"),
        (as_json(ms_played=DAY + 1), OutOfRange, "ms_played"),
        (as_json(duration_ms=2**63), OutOfRange, "duration_ms"),
        (as_json(source=SECRET), OutOfRange, "source"),
        (as_json(kind=SECRET), OutOfRange, "kind"),
    ],
)
def test_what_is_wrong_has_a_name_and_is_not_quoted(value: bytes, error: type[Refused], word: str) -> None:
    raised = refused(value)
    assert type(raised) is error
    assert word in raised.message
    assert SECRET not in raised.message and len(raised.message) < 200


def test_limits_themselves_are_allowed() -> None:
    value = as_json(reported_end=EARLIEST, published_at=NOW + DAY, ms_played=DAY, title="x" * 1024)
    assert codec.decode_value(PlayRecorded, value, now=NOW).ms_played == DAY
    assert codec.decode_value(PlayRecorded, as_json(uri="spotify:track:1", title=None, artists=None), now=NOW)
    assert codec.decode_value(PlayRecorded, as_json(kind="episode", artists=None), now=NOW).kind == "episode"


@given(st.binary(max_size=200))
def test_bytes_never_crash_it(value: bytes) -> None:
    refused(value)


@given(sightings, st.data())
def test_damaged_events_never_crash_it(event: PlayRecorded, data: st.DataObject) -> None:
    value = bytearray(codec.encode(event))
    for _ in range(data.draw(st.integers(1, 4))):
        value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert isinstance(codec.decode_value(PlayRecorded, bytes(value), now=NOW), PlayRecorded)
    except Refused as error:
        assert error.reason != "refused"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(PlayRecorded.__struct_fields__), anything)
def test_any_json_in_any_field_never_crashes_it(field: str, value: Any) -> None:
    try:
        codec.decode_value(PlayRecorded, as_json(**{field: value}), now=NOW)
    except Refused as error:
        assert error.reason != "refused"


def record(value: bytes | None, *headers: tuple[str, bytes]) -> Record:
    return Record(PLAY_RECORDED.name, 0, 0, NOW, None, value, headers)


def test_versions() -> None:
    event = heard(0)
    assert codec.decode(PlayRecorded, record(codec.encode(event), *codec.headers()), now_ms=NOW) == event
    assert codec.decode(PlayRecorded, record(codec.encode(event)), now_ms=NOW) == event
    for version in (b"2", b"", b"1.0", b"\xff"):
        with pytest.raises(UnknownVersion):
            codec.decode(PlayRecorded, record(codec.encode(event), ("schema-version", version)), now_ms=NOW)
    with pytest.raises(MalformedJson):
        codec.decode(PlayRecorded, record(None), now_ms=NOW)


def test_headers() -> None:
    assert codec.headers() == [("content-type", b"application/json"), ("schema-version", b"1")]
    assert codec.headers(import_id="00" * 8, origin="ä.json#17")[2:] == [
        ("spotifire-import", b"0000000000000000"),
        ("spotifire-origin", "ä.json#17".encode()),
    ]
