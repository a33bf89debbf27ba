"""The columns that go to ClickHouse, as Arrow schemas: what enrichment makes and the writer takes.

Arrow, and not a list of rows, since whole columns are what both ends are fast with. Names and
order are those of the tables in sinks/schema; a test holds the two together. Unknown texts are
"", unknown numbers and flags are null. Times are Unix milliseconds UTC (`timestamp[ms, UTC]`).
"""

from __future__ import annotations

import pyarrow as pa

MS = pa.timestamp("ms", tz="UTC")
TEXTS = pa.list_(pa.string())

# what a source says of a play, the same in both layers
_SAID = [
    ("uri", pa.string()),
    ("title", pa.string()),
    ("artist_names", TEXTS),
    ("artist_ids", TEXTS),  # as long as artist_names; "" where the source has no id
    ("album", pa.string()),
    ("album_uri", pa.string()),
    ("image_url", pa.string()),
    ("isrc", pa.string()),
    ("release_date", pa.string()),
    ("country", pa.string()),
    ("platform", pa.string()),
    ("reason_start", pa.string()),
    ("reason_end", pa.string()),
    ("shuffle", pa.bool_()),
    ("skipped", pa.bool_()),
    ("offline", pa.bool_()),
    ("incognito", pa.bool_()),
    ("explicit", pa.bool_()),
]

SIGHTINGS = pa.schema(
    [
        ("listener", pa.uint64()),
        ("ended_at", MS),  # the best end that this source allows; reported_end is what it said
        ("sighting_id", pa.uint64()),
        ("version", pa.uint64()),
        ("is_deleted", pa.uint8()),
        ("source", pa.string()),
        ("kind", pa.string()),
        ("reported_end", MS),
        ("started_at", MS),
        ("ms_played", pa.int64()),
        ("duration_ms", pa.int64()),
        *_SAID,
        ("published_at", MS),
        ("import_id", pa.uint64()),  # the import that was the first to bring it; 0 for none
    ]
)

IMPORT_ROWS = pa.schema(
    [
        ("listener", pa.uint64()),
        ("import_id", pa.uint64()),
        ("sighting_id", pa.uint64()),
        ("ended_at", MS),
        ("version", pa.uint64()),
        ("is_deleted", pa.uint8()),
    ]
)

PLAYS = pa.schema(
    [
        ("listener", pa.uint64()),
        ("play_id", pa.uint64()),
        ("version", pa.uint64()),
        ("is_deleted", pa.uint8()),
        ("ended_at", MS),
        ("started_at", MS),
        ("ms_played", pa.int64()),
        ("ms_played_is_estimate", pa.bool_()),
        ("duration_ms", pa.int64()),
        *_SAID,
        ("sources", TEXTS),  # the sources that saw it, best rank first
        ("artist", pa.string()),  # the first artist's name as given
        ("artist_id", pa.string()),  # given or linked; "" while unknown
        ("artist_is_guess", pa.bool_()),  # linked by name among namesakes
        ("local_date", pa.date32()),
        ("local_hour", pa.uint8()),
        ("weekday", pa.uint8()),  # 1 is Monday
        ("utc_offset_minutes", pa.int16()),
        ("time_zone", pa.string()),
        ("season", pa.string()),
        ("genre", pa.string()),
        ("subgenre", pa.string()),
        ("hidden", pa.bool_()),  # the listener hid it: it counts nowhere
        ("counts_as", pa.string()),  # the track that it counts as, where recordings were merged; else ""
    ]
)

DEAD_LETTERS = pa.schema(
    [
        ("dead_letter_id", pa.uint64()),  # hash of import and origin, else of where and what it was
        ("refused_at", MS),
        ("reason", pa.string()),  # the word of streams.contracts.errors
        ("message", pa.string()),
        ("listener", pa.uint64()),  # 0 where the record does not say
        ("import_id", pa.uint64()),  # 0 where no import brought it
        ("origin", pa.string()),
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("published_at", MS),  # the record's own timestamp
        ("key", pa.binary()),
        ("payload", pa.binary()),
        ("headers", pa.map_(pa.string(), pa.binary())),
    ]
)

PLAYBACK = pa.schema(
    [
        ("listener", pa.uint64()),
        ("observed_at", MS),
        ("is_playing", pa.bool_()),
        ("uri", pa.string()),
        ("title", pa.string()),
        ("artist_names", TEXTS),
        ("album", pa.string()),
        ("image_url", pa.string()),
        ("progress_ms", pa.int64()),
        ("duration_ms", pa.int64()),
    ]
)
