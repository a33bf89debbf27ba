"""A whole instance as files, back into an empty one, or into another ClickHouse; and the proof that it is the same.

    clone every table (hard links, some milliseconds a table) -> the live rows of each clone as one
    Parquet file, written by the engine itself -> a pack of them

Parquet, and not the engine's own parts (ALTER TABLE FREEZE, which packs thirty times as fast): it is read
by a later engine, by a server and by anybody else, it can be checked row by row, and a stranger's file is
never given to the engine as a part of its storage.

Each row carries a hash of all its columns, by which it is proven that nothing is missing (sinks/proofs.py).

The clones are not made at one instant, so their order is chosen: what says that something is done comes
before that which it speaks of (commands, imports), sightings before the plays that were written ahead of
them, listeners last. So a backup of a running instance is what a crash at that moment would have left:
plays whose sightings were about to be written, commands that are carried out once more, an import that is
to be run again. Kafka's topics are not part of it.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from sinks import packs
from sinks.clickhouse import ClickHouse
from sinks.exports.pages import Layout, layouts
from sinks.migrate import VERSIONS, Migration, check_schema, migrate, migrations
from sinks.proofs import HASH, Proof, hashes_of, proof, proof_of, row_hash
from streams.contracts.errors import UserError

MANIFEST = "manifest.json"
LARGEST_MANIFEST = 1 << 20  # bytes
LARGEST_GROUP = 1 << 30  # bytes of a row group of ours, unpacked: 65,536 rows have 40 MB

# before all others and behind all others; those of neither list stand between
FIRST = (
    "commands",
    "corrections",
    "imports",
    "gaps",
    "library_looks",
    "profiles",
    "replays",
    "dead_letters",
    "sightings",
    "import_rows",
)
LAST = ("plays", "track_artists", "connections", "api_tokens", "listeners")
OWN = frozenset({VERSIONS, "measurements"})  # of this database alone; the second forgets by itself
FED = frozenset({"track_artists"})  # a view of the schema fills it from the sightings that are copied

KEY = (
    "Not in here: the key that decrypts the connections to Spotify (secrets/key in the data folder, or the file "
    "of SPOTIFIRE_KEY_FILE). Keep a copy of it apart; without it listeners connect again."
)

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,63}")
_MEMBER = re.compile(r"manifest\.json|tables/[a-z_][a-z0-9_]{0,63}\.parquet")

_CLONING = threading.Lock()

Progress = Callable[[str, int], None]
"""Told of a table and its rows when it is done."""


class Manifest(Struct, frozen=True, kw_only=True):
    """What stands in manifest.json."""

    spotifire_backup: Literal[1]
    made_at: str  # ISO 8601, UTC
    schema: dict[str, str]  # number -> SHA-256 of each file of sinks/schema that was applied
    key: str
    tables: dict[str, Proof]

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(proof.rows for proof in self.tables.values())


def quiet(table: str, rows: int) -> None:
    """Progress that nobody looks at."""


def server_sql(database: str, name: str) -> str:
    """What a ClickHouse server is to be asked, so that it backs itself up, and how it is restored."""
    return (
        f"BACKUP DATABASE `{database}` TO Disk('backups', '{name}'); and to restore it: "
        f"RESTORE DATABASE `{database}` FROM Disk('backups', '{name}')"
    )


def dump(ch: ClickHouse, folder: Path, progress: Progress = quiet) -> Manifest:
    """Write `tables/NAME.parquet` and the manifest into a folder. The embedded engine only.

    It may be written to meanwhile. Raises UserError for a server, and where the schema is not ours.
    """
    if not ch.settings.embedded:
        raise UserError(
            "This ClickHouse is a server, and backs itself up.",
            cure=f"Run on it: {server_sql(ch.database, 'NAME.zip')}",
        )
    check_schema(ch)
    (folder / "tables").mkdir(parents=True)
    made = datetime.now(UTC)
    with _cloned(ch) as (snapshot, tables):
        proofs = {}
        for table in tables:
            proofs[table.name] = _dumped(ch, snapshot, table, file_of(folder, table.name))
            progress(table.name, proofs[table.name].rows)
    manifest = Manifest(
        spotifire_backup=1,
        made_at=made.isoformat(timespec="milliseconds"),
        schema={str(m.number): m.checksum for m in migrations()},
        key=KEY,
        tables=proofs,
    )
    (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    return manifest


def pack(kind: packs.Kind, folder: Path, manifest: Manifest) -> Iterator[bytes]:
    """A dumped folder as one file, piece by piece; the manifest first."""
    files = [(MANIFEST, folder / MANIFEST)]
    files += [(f"tables/{table}.parquet", file_of(folder, table)) for table in manifest.tables]
    return packs.packed(kind, files)


def unpack(path: Path, folder: Path) -> Manifest:
    """A file of `pack` into a folder. Raises UserError for anything else, before a byte of it is believed."""
    (folder / "tables").mkdir(parents=True)
    manifest: Manifest | None = None
    for member in packs.members(path, _MEMBER):
        if manifest is None:
            if member.name != MANIFEST or member.size > LARGEST_MANIFEST:
                raise _no_backup(path)
            manifest = _manifest(path, member.file.read())
            comparable(manifest)
            continue
        table = member.name.removeprefix("tables/").removesuffix(".parquet")
        if table not in manifest.tables:
            raise _no_backup(path)
        with file_of(folder, table).open("wb") as file:
            while block := member.file.read(packs.BLOCK):
                file.write(block)
    if manifest is None or any(not file_of(folder, table).exists() for table in manifest.tables):
        raise UserError(f"{path.name} is incomplete.", cure="Take another copy of it.")
    return manifest


def restore(ch: ClickHouse, folder: Path, manifest: Manifest, progress: Progress = quiet) -> None:
    """Load a dumped folder into an empty database, and prove that it holds the same.

    The schema is made as it was then, filled, and brought up to date. Raises UserError where something
    is stored already, and for a backup that does not hold what it says; then the database is emptied.
    """
    known = comparable(manifest)
    ch.create_database()
    present = layouts(ch)
    if filled := next((t for t in present if t not in OWN and ch.scalar(f"SELECT count() FROM `{t}`")), ""):
        raise UserError(
            f"{ch.settings.where()} is not empty: {filled} holds rows.", cure="Restore into a new folder: --data DIR."
        )
    _start_anew(ch)
    try:
        migrate(ch, known)
        for table, layout in checked(ch, folder, manifest).items():
            for batch in batches(file_of(folder, table)):
                ch.insert_arrow(table, batch.drop_columns([HASH]))
            found = proof(ch, layout)
            if found != manifest.tables[table]:
                raise UserError(
                    f"The backup does not hold what it says: {table} has {found.rows:,} rows or others than written.",
                    cure="Take another copy of it.",
                )
            progress(table, found.rows)
        migrate(ch)
    except BaseException:
        _start_anew(ch)
        raise


def comparable(manifest: Manifest) -> list[Migration]:
    """The files of our schema that a backup was made with. Raises UserError where we do not have them."""
    ours = {str(m.number): m for m in migrations()}
    if newer := [number for number in manifest.schema if number not in ours]:
        raise UserError(
            f"The backup's schema is newer ({max(map(int, newer))}) than this Spotifire's ({max(map(int, ours))}).",
            cure="Update Spotifire, then restore.",
        )
    if changed := [number for number, checksum in manifest.schema.items() if ours[number].checksum != checksum]:
        raise UserError(
            f"The backup was made with another text of {ours[changed[0]].name}.", cure="Use the Spotifire that made it."
        )
    return [m for m in migrations() if str(m.number) in manifest.schema]


def checked(ch: ClickHouse, folder: Path, manifest: Manifest) -> dict[str, Layout]:
    """The layouts of the manifest's tables, in the order to load them. Raises UserError for foreign ones."""
    found = layouts(ch)
    for table in manifest.tables:
        layout = found.get(table)
        if layout is None or table in OWN:
            raise UserError(f"The backup is refused: {table!r} is no table of ours.", cure="Take another file.")
        try:
            about = pq.read_metadata(file_of(folder, table))
            names = about.schema.to_arrow_schema().names
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"The backup's file of {table} is damaged.", cure="Take another copy of it.") from error
        groups = [about.row_group(each).total_byte_size for each in range(about.num_row_groups)]
        if set(names) != {*(column.name for column in layout.columns), HASH} or max(groups, default=0) > LARGEST_GROUP:
            raise UserError(f"The backup is refused: its {table} has not our columns.", cure="Take another file.")
        if about.num_rows != manifest.tables[table].rows:
            raise UserError(f"The backup does not hold what it says: {table}.", cure="Take another copy of it.")
    return {layout.name: layout for layout in ordered(list(found.values())) if layout.name in manifest.tables}


