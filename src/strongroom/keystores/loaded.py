"""Private keys as objects: to unwrap and parse one for each call would cost more than many a signature."""

import threading
from collections.abc import Callable
from weakref import WeakKeyDictionary

from strongroom.crypto.private_keys import KeyPair
from strongroom.model.key import Material

MAX_LOADED = 1000


class LoadedKeys:
    """A bounded cache of key pairs by the material that they came from; for any thread.

    An entry lives no longer than its material as the hot path sees it: whatever changes a key (that it is disabled,
    say) drops the key's view with its materials, and so its private key here.
    """

    def __init__(self) -> None:
        self._pairs: WeakKeyDictionary[Material, KeyPair] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._pairs)

    def get(self, material: Material, load: Callable[[], KeyPair]) -> KeyPair:
        """The key pair of a material, loaded if it is not here; of many callers at once, one loads it."""
        pair = self._pairs.get(material)
        if pair is None:
            with self._lock:
                pair = self._pairs.get(material)
                if pair is None:
                    pair = load()
                    if len(self._pairs) >= MAX_LOADED:
                        del self._pairs[next(iter(self._pairs))]
                    self._pairs[material] = pair
        return pair
