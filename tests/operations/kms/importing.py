"""What the tests of imported key material share: an import as its user does it."""

from typing import Any

import pytest

from strongroom.crypto import private_keys
from strongroom.model.spec import KeySpec
from tests import wrapping
from tests.core import Answer, Core
from tests.crypto.support_keys import pair

OAEP = "RSAES_OAEP_SHA_256"
FOR_EVER = "KEY_MATERIAL_DOES_NOT_EXPIRE"
DAY = 86_400


def use_known_wrapping_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the service take Wycheproof's RSA keys as wrapping keys: to find new ones takes up to seconds."""
    generate = private_keys.generate

    def known(spec: KeySpec) -> private_keys.KeyPair:
        return pair(spec) if spec.startswith("RSA") else generate(spec)

    monkeypatch.setattr(private_keys, "generate", known)


def region_of(arn: str) -> str:
    """The Region of a key."""
    return arn.split(":")[3]


def parcel(
    core: Core, key: str, material: bytes, algorithm: str = OAEP, wrapping_spec: str = "RSA_2048"
) -> dict[str, Any]:
    """The members of ImportKeyMaterial that hold a material, freshly wrapped, and its token."""
    given = core.ok(
        "GetParametersForImport",
        region=region_of(key),
        KeyId=key,
        WrappingAlgorithm=algorithm,
        WrappingKeySpec=wrapping_spec,
    )
    wrapped = wrapping.by_pycryptodome(given["PublicKey"], algorithm, material)
    return {"KeyId": key, "ImportToken": given["ImportToken"], "EncryptedKeyMaterial": wrapped}


def call_import(core: Core, key: str, material: bytes, **members: Any) -> Answer:
    """Import a material, for ever unless it is said otherwise."""
    expiration: dict[str, Any] = {} if "ValidTo" in members else {"ExpirationModel": FOR_EVER}
    request = parcel(core, key, material) | expiration | members
    return core.call("ImportKeyMaterial", region=region_of(key), **request)


def put(core: Core, key: str, material: bytes, **members: Any) -> str:
    """Import a material, which must succeed; its id, where the answer has one."""
    answer = call_import(core, key, material, **members)
    assert answer.status == 200, (answer.code, answer.message)
    assert answer.members["KeyId"] == key
    return str(answer.members.get("KeyMaterialId", ""))


def put_refused(core: Core, key: str, material: bytes, **members: Any) -> tuple[str, str]:
    """Import a material, which must be refused; code and message."""
    answer = call_import(core, key, material, **members)
    assert answer.status == 400, answer.members
    return answer.code or "", answer.message


def delete(core: Core, key: str, material_id: str | None = None) -> dict[str, Any]:
    """Delete a material; the answer."""
    members = {} if material_id is None else {"KeyMaterialId": material_id}
    return core.ok("DeleteImportedKeyMaterial", region=region_of(key), KeyId=key, **members)


def metadata(core: Core, key: str) -> dict[str, Any]:
    """What DescribeKey tells of a key."""
    found: dict[str, Any] = core.ok("DescribeKey", region=region_of(key), KeyId=key)["KeyMetadata"]
    return found


def state(core: Core, key: str) -> str:
    """The state of a key."""
    return str(metadata(core, key)["KeyState"])


def known(core: Core, key: str) -> list[tuple[str, int, bool, bool]]:
    """The materials that a key knows: id, number, whether it is pending, whether it is present."""
    materials = core.stored(key).materials.values()
    return [(each.material_id, each.number, each.pending, each.present) for each in materials]
