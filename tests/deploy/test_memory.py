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
assert table.to_pandas()["a"].sum() == 3, "who asks for pandas still gets it"
"""


def test_arrow_imports_no_pandas_until_it_is_asked_to() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
