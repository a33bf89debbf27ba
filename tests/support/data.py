"""Real data that lies beside the repository, for tests that skip where it is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

_FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data"


def shared_data(name: str) -> Path:
    """The path of a file in ../shared/data; the test is skipped, saying so, when it is not there."""
    path = _FOLDER / name
    if not path.exists():
        pytest.skip(f"needs ../shared/data/{name}, which is not here")
    return path
