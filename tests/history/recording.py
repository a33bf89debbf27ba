"""Ports that record, and small exports: what the tests of this folder share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from producers.simulator.export import PLANTED_ADDRESS
from streams.contracts.ports import Reconciliation
from streams.contracts.record import Headers
from streams.contracts.topics import Topic

ROW: dict[str, Any] = {
    "ts": "2025-04-29T01:31:08Z",
    "platform": "Windows 10 (10.0.19045; x64)",
    "ms_played": 108_465,
    "conn_country": "US",
    "ip_addr": PLANTED_ADDRESS,
    "master_metadata_track_name": "Red Liberation",
    "master_metadata_album_artist_name": "fripSide",
    "master_metadata_album_album_name": "infinite Resonance 2",
    "spotify_track_uri": "spotify:track:2B8geqnq9YIym0ixYn83Pd",
    "episode_name": None,
    "episode_show_name": None,
    "spotify_episode_uri": None,
    "reason_start": "clickrow",
    "reason_end": "trackdone",
    "shuffle": False,
    "skipped": False,
    "offline": False,
    "offline_timestamp": 1_745_890_158,
    "incognito_mode": False,
}


def row(**changes: Any) -> dict[str, Any]:
    return ROW | changes


def rows(count: int) -> list[dict[str, Any]]:
    """Distinct rows, an hour apart."""
    return [
        row(ts=f"2024-{1 + n // 600:02d}-{1 + n // 24 % 25:02d}T{n % 24:02d}:00:00Z", offline_timestamp=None)
        for n in range(count)
    ]


def write(path: Path, content: Any) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


class RecordingPublisher:
    """Takes records; `fail_after` makes it raise in the middle."""

    def __init__(self, error: Exception | None = None, fail_after: int = 0) -> None:
        self.records: list[tuple[bytes | None, bytes | None, dict[str, bytes | None]]] = []
        self.settlings = 0
        self._error = error
        self._fail_after = fail_after

    async def publish_many(
        self,
        topic: Topic,
        keys: Sequence[bytes | None],
        values: Sequence[bytes | None],
        headers: Sequence[Headers] | None = None,
    ) -> None:
        assert topic.name == "music.play.recorded.v1"
        assert headers is not None
        for key, value, about in zip(keys, values, headers, strict=True):
            if self._error is not None and len(self.records) >= self._fail_after:
                raise self._error
            self.records.append((key, value, dict(about)))

    async def settled(self) -> None:
        self.settlings += 1


class RecordingLedger:
    """Remembers what it was told; counts nothing itself."""

    def __init__(self) -> None:
        self.started: list[tuple[int, int, list[str]]] = []
        self.noted: list[tuple[int, int]] = []
        self.finished: list[tuple[int, int]] = []
        self.failed: list[str] = []
        self.left_out: list[tuple[str, str]] = []

    def start(
        self, listener: int, import_id: int, files: Sequence[str], left_out: Sequence[tuple[str, str]] = ()
    ) -> None:
        self.left_out = list(left_out)
        self.started.append((listener, import_id, list(files)))

    def progress(self, import_id: int, read: int, published: int) -> None:
        self.noted.append((read, published))

    def finish(self, import_id: int, read: int, repeats: int, seconds: float) -> Reconciliation:
        self.finished.append((read, repeats))
        return Reconciliation(
            import_id=f"{import_id:016x}", read=read, stored=read - repeats, known=repeats, refused={},
            plays_new=0, plays_merged=0, gaps_closed=0, seconds=seconds,
        )  # fmt: skip

    def fail(self, import_id: int, why: str) -> None:
        self.failed.append(why)
