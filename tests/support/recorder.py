"""A pipeline, and commands, that write down what they were given: for tests of what lies round them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from streams.contracts import codec
from streams.contracts.errors import Refused
from streams.contracts.events import Artist, PlayEnriched, PlayRecorded
from streams.contracts.record import Record, Taken
from streams.outcome import Outcome
from streams.refusals import Refusal, dead_letter

NOW = 1_780_000_000_000


class Prepared(Struct):
    """A slice that was read and is not stored."""

    records: Sequence[Taken]
    uris: list[str]
    outcome: Outcome


class Recorder:
    """Keeps each play's URI, in memory or (fsynced) in a file, which then is what is durable."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file
        self.rows: list[str] = []
        self.offsets: set[tuple[str, int, int]] = set()
        self.commands: list[int] = []
        self.playbacks: list[Taken] = []
        self.refused: list[Refusal] = []
        self.slices = 0  # whose storing began
        self.prepared = 0
        self.forgot = 0
        self.most = 0  # slices that were stored at the same time
        self.storing = 0
        self.largest = 0  # records in a slice
        self.preparing: Callable[[Sequence[Taken]], None] | None = None
        self.before: Callable[[Sequence[Taken]], None] | None = None  # may raise: nothing was stored then
        self.after: Callable[[Sequence[Taken]], None] | None = None  # may raise: it was stored
        self._lock = threading.Lock()

    def prepare(self, records: Sequence[Taken]) -> Prepared:
        self.prepared += 1
        self.largest = max(self.largest, len(records))
        if self.preparing is not None:
            self.preparing(records)
        outcome = Outcome()
        uris = []
        for taken in records:
            record = Record.of(taken)
            try:
                event = codec.decode(PlayRecorded, record, now_ms=NOW)
            except Refused as error:
                outcome.refused += 1
                outcome.dead_letters.append((record.key, record.value, [("reason", error.reason.encode())]))
                continue
            uris.append(event.uri)
            told = PlayEnriched(listener=event.listener, play_id="0" * 16, version=1, uri=event.uri)
            outcome.enriched.keys.append(event.listener.encode())
            outcome.enriched.values.append(msgspec.json.encode(told))
        outcome.stored = len(uris)
        return Prepared(records, uris, outcome)

    def store(self, prepared: Prepared) -> Outcome:
        with self._lock:
            self.slices += 1
            self.storing += 1
            self.most = max(self.most, self.storing)
        try:
            return self._store(prepared)
        finally:
            with self._lock:
                self.storing -= 1

    def _store(self, prepared: Prepared) -> Outcome:
        if self.before is not None:
            self.before(prepared.records)
        with self._lock:
            if self.file is not None:
                with self.file.open("ab") as file:
                    file.write("".join(f"{uri}\n" for uri in prepared.uris).encode())
                    file.flush()
                    os.fsync(file.fileno())
            self.rows += prepared.uris
            self.offsets.update((record.topic, record.partition, record.offset) for record in prepared.records)
        if self.after is not None:
            self.after(prepared.records)
        return prepared.outcome

    def forget(self) -> None:
        self.forgot += 1

    def command(self, listener: int) -> Outcome:
        self.commands.append(listener)
        return Outcome()

    def conclude(self, outcome: Outcome) -> Outcome:
        return outcome

    def refuse(self, refusals: Sequence[Refusal]) -> Outcome:
        self.refused += refusals
        return Outcome(refused=len(refusals), dead_letters=[dead_letter(refusal) for refusal in refusals])

    def playback(self, records: Sequence[Taken]) -> Outcome:
        self.playbacks += records
        return Outcome()

    @property
    def ids(self) -> set[str]:
        if self.file is not None:
            return set(self.file.read_text().splitlines())
        return set(self.rows)


def play(number: int, *, listeners: int = 50, padding: int = 0) -> PlayRecorded:
    """A play of its own: its URI tells which."""
    return PlayRecorded(
        listener=f"{number % listeners + 1:016x}",
        source="simulator",
        reported_end=NOW - number * 1000,
        published_at=NOW,
        uri=uri(number),
        title=f"A title {number} " + "x" * padding,
        artists=(Artist("An artist"),),
    )


def uri(number: int) -> str:
    return f"spotify:track:{number:022d}"


def slow(seconds: float) -> Callable[[Sequence[Taken]], None]:
    return lambda _: time.sleep(seconds)
