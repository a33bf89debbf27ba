"""The other frameworks, in an environment of their own: `.venv-bench`, made when it is not there.

They are no dependency of the product, and some pin older versions of what it uses. So `.venv-bench`
holds the packages of the group `bench` in pyproject.toml, and behind them sees those of `.venv`: the
product's client and its decode are the same files for all contestants.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

VENV = Path(".venv-bench").absolute()
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed"
COMPARED = ("faust-streaming", "aiokafka", "quixstreams", "bytewax", "faststream", "msgspec", "pyarrow", "chdb-core")
_VERSIONS = """
import importlib.metadata, json, sys
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


def install() -> str:
    """Make the environment when pyproject.toml is newer than it; "" or why it could not be made."""
    wanted = Path("pyproject.toml").stat().st_mtime
    if STAMP.exists() and STAMP.stat().st_mtime >= wanted:
        return ""
    uv = str(Path(sys.executable).parent / "uv")
    for command in (
        [sys.executable, "-m", "venv", "--without-pip", str(VENV)],
        [uv, "pip", "install", "--quiet", "--python", str(PYTHON), "--group", "bench"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return (done.stderr.strip().splitlines() or ["it said nothing"])[-1][:300]
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    behind = VENV / "lib" / version / "site-packages" / "zz_product.pth"
    behind.write_text(sysconfig.get_path("purelib") + "\n")
    STAMP.touch()
    return ""


def missing(package: str) -> str:
    """Why a package of it cannot be imported, or ""."""
    if not PYTHON.exists():
        return "there is no .venv-bench"
    done = subprocess.run([str(PYTHON), "-c", f"import {package}"], capture_output=True, text=True, check=False)
    return (done.stderr.strip().splitlines() or [""])[-1][:300] if done.returncode else ""


def versions() -> dict[str, str]:
    """Of the packages that are compared, as the other frameworks' environment sees them."""
    python = PYTHON if PYTHON.exists() else Path(sys.executable)
    command = [str(python), "-c", _VERSIONS, *COMPARED]
    found: dict[str, str] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return found