def batches(file: Path) -> Iterator[pa.Table]:
    """The rows of a dumped table, some ten thousand at a time."""
    parquet = pq.ParquetFile(file)
    for group in range(parquet.num_row_groups):
        yield parquet.read_row_group(group)


def file_of(folder: Path, table: str) -> Path:
    """Where a table lies. Raises ValueError for a name that no table of ours can have."""
    if not _NAME.fullmatch(table):
        raise ValueError(f"{table!r} is no name of a table")
    return folder / "tables" / f"{table}.parquet"


def ordered(tables: Sequence[Layout]) -> list[Layout]:
    """Tables in the order in which they are cloned and loaded."""
    place: Mapping[str, int] = {
        **{name: number - len(FIRST) for number, name in enumerate(FIRST)},
        **{name: number + 1 for number, name in enumerate(LAST)},
    }
    return sorted((t for t in tables if t.name not in OWN), key=lambda t: (place.get(t.name, 0), t.name))


@contextmanager
def _cloned(ch: ClickHouse) -> Iterator[tuple[str, list[Layout]]]:
    """A database with a clone of every table, by hard links; gone at the end. One at a time, others wait:
    it drops what it finds, and outside this process nobody makes any (the engine is embedded)."""
    with _CLONING:
        yield from _clone(ch)


