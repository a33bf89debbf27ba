"""A record as it lies on a topic, and the headers that ours carry."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

CONTENT_TYPE = "content-type"
SCHEMA_VERSION = "schema-version"
IMPORT = "spotifire-import"  # id of the import that published it
ORIGIN = "spotifire-origin"  # where it stands in which file, "name.json#17": never its content

# Kafka Connect's names, so that its tools read our dead letters
ERROR_TOPIC = "__connect.errors.topic"
ERROR_PARTITION = "__connect.errors.partition"
ERROR_OFFSET = "__connect.errors.offset"
ERROR_CLASS = "__connect.errors.exception.class.name"
ERROR_MESSAGE = "__connect.errors.exception.message"


class Record(Struct, frozen=True, gc=False):
    """One record of a partition: the bytes as they came. `timestamp` is Unix milliseconds UTC."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()  # Kafka allows a header without a value

    def header(self, name: str) -> str:
        """The first header of that name as text (undecodable bytes replaced), or ""."""
        for key, value in self.headers:
            if key == name:
                return (value or b"").decode("utf-8", "replace")
        return ""
