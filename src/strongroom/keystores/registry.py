"""Which key store holds a key's material: one table from the key's origin."""

from strongroom.model.key import Key
from strongroom.model.spec import Origin
from strongroom.ports import AdapterError, KeyStore


class Registry:
    """The key stores of this process, a ports.KeyStores."""

    def __init__(self, software: KeyStore) -> None:
        self._by_origin = {Origin.AWS_KMS: software, Origin.EXTERNAL: software}

    def of(self, key: Key) -> KeyStore:
        """The key store of a key.

        Raises:
            AdapterError: No key store here serves keys of that origin.
        """
        store = self._by_origin.get(key.origin)
        if store is None:
            raise AdapterError(f"no key store serves {key.arn}, origin {key.origin}")
        return store

    @property
    def default(self) -> KeyStore:
        """The key store of keys in no custom key store."""
        return self._by_origin[Origin.AWS_KMS]
