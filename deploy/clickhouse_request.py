"""What one HTTP request to ClickHouse asks for: the statement, the rows it brings, its parameters.

ClickHouse's protocol is loose: the statement stands in the URL, in the body, or in a form; rows
to insert follow it in the body; the rest of the URL's parameters are settings.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from streams.contracts.errors import UserError

# parameters of the transport: everything else in the URL is a setting
TRANSPORT = frozenset(
    {
        "query", "database", "default_format", "user", "password", "query_id", "session_id", "session_timeout",
        "session_check", "quota_key", "compress", "decompress", "wait_end_of_query", "buffer_size", "role",
        "client_protocol_version", "send_progress_in_http_headers", "http_headers_progress_interval_ms",
        "enable_http_compression", "close_session", "stacktrace", "http_make_head_request",
    }
)  # fmt: skip

INSERT = re.compile(rb"\s*INSERT\s+INTO\s", re.IGNORECASE)
INSERT_FORMAT = re.compile(rb"\sFORMAT\s+(\w+)[ \t\r]*(?:\n|;|$)", re.IGNORECASE)
LAST_FORMAT = re.compile(r"\sFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
LARGEST = 512 << 20  # bytes of a body, before and after it is unpacked; our own inserts have some 30 MB
_PIECE = 1 << 20
HEAD = 1 << 20  # where the statement of an insert ends, at the latest


@dataclass(frozen=True)
class Asked:
    """A statement and what belongs to it. `rows` are the bytes to insert, in `rows_format`."""

    statement: str
    rows: bytes | None
    rows_format: str
    format: str  # of the answer
    database: str
    settings: Mapping[str, str]
    params: Mapping[str, str]  # values of {name:Type}, escaped as the client sent them


def understand(url: Mapping[str, str], form: Mapping[str, str], body: bytes, default_format: str) -> Asked:
    """Put a request together. Raises UserError for what is not supported or makes no sense."""
    if url.get("compress") in {"1", "true"} or url.get("decompress") in {"1", "true"}:
        raise UserError("ClickHouse's own compression is not spoken here.", cure="Turn it off: compress=0.")
    statement, rows, rows_format = _statement(form.get("query") or url.get("query", ""), body)
    given = {**url, **form}
    found = LAST_FORMAT.search(statement)
    return Asked(
        statement=statement,
        rows=rows,
        rows_format=rows_format,
        format=found[1] if found else url.get("default_format") or default_format or "TabSeparated",
        database=url.get("database", ""),
        settings={k: v for k, v in url.items() if k not in TRANSPORT and not k.startswith("param_")},
        params={k.removeprefix("param_"): v for k, v in given.items() if k.startswith("param_")},
    )


def _statement(text: str, body: bytes) -> tuple[str, bytes | None, str]:
    """The statement without its rows, the rows, and their format."""
    whole = text.encode() + (b"\n" if text and body else b"") + body
    if not INSERT.match(whole):
        return _decoded(whole), None, ""
    found = INSERT_FORMAT.search(whole, 0, HEAD)
    if found is None or found[1].lower() == b"values":
        return _decoded(whole), None, ""  # VALUES or SELECT: all of it is text
    return _decoded(whole[: found.start()]), whole[found.end() :], found[1].decode()


def _decoded(statement: bytes) -> str:
    try:
        return statement.decode().strip()
    except UnicodeDecodeError as error:
        raise UserError("The statement is not UTF-8.", cure="Send rows after INSERT … FORMAT.") from error


def too_large() -> UserError:
    """For a body over the limit."""
    return UserError(f"The body is larger than {LARGEST >> 20} MiB.", cure="Send it in several parts.")


def decompressed(body: bytes, encoding: str) -> bytes:
    """The body as it was before Content-Encoding. Raises UserError for an unknown or broken one, or too large a one."""
    encoding = encoding.strip().lower()
    try:
        if encoding in {"", "identity"}:
            return body
        if encoding == "deflate":
            plain = _inflated(body)
        elif encoding in {"lz4", "zstd", "gzip", "br"}:
            plain = _unpacked(body, {"br": "brotli"}.get(encoding, encoding))
        else:
            raise UserError(
                f"Content-Encoding {encoding[:20]!r} is not spoken here.", cure="Use lz4, zstd, gzip or none."
            )
    except (OSError, pa.ArrowException, zlib.error) as error:
        raise UserError(f"The body is not {encoding}.", cure="Send it again.") from error
    if len(plain) > LARGEST:
        raise too_large()
    return plain


def _inflated(body: bytes) -> bytes:
    """At most one byte more than the limit."""
    inflating = zlib.decompressobj()
    plain = inflating.decompress(body, LARGEST + 1)
    if not inflating.eof and len(plain) <= LARGEST:
        raise zlib.error("it ends early")
    return plain


def _unpacked(body: bytes, codec: str) -> bytes:
    """A piece more than the limit, at most."""
    stream, pieces, size = pa.input_stream(pa.py_buffer(body), compression=codec), [], 0
    while size <= LARGEST and (piece := stream.read(_PIECE)):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)
