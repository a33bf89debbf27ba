"""What Grafana does to a query before ClickHouse sees it: variables in the browser, then the plugin's macros."""

from __future__ import annotations

import re
from datetime import datetime


def expand(sql: str, *, variables: dict[str, str], start: datetime, end: datetime) -> str:
    """Raises AssertionError for a macro or a form of variable that is not among those we use."""
    for name, value in variables.items():
        quoted = "'" + value.replace("'", "''") + "'"
        sql = sql.replace(f"${{{name}:singlequote}}", quoted)
    sql = sql.replace("$__fromTime", f"toDateTime({int(start.timestamp())})")
    sql = sql.replace("$__toTime", f"toDateTime({int(end.timestamp())})")
    left = re.findall(r"\$\w+|\$\{.*?\}", sql)
    assert not left, f"not expanded: {left}"
    return sql
