"""A bounded memory of what never changes, such as the parsed form of an object."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

_V = TypeVar("_V")


class Cache(Generic[_V]):
    """What was used last stays, up to ``limit`` in weight. For any number of threads."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._weight = 0
        self._kept: OrderedDict[str, tuple[int, _V]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> _V | None:
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[1]

    def put(self, key: str, value: _V, weight: int) -> None:
        with self._lock:
            if key in self._kept:
                self._weight -= self._kept.pop(key)[0]
            self._kept[key] = (weight, value)
            self._weight += weight
            while self._weight > self._limit and self._kept:
                self._weight -= self._kept.popitem(last=False)[1][0]
