"""A worker's process is spared what it does not need."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from deploy.memory import keep_small
keep_small()
import pyarrow as pa
table = pa.table({"a": [1, 2], "b": ["x", None]})
assert "pandas" not in sys.modules, "it was imported"
assert pa.default_memory_pool().backend_name == "system"
from clickhouse_connect.driver.insert import InsertContext
from clickhouse_connect.datatypes.registry import get_from_name
InsertContext("t", ["a"], [get_from_name("UInt8")], [[1], [2]])
assert "pandas" not in sys.modules, "an insert of rows imported it"
assert table.to_pandas()["a"].sum() == 3, "who asks for pandas still gets it"
"""


def test_pandas_is_not_imported_until_it_is_asked_for() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
