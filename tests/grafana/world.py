"""A house to look at: listeners of four sorts, with all that a dashboard of plays can show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from ml.features import NAMES
from sinks.clickhouse import ClickHouse
from sinks.rollup import Rollup
from tests.ml.planted import DAY_MS, FIRST_DAY, artists, planted
from tests.support.library import favourite, followed, keep, saved

RICH, ABROAD, NEW = 7, 8, 9
NAME_OF = {RICH: "ann", ABROAD: "ben's", NEW: "cem"}
ABROAD_MINUTES = 9 * 60
SPAN = 100  # days with one taste; the rich listener's changes then
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
END = EPOCH + timedelta(days=FIRST_DAY + 2 * SPAN - 2, hours=23, minutes=30)  # a day with music
DAYS = 88  # of the range that is looked at: it begins within a week
START = END - timedelta(days=DAYS)
SEASONS = np.array(["winter", "spring", "summer", "autumn"])


def plant(ch: ClickHouse) -> None:
    """The whole house, rolled up."""
    early, _ = planted(1, each=1, days=SPAN, names=["Mainstream Explorer"], first_id=RICH)
    late, _ = planted(2, each=1, days=SPAN, names=["Underground Hunter"], first_id=RICH)
    other, _ = planted(3, each=1, days=SPAN, names=["Music Addict"], first_id=ABROAD)
    few, _ = planted(4, each=1, days=3, names=["Underground Hunter"], first_id=NEW)
    ch.insert_arrow("plays", lived(early))
    for table in (lived(late, SPAN), lived(other, SPAN, ABROAD_MINUTES), lived(few.slice(0, 5), 2 * SPAN - 3)):
        ch.insert_arrow("plays", table)
    _listeners(ch)
    _catalogue(ch)
    _profiles(ch)
    _library(ch)
    _marks(ch)
    Rollup(ch).audit()


def lived(table: pa.Table, days: int = 0, zone_minutes: int = 0) -> pa.Table:
    """The same plays so many days later, in a zone ahead of UTC, with albums, covers, releases and seasons."""
    ended = table["ended_at"].cast(pa.int64()).to_numpy() + days * DAY_MS
    started = table["started_at"].cast(pa.int64()).to_numpy() + days * DAY_MS
    local = started + zone_minutes * 60_000
    date = local // DAY_MS
    month = np.array([(EPOCH + timedelta(days=int(day))).month for day in date])
    hashes = table["play_id"].to_numpy() & np.uint64(0xFFFFFFFF)
    number = np.array([int(name.split()[-1]) for name in table["artist"].to_pylist()])
    count = len(ended)
    columns: dict[str, Any] = {
        "play_id": ((ended // 1000).astype(np.uint64) << np.uint64(32)) | hashes,
        "ended_at": ended,
        "started_at": started,
        "local_date": date.astype(np.int32),
        "local_hour": (local // 3_600_000 % 24).astype(np.uint8),
        "weekday": ((date + 3) % 7 + 1).astype(np.uint8),
        "utc_offset_minutes": np.full(count, zone_minutes, dtype=np.int16),
        "time_zone": ["Asia/Tokyo" if zone_minutes else "UTC"] * count,
        "season": SEASONS[month % 12 // 3].tolist(),
        "album": [f"Album {one % 7}" for one in number],
        "image_url": [f"https://i.scdn.co/image/{one}" for one in number],
        "release_date": [f"{1960 + one % 60}-05" for one in number],
    }
    for name, values in columns.items():
        position = table.schema.get_field_index(name)
        kind = table.schema.field(position).type
        made = pa.array(values, kind) if isinstance(values, list) else pa.array(values).cast(kind)
        table = table.set_column(position, table.schema.field(position), made)
    return table


def _listeners(ch: ClickHouse) -> None:
    columns = ["listener", "version", "name", "created_at", "zones", "min_ms_played"]
    zone = {RICH: "UTC", ABROAD: "Asia/Tokyo", NEW: "UTC"}
    ch.insert(
        "listeners", columns, [[one, 1, name, START, [(EPOCH, zone[one])], 30_000] for one, name in NAME_OF.items()]
    )
    ch.insert(
        "playback",
        ["listener", "observed_at", "is_playing", "title", "artist_names", "image_url"],
        [
            [one, END - timedelta(minutes=1), True, "Song", ["A", "B"], "https://i.scdn.co/image/1"]
            for one in (RICH, ABROAD)
        ],
    )


def _catalogue(ch: ClickHouse) -> None:
    """A fifth of the artists without popularity."""
    ch.insert(
        "artists",
        ["artist_id", "source", "version", "name", "genre", "popularity"],
        [
            [one.artist_id, "file", 1, one.name, one.genre, one.popularity if number % 5 else None]
            for number, one in enumerate(artists())
        ],
    )


def _profiles(ch: ClickHouse) -> None:
    """Of one listener a personality that changes, of the other one that stays; and one for all time."""
    columns = ["listener", "window", "computed_at", "plays", "model_id", "persona", "confidence", "reasons", "features"]
    rows: list[list[Any]] = []
    for weeks in range(20, -1, -2):
        computed = END - timedelta(weeks=weeks, hours=2)
        features = {name: round(0.1 + 0.02 * place + 0.01 * weeks, 3) for place, name in enumerate(NAMES)}
        features["mainstream_index"] = 30.0 + 2 * weeks
        features["plays_per_active_day"] = 18.0
        mine = "Mainstream Explorer" if weeks > 8 else "Underground Hunter"
        reasons = ["Your artists have a popularity of 30 out of 100.", "You look where few listen."]
        rows.append([RICH, "90d", computed, 900, "m1", mine, 0.8, reasons, features])
        features = {**features, "night_share": 0.6, "mainstream_index": 55.0}
        rows.append([ABROAD, "90d", computed, 4_000, "m1", "Night Owl", 0.6, ["Late."], features])
    rows.append([RICH, "all", END - timedelta(hours=2), 2_000, "m1", "Mainstream Explorer", 0.5, ["Both."], features])
    rows.append([NEW, "90d", END - timedelta(hours=2), 5, "", "", None, ["5 plays are too few."], {}])
    ch.insert("profiles", columns, rows)


def _library(ch: ClickHouse) -> None:
    """Of two listeners: every third of what was played is saved and followed, and as Spotify would rank it; and
    what was never played."""
    for one in (RICH, ABROAD):
        rows = []
        heard = ch.query(
            "SELECT artist_id, any(artist), groupUniqArray(2)(title), any(image_url), min(ended_at) FROM plays "
            "WHERE listener = {l:UInt64} AND cityHash64(artist_id) % 3 = 0 GROUP BY artist_id ORDER BY artist_id",
            {"l": one},
        )
        for artist_id, name, titles, image, first in heard:
            of = {"artist_id": artist_id, "image_url": image}
            rows += [saved(one, f"{artist_id} {n}", n, name, added_at=first, **of) for n in titles]
            rows.append(followed(one, artist_id, name, image_url=image))
        known = {row[0] for row in heard}
        strangers = [artist for artist in artists()[::60] if artist.artist_id not in known]
        for days, artist in enumerate(strangers):
            of = {"artist_id": artist.artist_id, "image_url": "https://i.scdn.co/image/2"}
            added = END - timedelta(days=days)
            rows.append(saved(one, f"saved {artist.artist_id}", f"Unheard {days}", artist.name, added_at=added, **of))
            rows.append(followed(one, artist.artist_id, artist.name, image_url="https://i.scdn.co/image/2"))
        for time_range, days in (("short", 28), ("medium", 182), ("long", 365)):
            top = ch.query(
                "SELECT artist_id, any(artist), any(image_url) FROM plays WHERE listener = {l:UInt64} "
                "AND ended_at > {since:DateTime64(3, 'UTC')} GROUP BY artist_id ORDER BY count() DESC, 1 LIMIT 50",
                {"l": one, "since": END - timedelta(days=days)},
            )
            rows += [
                favourite(one, "top-artist", time_range, place, artist_id, artist=name, image_url=image)
                for place, (artist_id, name, image) in enumerate(top, start=1)
            ]
        keep(ch, rows, END)


def _marks(ch: ClickHouse) -> None:
    started = END - timedelta(days=30)
    ch.insert(
        "imports",
        ["listener", "import_id", "version", "state", "files", "started_at", "finished_at", "published"],
        [[one, one, 1, "done", ["my_spotify_data.zip"], started, started + timedelta(hours=1), 900] for one in NAME_OF],
    )
    gap = [END - timedelta(days=20), END - timedelta(days=19)]
    ch.insert(
        "gaps",
        ["listener", "source", "gap_start", "gap_end", "version", "closed_at"],
        [[RICH, "spotify.recent", *gap, 1, None], [ABROAD, "spotify.recent", *gap, 1, END]],
    )
