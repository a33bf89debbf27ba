"""A pipeline that writes down what it was given: for tests of what lies round the pipeline."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from streams.contracts import codec
from streams.contracts.errors import Refused
from streams.contracts.events import Artist, PlayEnriched, PlayRecorded
from streams.contracts.record import Record
from streams.pipeline import Outcome
from streams.refusals import Refusal, dead_letter

NOW = 1_780_000_000_000


class Recorder:
    """Keeps each play's URI, in memory or (fsynced) in a file, which then is what is durable."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file
        self.rows: list[str] = []
        self.offsets: set[tuple[str, int, int]] = set()
        self.commands: list[int] = []
        self.playbacks: list[Record] = []
        self.refused: list[Refusal] = []
        self.slices = 0
        self.before: Callable[[Sequence[Record]], None] | None = None  # may raise: nothing was stored then
        self.after: Callable[[Sequence[Record]], None] | None = None  # may raise: it was stored

    def run(self, records: Sequence[Record]) -> Outcome:
        self.slices += 1
        if self.before is not None:
            self.before(records)
        outcome = Outcome()
        uris = []
        for record in records:
            try:
                event = codec.decode(PlayRecorded, record, now_ms=NOW)
            except Refused as error:
                outcome.refused += 1
                outcome.dead_letters.append((record.key, record.value, [("reason", error.reason.encode())]))
                continue
            uris.append(event.uri)
            outcome.enriched.append(PlayEnriched(listener=event.listener, play_id="0" * 16, version=1, uri=event.uri))
        outcome.stored = len(uris)
        if self.file is not None:
            with self.file.open("ab") as file:
                file.write("".join(f"{uri}\n" for uri in uris).encode())
                file.flush()
                os.fsync(file.fileno())
        self.rows += uris
        self.offsets.update((record.topic, record.partition, record.offset) for record in records)
        if self.after is not None:
            self.after(records)
        return outcome

    def command(self, listener: int) -> Outcome:
        self.commands.append(listener)
        return Outcome()

    def conclude(self, outcome: Outcome) -> Outcome:
        return outcome

    def refuse(self, refusals: Sequence[Refusal]) -> Outcome:
        self.refused += refusals
        return Outcome(refused=len(refusals), dead_letters=[dead_letter(refusal) for refusal in refusals])

    def playback(self, records: Sequence[Record]) -> Outcome:
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


def size(event: Struct) -> int:
    return len(msgspec.json.encode(event))


def slow(seconds: float) -> Callable[[Sequence[Record]], None]:
    return lambda _: time.sleep(seconds)
