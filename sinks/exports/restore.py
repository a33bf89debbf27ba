"""A listener as an export of ours describes them, made anew where nobody is, with what stands beside their sightings.

Before their sightings are imported: so these are stamped with the right zones and corrections at once.
What an export says is checked like any other input.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from sinks.catalog import ClickHouseCatalog
from sinks.clickhouse import ClickHouse
from sinks.corrections import ClickHouseCorrections
from sinks.library import ClickHouseLibrary
from sinks.listeners import Listeners
from sinks.rows import ListenerRow
from sinks.times import next_version, now_ms, to_ms, to_ms_or_none
from sinks.travel import Decision, Travel
from streams.contracts.errors import AlreadyThere, UserError
from streams.contracts.events import ArtistDescribed, Id, LibraryKind, TimeRange
from streams.contracts.ids import from_hex, hash64, to_hex
from streams.contracts.ports import Correction, LibraryEntry, ListenerSettings, Shelf, ZonePeriod
from streams.enrich.travel import Trip
from streams.enrich.zones import check_zone

T = TypeVar("T")
_Moment = Annotated[datetime, Meta(tz=True)]


class _Zone(Struct):
    starts: datetime
    zone: str


class _Listener(Struct, kw_only=True):
    listener: Id
    name: str
    zones: list[_Zone]
    hemisphere: Literal["", "north", "south"] = ""
    min_ms_played: int = 30_000
    count_incognito: bool = False
    finished_only: bool = False
    profile_sources: Literal["all", "export"] = "all"
    keeps_countries: bool = True  # said by an archive, which has no corrections


class _Correction(Struct, kw_only=True):
    kind: Literal["play", "artist", "track", "merge", "undo", "country"]
    subject: str = ""
    target: str = ""
    ids: list[Id] = []
    keys: list[str] = []
    label: str = ""


class _Gap(Struct, kw_only=True):
    source: str
    gap_start: datetime
    gap_end: datetime
    closed_at: datetime | None = None


class _Trip(Struct, kw_only=True):
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")]
    first: datetime
    last: datetime
    plays: Annotated[int, Meta(ge=0, lt=2**32)]
    state: Literal["accepted", "refused"]
    zone: str = ""
    starts: datetime
    ends: datetime


class _Item(Struct, kw_only=True):
    kind: LibraryKind
    time_range: TimeRange = ""
    item: Annotated[str, Meta(pattern="^[0-9A-Za-z]{1,64}$")]
    position: Annotated[int, Meta(ge=0, lt=2**16)] = 0
    title: str = ""
    artist: str = ""
    artist_id: str = ""
    album: str = ""
    image_url: str = ""
    uri: str = ""
    isrc: str = ""
    added_at: _Moment | None = None
    seen_at: _Moment
    removed_at: _Moment | None = None


class _Artist(Struct, kw_only=True):
    artist_id: str
    source: str
    name: str
    genres: list[str] = []
    genre: str = "unknown"
    subgenre: str = ""
    popularity: int | None = None
    followers: int | None = None


def standing_for(ch: ClickHouse, listener: int) -> int:
    """The id that the listener of an export has here, whether or not they are made anew already.

    The same, by which their sightings get the same ids again. Where it was erased here it stays refused, and
    another stands for it: a hash of it and of when it was erased, so that a second restore finds it again.
    """
    sql = "SELECT toUnixTimestamp64Milli(erased_at) FROM listeners FINAL WHERE listener = {l:UInt64}"
    while (erased_at := ch.scalar(sql, {"l": listener})) is not None:
        listener = hash64("restored", to_hex(listener), str(erased_at))
    return listener


def restore_listener(ch: ClickHouse, listeners: Listeners, said: Mapping[str, Any], name: str | None) -> ListenerRow:
    """The listener of an export with their settings, as `name` if given.

    With the id of `standing_for`. Raises AlreadyThere where they are here, or the name is taken.
    """
    told = _read(said, _Listener)
    listener = standing_for(ch, from_hex(told.listener))
    known = ch.query("SELECT name FROM listeners FINAL WHERE listener = {l:UInt64}", {"l": listener})
    if known:
        raise AlreadyThere(
            f"The listener of this export is here already, as {known[0][0]}.",
            cure=f"Import it for them: --listener {known[0][0]}",
        )
    settings = ListenerSettings(
        listener=listener,
        name=name or told.name,
        zones=tuple(ZonePeriod(max(0, to_ms(zone.starts)), zone.zone) for zone in told.zones),
        hemisphere=told.hemisphere,
        min_ms_played=min(max(told.min_ms_played, 0), 86_400_000),
        count_incognito=told.count_incognito,
        finished_only=told.finished_only,
    )
    row = listeners.put(settings)
    if not told.keeps_countries:
        ClickHouseCorrections(ch).put([Correction(listener=row.id, kind="country", subject="")])
    return listeners.set(row.listener, profile_sources=told.profile_sources)


def restore_beside(
    ch: ClickHouse,
    listener: int,
    *,
    corrections: Sequence[Mapping[str, Any]],
    gaps: Sequence[Mapping[str, Any]],
    travel: Sequence[Mapping[str, Any]],
    artists: Sequence[Mapping[str, Any]],
    library: Sequence[Mapping[str, Any]],
) -> None:
    """What stands beside the sightings of a listener who was just restored. May be repeated; raises UserError."""
    told = [_read(row, _Correction) for row in corrections]
    ClickHouseCorrections(ch).put(
        [
            Correction(
                listener=listener,
                kind=row.kind,
                subject=row.subject,
                target=row.target,
                ids=tuple(map(from_hex, row.ids)),
                keys=tuple(row.keys),
                label=row.label,
            )
            for row in told
            if row.kind != "undo"  # of an import that is not here
        ]
    )
    open_and_closed = [_read(row, _Gap) for row in gaps]
    ch.insert(
        "gaps",
        ("listener", "source", "gap_start", "gap_end", "version", "closed_at"),
        [(listener, g.source, g.gap_start, g.gap_end, next_version(), g.closed_at) for g in open_and_closed],
    )
    trips = [_read(row, _Trip) for row in travel]
    for trip in trips:
        if trip.zone:
            check_zone(trip.zone)
    for trip in trips:
        Travel(ch).decide(
            listener,
            Decision(
                Trip(trip.country, to_ms(trip.first), to_ms(trip.last), trip.plays),
                trip.state,
                trip.zone,
                to_ms(trip.starts),
                to_ms(trip.ends),
            ),
        )
    _restore_artists(ch, [_read(row, _Artist) for row in artists])
    ClickHouseLibrary(ch).restore(listener, [_entry(_read(row, _Item)) for row in library])


def _entry(item: _Item) -> tuple[Shelf, LibraryEntry]:
    told: dict[str, Any] = msgspec.structs.asdict(item)
    told |= {name: to_ms_or_none(told[name]) for name in ("added_at", "seen_at", "removed_at")}
    return Shelf(told.pop("kind"), told.pop("time_range")), LibraryEntry(**told)


def _restore_artists(ch: ClickHouse, artists: Sequence[_Artist]) -> None:
    """Those that the catalogue does not know: what it knows may be newer."""
    ids = sorted({artist.artist_id for artist in artists})
    known = {
        found
        for (found,) in ch.query(
            "SELECT DISTINCT artist_id FROM artists WHERE artist_id IN {i:Array(String)}", {"i": ids}
        )
    }
    missing = [artist for artist in artists if artist.artist_id not in known]
    ClickHouseCatalog(ch).put_artists(
        [
            ArtistDescribed(
                source=artist.source,
                id=artist.artist_id,
                name=artist.name,
                described_at=now_ms(),
                genres=tuple(artist.genres),
                popularity=artist.popularity,
                followers=artist.followers,
            )
            for artist in missing
        ],
        [(artist.genre, artist.subgenre) for artist in missing],
    )


def _read(row: Mapping[str, Any], kind: type[T]) -> T:
    try:
        return msgspec.convert(dict(row), kind, strict=False)
    except msgspec.ValidationError as error:
        raise UserError(
            f"The export's description of its listener is not valid: {error}.", cure="Take the zip as it was written."
        ) from None
