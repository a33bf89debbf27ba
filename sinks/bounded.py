"""A mapping that forgets what was used longest ago: bounded by entries and, roughly, by bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Bounded(Generic[K, V]):
    """Answers by key. `weigh` estimates the bytes of an entry. Not safe for several threads at once."""

    def __init__(self, entries: int, size: int, weigh: Callable[[K, V], int]) -> None:
        self._entries, self._size, self._weigh = entries, size, weigh
        self._kept: OrderedDict[K, V] = OrderedDict()
        self._weight = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def weight(self) -> int:
        """Bytes of all entries, as estimated."""
        return self._weight

    def get(self, keys: Collection[K]) -> tuple[dict[K, V], list[K]]:
        """What is kept of these keys, and the keys of which nothing is."""
        kept, touch = self._kept, self._kept.move_to_end
        found = {key: kept[key] for key in keys if key in kept}
        for key in found:
            touch(key)
        return found, [key for key in keys if key not in found] if len(found) < len(keys) else []

    def put(self, answers: Iterable[tuple[K, V]]) -> None:
        """Keep these, and drop what was used longest ago where it becomes too much."""
        for key, value in answers:
            self.drop(key)
            self._kept[key] = value
            self._weight += self._weigh(key, value)
        while self._kept and (len(self._kept) > self._entries or self._weight > self._size):
            key, value = self._kept.popitem(last=False)
            self._weight -= self._weigh(key, value)

    def drop(self, key: K) -> None:
        """Forget one key; nothing happens where it is not kept."""
        if key in self._kept:
            self._weight -= self._weigh(key, self._kept.pop(key))

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self._weight = 0

    def items(self) -> Iterator[tuple[K, V]]:
        """Every entry, the one used longest ago first."""
        return iter(self._kept.items())
