"""The formulas of every id. They are final: a change here would make known rows new.

All ids are 64-bit. Inside ClickHouse, Arrow and Python they are unsigned integers; everywhere
else (JSON, URLs, Kafka keys) 16 hexadecimal digits, because JavaScript and Grafana round
64-bit numbers.
"""

from __future__ import annotations

import secrets
import unicodedata
from functools import lru_cache
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pyarrow as pa

SEPARATOR = "\x1f"  # fold() and the codec's URI pattern both keep it out of the parts


def to_hex(value: int) -> str:
    """64-bit unsigned integer -> 16 hexadecimal digits."""
    return f"{value:016x}"


def from_hex(text: str) -> int:
    """16 hexadecimal digits -> 64-bit unsigned integer. Raises ValueError for anything else."""
    if len(text) != 16 or not text.isascii() or not text.isalnum():
        raise ValueError(f"an id is 16 hexadecimal digits, not {text[:32]!r}")
    return int.from_bytes(bytes.fromhex(text), "big")  # int() would also take "0x"


def new_id() -> int:
    """A random id for a listener, an import or a command. Never 0, which means none."""
    return secrets.randbits(64) or 1


@lru_cache(maxsize=32_768)
def fold(text: str) -> str:
    """A name as it is compared: NFKC, case folded, white space collapsed."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split())


def hash64(*parts: str) -> int:
    """BLAKE2b, 8 bytes, of the parts joined by the unit separator."""
    digest = blake2b(SEPARATOR.join(parts).encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "big")


def hashes64(texts: pa.Array) -> npt.NDArray[np.uint64]:
    """`hash64` of each text of a column without nulls; parts are joined by SEPARATOR beforehand."""
    told = texts.cast(pa.binary()).to_numpy(zero_copy_only=False)
    return np.frombuffer(b"".join([blake2b(one, digest_size=8).digest() for one in told]), ">u8").astype(np.uint64)


@lru_cache(maxsize=32_768)
def name_key(artist: str, title: str) -> str:
    """Folded artist and title in one text, or "" when either is missing."""
    folded_artist, folded_title = fold(artist), fold(title)
    return f"{folded_artist}{SEPARATOR}{folded_title}" if folded_artist and folded_title else ""


def sighting_id(
    listener: int, source: str, reported_end: int, uri: str, artist: str, title: str, ms_played: int | None
) -> int:
    """Id of a sighting: what one source said, and nothing that a newer export of it may add.

    `reported_end` is the end as the source gave it, in Unix milliseconds UTC, before any
    correction for a late upload; `uri` is "" where the source has none, and then the folded
    names stand in.
    """
    played = "" if ms_played is None else str(ms_played)
    return hash64(to_hex(listener), source, str(reported_end), uri or name_key(artist, title), played)


def track_hash(uri: str, artist: str, title: str) -> int:
    """32 bits that name the track inside a play id: of the folded artist and title, else of the URI."""
    return hash64(name_key(artist, title) or uri) & 0xFFFF_FFFF


def play_id(end_ms: int, uri: str, artist: str, title: str) -> int:
    """Id of a play: the end's second in the upper 32 bits, the track's hash in the lower.

    `end_ms` (Unix milliseconds UTC), `uri`, `artist` and `title` are those of the play's
    earliest sighting. The upper bits make a time range a range of the primary key.
    """
    return (end_ms // 1000) << 32 | track_hash(uri, artist, title)


def first_play_id_at(ms: int) -> int:
    """The smallest play id that a play ending at `ms` (Unix milliseconds UTC) or later can have."""
    return max(0, min(ms // 1000, 0xFFFF_FFFF)) << 32
