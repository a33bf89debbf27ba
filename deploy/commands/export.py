"""`export`, `erase`, `archive`, `backup`, `restore`, `move`: out of the database and back."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.console import Group
from rich.text import Text

from deploy import folder
from deploy.client import LONG
from deploy.commands.console import Config, Data, Json, Listener, Shell, err, guarded, printable, route, shell, table
from deploy.commands.corrections import Yes, confirmed, waited
from deploy.settings import read_secret
from deploy.storage import clickhouse_settings
from streams.contracts.errors import SpotifireError, UserError

archive = typer.Typer(no_args_is_help=True, help="The record outside of the database, as Parquet.")

To = Annotated[str | None, typer.Option("--to", help="A folder, or s3://BUCKET/PREFIX.")]
From = Annotated[str | None, typer.Option("--from", help="A folder, or s3://BUCKET/PREFIX.")]


@guarded
def export(
    listener: Listener,
    format: Annotated[str, typer.Option("--format", help="jsonl, csv or parquet.")] = "jsonl",
    out: Annotated[
        Path | None, typer.Option("--out", help="The zip to write.", show_default="named after them")
    ] = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Everything about a listener as one zip; `import` of it brings it back. No secrets are in it."""
    run = shell(json, data, config)
    with run.api() as api:
        row = api.get(route(listener))
        path = out or Path(f"spotifire-{''.join(c if c.isalnum() else '_' for c in row['name'])}.zip")
        with _new_file(path) as write, _counted("exporting", quiet=json) as tell:
            place = f"/listeners/{row['listener']}/export"
            api.save("GET", place, lambda piece: (write(piece), tell(len(piece))), format=format)
    manifest = _manifest(path)
    answer = {"file": str(path), "bytes": path.stat().st_size, **manifest}
    run.show(
        answer,
        lambda: Group(
            table([one for one in manifest["files"] if one["rows"]], {"table": "table", "rows": "rows"}),
            Text(f"Written: {printable(str(path))} ({answer['bytes']:,} bytes)."),
        ),
    )


@guarded
def erase(listener: Listener, yes: Yes = False, json: Json = False, data: Data = None, config: Config = None) -> None:
    """Delete everything about a listener, and prove it."""
    run = shell(json, data, config)
    with run.api(writes=True) as api:
        row = api.get(route(listener))
        before = api.get(f"/held/{row['listener']}")["rows"]
        confirmed(yes, f"Erase {printable(row['name'])} with {before['plays']:,} plays? It cannot be undone.")
        asked = api.call("DELETE", f"/listeners/{row['listener']}")
        waited(api, f"/commands/{asked['command_id']}", quiet=json)  # the listener's own route is gone
        after = api.get(f"/held/{row['listener']}")
    answer = {**after, "rows": {name: {"before": before[name], "after": after["rows"][name]} for name in before}}
    left = sum(after["rows"].values())

    def picture() -> Group:
        rows = [{"table": name, **counts} for name, counts in answer["rows"].items() if counts["before"]]
        shown = [table(rows, {"table": "table", "before": "before", "after": "now"})] if rows else []
        return Group(*shown, *map(Text, _what_topics_hold(after)))

    run.show(answer, picture)
    if left:
        raise SpotifireError(f"{left:,} rows came while they were erased.", cure="They go within the hour.")


def _what_topics_hold(after: dict[str, Any]) -> list[str]:
    """Lines about Kafka, which forgets by time."""
    lines = ["Kafka's topics hold copies for a while (one in memory: until it stops):"]
    for topic, until in after["topics_until"].items():
        lines.append(
            f"  {topic}: " + (f"until {until} UTC" if until else "taken back, and gone when Kafka compacts it")
        )
    lines.append("Whatever is read of them again is refused: erased.")
    return lines


@archive.command("run")
@guarded
def archive_run(to: To = None, json: Json = False, data: Data = None, config: Config = None) -> None:
    """Write what changed since: every listener's sightings as Parquet, a file a month."""
    run = shell(json, data, config)
    with run.api() as api, _counted("archiving", quiet=json):
        answer = api.call("POST", "/archive", json={"to": _absolute(to)}, timeout=LONG)
    run.show(
        answer,
        lambda: Text(
            f"{answer['written']:,} of {answer['months']:,} months written ({answer['rows']:,} sightings), "
            f"{answer['removed']:,} removed, in {printable(answer['place'])}."
        ),
    )


@archive.command("restore")
@guarded
def archive_restore(source: From = None, json: Json = False, data: Data = None, config: Config = None) -> None:
    """Bring back what an archive holds; what is stored already adds nothing."""
    run = shell(json, data, config)
    with run.api(writes=True) as api, _counted("restoring", quiet=json):
        answer = api.call("POST", "/archive/restore", json={"from": _absolute(source)}, timeout=LONG)
    run.show(
        answer,
        lambda: Text(
            f"{answer['read']:,} sightings of {answer['listeners']:,} listeners read: {answer['stored']:,} stored, "
            f"{answer['known']:,} already known."
        ),
    )


