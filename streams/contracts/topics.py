"""The one list of topics: name, key, type, partitions, cleanup, who writes, who reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from operator import attrgetter
from typing import Any, Literal

from msgspec import Struct

from streams.contracts import events

HOUR = 3_600_000
DAY = 24 * HOUR

WORKER_GROUP = "spotifire-worker"


class Topic(Struct, frozen=True, kw_only=True):
    """A topic. `retention_ms` is None for a compacted one."""

    name: str
    key: str
    event: type[Struct] | None
    meaning: str
    partitions: int
    retention_ms: int | None
    writers: str
    readers: str

    @property
    def cleanup(self) -> Literal["compact", "delete"]:
        """Kafka's `cleanup.policy`."""
        return "compact" if self.retention_ms is None else "delete"

    @property
    def key_fields(self) -> tuple[str, ...]:
        """The fields of an event that its key is made of."""
        return _form_of(self.key)[1]

    def key_of(self, named: object) -> str:
        """`listener|window` -> the two values of an event, or of whatever else has both, joined the same way."""
        form, _, values_of = _form_of(self.key)
        made: str = form % values_of(named)
        return made

    def settings(self) -> dict[str, str]:
        """The topic's configuration as Kafka's CreateTopics takes it."""
        if self.retention_ms is None:
            # else Kafka leaves what was replaced until half of the log is new: for ever, where little is written
            return {"cleanup.policy": "compact", "max.compaction.lag.ms": str(DAY)}
        return {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms)}


@lru_cache
def _form_of(key: str) -> tuple[str, tuple[str, ...], Callable[[object], Any]]:
    """`listener|window` -> `%s|%s`, the names, and what reads both."""
    names = tuple(re.findall(r"[a-z_]+", key))
    return re.sub(r"[a-z_]+", "%s", key), names, attrgetter(*names)


PLAY_RECORDED = Topic(
    name="music.play.recorded.v1",
    key="listener",
    event=events.PlayRecorded,
    meaning="one play as a source saw it: a sighting",
    partitions=4,
    retention_ms=14 * DAY,
    writers="pollers, importer, simulator; api, of dead letters",
    readers="worker",
)
LISTENER_COMMAND = Topic(
    name="music.listener.command.v1",
    key="listener",
    event=events.ListenerCommand,
    meaning="work for the worker that holds the listener; the command is a row in ClickHouse first",
    partitions=4,
    retention_ms=14 * DAY,
    writers="api, periodic jobs",
    readers="worker",
)
PLAY_ENRICHED = Topic(
    name="music.play.enriched.v1",
    key="listener",
    event=events.PlayEnriched,
    meaning="a play with local time, season and genre, or its removal; may repeat, keep the highest version",
    partitions=4,
    retention_ms=14 * DAY,
    writers="worker",
    readers="api's live streams, anyone",
)
DEAD_LETTER = Topic(
    name="music.play.dead-letter.v1",
    key="as it came",
    event=None,
    meaning="the bytes as they came (over 900 KiB: in ClickHouse only); the headers say why they were refused",
    partitions=4,
    retention_ms=90 * DAY,
    writers="worker",
    readers="anyone",
)
PLAYBACK_CHANGED = Topic(
    name="music.playback.changed.v1",
    key="listener",
    event=events.PlaybackChanged,
    meaning="what plays at this moment, or nothing",
    partitions=4,
    retention_ms=HOUR,
    writers="now-playing poller, simulator",
    readers="worker, api's live streams",
)
LIBRARY_ITEM = Topic(
    name="music.library.item.v1",
    key="listener|kind|time_range|item",  # without the range, compaction would keep a track of one top list only
    event=events.LibraryItem,
    meaning="saved track, followed artist or top item, or its removal; may repeat, keep the highest version; "
    "null: erased",
    partitions=4,
    retention_ms=None,
    writers="library collector, demo; worker, of the erased",
    readers="anyone",
)
ARTIST_DESCRIBED = Topic(
    name="music.artist.described.v1",
    key="source:id",
    event=events.ArtistDescribed,
    meaning="name, genres, popularity, as one source gave them",
    partitions=4,
    retention_ms=None,
    writers="catalogue import",
    readers="anyone",
)
LISTENER_PROFILE = Topic(
    name="music.listener.profile.v1",
    key="listener|window",
    event=events.ListenerProfile,
    meaning="the personality of one window; null: erased",
    partitions=4,
    retention_ms=None,
    writers="profile job; worker, of the erased",
    readers="anyone",
)

TOPICS: tuple[Topic, ...] = (
    PLAY_RECORDED,
    LISTENER_COMMAND,
    PLAY_ENRICHED,
    DEAD_LETTER,
    PLAYBACK_CHANGED,
    LIBRARY_ITEM,
    ARTIST_DESCRIBED,
    LISTENER_PROFILE,
)

LASTING = tuple(topic for topic in TOPICS if topic.cleanup == "compact" and "listener" in topic.key_fields)
"""They keep what they hold of a listener for as long as no tombstone (the key, with a null value) takes it back."""
