"""What the tests of rotation share: keys that have rotated, in one Region and in two."""

from typing import Any

from msgspec.structs import replace

from strongroom.model.key import Material
from strongroom.model.state import KeyState
from tests.core import ELSEWHERE, REGION, Core
from tests.jobs import run_jobs
from tests.operations.kms.regions import at, replicated


def materials_of(core: Core, key: str) -> list[Material]:
    """The materials of a key in the store, in order."""
    return list(core.stored(key).materials.values())


def events(core: Core, name: str) -> list[dict[str, Any]]:
    """The service events of a name, in order."""
    records = (record for frame in core.outbox().values() for record in frame)
    return [record for record in records if record["eventName"] == name and "serviceEventDetails" in record]


def rotate(core: Core, key: str) -> Material:
    """Rotate a key on demand; its new material."""
    core.ok("RotateKeyOnDemand", KeyId=key)
    run_jobs(core)
    stored = core.stored(key)
    return stored.materials[stored.key.material_id or ""]


def pair(core: Core) -> tuple[str, str]:
    """A new multi-Region key: the ARNs of the primary key and of its replica in another Region."""
    primary = replicated(core, ELSEWHERE)
    return primary, at(primary, ELSEWHERE)


def imported_pair(core: Core) -> tuple[str, str]:
    """As ``pair``, of origin EXTERNAL, its first material imported into both."""
    primary = core.new_key(MultiRegion=True, Origin="EXTERNAL")
    first = import_material(core, primary)
    core.ok("ReplicateKey", KeyId=primary, ReplicaRegion=ELSEWHERE)
    run_jobs(core)
    replica = at(primary, ELSEWHERE)
    import_material(core, replica, like=first)
    return primary, replica


def import_material(core: Core, key: str, like: Material | None = None, **changes: Any) -> Material:
    """Put material into a key of origin EXTERNAL past the import; where it is given, the same as in the primary key."""
    stored = core.stored(key)
    keystore = core.dispatcher.keystores.of(stored.key)
    if like is None:
        made = replace(keystore.generate(stored.key), number=len(stored.materials) + 1)
    else:
        made = keystore.copy(core.stored(at(key, REGION)).key, like, stored.key)
    material = replace(made, **changes)
    core.store.run(lambda tx: tx.put_material(stored.key, material))
    if not material.pending:
        core.put_key(key, material_id=material.material_id, state=KeyState.ENABLED)
    core.views.refresh()
    return material


def lose_material(core: Core, key: str, material_id: str, *, known: bool = True) -> None:
    """Let imported material be gone, as after its expiry; or not even be known, as after its deletion."""
    stored = core.stored(key)
    gone = replace(stored.materials[material_id], wrapped=b"", valid_to=None)
    core.store.run(
        lambda tx: tx.put_material(stored.key, gone) if known else tx.delete_material(stored.key, material_id)
    )
    core.views.refresh()
