"""A cache that forgets what was used least recently."""

from collections import OrderedDict
from typing import Any


class LruCache:
    """Keeps so many values at most; reading a value or writing it is using it."""

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError("a cache must have room for one value")
        self.capacity = capacity
        self.values: OrderedDict[str, Any] = OrderedDict()

    def get(self, key: str, default: Any = None) -> Any:
        """The value kept for a key."""
        if key not in self.values:
            return default
        self.values.move_to_end(key)
        return self.values[key]

    def put(self, key: str, value: Any) -> None:
        """Keeps a value, at the cost of the least recently used one if there is no room."""
        self.values[key] = value
        self.values.move_to_end(key)
        if len(self.values) > self.capacity:
            self.values.popitem(last=True)

    def __len__(self) -> int:
        return len(self.values)
