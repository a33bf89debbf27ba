"""A row of Spotify's Account data (StreamingHistory*.json) -> the event that is published. Pure.

It knows names but no ids, and `endTime` is the end of the play in UTC, cut to the minute: up to
59 s before the true end, which the matching of sightings (90 s) covers. Files of music name
artist and track, files of podcasts show and episode.
"""

from __future__ import annotations

from producers.history import values
from producers.history.published import Published, Told, Whose, artists_of, length, recorded, sound
from producers.history.rows import AccountRow
from streams.contracts import ids
from streams.contracts.events import EARLIEST, PlayRecorded, Source

_SOURCE: Source = "spotify.export.account"


class AccountFormat:
    """Rows of one listener's Account data. Ids are 64-bit, the time is Unix milliseconds UTC."""

    def __init__(self, listener: int, import_id: int, published_at: int) -> None:
        self._whose = Whose(listener, import_id, published_at)

    def publish(self, row: AccountRow | None, origin: str) -> Published:
        """One row (None where it could not be read at all) -> its record."""
        if row is None:
            return Published(b"", 0, origin, 0)
        end, played, told = values.moment(row.end_time), values.whole(row.played), tell(row)
        whose = self._whose
        if not (whose.possible(end) and length(played) and sound(told)):
            return whose.refusable(whose.fields(_SOURCE, end, played, told), origin)
        started = None if played is None or end - played < EARLIEST else end - played
        artists = artists_of(told)
        event = PlayRecorded(
            listener=ids.to_hex(whose.listener),
            source=_SOURCE,
            reported_end=end,
            published_at=whose.published_at,
            started_at=started,
            ms_played=played,
            kind=told.kind,
            title=told.title,
            artists=artists,
            album=told.album,
            import_id=ids.to_hex(whose.import_id),
        )
        return recorded(event, whose, artists, origin)


def tell(row: AccountRow) -> Told:
    """An episode where the row names a show or an episode, else a track."""
    if row.track is None and (row.episode is not None or row.show is not None):
        return Told(kind="episode", uri="", title=values.text(row.episode), album=values.text(row.show))
    return Told(kind="track", uri="", title=values.text(row.track), artist=values.text(row.artist))
