"""Events to bytes and back: JSON by msgspec, and a named error for everything that is not an event.

    bytes -> is it a JSON object -> has it the fields, types and limits -> does it stand once
          -> are its times possible -> does a sighting name its track

Whatever the bytes are, `decode` returns an event or raises a subclass of
streams.contracts.errors.Refused. The messages name a field and what is wrong with it, and never
quote the content: a dead letter's message may be read by people who may not read the payload.
"""

from __future__ import annotations

import codecs
import json
import re
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec import inspect as shape

from streams.contracts.errors import (
    ImpossibleTime,
    MalformedJson,
    MissingField,
    NotUtf8,
    OutOfRange,
    Refused,
    TooLong,
    UnknownVersion,
    WrongType,
)
from streams.contracts.events import DAY, EARLIEST, VERSION, PlayRecorded
from streams.contracts.ids import name_key
from streams.contracts.record import CONTENT_TYPE, IMPORT, ORIGIN, SCHEMA_VERSION, Headers, Taken

EventT = TypeVar("EventT", bound=Struct)

JSON_TYPE = b"application/json"
VERSION_TEXT = str(VERSION).encode()

_ENCODER = msgspec.json.Encoder()
_MISSING = re.compile(r"^Object missing required field `([^`]*)`")
_LENGTH = re.compile(r"^Expected `(?:str|array|object|bytes)` of length ")
_LIMIT = re.compile(r"^(?:Expected `(?:int|float)` (?:[<>]=?|that's )|(?:Integer value|Number) out of range)")
_TYPE = re.compile(r"^Expected `([a-z| ]+)`, got `([a-z]+)`")
_PATH = re.compile(r"at `([^`]*)`(?: in `([^`]*)`)?$")


def encode(event: Struct) -> bytes:
    """An event as the JSON that goes on a topic. Fields at their default are left out."""
    return _ENCODER.encode(event)


def headers(*, import_id: str = "", origin: str = "") -> list[tuple[str, bytes]]:
    """The headers of a record of ours; `import_id` (16 hex digits) and `origin` only for an import."""
    made = [(CONTENT_TYPE, JSON_TYPE), (SCHEMA_VERSION, VERSION_TEXT)]
    if import_id:
        made.append((IMPORT, import_id.encode()))
    if origin:
        made.append((ORIGIN, origin.encode("utf-8", "replace")))
    return made


def readable(headers: Headers) -> bool:
    """Whether the version of a record's headers is read here; without one it is the topic's name's."""
    for name, value in headers:
        if name == SCHEMA_VERSION:
            return value == VERSION_TEXT
    return True


def decode(event_type: type[EventT], record: Taken, *, now_ms: int) -> EventT:
    """The event that a record holds. `now_ms` is Unix milliseconds UTC.

    A record without a `schema-version` header is read as the version that its topic's name says.
    Raises MalformedJson, NotUtf8, UnknownVersion, MissingField, WrongType, TooLong, ImpossibleTime or
    OutOfRange.
    """
    if not readable(record.headers):
        raise UnknownVersion(f"the header {SCHEMA_VERSION} is not {VERSION}")
    return decode_value(event_type, record.value or b"", now=now_ms)


