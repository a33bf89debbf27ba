"""Examples of the OpenAPI document; a test holds each against its route's schema."""

from __future__ import annotations

from typing import Any

PLAY: dict[str, Any] = {
    "play_id": "6920fd5a9c1b22d0",
    "ended_at": "2025-11-21T22:14:18.250000Z",
    "started_at": "2025-11-21T22:09:11.000000Z",
    "ms_played": 307250,
    "ms_played_is_estimate": False,
    "duration_ms": 307250,
    "uri": "spotify:track:4wajJ1o7jWIg62YqpkHC7S",
    "title": "Weird Fishes/ Arpeggi",
    "artist": "Radiohead",
    "artist_names": ["Radiohead"],
    "artist_id": "4Z8W4fKeB5YxbusRsdQVPb",
    "artist_is_guess": False,
    "album": "In Rainbows",
    "image_url": "",
    "local_date": "2025-11-21",
    "local_hour": 22,
    "local_time": "22:09",
    "weekday": 5,
    "utc_offset_minutes": 0,
    "time_zone": "Europe/Lisbon",
    "season": "autumn",
    "genre": "rock",
    "subgenre": "art rock",
    "skipped": False,
    "incognito": False,
    "counted": True,
    "hidden": False,
    "sources": ["spotify.export.extended", "spotify.recently-played"],
}
RECENT = {"plays": [PLAY], "next": "6920fd5a9c1b22d0"}
TOP = {
    "window": "90d",
    "by": "plays",
    "rows": [
        {
            "rank": 1,
            "name": "Radiohead",
            "artist": "",
            "key": "4Z8W4fKeB5YxbusRsdQVPb",
            "uri": "spotify:artist:4Z8W4fKeB5YxbusRsdQVPb",
            "image_url": "",
            "plays": 127,
            "minutes": 542.3,
            "first_at": "2025-08-24T07:12:00Z",
            "last_at": "2025-11-21T22:14:18Z",
        }
    ],
}
CLOCK = {
    "window": "90d",
    "by": "plays",
    "hours": [{"hour": hour, "plays": 10 + hour, "minutes": 35.5 + hour} for hour in range(24)],
}
WEEK = {
    "window": "90d",
    "hours": [
        {"weekday": day, "hour": hour, "plays": day + hour, "minutes": 3.5 * (day + hour)}
        for day in range(1, 8)
        for hour in range(24)
    ],
}
CALENDAR = {"window": "90d", "days": [{"day": "2025-11-21", "plays": 31, "minutes": 108.4}]}
STREAKS = {
    "current": {"first_day": "2025-11-02", "last_day": "2025-11-21", "days": 20},
    "longest": {"first_day": "2025-08-24", "last_day": "2025-10-30", "days": 68},
}
SESSIONS = {
    "sessions": 141,
    "median_minutes": 41.5,
    "longest_minutes": 312.0,
    "rows": [
        {
            "started_at": "2025-11-21T21:02:11Z",
            "ended_at": "2025-11-21T22:14:18Z",
            "local_date": "2025-11-21",
            "plays": 17,
            "minutes": 66.1,
            "length_minutes": 72.12,
        }
    ],
}
MAINSTREAM = {
    "window": "2025",
    "per": "month",
    "rows": [{"starts": "2025-11-01", "index": 61.4, "plays": 702, "share": 0.9402}],
}
EVOLUTION = {
    "window": "2025",
    "per": "season",
    "rows": [
        {
            "starts": "2025-09-01",
            "season": "autumn",
            "genre": "rock",
            "plays": 812,
            "minutes": 2901.7,
            "share": 0.3992,
        }
    ],
}
DISCOVERY = {
    "window": "2025",
    "per": "month",
    "rows": [{"starts": "2025-11-01", "plays": 702, "new_artists": 12, "new_tracks": 88}],
}
LIBRARY: dict[str, Any] = {
    "looks": [{"kind": "saved-track", "time_range": "", "looked_at": "2025-11-21T20:00:00Z", "total": 812}],
    "favourites": {
        "artists": [
            {
                "item": "4Z8W4fKeB5YxbusRsdQVPb",
                "title": "",
                "artist": "Radiohead",
                "artist_id": "4Z8W4fKeB5YxbusRsdQVPb",
                "image_url": "",
                "uri": "spotify:artist:4Z8W4fKeB5YxbusRsdQVPb",
                "short": 1,
                "medium": 4,
                "long": 9,
                "trend": "risen",
                "places": 3,
            }
        ],
        "tracks": [],
    },
    "never_played": {
        "saved": 812,
        "never_played": 96,
        "rows": [
            {
                "item": "4wajJ1o7jWIg62YqpkHC7S",
                "title": "Weird Fishes/ Arpeggi",
                "artist": "Radiohead",
                "artist_id": "4Z8W4fKeB5YxbusRsdQVPb",
                "album": "In Rainbows",
                "image_url": "",
                "uri": "spotify:track:4wajJ1o7jWIg62YqpkHC7S",
                "added_at": "2021-03-04T18:22:10Z",
            }
        ],
    },
    "followed": {
        "followed": 131,
        "heard": 74,
        "fading": 6,
        "dropped": 38,
        "never": 13,
        "rows": [
            {
                "item": "7w29UYBi0qsHi5RTcv3lmA",
                "artist": "Björk",
                "image_url": "",
                "uri": "spotify:artist:7w29UYBi0qsHi5RTcv3lmA",
                "plays": 412,
                "plays_recent": 0,
                "plays_before": 87,
                "last_at": "2025-06-02T19:40:51Z",
                "state": "dropped",
            }
        ],
    },
    "well_known": [
        {
            "what": "plays",
            "items": 20341,
            "coverage": 0.9412,
            "index": 61.4,
            "mainstream": 0.5713,
            "niche": 901,
            "rising": 2417,
            "known": 4889,
            "popular": 7012,
            "star": 3926,
        }
    ],
}
CATALOGUE = {
    "artists": [
        {
            "artist_id": "4Z8W4fKeB5YxbusRsdQVPb",
            "name": "Radiohead",
            "genre": "rock",
            "subgenre": "art rock",
            "popularity": 82,
            "band": "star",
        }
    ],
    "next": 100,
}
TOTALS = {
    "plays": 2034,
    "minutes": 7080.5,
    "artists": 412,
    "tracks": 1186,
    "days": 88,
    "first_at": "2025-08-24T07:12:00Z",
    "last_at": "2025-11-21T22:14:18Z",
}
COVERAGE = {"plays": 2034, "known": 1932, "share": 0.9499}
PROFILE = {
    "listener": "00c0ffee00c0ffee",
    "name": "Ada",
    "window": "90d",
    "computed_at": "2025-11-21T22:20:00Z",
    "plays": 2034,
    "persona": "Night Owl",
    "confidence": 0.82,
    "reasons": ["46% of your plays come between 20:00 and 04:00."],
    "features": {"night_share": 0.46},
}
NOW = {
    "observed_at": "2025-11-21T22:14:18Z",
    "is_playing": True,
    "uri": "spotify:track:4wajJ1o7jWIg62YqpkHC7S",
    "title": "Weird Fishes/ Arpeggi",
    "artist_names": ["Radiohead"],
    "album": "In Rainbows",
    "image_url": "",
    "progress_ms": 61000,
    "duration_ms": 318000,
}
LISTENER = {
    "listener": "00c0ffee00c0ffee",
    "name": "Ada",
    "account_id": "",
    "is_demo": False,
    "created_at": "2025-01-02T10:00:00Z",
    "zones": [{"starts": "1970-01-01T00:00:00Z", "zone": "Europe/Lisbon"}],
    "hemisphere": "",
    "min_ms_played": 30000,
    "count_incognito": False,
    "finished_only": False,
    "profile_sources": "all",
    "time_zone": "Europe/Lisbon",
    "connection": "connected",
}
LISTENERS = {"listeners": [LISTENER]}
TOKEN = {
    "token_id": "3c2b1a0f9e8d7c6b",
    "name": "phone",
    "role": "listener",
    "listener": "00c0ffee00c0ffee",
    "created_at": "2025-11-21T22:14:18Z",
    "listener_name": "Ada",
}
TOKENS = {"tokens": [TOKEN]}
TOKEN_MADE = {**TOKEN, "token": "spotifire_..."}
FINDINGS = {
    "findings": [
        {
            "part": "data folder",
            "state": "warning",
            "detail": "0.8 GiB free",
            "cure": "Free some disk soon.",
        }
    ]
}
CORRECTIONS = {
    "corrections": [
        {
            "kind": "artist",
            "subject": "white noise",
            "target": "",
            "label": "White Noise",
            "made_at": "2025-11-21T22:14:18Z",
        }
    ]
}
RECORDINGS = {
    "recordings": [
        {
            "isrc": "GBSTK0700006",
            "artist": "Radiohead",
            "uris": ["spotify:track:4wajJ1o7jWIg62YqpkHC7S", "spotify:track:1oQ4gXvUkPHPbhcL9Afnmx"],
            "titles": ["Weird Fishes/ Arpeggi", "Weird Fishes / Arpeggi"],
            "plays": 41,
        }
    ]
}
REPLAYED: dict[str, Any] = {"stored": ["1f2e3d4c5b6a7988"], "refused": [], "waiting": [], "skipped": {}}
SQL = {"columns": ["plays"], "rows": [[2034]]}


def example(value: Any, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """A route's `responses` with one example."""
    return {status: {"content": {"application/json": {"example": value}}}}
