"""What a process with a worker is told so that it stays small. Measured with 200,000 plays to work off."""

from __future__ import annotations

import ctypes
import sys
from importlib.abc import MetaPathFinder

import pyarrow as pa
from clickhouse_connect.driver import options

_M_ARENA_MAX = -8  # malloc.h of the GNU C library
_ARENAS = 2  # as many as there are threads that make and drop slices
_M_MMAP_THRESHOLD = -3
_LARGE = 1 << 20  # bytes


class _NoPandas(MetaPathFinder):
    def find_spec(self, name: str, path: object, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def keep_small() -> None:
    """Call it before threads start and before Arrow's first array; later it changes less.

    - Of slices, which are made in some threads and dropped in others, Arrow's own allocator keeps 100 MiB
      that nobody uses: the C library's does not, and with few arenas (it makes eight a core) 25 MiB less.
    - The C library learns from large columns that come and go to keep their room, and cannot use it for
      others: told a bound, it gives it back, 20 to 30 MiB less.
    - With its first array Arrow imports pandas, to know whether it was given a Series, and clickhouse-connect
      with its first insert of rows: 30 to 45 MiB and half a second, for a process that has none.
    """
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(_M_ARENA_MAX, _ARENAS)
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
    pa.set_memory_pool(pa.system_memory_pool())
    absent = _NoPandas()
    sys.meta_path.insert(0, absent)
    try:
        pa.array([0])
        _ = options.pd  # it remembers that there is none; sinks/clickhouse.py hands it no frames
    finally:
        sys.meta_path.remove(absent)
