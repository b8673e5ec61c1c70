"""Keys that are kept as objects: loaded once, bounded in number, and gone with their material."""

import gc
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from strongroom.crypto import private_keys
from strongroom.crypto.private_keys import KeyPair
from strongroom.keystores import loaded
from strongroom.keystores.loaded import LoadedKeys
from strongroom.keystores.registry import Registry
from strongroom.keystores.software import SoftwareKeyStore
from strongroom.model.key import Material
from strongroom.model.spec import KeySpec
from tests.core import ROOTS, open_core

FACTS = ("123456789012", "a key")
PAIR = private_keys.generate(KeySpec.ECC_NIST_P256)


def new_keys() -> LoadedKeys[KeyPair]:
    """An empty cache."""
    return LoadedKeys()


def make_material(number: int) -> Material:
    """A material; equal numbers make equal ones, but never the same object."""
    return Material(f"{number:064x}", b"wrapped %d" % number, 1.5)


def never() -> KeyPair:
    """A load that must not happen."""
    raise AssertionError("loaded again")


def test_a_key_is_loaded_once() -> None:
    """The second caller gets the first one's object."""
    keys, material = new_keys(), make_material(1)
    assert keys.get(material, FACTS, lambda: PAIR) is keys.get(material, FACTS, never) is PAIR


def test_what_was_loaded_for_another_key_is_not_used() -> None:
    """An equal material under another key is loaded anew, so that its binding is checked; and then that one is kept."""
    keys, material, other = new_keys(), make_material(1), private_keys.generate(KeySpec.ECC_NIST_P256)
    keys.get(material, FACTS, lambda: PAIR)
    facts = ("123456789012", "another key")
    assert keys.get(make_material(1), facts, lambda: other) is other
    assert keys.get(material, facts, never) is other


def test_many_callers_at_once_load_once() -> None:
    """Whoever comes while a key is being loaded waits for it."""
    keys, material = new_keys(), make_material(1)
    gate, loads = threading.Event(), []

    def load() -> KeyPair:
        loads.append(gate.wait(30))
        return PAIR

    with ThreadPoolExecutor(8) as pool:
        got = [pool.submit(keys.get, material, FACTS, load) for _ in range(8)]
        gate.set()
        assert {id(future.result()) for future in got} == {id(PAIR)}
    assert loads == [True]


def test_a_key_goes_with_its_material() -> None:
    """Nothing is kept of a material that nobody holds any more."""
    keys, material = new_keys(), make_material(1)
    keys.get(material, FACTS, lambda: PAIR)
    assert len(keys) == 1
    del material
    gc.collect()
    assert len(keys) == 0


def test_the_number_of_keys_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound, the one that came first makes room."""
    monkeypatch.setattr(loaded, "MAX_LOADED", 3)
    keys, materials = new_keys(), [make_material(number) for number in range(5)]
    for material in materials:
        keys.get(material, FACTS, lambda: PAIR)
    assert len(keys) == 3
    for material in materials[2:]:
        keys.get(material, FACTS, never)


def test_a_failed_load_is_not_kept() -> None:
    """An error leaves nothing behind: the next caller tries again."""
    keys, material = new_keys(), make_material(1)
    with pytest.raises(AssertionError, match="loaded again"):
        keys.get(material, FACTS, never)
    assert keys.get(material, FACTS, lambda: PAIR) is PAIR


CHANGES: dict[str, Callable[[str], tuple[str, dict[str, object]]]] = {
    "disabled": lambda arn: ("DisableKey", {"KeyId": arn}),
    "scheduled for deletion": lambda arn: ("ScheduleKeyDeletion", {"KeyId": arn, "PendingWindowInDays": 7}),
}
# What loads a key: its spec and usage, and a call that uses it.
USES: dict[str, tuple[dict[str, str], str, dict[str, object]]] = {
    "a private key": (
        {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"},
        "Sign",
        {"Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"},
    ),
    "an HMAC key": (
        {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"},
        "GenerateMac",
        {"Message": b"m", "MacAlgorithm": "HMAC_SHA_256"},
    ),
    "a symmetric key": ({}, "Encrypt", {"Plaintext": b"m"}),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("use", USES)
def test_a_key_that_is_no_longer_usable_leaves_memory(tmp_path: Path, use: str, change: str) -> None:
    """A key that is disabled or to be deleted is dropped with the next look at the store."""
    store = SoftwareKeyStore(ROOTS)
    spec, operation, members = USES[use]
    with open_core(tmp_path, keystores=Registry(store)) as core:
        arn = core.new_key(**spec)
        core.ok(operation, KeyId=arn, **members)
        assert len(store._pairs) + len(store._mac_keys) == 1
        changed, request = CHANGES[change](arn)
        core.ok(changed, **request)
        core.views.refresh()
        gc.collect()
        assert len(store._pairs) + len(store._mac_keys) == 0
