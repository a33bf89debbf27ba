"""What Arrow is told in a process with a worker: both save memory there."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder

import pyarrow as pa


class _NoPandas(MetaPathFinder):
    def find_spec(self, name: str, path: object, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def keep_arrow_small() -> None:
    """Call it before the first array is made; later it changes nothing but the allocator.

    With its first array Arrow imports pandas, to know whether it was given a Series: 30 to 45 MiB and half a
    second, for a worker that has none. And of slices, which are made in some threads and dropped in
    others, Arrow's own allocator keeps 100 MiB that nobody uses: the C library's does not.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    absent = _NoPandas()
    sys.meta_path.insert(0, absent)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(absent)
