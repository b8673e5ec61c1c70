"""Which key store serves a key."""

import pytest

from strongroom.keystores.registry import Registry
from strongroom.keystores.software import SoftwareKeyStore
from strongroom.model.spec import Origin
from strongroom.ports import AdapterError, KeyStores
from tests.keystores.samples import ROOTS, UUID, make_key

SOFTWARE = SoftwareKeyStore(ROOTS)
STORES: KeyStores = Registry(SOFTWARE)


def test_software_serves_the_keys_made_here() -> None:
    """A key of origin AWS_KMS, and what needs no key, is served by the software key store."""
    assert STORES.of(make_key()) is SOFTWARE
    assert STORES.default is SOFTWARE


def test_unserved_origin_is_an_error_of_ours() -> None:
    """A key of an origin that nothing here serves gives the operator its name, not a KeyError."""
    with pytest.raises(AdapterError, match=f"{UUID}, origin EXTERNAL_KEY_STORE"):
        STORES.of(make_key(origin=Origin.EXTERNAL_KEY_STORE))