def decode_value(event_type: type[EventT], value: bytes, *, now: int) -> EventT:
    """The event that these bytes are. `now` is Unix milliseconds UTC; raises as `decode` does."""
    if not value:
        raise MalformedJson("the value is empty")
    try:
        event: EventT = _decoder(event_type).decode(value)
    except msgspec.ValidationError as error:
        raise _named(event_type, str(error)) from None
    except RecursionError:
        raise MalformedJson("the value is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeError):
        raise _unread(value) from None
    if _ENCODER.encode(event) != value:  # what our own publisher wrote is equal, and needs no second look
        _refuse_repeated_fields(event_type, value)
    if b"\\" in value:  # a line end in JSON is an escape
        _refuse_line_ends(event, _patterned(event_type))
    for field in _times(event_type):
        at = getattr(event, field)
        if at is not None and at > now + DAY:
            raise ImpossibleTime(f"{field} is more than a day ahead")
    if isinstance(event, PlayRecorded):
        _refuse_nameless(event)
    return event


@cache
def _decoder(event_type: type[EventT]) -> msgspec.json.Decoder[EventT]:
    return msgspec.json.Decoder(event_type)


@cache  # msgspec needs milliseconds for it
def _shapes(event_type: type[Struct]) -> dict[str, list[shape.Type]]:
    """Field name -> its type, or the members of its union."""
    described = shape.type_info(event_type)
    assert isinstance(described, shape.StructType)  # noqa: S101  a narrowing for mypy: events are Structs
    found = {}
    for field in described.fields:
        inner = field.type.type if isinstance(field.type, shape.Metadata) else field.type
        members = inner.types if isinstance(inner, shape.UnionType) else (inner,)
        found[field.encode_name] = [m.type if isinstance(m, shape.Metadata) else m for m in members]
    return found


@cache
def _times(event_type: type[Struct]) -> tuple[str, ...]:
    """The fields that hold a moment: those whose lower limit is 2006."""
    return tuple(
        name
        for name, members in _shapes(event_type).items()
        if any(isinstance(member, shape.IntType) and member.ge == EARLIEST for member in members)
    )


@cache
def _patterned(event_type: type[Struct]) -> tuple[str, ...]:
    return tuple(
        name
        for name, members in _shapes(event_type).items()
        if any(isinstance(member, shape.StrType) and member.pattern for member in members)
    )


def _unread(value: bytes) -> Refused:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(value)  # which forgives a last character that is cut
    except UnicodeDecodeError:
        return NotUtf8("the text is not in UTF-8: save the file as UTF-8, then import it again")
    return MalformedJson("the value is not JSON in UTF-8")  # a lone surrogate too


def _named(event_type: type[Struct], said: str) -> Refused:
    """msgspec's message -> our error, with the field's path and without what stood there."""
    found = _PATH.search(said)
    path = (found[2] or found[1]) if found else "$"
    field = path.removeprefix("$").removeprefix(".")
    named: Refused
    if missing := _MISSING.match(said):
        named = MissingField(f"{field}.{missing[1]} is missing" if field else f"{missing[1]} is missing")
    elif not field:
        named = MalformedJson("the value is not a JSON object")
    elif _LENGTH.match(said):
        named = TooLong(f"{field} is longer than its limit")
    elif _LIMIT.match(said) and field in _times(event_type):
        named = ImpossibleTime(f"{field} is before 2006, or far in the future")
    elif _LIMIT.match(said):
        named = OutOfRange(f"{field} is outside its limits")
    elif wrong := _TYPE.match(said):
        named = WrongType(f"{field} must be {wrong[1].replace(' | ', ' or ')}, and is {wrong[2]}")
    elif said.startswith("Invalid enum value"):
        named = OutOfRange(f"{field} is none of its choices")
    else:
        named = WrongType(f"{field} has not the form that it must have")
    return named


def _refuse_repeated_fields(event_type: type[Struct], value: bytes) -> None:
    """JSON with a name twice means different things to different readers: nobody may guess which."""
    known = _shapes(event_type)

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, inner in pairs:
            if name in made:
                raise MalformedJson(f"{name} stands twice" if name in known else "a field stands twice")
            made[name] = inner
        return made

    try:
        json.loads(value, object_pairs_hook=once, parse_int=len, parse_float=len)
    except RecursionError:  # msgspec looks less closely at a field that it does not know
        raise MalformedJson("the value is nested too deeply") from None
    except ValueError:
        raise _unread(value) from None


def _refuse_line_ends(event: Struct, fields: tuple[str, ...]) -> None:
    """A pattern's `$` also matches before a last line end, in Python and nowhere else."""
    for field in fields:
        if getattr(event, field).endswith("\n"):
            raise WrongType(f"{field} has not the form that it must have")


def _refuse_nameless(event: PlayRecorded) -> None:
    if event.uri:
        return
    if event.kind != "track":
        if not event.title:
            raise MissingField("uri and title are both missing: nothing says what was played")
        return
    if not (event.artists and name_key(event.artists[0].name, event.title)):
        raise MissingField("uri is missing, and so is the artist or the title")
