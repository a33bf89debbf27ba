"""A record as it lies on a topic, and the headers that ours carry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

CONTENT_TYPE = "content-type"
SCHEMA_VERSION = "schema-version"
IMPORT = "spotifire-import"  # id of the import that published it
ORIGIN = "spotifire-origin"  # where it stands in which file, "name.json#17": never its content
REPLAY = "spotifire-replay"  # id of the dead letter that is published again
PUBLISHED = "spotifire-published"  # of a replay: when the record was first published, Unix milliseconds UTC

# Kafka Connect's names, so that its tools read our dead letters
ERROR_TOPIC = "__connect.errors.topic"
ERROR_PARTITION = "__connect.errors.partition"
ERROR_OFFSET = "__connect.errors.offset"
ERROR_CLASS = "__connect.errors.exception.class.name"
ERROR_MESSAGE = "__connect.errors.exception.message"


Headers = Sequence[tuple[str, bytes | None]]  # Kafka allows a header without a value


class Taken(Protocol):
    """What is read of a record. Ours and aiokafka's ConsumerRecord both are one, so none is copied."""

    @property
    def topic(self) -> str:
        """The topic's name."""

    @property
    def partition(self) -> int:
        """The partition's number."""

    @property
    def offset(self) -> int:
        """Its place in the partition."""

    @property
    def timestamp(self) -> int:
        """When it was published, Unix milliseconds UTC."""

    @property
    def key(self) -> bytes | None:
        """The key's bytes."""

    @property
    def value(self) -> bytes | None:
        """The value's bytes."""

    @property
    def headers(self) -> Headers:
        """In their order."""


class Record(Struct, frozen=True, gc=False):
    """One record of a partition: the bytes as they came. `timestamp` is Unix milliseconds UTC."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()

    @classmethod
    def of(cls, taken: Taken) -> Record:
        """A copy that outlives the slice: for what is refused."""
        return cls(
            taken.topic,
            taken.partition,
            taken.offset,
            taken.timestamp,
            taken.key,
            taken.value,
            tuple(taken.headers),
        )

    def header(self, name: str) -> str:
        """The first header of that name as text (undecodable bytes replaced), or ""."""
        for key, value in self.headers:
            if key == name:
                return (value or b"").decode("utf-8", "replace")
        return ""