def _clone(ch: ClickHouse) -> Iterator[tuple[str, list[Layout]]]:
    prefix = f"{ch.database}_snapshot_"
    for (left,) in ch.query("SELECT name FROM system.databases WHERE startsWith(name, {p:String})", {"p": prefix}):
        ch.command(f"DROP DATABASE IF EXISTS `{left}` SYNC")  # of a process that was killed
    snapshot = prefix + secrets.token_hex(4)
    tables = ordered(list(layouts(ch).values()))
    ch.command(f"CREATE DATABASE `{snapshot}`")
    try:
        for table in tables:
            ch.command(f"CREATE TABLE `{snapshot}`.`{table.name}` CLONE AS `{ch.database}`.`{table.name}`")
        yield snapshot, tables
    finally:
        ch.command(f"DROP DATABASE IF EXISTS `{snapshot}` SYNC")


def _dumped(ch: ClickHouse, database: str, table: Layout, file: Path) -> Proof:
    """The live rows of a table as a Parquet file, written by the engine itself in flat memory."""
    ch.command(
        f"INSERT INTO FUNCTION file({{path:String}}, 'Parquet') SELECT {table.names()}, {row_hash(table)} AS {HASH} "
        f"FROM `{database}`.`{table.name}` FINAL",
        {"path": str(file)},
        settings={
            "output_format_parquet_compression_method": "zstd",
            "output_format_parquet_row_group_size": 65_536,
            "output_format_parquet_string_as_string": 0,
            "engine_file_truncate_on_insert": 1,
            "max_threads": 2,
        },
    )
    return proof_of(hashes_of(file))


def _start_anew(ch: ClickHouse) -> None:
    """An empty database of that name. It held no rows of anybody's."""
    ch.command(f"DROP DATABASE IF EXISTS `{ch.database}` SYNC")
    ch.create_database()


def _manifest(path: Path, text: bytes) -> Manifest:
    try:
        found = msgspec.json.decode(text, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise _no_backup(path) from None
    if not all(number.isdecimal() for number in found.schema) or not all(map(_NAME.fullmatch, found.tables)):
        raise _no_backup(path)
    return found


def _no_backup(path: Path) -> UserError:
    return UserError(f"{path.name} is no backup of Spotifire.", cure="Take a file that `spotifire backup` wrote.")
