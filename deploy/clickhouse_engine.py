"""One statement on the embedded engine, as an HTTP request asks for it, and what a reader may not ask for.

Each has a connection of its own (0.5 ms), so no setting outlives it. Read-only, it is one SELECT at a time
under the engine's `readonly`, away from secrets and files (see sinks/freesql.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import chdb

from deploy.clickhouse_request import Asked
from sinks.freesql import SYSTEM, judge
from streams.contracts.errors import UserError

READER = {"max_execution_time": "60", "max_memory_usage": str(2 << 30), "readonly": "1"}  # readonly last
# settings whose value is SQL, or changes how SQL is read: the engine would run what nobody judged
UNJUDGED = re.compile(r"additional_.*|.*custom_key.*|dialect|implicit_.*", re.IGNORECASE)
READER_ROOTS = ("SelectWithUnionQuery", "ShowTables", "DescribeQuery")
READER_SYSTEM = SYSTEM | {"settings", "contributors", "data_type_families", "formats", "parts", "build_options"}

# clickhouse-go's first query. Revision 0 makes it read plain Native, which is what the engine writes.
HELLO = re.compile(r"SELECT\s+displayName\(\),\s*version\(\),\s*revision\(\),\s*timezone\(\)", re.IGNORECASE)
OURS = "spotifire-http"  # log_comment of what runs for a request, so that it can be ended
HELLO_ANSWER = "SELECT 'spotifire' AS `displayName()`, version(), toUInt32(0) AS `revision()`, timezone()"

STREAMED = frozenset({"native", "tabseparated", "tsv", "csv", "rowbinary", "jsoneachrow"})  # no header, no footer
CODE = re.compile(r"Code: (\d+)\.")


class EngineError(Exception):
    """An error of the engine, or one that ClickHouse would give: its number is in the text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        found = CODE.search(text)
        self.code = int(found[1]) if found else 1002


class Engine:
    """The engine on one data folder (a resolved path: the engine compares folders literally)."""

    def __init__(self, folder: str, database: str, *, read_only: bool) -> None:
        self._folder, self._database, self._read_only = folder, database, read_only

    def run(self, asked: Asked) -> tuple[bytes, Iterator[bytes], dict[str, str]]:
        """First bytes, the rest, headers. Raises EngineError, and UserError for what is refused. Blocks."""
        connection: Any = connect(self._folder)
        try:
            self._prepare(connection, asked)
            self._examine(connection, asked)
            if self._read_only:
                _set(connection, READER)
            if asked.rows is not None:
                return b"", iter(()), _inserted(connection, asked)
            statement = HELLO.sub(HELLO_ANSWER, asked.statement, count=1)
            params = dict(asked.params)
            if asked.format.lower() in STREAMED and re.match(r"[\s(]*(SELECT|WITH)\b", statement, re.IGNORECASE):
                stream = connection.send_query(statement, asked.format, params=params)
                chunks = (chunk.bytes() for chunk in stream)
                first = next(chunks, b"")
                open_connection, connection = connection, None  # the stream closes it
                return first, _to_the_end(chunks, open_connection), {}
            answer = connection.query(statement, asked.format, params=params).bytes()
        except (RuntimeError, chdb.ChdbError) as error:
            raise EngineError(_message(error)) from error
        else:
            return answer, iter(()), {}
        finally:
            if connection is not None:
                connection.close()

    def _prepare(self, connection: Any, asked: Asked) -> None:
        connection.query(f"USE {_quoted(asked.database or self._database)}")
        fixed = READER if self._read_only else {}
        own = {name: value for name, value in asked.settings.items() if name not in fixed}
        if self._read_only and (refused := next(filter(UNJUDGED.fullmatch, own), "")):
            raise UserError(f"The setting {refused} cannot be given here.", cure="Leave it out.")
        own["log_comment"] = OURS
        _set(connection, dict(sorted(own.items(), key=lambda setting: setting[0] == "readonly")))  # it locks the rest

    def _examine(self, connection: Any, asked: Asked) -> None:
        """Refuse several statements, files, and what a reader may not see."""
        suspect = ";" in asked.statement.rstrip("; \n") or re.search("OUTFILE|INFILE", asked.statement, re.IGNORECASE)
        if not suspect and not self._read_only:
            return
        formatted = connection.query(
            "SELECT formatQuery({q:String})", "TSVRaw", params={"q": _escaped(asked.statement)}
        ).bytes()
        plain = formatted.decode().rstrip("\n")
        if re.search(r"\bINTO OUTFILE\b|\bFROM INFILE\b", plain):
            raise UserError("INTO OUTFILE and FROM INFILE are not for HTTP.", cure="Leave them out.")
        if not self._read_only or HELLO.match(plain):
            return
        tree = connection.query(f"EXPLAIN AST {plain}", "TSVRaw", params=dict(asked.params)).bytes().decode()
        databases = connection.query("SELECT name FROM system.databases", "TSVRaw").bytes().decode().split("\n")
        own = {self._database} if asked.database in {"", self._database} else set()
        judge(tree.splitlines(), set(databases) - own, roots=READER_ROOTS, formats=True, system=READER_SYSTEM)


def connect(folder: str) -> Any:
    """A connection of its own; the engine is open while there is one. Raises RuntimeError."""
    return chdb.connect(folder)  # type: ignore[no-untyped-call]


def _inserted(connection: Any, asked: Asked) -> dict[str, str]:
    with connection.send_insert(asked.statement, asked.rows_format) as insert:
        insert.append(asked.rows)
        done = insert.finish()
    return {"X-ClickHouse-Summary": f'{{"written_rows":"{done.rows_written}","written_bytes":"{done.bytes_written}"}}'}


def _to_the_end(chunks: Iterator[bytes], connection: Any) -> Iterator[bytes]:
    """An error in mid-answer breaks the transfer off, so that the client knows."""
    try:
        yield from chunks
    finally:
        connection.close()


def _set(connection: Any, settings: dict[str, str]) -> None:
    for name in settings:
        if not name.isidentifier():
            raise EngineError(f"Code: 115. DB::Exception: Unknown setting {name[:80]!r}. (UNKNOWN_SETTING)")
    if settings:
        connection.query("SET " + ", ".join(f"{name} = '{_escaped(value)}'" for name, value in settings.items()))


def _escaped(text: str) -> str:
    """As a parameter's value or inside quotes."""
    return text.replace("\\", "\\\\").replace("'", "\\'").replace("\t", "\\t").replace("\n", "\\n").replace("\0", "\\0")


def _quoted(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _message(error: BaseException) -> str:
    text = str(error)
    return text[max(text.find("Code: "), 0) :].strip()
