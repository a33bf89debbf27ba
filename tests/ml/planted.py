"""Listeners whose habits are planted, as rows of the table `plays`: what training must find again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from streams.contracts.ports import CatalogArtist
from streams.contracts.tables import PLAYS

DAY_MS = 86_400_000
FIRST_DAY = 20_300  # days since 1970: 2025-07-31
GENRES = ("pop", "rock", "jazz", "metal", "electronic", "folk", "latin-urban", "hip-hop", "classical", "rnb-soul")


@dataclass(frozen=True)
class Habits:
    """Ranges that each listener of a persona draws its own habits from."""

    plays_a_day: tuple[float, float]
    days: tuple[float, float]  # share of days with music
    hours: tuple[float, float]  # where the day's listening is centred
    popularity: tuple[float, float]
    artists: tuple[int, int]  # how many are listened to
    fresh: tuple[float, float]  # share of plays of a track never heard before
    genres: tuple[int, int]
    skips: tuple[float, float]


HABITS: Mapping[str, Habits] = {
    "Mainstream Explorer": Habits(
        (14, 24), (0.7, 0.9), (13, 18), (72, 84), (150, 300), (0.35, 0.55), (3, 5), (0.2, 0.35)
    ),
    "Underground Hunter": Habits(
        (14, 26), (0.65, 0.9), (14, 19), (12, 30), (200, 400), (0.4, 0.6), (6, 10), (0.1, 0.25)
    ),
    "Music Addict": Habits((60, 110), (0.94, 1.0), (12, 16), (45, 60), (120, 300), (0.1, 0.2), (4, 7), (0.1, 0.25)),
    "Night Owl": Habits((14, 28), (0.6, 0.85), (0, 2.5), (42, 60), (60, 160), (0.1, 0.3), (3, 6), (0.1, 0.25)),
    "Casual Listener": Habits((3, 6), (0.22, 0.42), (15, 19), (55, 72), (8, 25), (0.02, 0.1), (2, 3), (0.05, 0.2)),
}


def artists(seed: int = 0, count: int = 2_000) -> list[CatalogArtist]:
    """A catalogue whose popularity runs evenly from 0 to 100."""
    return [
        CatalogArtist(
            artist_id=f"artist{seed}x{number}",
            name=f"Artist {number}",
            genre=GENRES[number % len(GENRES)],
            subgenre="",
            popularity=number * 101 // count,
        )
        for number in range(count)
    ]


def planted(
    seed: int, *, each: int = 12, days: int = 90, names: Sequence[str] = tuple(HABITS), first_id: int = 1
) -> tuple[pa.Table, dict[int, str]]:
    """`each` listeners of every persona: their plays (schema PLAYS) and whose persona is whose."""
    generator = np.random.default_rng(seed)
    catalogue = artists()
    tables, labels = [], {}
    listener = first_id
    for name in names:
        for _ in range(each):
            tables.append(_listener(generator, listener, HABITS[name], catalogue, days))
            labels[listener] = name
            listener += 1
    return pa.concat_tables(tables), labels


def _listener(
    generator: np.random.Generator, listener: int, habits: Habits, catalogue: Sequence[CatalogArtist], days: int
) -> pa.Table:
    def draw(between: tuple[float, float]) -> float:
        return float(generator.uniform(*between))

    a_day, centre, popularity = draw(habits.plays_a_day), draw(habits.hours), draw(habits.popularity)
    genres = set(generator.permutation(GENRES)[: int(draw(habits.genres))])
    rated = np.array([artist.popularity or 0 for artist in catalogue], dtype=float)
    weight = np.exp(-((rated - popularity) ** 2) / 200) * [artist.genre in genres for artist in catalogue]
    mine = generator.choice(
        len(catalogue),
        size=min(int(draw(habits.artists)), int((weight > 0).sum())),
        replace=False,
        p=weight / weight.sum(),
    )
    active = np.flatnonzero(generator.random(days) < draw(habits.days))
    end: list[float] = []
    for number in active:
        plays = max(1, generator.poisson(a_day))
        start = (centre - plays * 0.06 / 2 + generator.normal(0, 1.5)) * 3_600_000
        ends = start + np.cumsum(generator.uniform(150_000, 260_000, plays))
        end.extend((FIRST_DAY + number) * DAY_MS + ends)
    ended = np.unique(np.array(end, dtype=np.int64))
    count = len(ended)
    ranked = 1 / np.arange(1, len(mine) + 1) ** 0.8
    chosen = generator.choice(mine, size=count, p=ranked / ranked.sum())
    fresh = generator.random(count) < draw(habits.fresh)
    track = np.where(fresh, 100_000 + np.arange(count), generator.geometric(0.15, count))
    skipped = generator.random(count) < draw(habits.skips)
    played = np.full(count, 150_000, dtype=np.int64)
    rows = [catalogue[number] for number in chosen]
    started = ended - played
    local = started // 3_600_000 % 24
    titles = [f"Song {number}" for number in track]
    hashes = (chosen.astype(np.uint64) * np.uint64(1_000_003) + track.astype(np.uint64)) % np.uint64(2**32)
    columns: dict[str, object] = {
        "listener": np.full(count, listener, dtype=np.uint64),
        "play_id": ((ended // 1000).astype(np.uint64) << np.uint64(32)) | hashes,
        "version": np.ones(count, dtype=np.uint64),
        "is_deleted": np.zeros(count, dtype=np.uint8),
        "ended_at": ended,
        "started_at": started,
        "ms_played": played,
        "ms_played_is_estimate": [False] * count,
        "title": titles,
        "artist_names": [[row.name] for row in rows],
        "artist_ids": [[row.artist_id] for row in rows],
        "skipped": skipped.tolist(),
        "sources": [["simulator"]] * count,
        "artist": [row.name for row in rows],
        "artist_id": [row.artist_id for row in rows],
        "artist_is_guess": [False] * count,
        "local_date": (started // DAY_MS).astype(np.int32),
        "local_hour": local.astype(np.uint8),
        "weekday": ((started // DAY_MS + 3) % 7 + 1).astype(np.uint8),
        "utc_offset_minutes": np.zeros(count, dtype=np.int16),
        "time_zone": ["UTC"] * count,
        "season": [""] * count,
        "genre": [row.genre for row in rows],
        "subgenre": [row.subgenre for row in rows],
    }
    return as_plays(columns, count)


def as_plays(columns: Mapping[str, object], count: int) -> pa.Table:
    """Columns in the schema PLAYS; those not given are empty, as a source leaves them."""
    arrays = []
    for field in PLAYS:
        if field.name in columns:
            given = columns[field.name]
            arrays.append(pa.array(given, field.type) if isinstance(given, list) else pa.array(given).cast(field.type))
        elif pa.types.is_list(field.type):
            arrays.append(pa.array([[]] * count, type=field.type))
        elif pa.types.is_string(field.type):
            arrays.append(pa.array([""] * count, type=field.type))
        else:
            arrays.append(pa.nulls(count, type=field.type))
    return pa.table(arrays, schema=PLAYS)
