"""Listeners and their settings: the rows that say whose plays these are and how they count."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sinks.clickhouse import ClickHouse
from sinks.commands import Commands
from sinks.rows import LISTENER_FIELDS, ListenerRow, listener_row
from sinks.times import next_version, now_ms, to_time
from streams.contracts.errors import AlreadyThere, UserError
from streams.contracts.ids import fold, from_hex, new_id
from streams.contracts.ports import Command, ListenerSettings, ZonePeriod
from streams.enrich.zones import check_zone

COLUMNS = (
    "listener", "version", "name", "account_id", "is_demo", "created_at", "zones", "hemisphere", "min_ms_played",
    "count_incognito", "finished_only", "profile_sources", "erased_at",
)  # fmt: skip

Listed = list[ListenerRow]  # the class has a method of that name
Found = list[dict[str, Any]]

LONGEST_NAME = 64
HEX = re.compile(r"[0-9a-f]{16}")
# a name stands in URLs and on terminals; marks that turn the direction of text would disguise it
UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\?#%\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Listeners:
    """Add, find, change and remove listeners. One instance a process: its lock keeps names unique."""

    def __init__(self, ch: ClickHouse) -> None:
        self._ch = ch
        self._lock = threading.Lock()

    def add(
        self,
        name: str,
        zone: str,
        *,
        hemisphere: Literal["", "north", "south"] = "",
        account_id: str = "",
        is_demo: bool = False,
    ) -> ListenerRow:
        """A new listener who has always lived by `zone` (an IANA name). Raises UserError."""
        settings = ListenerSettings(
            listener=new_id(), name=name, zones=(ZonePeriod(0, zone),), hemisphere=hemisphere, is_demo=is_demo
        )
        return self.put(settings, account_id=account_id)

    def put(self, settings: ListenerSettings, *, account_id: str = "") -> ListenerRow:
        """Write a listener whose id is decided already (a simulated one, a restored one)."""
        with self._lock:
            name = self._usable(settings.name, settings.listener)
            known = self._rows("listener = {l:UInt64} AND erased_at IS NULL", {"l": settings.listener})
            row = {
                "listener": settings.listener,
                # a simulated listener comes back after an erasure; whoever is written over is not changed
                "version": self._ch.scalar(
                    "SELECT max(version) FROM listeners WHERE listener = {l:UInt64}", {"l": settings.listener}
                )
                or 0,
                "name": name,
                "account_id": account_id,
                "is_demo": settings.is_demo,
                "created_at": known[0]["created_at"] if known else to_time(now_ms()),
                "zones": _zone_column(settings.zones),
                "hemisphere": _one_of(settings.hemisphere, ("", "north", "south"), "hemisphere"),
                "min_ms_played": settings.min_ms_played,
                "count_incognito": settings.count_incognito,
                "finished_only": settings.finished_only,
                "profile_sources": known[0]["profile_sources"] if known else "all",
                "erased_at": None,
            }
            return self._write(row)

    def list(self) -> Listed:
        """Those not erased, by name."""
        return [listener_row(row) for row in self._rows("erased_at IS NULL ORDER BY lowerUTF8(name), listener", {})]

    def get(self, who: str) -> ListenerRow:
        """By name (letter case does not matter) or 16-digit id. Raises UserError where there is none."""
        return listener_row(self._row(who))

    def set(
        self,
        who: str,
        *,
        name: str | None = None,
        account_id: str | None = None,
        hemisphere: Literal["", "north", "south"] | None = None,
        min_ms_played: int | None = None,
        count_incognito: bool | None = None,
        finished_only: bool | None = None,
        profile_sources: Literal["all", "export"] | None = None,
        zones: Sequence[ZonePeriod] | None = None,
    ) -> ListenerRow:
        """Change what is given, keep the rest. New zones or hemisphere call for a re-stamp (see Commands)."""
        with self._lock:
            row = self._row(who)
            if name is not None:
                row["name"] = self._usable(name, row["listener"])
            if hemisphere is not None:
                row["hemisphere"] = _one_of(hemisphere, ("", "north", "south"), "hemisphere")
            if profile_sources is not None:
                row["profile_sources"] = _one_of(profile_sources, ("all", "export"), "profile sources")
            if min_ms_played is not None:
                row["min_ms_played"] = _bounded(min_ms_played)
            if zones is not None:
                row["zones"] = _zone_column(zones)
            plain = {"account_id": account_id, "count_incognito": count_incognito, "finished_only": finished_only}
            row.update({column: value for column, value in plain.items() if value is not None})
            return self._write(row)

    def set_zone(self, who: str, zone: str, starts: int | None = None) -> ListenerRow:
        """From `starts` (Unix milliseconds UTC) on the listener lives by `zone`, until the next known move.

        Without `starts` the whole history becomes this one zone. Call for a re-stamp afterwards.
        """
        if starts is None:
            return self.set(who, zones=[ZonePeriod(0, zone)])
        kept = {period.starts: period.zone for period in self.get(who).periods()}
        kept[starts] = zone
        periods: list[ZonePeriod] = []
        for start, name in sorted(kept.items()):
            if not periods or periods[-1].zone != name:
                periods.append(ZonePeriod(start, name))
        return self.set(who, zones=periods)

    def remove(self, who: str) -> Command:
        """Ask for the listener's erasure: hidden at once, gone when the worker has done the command."""
        return Commands(self._ch).ask(self._row(who)["listener"], "erase")

    def _usable(self, name: str, listener: int) -> str:
        """The name without surrounding space, if nobody else alive has it."""
        name = " ".join(name.split())
        if not name or len(name) > LONGEST_NAME or UNSAFE.search(name) or HEX.fullmatch(name.lower()):
            raise UserError(
                f"{name[:80]!r} cannot be a listener's name.",
                cure=f"Use 1 to {LONGEST_NAME} characters without / \\ ? # %, and no 16-digit id.",
            )
        for row in self._rows("erased_at IS NULL AND listener != {l:UInt64}", {"l": listener}):
            if fold(row["name"]) == fold(name):
                raise AlreadyThere(f"There is a listener named {row['name']} already.", cure="Choose another name.")
        return name

    def _row(self, who: str) -> dict[str, Any]:
        if HEX.fullmatch(who.lower()):
            found = self._rows("erased_at IS NULL AND listener = {l:UInt64}", {"l": from_hex(who.lower())})
        else:
            found = [row for row in self._rows("erased_at IS NULL", {}) if fold(row["name"]) == fold(who)]
        if not found:
            raise UserError(f"There is no listener {who[:80]!r}.", cure="See `spotifire listeners list`, or add one.")
        return found[0]

    def _rows(self, where: str, params: Mapping[str, Any]) -> Found:
        columns = ", ".join(("version", *LISTENER_FIELDS))
        return self._ch.query_dicts(f"SELECT {columns} FROM listeners FINAL WHERE {where}", params)

    def _write(self, row: Mapping[str, Any]) -> ListenerRow:
        # above the row that was read, and below an erasure of it that was asked for meanwhile (sinks/erase.py)
        values = {**row, "version": max(next_version(), row["version"] + 1), "erased_at": None}
        values["zones"] = [tuple(z.values()) if isinstance(z, Mapping) else z for z in row["zones"]]
        self._ch.insert("listeners", COLUMNS, [[values[column] for column in COLUMNS]])
        return listener_row(values)


def _zone_column(zones: Sequence[ZonePeriod]) -> list[tuple[Any, str]]:
    """Checked periods as the column holds them: ascending, the first from 1970."""
    if not zones:
        raise UserError("A listener needs a time zone.", cure="Give an IANA name such as Europe/Berlin.")
    for period in zones:
        check_zone(period.zone)
    ordered = sorted(zones, key=lambda z: z.starts)
    ordered[0] = ZonePeriod(0, ordered[0].zone)
    return [(to_time(period.starts), period.zone) for period in ordered]


def _one_of(value: str, choices: Sequence[str], what: str) -> str:
    if value not in choices:
        raise UserError(f"{value[:80]!r} is no {what}.", cure=f"Use one of: {', '.join(c for c in choices if c)}.")
    return value


def _bounded(ms: int) -> int:
    if not 0 <= ms <= 86_400_000:
        raise UserError(f"{ms} ms cannot be the least that counts.", cure="Use 0 to 86400000 milliseconds.")
    return ms
