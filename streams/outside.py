"""The look-ups of a slice's work, so that their failures are told from those of our own code.

When ClickHouse answers with an error, no record is to blame, and none may become a dead letter.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

import pyarrow as pa

from streams.contracts.errors import Unavailable
from streams.contracts.ports import CatalogArtist, ListenerSettings, PlayStore, Reference, Span

AnswerT = TypeVar("AnswerT")


class LookUpFailed(Exception):
    """A look-up failed for a reason that waiting does not mend; `error` is what it raised."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class LookUps:
    """streams.contracts.ports.Reference, and a PlayStore's look-up, that raise LookUpFailed.

    Retriable errors (StoreUnavailable) come out as they are.
    """

    def __init__(self, store: PlayStore, reference: Reference) -> None:
        self._store = store
        self._reference = reference

    def sightings_within(self, spans: Sequence[Span]) -> pa.Table:
        """See PlayStore."""
        return _told_apart(lambda: self._store.sightings_within(spans))

    def listeners(self, ids: Collection[int]) -> Mapping[int, ListenerSettings]:
        """See Reference."""
        return _told_apart(lambda: self._reference.listeners(ids))

    def artists_by_id(self, ids: Collection[str]) -> Mapping[str, CatalogArtist]:
        """See Reference."""
        return _told_apart(lambda: self._reference.artists_by_id(ids))

    def artists_by_name(self, folded: Collection[str]) -> Mapping[str, Sequence[CatalogArtist]]:
        """See Reference."""
        return _told_apart(lambda: self._reference.artists_by_name(folded))

    def artists_of_tracks(self, uris: Collection[str]) -> Mapping[str, Sequence[str]]:
        """See Reference."""
        return _told_apart(lambda: self._reference.artists_of_tracks(uris))

    def forget(self, listener: int) -> None:
        """See Reference."""
        self._reference.forget(listener)


def _told_apart(look_up: Callable[[], AnswerT]) -> AnswerT:
    try:
        return look_up()
    except Unavailable:
        raise
    except Exception as error:
        raise LookUpFailed(error) from error
