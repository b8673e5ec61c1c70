"""Private keys that are kept as objects: loaded once, bounded in number, and gone with their material."""

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

PAIR = private_keys.generate(KeySpec.ECC_NIST_P256)


def make_material(number: int) -> Material:
    """A material; equal numbers make equal ones, but never the same object."""
    return Material(f"{number:064x}", b"wrapped %d" % number, 1.5)


def never() -> KeyPair:
    """A load that must not happen."""
    raise AssertionError("loaded again")


def test_a_key_is_loaded_once() -> None:
    """The second caller gets the first one's object."""
    keys, material = LoadedKeys(), make_material(1)
    assert keys.get(material, lambda: PAIR) is keys.get(material, never) is PAIR


def test_many_callers_at_once_load_once() -> None:
    """Whoever comes while a key is being loaded waits for it."""
    keys, material = LoadedKeys(), make_material(1)
    gate, loads = threading.Event(), []

    def load() -> KeyPair:
        loads.append(gate.wait(30))
        return PAIR

    with ThreadPoolExecutor(8) as pool:
        got = [pool.submit(keys.get, material, load) for _ in range(8)]
        gate.set()
        assert {id(future.result()) for future in got} == {id(PAIR)}
    assert loads == [True]


def test_a_key_goes_with_its_material() -> None:
    """Nothing is kept of a material that nobody holds any more."""
    keys, material = LoadedKeys(), make_material(1)
    keys.get(material, lambda: PAIR)
    assert len(keys) == 1
    del material
    gc.collect()
    assert len(keys) == 0


def test_the_number_of_keys_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound, the one that came first makes room."""
    monkeypatch.setattr(loaded, "MAX_LOADED", 3)
    keys, materials = LoadedKeys(), [make_material(number) for number in range(5)]
    for material in materials:
        keys.get(material, lambda: PAIR)
    assert len(keys) == 3
    for material in materials[2:]:
        keys.get(material, never)


def test_a_failed_load_is_not_kept() -> None:
    """An error leaves nothing behind: the next caller tries again."""
    keys, material = LoadedKeys(), make_material(1)
    with pytest.raises(AssertionError, match="loaded again"):
        keys.get(material, never)
    assert keys.get(material, lambda: PAIR) is PAIR


CHANGES: dict[str, Callable[[str], tuple[str, dict[str, object]]]] = {
    "disabled": lambda arn: ("DisableKey", {"KeyId": arn}),
    "scheduled for deletion": lambda arn: ("ScheduleKeyDeletion", {"KeyId": arn, "PendingWindowInDays": 7}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_key_that_is_no_longer_usable_leaves_memory(tmp_path: Path, change: str) -> None:
    """A key that is disabled or to be deleted is dropped with the next look at the store."""
    store = SoftwareKeyStore(ROOTS)
    with open_core(tmp_path, keystores=Registry(store)) as core:
        arn = core.new_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
        core.ok("Sign", KeyId=arn, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")
        assert len(store._loaded) == 1
        operation, members = CHANGES[change](arn)
        core.ok(operation, **members)
        core.views.refresh()
        gc.collect()
        assert len(store._loaded) == 0
