"""Keys as objects ready for use: to unwrap and parse one for each call would cost more than much of what it does."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from strongroom.model.key import Material

MAX_LOADED = 1000

K = TypeVar("K")


class LoadedKeys(Generic[K]):
    """A bounded cache of loaded keys by the material that they came from; for any thread.

    An entry lives no longer than its material as the hot path sees it: whatever changes a key (that it is disabled,
    say) drops the key's view with its materials, and so its entry here.
    """

    def __init__(self) -> None:
        self._loaded: WeakKeyDictionary[Material, tuple[tuple[str, ...], K]] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._loaded)

    def get(self, material: Material, facts: tuple[str, ...], load: Callable[[], K]) -> K:
        """The loaded key of a material, loaded if it is not here; of many callers at once, one loads it.

        Args:
            material: The material.
            facts: What its wrap is bound to; what was loaded under other facts is not used.
            load: Unwraps and parses it.
        """
        entry = self._loaded.get(material)
        if entry is None or entry[0] != facts:
            with self._lock:
                entry = self._loaded.get(material)
                if entry is None or entry[0] != facts:
                    entry = facts, load()
                    if len(self._loaded) >= MAX_LOADED:
                        del self._loaded[next(iter(self._loaded))]
                    self._loaded[material] = entry
        return entry[1]