@guarded
def backup(
    file: Annotated[Path, typer.Argument(help="A .zip or .tar.zst to write.")],
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """The whole instance as one file, also while it runs. The key of the stored tokens is not in it."""
    from sinks import packs

    run = shell(json, data, config)
    kind = packs.kind_of(file.name)
    with run.api() as api, _new_file(file) as write, _counted("backing up", quiet=json) as tell:
        api.save("POST", "/backup", lambda piece: (write(piece), tell(len(piece))), format=kind)
    manifest = _first_of(file)
    answer = {"file": str(file), "bytes": file.stat().st_size, **manifest}
    rows = sum(proof["rows"] for proof in manifest["tables"].values())
    run.show(
        answer,
        lambda: Group(
            Text(f"{rows:,} rows of {len(manifest['tables'])} tables in {printable(str(file))}."),
            Text(manifest["key"]),
        ),
    )


@guarded
def restore(
    file: Annotated[Path, typer.Argument(help="A file of `spotifire backup`.")],
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Load a backup into an empty instance, and prove that it is whole. Nothing may run on it."""
    from sinks import backups
    from sinks.clickhouse import ClickHouse

    run = shell(json, data, config)
    if not file.is_file():
        raise UserError(f"{file} is not there.", cure="Give a file of `spotifire backup`.")
    with _alone(run) as scratch, _counted("restoring", quiet=json) as tell:
        manifest = backups.unpack(file, scratch)
        ch = ClickHouse(clickhouse_settings(run.settings))
        try:
            backups.restore(ch, scratch, manifest, lambda _, rows: tell(rows))
        finally:
            ch.close()
    answer = {"file": str(file), "made_at": manifest.made_at, "rows": manifest.rows, "key": manifest.key}
    run.show(
        {**answer, "tables": {name: proof.rows for name, proof in manifest.tables.items()}},
        lambda: Group(Text(f"{manifest.rows:,} rows restored, as of {manifest.made_at}."), Text(manifest.key)),
    )


@guarded
def move(
    to: Annotated[str, typer.Option("--to", help="The address of a ClickHouse server, http(s)://HOST:PORT.")],
    user: Annotated[str, typer.Option("--user", help="Its user.")] = "default",
    password_file: Annotated[Path | None, typer.Option("--password-file", help="File with the password.")] = None,
    database: Annotated[
        str | None, typer.Option("--database", help="The database there.", show_default="as here")
    ] = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Carry an embedded instance to a ClickHouse server, proven row by row. Nothing may run on it; may be repeated."""
    from sinks import backups, moving
    from sinks.clickhouse import ClickHouse, ClickHouseSettings
    from sinks.migrate import migrate

    run = shell(json, data, config)
    here = clickhouse_settings(run.settings)
    if here.path is None or not here.path.exists():
        raise UserError("There is no embedded instance here to move.", cure="Give its folder with --data DIR.")
    password = read_secret(password_file) if password_file else ""
    there = ClickHouseSettings(url=to, database=database or here.database, user=user, password=password)
    _knock(there.where(), to)
    source, target = ClickHouse(here), ClickHouse(there)
    try:
        with _alone(run) as scratch, _counted("moving", quiet=json) as tell:
            target.ping()
            migrate(source)
            manifest = backups.dump(source, scratch)
            moved = moving.move(manifest, scratch, target, lambda _, rows: tell(rows))
    finally:
        source.close()
        target.close()
    tables = [{"table": one.table, "rows": one.proof.rows, "sent": one.sent} for one in moved]
    answer = {"to": there.where(), "database": there.database, "rows": manifest.rows, "tables": tables}
    run.show(
        answer,
        lambda: Group(
            table([row for row in tables if row["rows"]], {"table": "table", "rows": "rows", "sent": "sent now"}),
            Text(f"The same rows are here and there: {manifest.rows:,}. From now on: spotifire up --clickhouse {to}"),
        ),
    )


def _knock(shown: str, url: str) -> None:
    """Whether anybody listens there, asked before the libraries log their own despair. Raises UserError."""
    parts = urlsplit(url)
    try:
        port = parts.port or (8443 if parts.scheme == "https" else 8123)
        socket.create_connection((parts.hostname or "", port), timeout=10).close()
    except (OSError, ValueError) as error:
        raise UserError(
            f"Nothing answers at {shown} ({type(error).__name__}).", cure="Check the address, and that ClickHouse runs."
        ) from error


@contextmanager
def _alone(run: Shell) -> Iterator[Path]:
    """Holds the data folder, and gives a folder in it for what lies between."""
    with folder.hold(run.settings.data):
        scratch = run.settings.data / "uploads" / secrets.token_hex(8)
        scratch.mkdir(parents=True, mode=0o700)
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def _new_file(path: Path) -> Iterator[Any]:
    """Writes a file that only its owner can read, which is there when it is whole. Raises UserError."""
    if path.exists():
        raise UserError(f"{path} is there already.", cure="Choose another name, or remove it.")
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file.write
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror}).", cure="Choose another place.") from error
    finally:
        fresh.unlink(missing_ok=True)


@contextmanager
def _counted(what: str, *, quiet: bool) -> Iterator[Any]:
    """A line that says that it goes on, and how much was done."""
    done = 0
    with err.status(what) as status:
        status.stop() if quiet or not err.is_terminal else status.start()

        def tell(count: int) -> None:
            nonlocal done
            done += count
            status.update(f"{what}: {done:,}")

        yield tell


def _absolute(place: str | None) -> str | None:
    """A folder as the process that serves sees it."""
    return place if place is None or "://" in place else str(Path(place).expanduser().absolute())


def _manifest(path: Path) -> dict[str, Any]:
    """What the zip says of itself: reading it also shows that it is whole."""
    import json
    import zipfile

    with zipfile.ZipFile(path) as zipped:
        found: dict[str, Any] = json.loads(zipped.read("manifest.json"))
    return found


def _first_of(path: Path) -> dict[str, Any]:
    """The manifest of a backup, and a look at all of it."""
    import json
    import re

    from sinks import packs

    found: dict[str, Any] = {}
    for member in packs.members(path, re.compile(r"[a-z0-9_./]+")):
        if not found:
            found = json.loads(member.file.read())
        else:
            while member.file.read(packs.BLOCK):
                pass
    return found
