"""SQL that a person wrote: one SELECT, read-only, bounded, and away from secrets and files.

Two guards stand behind each other. The engine enforces reading only and the limits (`readonly`
is set last, so the query cannot change any of them). What the embedded engine cannot enforce,
having no users, is judged on the syntax tree that the engine itself makes of the text: which
tables, table functions and functions it names. On a server the reader's grants are a third.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from clickhouse_connect.driver.exceptions import ClickHouseError

from sinks.clickhouse import ClickHouse
from sinks.failures import WAIT
from sinks.rows import Table
from streams.contracts.errors import UserError

SECONDS = 10
MEMORY = 1 << 30
RESULT_BYTES = 64 << 20

SECRET = frozenset({"connections", "api_tokens"})
SYSTEM = frozenset({"tables", "columns", "databases", "functions", "one", "numbers", "time_zones"})
TABLE_FUNCTIONS = frozenset({"numbers", "numbers_mt", "zeros", "generateseries", "generate_series", "values", "view"})
# functions that read files, dictionaries or other tables by name, call out, or look into the process
FUNCTIONS = re.compile(
    r"file|dict.*|joinget.*|getmacro|getserversetting|getserverport|catboost.*|execut.*|ai[a-z]*|llm.*|demangle|"
    r"address.*|filesystem.*|trap|evalmlmethod|naivebayes.*|hostname|fqdn|hascolumnintable|mergetreeparinfo|sleep.*",
    re.IGNORECASE,
)
SYNTAX = 62
HEAVY = frozenset({158, 159, 160, 241, 307, 396})  # a limit of rows, time, memory or bytes was reached

EXAMPLE = 'spotifire sql "SELECT * FROM v_plays LIMIT 1"'

_NODE = re.compile(r"^( *)(\w+)(?: (.*))?$")


def run_free_sql(ch: ClickHouse, text: str, limit: int) -> Table:
    """The first `limit` rows. Raises UserError for what is not allowed, wrong, or too heavy."""
    if not text.strip(" \t\r\n;"):
        raise UserError("There is no query.", cure=f"Give one SELECT: {EXAMPLE}.")
    limits = {
        "limit": limit + 1,
        "max_execution_time": SECONDS,
        "max_memory_usage": MEMORY,
        "max_result_bytes": RESULT_BYTES,
        "result_overflow_mode": "throw",
        "readonly": 1,  # last: from here on no setting can be changed
    }
    with ch.handle(ch.database, limits) as client:
        try:
            query = client.query("SELECT formatQuery({q:String})", parameters={"q": text}).result_rows[0][0]
            others = {d for (d,) in client.query("SELECT name FROM system.databases").result_rows} - {ch.database}
            tree = client.query(f"EXPLAIN AST {query}").result_rows
            judge([line for (line,) in tree], others)
            result = client.query(query)
        except ClickHouseError as error:
            raise _explained(error) from error
    rows = [tuple(row) for row in result.result_rows[: limit + 1]]
    return Table(
        columns=tuple(result.column_names),
        types=tuple(t.name for t in result.column_types),
        rows=tuple(rows[:limit]),
        truncated=len(rows) > limit,
    )


def judge(
    tree: Sequence[str],
    other_databases: Collection[str],
    *,
    roots: Collection[str] = ("SelectWithUnionQuery",),
    formats: bool = False,
    system: Collection[str] = SYSTEM,
) -> None:
    """Raises UserError when a syntax tree (EXPLAIN AST) names anything that free SQL may not touch.

    `roots`: kinds of statement; `formats`: whether FORMAT may be given; `system`: tables of `system`.
    """
    root = ""
    for depth, parent, node, name in _nodes(tree):
        root = root or node
        if root not in roots:
            raise UserError("Only SELECT can be run here.", cure="Write one SELECT, for example on v_plays.")
        if depth == 1 and (node == "Literal" or (node == "Identifier" and name != "Native" and not formats)):
            raise UserError("INTO OUTFILE and FORMAT cannot be used here.", cure="Leave them out.")
        if node == "Set":
            raise UserError("SETTINGS cannot be used here.", cure="Leave them out.")
        if node in {"Identifier", "TableIdentifier"}:
            _judge_name(name, other_databases, system)
        if node == "Function":
            function = name.split(" ", 1)[0]
            if parent == "TableExpression" and function.lower() not in TABLE_FUNCTIONS:
                raise UserError(
                    f"The table function {function} cannot be used here.", cure="Read from a view: v_plays."
                )
            if FUNCTIONS.fullmatch(function):
                raise UserError(f"The function {function} cannot be used here.", cure="Leave it out.")


def _judge_name(name: str, other_databases: Collection[str], system: Collection[str]) -> None:
    parts = re.split(r"[.\s()`\"]+", name)
    if SECRET.intersection(parts):
        raise UserError("That table holds secrets and cannot be read here.", cure="Read from the views: v_plays.")
    if len(parts) > 1 and parts[0] in other_databases and not (parts[0] == "system" and parts[1] in system):
        raise UserError(f"{name[:80]} lies in another database and cannot be read here.", cure="Read from v_plays.")


def _nodes(tree: Sequence[str]) -> Iterator[tuple[int, str, str, str]]:
    """(depth, kind of the parent, kind, the rest of the line) for each node."""
    path: list[str] = []
    for line in tree:
        found = _NODE.match(line)
        if found is None:
            continue  # the rest of a name that holds a line break; its first line was judged
        depth = len(found[1])
        path = [*path[:depth], found[2]]
        # an ExpressionList has no line of its own indent in some versions: look further up
        parent = next((kind for kind in reversed(path[:-1]) if kind != "ExpressionList"), "")
        yield depth, parent, found[2], found[3] or ""


def _explained(error: ClickHouseError) -> Exception:
    code = getattr(error, "code", None)
    if "Multi-statements are not allowed" in str(error):
        return UserError("Only one statement at a time can be run.", cure="Give them one by one.")
    if code == SYNTAX and "Empty query" in str(error):  # nothing but comments
        return UserError("There is no query.", cure=f"Give one SELECT: {EXAMPLE}.")
    text: Any = re.sub(r"^Code: \d+\. DB::Exception: ", "", str(error).strip().split("\n", 1)[0])[:300]
    if code in HEAVY:
        return UserError(
            f"The query is too heavy: more than {SECONDS} s, {MEMORY >> 20} MiB of memory or {RESULT_BYTES >> 20} MiB "
            "of result.",
            cure="Narrow it, for example by listener and play_id.",
        )
    if code is None or code in WAIT:
        return error
    text = re.sub(r": In scope SELECT formatQuery\(.*$", "", text)  # our own words round the query
    return UserError(f"ClickHouse refuses the query: {text}", cure=f"See `{EXAMPLE}`.")
