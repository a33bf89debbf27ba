"""Applies sinks/schema/*.sql in order, from any number of processes at once.

Each file holds one object and says IF NOT EXISTS, so that applying it twice, or twice at the same
time, is harmless; `schema_versions` remembers what was applied, with the file's checksum. A
change to a table or view is a new file with the next number, never an edit.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources

import structlog

from sinks.clickhouse import ClickHouse
from streams.contracts.errors import UserError

log = structlog.get_logger(__name__)

VERSIONS = "schema_versions"


@dataclass(frozen=True)
class Migration:
    """One file of sinks/schema."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of its text, hexadecimal."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """Every file of sinks/schema, ascending by number."""
    files = [f for f in resources.files("sinks").joinpath("schema").iterdir() if f.name.endswith(".sql")]
    return sorted(
        (Migration(int(f.name.split("_", 1)[0]), f.name, f.read_text(encoding="utf-8")) for f in files),
        key=lambda m: m.number,
    )


def migrate(ch: ClickHouse, known: list[Migration] | None = None) -> list[str]:
    """Create the database and apply what is missing; names of the files applied here.

    Raises UserError when the schema is newer than this code, or an applied file was changed.
    """
    ours = migrations() if known is None else known
    ch.create_database()
    ch.command(ours[0].sql)  # schema_versions itself
    applied = _applied(ch)
    _compare(ch, applied, ours)
    missing = [m for m in ours if m.number not in applied]
    done: list[Migration] = []
    try:
        for migration in missing:
            ch.command(migration.sql)
            done.append(migration)
    finally:  # one insert for all: a crash before it only means that they are applied again
        now = datetime.now(UTC)
        ch.insert(
            VERSIONS,
            ["number", "name", "checksum", "applied_at"],
            [(m.number, m.name, m.checksum, now) for m in done],
        )
    if done:
        log.info("schema applied", database=ch.database, files=len(done), newest=done[-1].name)
    return [m.name for m in done]


def check_schema(ch: ClickHouse) -> None:
    """Raises UserError unless the schema is exactly the one that this code knows."""
    ours = migrations()
    applied = _applied(ch)
    _compare(ch, applied, ours)
    if missing := [m.name for m in ours if m.number not in applied]:
        raise UserError(
            f"The schema of {ch.settings.where()} is older than this Spotifire: {missing[0]} is missing.",
            cure="Run `spotifire migrate`.",
        )


def newest(ch: ClickHouse) -> int:
    """The number of the newest file that was applied."""
    return max(_applied(ch), default=0)


def _applied(ch: ClickHouse) -> dict[int, tuple[str, str]]:
    rows = ch.query(f"SELECT number, name, checksum FROM {VERSIONS} FINAL")
    return {number: (name, checksum) for number, name, checksum in rows}


def _compare(ch: ClickHouse, applied: dict[int, tuple[str, str]], ours: list[Migration]) -> None:
    known = {m.number: m for m in ours}
    if newer := sorted(set(applied) - set(known)):
        raise UserError(
            f"The schema of {ch.settings.where()} is newer ({applied[newer[-1]][0]}) than this Spotifire.",
            cure="Update Spotifire, or use another data folder.",
        )
    for number, (name, checksum) in applied.items():
        if known[number].checksum != checksum:
            raise UserError(
                f"{name} was changed after it was applied to {ch.settings.where()}.",
                cure="Restore the file, and put the change into a new one with the next number.",
            )
