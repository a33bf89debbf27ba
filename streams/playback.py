"""A slice of music.playback.changed.v1, decoded record by record: there are few, and only the newest counts."""

from __future__ import annotations

from collections.abc import Sequence

from streams.contracts import codec
from streams.contracts.errors import Refused
from streams.contracts.events import PlaybackChanged
from streams.contracts.record import Record, Taken
from streams.refusals import Refusal


def decode_playback(
    records: Sequence[Taken], *, now_ms: int
) -> tuple[list[tuple[Taken, PlaybackChanged]], list[Refusal], list[tuple[Record, Exception]]]:
    """What plays now, by record; refusals; and the records on which our own code failed."""
    good, refusals, faults = [], [], []
    for record in records:
        try:
            good.append((record, codec.decode(PlaybackChanged, record, now_ms=now_ms)))
        except Refused as error:
            refusals.append(Refusal(Record.of(record), error))
        except Exception as error:
            faults.append((Record.of(record), error))
    return good, refusals, faults
