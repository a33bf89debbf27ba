"""Sightings that tests make: a play as several sources saw it, and hypothesis strategies of whole worlds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from hypothesis import strategies as st

from streams.contracts import codec
from streams.contracts.events import Artist, PlayEnriched, PlayRecorded, Source
from streams.contracts.ids import to_hex
from streams.contracts.record import Record
from streams.contracts.topics import PLAY_RECORDED
from streams.telling import Messages

NOW = 1_760_000_000_000  # 2025-10-09, what every clock in these tests says
EVENING = 1_750_000_000_000  # 2025-06-15T15:06:40Z
LISTENER = 0x00C0FFEE00000001

SOURCES: tuple[str, ...] = get_args(Source)

# uri, title, artist: shared URI with another name, shared name with another URI, no URI, no name
TRACKS = (
    ("spotify:track:1", "Blue Train", "John Coltrane"),
    ("spotify:track:2", "blue  TRAIN", "JOHN COLTRANE"),
    ("", "Blue Train", "John Coltrane"),
    ("spotify:track:2", "", ""),
    ("spotify:track:3", "Naima", "John Coltrane"),
    ("spotify:track:1", "Naima", "John Coltrane"),
)


def heard(second: float, source: str = "spotify.export.extended", *, track: int = 0, **said: Any) -> PlayRecorded:
    """A sighting that ends `second` seconds into the evening."""
    uri, title, artist = TRACKS[track]
    poll = source == "spotify.recently-played"
    made: dict[str, Any] = {
        "listener": to_hex(LISTENER),
        "source": source,
        "reported_end": EVENING + int(second * 1000),
        "published_at": NOW - 1000,
        "uri": uri,
        "title": title,
        "artists": (Artist(artist, "0abc" if poll else ""),) if artist else (),
        "ms_played": 200_000,
        **said,
    }
    return PlayRecorded(**made)


def records(events: Sequence[PlayRecorded], *, offset: int = 0) -> list[Record]:
    """The events as they lie on their topic, in one partition."""
    return [
        Record(
            topic=PLAY_RECORDED.name,
            partition=0,
            offset=offset + number,
            timestamp=event.published_at,
            key=event.listener.encode(),
            value=codec.encode(event),
            headers=codec.headers(import_id=event.import_id),
        )
        for number, event in enumerate(events)
    ]


def said(told: Messages) -> list[PlayEnriched]:
    """The events that were published."""
    events = [codec.decode_value(PlayEnriched, value, now=NOW) for value in told.values]
    assert told.keys == [event.listener.encode() for event in events]
    return events


@st.composite
def worlds(draw: st.DrawFn, most: int = 14) -> list[PlayRecorded]:
    """Up to `most` sightings by up to four sources, crowded enough that groups meet."""
    sources = draw(st.lists(st.sampled_from(SOURCES), min_size=1, max_size=4, unique=True))
    width = draw(st.sampled_from([40, 200, 900]))
    made = draw(
        st.lists(
            st.builds(
                heard,
                st.integers(0, width),
                st.sampled_from(sources),
                track=st.sampled_from([0, 0, 0, 1, 2, 3, 4, 5]),
                ms_played=st.sampled_from([None, 5_000, 25_000, 200_000]),
                listener=st.sampled_from([to_hex(LISTENER)] * 4 + [to_hex(LISTENER + 1)]),
                kind=st.sampled_from(["track"] * 9 + ["episode"]),
            ),
            min_size=1,
            max_size=most,
        )
    )
    # a sighting's id does not tell all of its fields: of two with one id the first would win
    return list({sighting_key(event): event for event in made}.values())


def sighting_key(event: PlayRecorded) -> tuple[object, ...]:
    """What a sighting's id is made of."""
    what = event.uri or (event.title.casefold(), event.artists)
    return event.listener, event.source, event.reported_end, what, event.ms_played
