"""Which rows of a table of JSON objects are events, by the limits of the event's own type.

The type of every field becomes a rule, so that a field or a limit cannot be forgotten here: what has
no rule raises Unruled. A rule may be stricter than the type, never laxer, since a row that breaks
one is only looked at more closely, by streams.contracts.codec.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import NODEFAULT, Struct
from msgspec import inspect as shape

from streams.columns import Flags, Int64s
from streams.contracts.events import DAY, EARLIEST

# Python's expression -> one of RE2 that matches nothing more. RE2's `$` is the very end, and its \S
# knows only the white space of ASCII, so that of Unicode is kept out by naming what may stand.
PATTERNS = {
    "^[0-9a-f]{16}$": "^[0-9a-f]{16}$",
    "^([0-9a-f]{16})?$": "^([0-9a-f]{16})?$",
    r"^\S*$": "^[!-~]*$",
}


class Unruled(TypeError):
    """A field of a type, or with a limit, that no rule is written for."""


class Rule(Struct, frozen=True, kw_only=True):
    """What a field must be. `least` and `most` bound a number, or a text's or list's length."""

    name: str
    type: pa.DataType
    required: bool
    default: Any = None
    least: int = -(2**63)
    most: int = 2**63 - 1
    is_time: bool = False  # Unix milliseconds, at most a day ahead
    pattern: str | None = None  # of RE2
    choices: tuple[str, ...] = ()
    members: tuple[Rule, ...] = ()  # of each object in a list


def rules_of(event_type: type[Struct]) -> tuple[Rule, ...]:
    """One rule a field, in the fields' order. Raises Unruled."""
    described = shape.type_info(event_type)
    assert isinstance(described, shape.StructType)  # noqa: S101  a narrowing for mypy: events are Structs
    return _fields(described)


def schema_of(rules: tuple[Rule, ...]) -> pa.Schema:
    """The Arrow schema of objects under these rules."""
    return pa.schema([(rule.name, rule.type) for rule in rules])


def lawful(batch: pa.RecordBatch, rules: tuple[Rule, ...], now_ms: int) -> Flags:
    """Which rows of a batch of schema `schema_of(rules)` keep every rule.

    A null stands for a field that is not there. `now_ms` is Unix milliseconds UTC.
    """
    kept = np.ones(batch.num_rows, np.bool_)
    for rule in rules:
        kept[_broken(batch.column(rule.name), rule, now_ms)] = False
    return kept


def with_defaults(array: pa.Array, rule: Rule) -> pa.Array:
    """A column with the field's default where it is not there."""
    if rule.default is not None and array.null_count == len(array):
        return pa.repeat(pa.scalar(rule.default, rule.type), len(array))
    return pc.fill_null(array, rule.default) if array.null_count and rule.default is not None else array


def _fields(described: shape.StructType) -> tuple[Rule, ...]:
    if described.tag_field is not None or described.array_like or described.forbid_unknown_fields:
        raise Unruled(f"{described.cls.__name__} is no plain object")
    return tuple(_field(field) for field in described.fields)


def _field(field: shape.Field) -> Rule:
    """The rule of one field: its type without what only documents it, and without None."""
    if field.default_factory is not NODEFAULT:
        raise Unruled(f"{field.name} has a default that is made anew")
    plain = _plain(field.type)
    members = [_plain(one) for one in plain.types] if isinstance(plain, shape.UnionType) else [plain]
    kinds = [one for one in members if not isinstance(one, shape.NoneType)]
    optional = len(kinds) < len(members)
    if len(kinds) != 1 or optional != (field.default is None) or field.required != (field.default is NODEFAULT):
        raise Unruled(f"{field.name} is of several types, or null means something")
    default = None if field.required or field.default == () else field.default
    return _rule(field.encode_name, kinds[0], required=field.required, default=default)


def _plain(kind: shape.Type) -> shape.Type:
    while isinstance(kind, shape.Metadata):
        kind = kind.type
    return kind


def _rule(name: str, kind: shape.Type, **common: Any) -> Rule:
    match kind:
        case shape.BoolType():
            return Rule(name=name, type=pa.bool_(), **common)
        case shape.IntType(gt=None, lt=None, multiple_of=None):
            time = kind.ge == EARLIEST  # as the codec knows a moment
            bounds = _bounds(least=kind.ge, most=kind.le)
            return Rule(name=name, type=pa.int64(), is_time=time, **bounds, **common)
        case shape.StrType(min_length=None) if kind.pattern is None or kind.pattern in PATTERNS:
            pattern = PATTERNS[kind.pattern] if kind.pattern else None
            return Rule(name=name, type=pa.string(), pattern=pattern, **_bounds(most=kind.max_length), **common)
        case shape.LiteralType() if all(isinstance(choice, str) for choice in kind.values):
            return Rule(name=name, type=pa.string(), choices=tuple(map(str, kind.values)), **common)
        case shape.VarTupleType(min_length=None, item_type=shape.StructType() as item):
            members = _fields(item)
            inner = pa.struct([(member.name, member.type) for member in members])
            return Rule(name=name, type=pa.list_(inner), members=members, **_bounds(most=kind.max_length), **common)
    raise Unruled(f"no rule is written for the type of {name}")


def _bounds(**given: int | None) -> dict[str, Any]:
    return {name: bound for name, bound in given.items() if bound is not None}


def _broken(array: pa.Array, rule: Rule, now_ms: int) -> Int64s:
    """The rows that break a rule, in no order, some perhaps twice."""
    if array.null_count == len(array):
        return np.arange(len(array) if rule.required else 0)
    kept = [array.is_valid()] if rule.required and array.null_count else []
    if pa.types.is_int64(rule.type):
        most = min(rule.most, now_ms + DAY) if rule.is_time else rule.most
        seen = pc.min_max(array).as_py()
        if seen["min"] < rule.least or seen["max"] > most:
            kept += [pc.greater_equal(array, rule.least), pc.less_equal(array, most)]
    if rule.choices:
        kept.append(pc.is_in(array, pa.array([*rule.choices, None], pa.string())))
    if rule.pattern:
        kept.append(pc.match_substring_regex(array, rule.pattern))
    if pa.types.is_string(rule.type) and _longest(array) > rule.most:  # in bytes: no fewer than its characters
        kept.append(pc.less_equal(pc.utf8_length(array), rule.most))
    if rule.members and _longest(array) > rule.most:
        kept.append(pc.less_equal(pc.list_value_length(array), rule.most))
    rows = [np.flatnonzero(~flags(one)) for one in kept]
    return np.concatenate([np.empty(0, np.int64), *rows, *_broken_members(array, rule, now_ms)])


def _broken_members(lists: pa.ListArray, rule: Rule, now_ms: int) -> Iterator[Int64s]:
    """The rows whose list has a member that breaks a rule of its own."""
    for place, member in enumerate(rule.members):
        broken = _broken(lists.values.field(place), member, now_ms)
        yield np.searchsorted(lists.offsets.to_numpy(), broken, side="right") - 1


def _longest(array: pa.StringArray | pa.ListArray) -> int:
    upto = np.frombuffer(array.buffers()[1], np.int32)[array.offset :][: len(array) + 1]
    return int(np.diff(upto).max(initial=0))


def flags(kept: pa.Array) -> Flags:
    """A column of truths as numpy's, null as true."""
    return np.asarray(pc.fill_null(kept, True).to_numpy(zero_copy_only=False), dtype=np.bool_)
