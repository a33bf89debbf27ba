"""A simulated history in the form of a listener's own Extended export, for tests and benchmarks.

Everything that an importer must leave out is in it: addresses, a user name, a user agent.
"""

from __future__ import annotations

import itertools
import json
import random
import zipfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from producers.simulator.listeners import SimulatedListener
from producers.simulator.simulator import Simulator
from streams.contracts.events import PlayRecorded

FOLDER = "Spotify Extended Streaming History"
ROWS_A_FILE = 15_000

# of the ranges that documentation may use, and names that nobody has: tests look for them
PLANTED_ADDRESS = "203.0.113.77"
PLANTED_USER = "planted-user-name"
PLANTED_AGENT = "planted-user-agent"

_DEVICES = {
    "android": "Android OS 14 API 34 (samsung, SM-G990B)",
    "ios": "iOS 17.4 (iPhone14,2)",
    "windows": "Windows 10 (10.0.19045; x64)",
    "macos": "OS X 14.2.1 [arm 2]",
    "web": "web_player windows 10;chrome 120.0.0.0;desktop",
    "cast": "Partner google cast_tv;Chromecast;;",
}


def as_export(
    simulator: Simulator, listener: SimulatedListener, days: int, until_ms: int, *, endsong: bool = False
) -> Iterator[dict[str, Any]]:
    """The plays of `Simulator.history` as rows of an export, in order of time; `ts` loses its milliseconds."""
    for play in simulator.history(listener, days, until_ms):
        yield as_row(play, endsong=endsong)


def as_row(play: PlayRecorded, *, endsong: bool = False) -> dict[str, Any]:
    """One play as a row of an export, with an address, and of `endsong` with user name and agent."""
    ended = datetime.fromtimestamp(play.reported_end // 1000, UTC)
    row: dict[str, Any] = {
        "ts": ended.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "platform": _DEVICES.get(play.platform, play.platform),
        "ms_played": play.ms_played,
        "conn_country": play.country or "ZZ",
        "ip_addr": PLANTED_ADDRESS,
        "master_metadata_track_name": play.title,
        "master_metadata_album_artist_name": play.artists[0].name,
        "master_metadata_album_album_name": play.album,
        "spotify_track_uri": play.uri,
        "episode_name": None,
        "episode_show_name": None,
        "spotify_episode_uri": None,
        "reason_start": play.reason_start,
        "reason_end": play.reason_end,
        "shuffle": play.shuffle,
        "skipped": play.skipped,
        "offline": play.offline,
        "offline_timestamp": None if play.started_at is None else play.started_at // 1000,
        "incognito_mode": play.incognito,
    }
    if endsong:
        del row["ip_addr"]
        row |= {
            "username": PLANTED_USER,
            "ip_addr_decrypted": PLANTED_ADDRESS,
            "user_agent_decrypted": PLANTED_AGENT,
        }
    return row


def export_of(rows: int, until_ms: int, *, seed: int = 1) -> list[dict[str, Any]]:
    """Exactly `rows` rows, ending before `until_ms` (Unix milliseconds UTC), of whoever plays most."""
    simulator = Simulator(seed)
    listener = max(simulator.listeners, key=lambda each: each.habits.plays_a_day)
    days = int(rows / (listener.habits.plays_a_day * 0.85)) + 10
    plays = simulator.history(listener, days, until_ms)[-rows:]
    if len(plays) < rows:
        raise ValueError(f"{days} days gave {len(plays)} plays, not {rows}")
    return [as_row(play) for play in plays]


def write_zip(path: Path, rows: Iterable[dict[str, Any]], *, rows_a_file: int = ROWS_A_FILE) -> list[str]:
    """A zip of the shape that Spotify sends, with all that is no history beside it; its history's names."""
    names = []
    remaining = iter(rows)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(f"{FOLDER}/ReadMeFirst_ExtendedStreamingHistory.pdf", b"%PDF-1.4\n% nothing\n")
        archive.writestr(f"{FOLDER}/Identity.json", json.dumps({"displayName": PLANTED_USER}))
        archive.writestr(f"{FOLDER}/Playlist1.json", json.dumps({"playlists": []}))
        number = 0
        while chunk := list(itertools.islice(remaining, rows_a_file)):
            first, last = chunk[0]["ts"][:4], chunk[-1]["ts"][:4]
            years = first if first == last else f"{first}-{last}"
            name = f"{FOLDER}/Streaming_History_Audio_{years}_{number}.json"
            archive.writestr(name, msgspec.json.format(msgspec.json.encode(chunk), indent=2))
            names.append(name)
            number += 1
    return names


def shuffled(rows: list[dict[str, Any]], seed: int = 1) -> list[dict[str, Any]]:
    """The same rows in no order, as endsong files have them."""
    mixed = list(rows)
    random.Random(seed).shuffle(mixed)  # noqa: S311  a simulation
    return mixed
