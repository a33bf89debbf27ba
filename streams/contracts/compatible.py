"""May this JSON Schema follow that one within a version? Pure.

Within vN only optional fields are added. Everything else breaks somebody: a reader who misses a
removed field or refuses a value that he does not know, a writer whose records are suddenly
refused. Titles, descriptions and examples say nothing to a machine and may change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

_SPOKEN = {"title", "description", "examples", "$comment", "$id"}
_LOOKED_INTO = {"properties", "required", "$defs", "$ref", "anyOf", "items", "additionalProperties", "propertyNames"}
_LOWER, _UPPER = {"minimum", "minLength", "minItems"}, {"maximum", "maxLength", "maxItems"}


def breaches(old: Schema, new: Schema) -> list[str]:
    """What the new schema may not do, one line each; empty when it may follow the old one."""
    return _compare(old, new, old, new, "", ())


def _compare(
    old: Schema, new: Schema, old_root: Schema, new_root: Schema, path: str, seen: tuple[tuple[str, str], ...]
) -> list[str]:
    refs = str(old.get("$ref", "")), str(new.get("$ref", ""))
    if any(refs) and refs in seen:
        return []
    old, new = _resolved(old, old_root), _resolved(new, new_root)
    seen = (*seen, refs) if any(refs) else seen
    at = path or "the event"
    found = _own(old, new, at)
    found += _fields(old, new, old_root, new_root, path, seen)

    def inner(before: Any, after: Any, name: str) -> list[str]:
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            return _compare(before, after, old_root, new_root, f"{path}{name}", seen)
        return [] if before == after else [f"{at}: {name} was {before!r} and is {after!r}"]

    for keyword in ("items", "additionalProperties", "propertyNames"):
        found += inner(old.get(keyword), new.get(keyword), f"[{keyword}]")
    before, after = old.get("anyOf", []), new.get("anyOf", [])
    if len(before) != len(after):
        return [*found, f"{at}: changed type, {len(before) or 1} choices became {len(after) or 1}"]
    for number, (one, other) in enumerate(zip(before, after, strict=True)):
        found += inner(one, other, f"[{number}]")
    return found


def _own(old: Schema, new: Schema, at: str) -> list[str]:
    """Keywords that stand for themselves: type, limits, pattern, choices, default."""
    found = []
    for keyword in sorted((old.keys() | new.keys()) - _SPOKEN - _LOOKED_INTO - {"$schema"}):
        before, after = old.get(keyword), new.get(keyword)
        if before == after:
            continue
        raised = keyword in _LOWER and (before is None or (after is not None and after > before))
        lowered = keyword in _UPPER and (before is None or (after is not None and after < before))
        what = "narrowed limits," if raised or lowered else "changed"
        found.append(f"{at}: {what} {keyword} was {before!r} and is {after!r}")
    return found


def _fields(
    old: Schema, new: Schema, old_root: Schema, new_root: Schema, path: str, seen: tuple[tuple[str, str], ...]
) -> list[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    needed, needs = set(old.get("required", ())), set(new.get("required", ()))
    found = [f"{path}{name}: removed field" for name in sorted(before.keys() - after.keys())]
    found += [f"{path}{name}: newly required" for name in sorted(needs - needed)]
    found += [f"{path}{name}: no longer required" for name in sorted((needed - needs) & after.keys())]
    for name in sorted(before.keys() & after.keys()):
        found += _compare(before[name], after[name], old_root, new_root, f"{path}{name}", seen)
    return found


def _resolved(schema: Schema, root: Schema) -> Schema:
    """The schema that a `$ref` into the same document names, else itself."""
    if "$ref" not in schema:
        return schema
    found: Schema = root["$defs"][str(schema["$ref"]).removeprefix("#/$defs/")]
    return found
