"""A key of each kind in each state, and for each operation a request that its state or its kind alone can refuse."""

import functools
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from secrets import token_bytes
from typing import Any, NamedTuple

from Crypto.PublicKey import ECC

from strongroom.model.grant import Constraints, Grant, GrantOperation
from strongroom.model.region import Realm
from strongroom.model.state import KeyState
from tests.compat import independent
from tests.core import ACCOUNT, DATABASE, ELSEWHERE, REGION, Core, key_id_of, open_core
from tests.jobs import run_jobs
from tests.operations.kms.state_table import KINDS

MESSAGE = b"a message"
GRANT_ID = "ab" * 32
ROOT_ARN = f"arn:aws:iam::{ACCOUNT}:root"
FREE_REGION = "ap-south-1"
WRAPPING = "RSAES_OAEP_SHA_256"
RSA = "RSAES_OAEP_SHA_1"


class Parcel(NamedTuple):
    """Key material as ImportKeyMaterial takes it."""

    token: bytes
    wrapped: bytes


class Scene(NamedTuple):
    """What a request may name.

    Attributes:
        key: The ARN of the key in question, which is in ``REGION``.
        other: That of an enabled symmetric key there.
        blob: What the key, while enabled, made of ``MESSAGE``: a ciphertext, signature, MAC or encapsulated secret; of
            a key for key agreement its public key.
        other_blob: A ciphertext of ``other``.
        parcel: The key's own material once more; of a key that takes none, what looks like it.
    """

    kind: str
    key: str
    other: str
    blob: bytes
    other_blob: bytes
    parcel: Parcel

    @property
    def algorithm(self) -> str:
        """The key's encryption algorithm."""
        return RSA if self.kind == "RSA" else "SYMMETRIC_DEFAULT"


def home_of(kind: str, state: str) -> str:
    """The Region of the primary key, before Updating lets related keys change places."""
    return ELSEWHERE if KINDS[kind].replica != (state == "Updating") else REGION


def prepare(folder: Path, kind: str, state: str) -> Scene:
    """Put a store with an enabled key, which is still to come into the state, into a folder."""
    alone = state == "Creating" or (state == "PendingDeletion" and not KINDS[kind].replica)
    related = "MultiRegion" in KINDS[kind].create and not alone
    content, scene = _enabled(kind, home_of(kind, state), related=related)
    path = folder / DATABASE
    path.write_bytes(content)
    path.chmod(0o600)
    return scene


_WAYS = {
    "Disabled": "DisableKey",
    "PendingDeletion": "ScheduleKeyDeletion",
    "PendingReplicaDeletion": "ScheduleKeyDeletion",
    "PendingImport": "DeleteImportedKeyMaterial",
}


def bring(core: Core, scene: Scene, state: str) -> None:
    """Bring the key into a state, as its user does; the jobs stand still."""
    key_id = key_id_of(scene.key)
    if state == "Creating":
        core.ok("ReplicateKey", region=ELSEWHERE, KeyId=key_id, ReplicaRegion=REGION)
        core.ok("CreateAlias", AliasName="alias/key", TargetKeyId=key_id)
    elif state == "Updating":
        old = home_of(scene.kind, state)
        new = REGION if old == ELSEWHERE else ELSEWHERE
        core.ok("UpdatePrimaryRegion", region=old, KeyId=key_id, PrimaryRegion=new)
    elif state == "Unavailable":
        core.put_state(scene.key, KeyState.UNAVAILABLE)
    elif state != "Enabled":
        core.ok(_WAYS[state], KeyId=key_id)
    core.store.run(lambda tx: tx.put_grant(grant_on(scene.key)))  # no user can make one in every state
    assert core.ok("DescribeKey", KeyId=key_id)["KeyMetadata"]["KeyState"] == state


@functools.cache
def _enabled(kind: str, home: str, *, related: bool) -> tuple[bytes, Scene]:
    """The file of a store with an enabled key, and with one related to it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with open_core(folder) as core:
            scene = _make(core, kind, home, related=related)
        return (folder / DATABASE).read_bytes(), scene


def _make(core: Core, kind: str, home: str, *, related: bool) -> Scene:
    arn = core.ok("CreateKey", region=home, **KINDS[kind].create)["KeyMetadata"]["Arn"]
    key_id, regions, parcel = key_id_of(arn), {home}, Parcel(b"a token", b"wrapped")
    materials = _materials(kind)
    if materials:
        parcel = _import(core, home, key_id, materials, "NEW_KEY_MATERIAL")
    if related:
        other_region = REGION if home == ELSEWHERE else ELSEWHERE
        regions.add(other_region)
        core.ok("ReplicateKey", region=home, KeyId=key_id, ReplicaRegion=other_region)
        run_jobs(core)
        if materials:
            of_replica = _import(core, other_region, key_id, materials, "EXISTING_KEY_MATERIAL")
            parcel = of_replica if other_region == REGION else parcel
    if REGION in regions:
        core.ok("CreateAlias", AliasName="alias/key", TargetKeyId=key_id)
    operation, members, result = _MAKES.get(kind.removeprefix("imported "), _ENCRYPT)
    other = core.new_key()
    core.ok("CreateAlias", AliasName="alias/other", TargetKeyId=other)
    return Scene(
        kind=kind,
        key=arn.replace(ELSEWHERE, REGION),
        other=other,
        blob=core.ok(operation, region=home, KeyId=key_id, **members)[result],
        other_blob=core.ok("Encrypt", KeyId=other, Plaintext=MESSAGE)["CiphertextBlob"],
        parcel=parcel,
    )


def grant_on(arn: str) -> Grant:
    """A grant on a key that gives nobody anything: its account may retire it anyway."""
    return Grant(
        realm=Realm(ACCOUNT, REGION),
        key_id=key_id_of(arn),
        grant_id=GRANT_ID,
        name="",
        created_at=0.0,
        grantee=ROOT_ARN,
        grantee_token=ACCOUNT,
        retiring=None,
        retiring_token=None,
        issuing_account=ACCOUNT,
        operations=(GrantOperation.RETIRE_GRANT,),
        constraints=Constraints(),
    )


def _materials(kind: str) -> list[bytes]:
    """What is to be imported: of symmetric keys also what a rotation will make the current material."""
    if not KINDS[kind].imported:
        return []
    if "signing" in kind:
        return [ECC.generate(curve="P-256").export_key(format="DER", use_pkcs8=True)]
    return [token_bytes(32)] if "HMAC" in kind else [token_bytes(32), token_bytes(32)]


def _import(core: Core, region: str, key_id: str, materials: list[bytes], import_type: str) -> Parcel:
    """Import all materials; the first one once more."""
    given = core.ok(
        "GetParametersForImport", region=region, KeyId=key_id, WrappingAlgorithm=WRAPPING, WrappingKeySpec="RSA_2048"
    )
    parcels = [
        Parcel(given["ImportToken"], independent.encrypt(given["PublicKey"], WRAPPING, material))
        for material in materials
    ]
    for parcel in parcels:
        core.ok(
            "ImportKeyMaterial",
            region=region,
            KeyId=key_id,
            ImportToken=parcel.token,
            EncryptedKeyMaterial=parcel.wrapped,
            ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE",
            **({"ImportType": import_type} if len(materials) > 1 else {}),
        )
    return parcels[0]


_MAC = {"Message": MESSAGE, "MacAlgorithm": "HMAC_SHA_256"}
_SIGNATURE = {"Message": MESSAGE, "SigningAlgorithm": "ECDSA_SHA_256"}
_ENCRYPT: tuple[str, dict[str, Any], str] = ("Encrypt", {"Plaintext": MESSAGE}, "CiphertextBlob")
_MAKES: dict[str, tuple[str, dict[str, Any], str]] = {
    "RSA": ("Encrypt", {"Plaintext": MESSAGE, "EncryptionAlgorithm": RSA}, "CiphertextBlob"),
    "HMAC": ("GenerateMac", _MAC, "Mac"),
    "signing": ("Sign", _SIGNATURE, "Signature"),
    "agreement": ("GetPublicKey", {}, "PublicKey"),
    "encapsulation": ("Encapsulate", {"EncapsulationAlgorithm": "ML_KEM"}, "SharedSecretCiphertextBlob"),
}


_POLICY = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*"}],
})  # fmt: skip


def _on_key(**members: Any) -> Callable[[Scene], dict[str, Any]]:
    return lambda it: {"KeyId": key_id_of(it.key), **members}


REQUESTS: dict[str, Callable[[Scene], dict[str, Any]]] = {
    "CancelKeyDeletion": _on_key(),
    "CreateAlias": lambda it: {"AliasName": "alias/new", "TargetKeyId": it.key},
    "CreateGrant": _on_key(GranteePrincipal=ROOT_ARN, Operations=["DescribeKey"]),
    "Decapsulate": lambda it: {
        "KeyId": it.key, "SharedSecretCiphertextBlob": it.blob, "EncapsulationAlgorithm": "ML_KEM",
    },
    "Decrypt": lambda it: {"KeyId": it.key, "CiphertextBlob": it.blob, "EncryptionAlgorithm": it.algorithm},
    "DeleteAlias": lambda _: {"AliasName": "alias/key"},
    "DeleteImportedKeyMaterial": _on_key(),
    "DeriveSharedSecret": lambda it: {"KeyId": it.key, "KeyAgreementAlgorithm": "ECDH", "PublicKey": it.blob},
    "DescribeKey": _on_key(),
    "DisableKey": _on_key(),
    "DisableKeyRotation": _on_key(),
    "EnableKey": _on_key(),
    "EnableKeyRotation": _on_key(),
    "Encapsulate": _on_key(EncapsulationAlgorithm="ML_KEM"),
    "Encrypt": lambda it: {"KeyId": it.key, "Plaintext": MESSAGE, "EncryptionAlgorithm": it.algorithm},
    "GenerateDataKey": _on_key(KeySpec="AES_256"),
    "GenerateDataKeyPair": _on_key(KeyPairSpec="ECC_NIST_P256"),
    "GenerateDataKeyPairWithoutPlaintext": _on_key(KeyPairSpec="ECC_NIST_P256"),
    "GenerateDataKeyWithoutPlaintext": _on_key(KeySpec="AES_128"),
    "GenerateMac": _on_key(**_MAC),
    "GetKeyLastUsage": _on_key(),
    "GetKeyPolicy": _on_key(),
    "GetKeyRotationStatus": _on_key(),
    "GetParametersForImport": _on_key(WrappingAlgorithm=WRAPPING, WrappingKeySpec="RSA_2048"),
    "GetPublicKey": _on_key(),
    "ImportKeyMaterial": lambda it: {
        "KeyId": it.key, "ImportToken": it.parcel.token, "EncryptedKeyMaterial": it.parcel.wrapped,
        "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
    },
    "ListAliases": _on_key(),
    "ListGrants": _on_key(),
    "ListKeyPolicies": _on_key(),
    "ListKeyRotations": _on_key(),
    "ListResourceTags": _on_key(),
    "PutKeyPolicy": _on_key(Policy=_POLICY, BypassPolicyLockoutSafetyCheck=True),
    "ReEncrypt from": lambda it: {
        "CiphertextBlob": it.blob, "SourceKeyId": it.key, "SourceEncryptionAlgorithm": it.algorithm,
        "DestinationKeyId": it.other,
    },
    "ReEncrypt to": lambda it: {
        "CiphertextBlob": it.other_blob, "DestinationKeyId": it.key, "DestinationEncryptionAlgorithm": it.algorithm,
    },
    "ReplicateKey": _on_key(ReplicaRegion=FREE_REGION),
    "RetireGrant": _on_key(GrantId=GRANT_ID),
    "RevokeGrant": _on_key(GrantId=GRANT_ID),
    "RotateKeyOnDemand": _on_key(),
    "ScheduleKeyDeletion": _on_key(),
    "Sign": _on_key(**_SIGNATURE),
    "TagResource": _on_key(Tags=[{"TagKey": "a", "TagValue": "b"}]),
    "UntagResource": _on_key(TagKeys=["a"]),
    "UpdateAlias from": lambda it: {"AliasName": "alias/key", "TargetKeyId": it.other},
    "UpdateAlias to": lambda it: {"AliasName": "alias/other", "TargetKeyId": it.key},
    "UpdateKeyDescription": _on_key(Description="new"),
    "UpdatePrimaryRegion from": _on_key(PrimaryRegion=ELSEWHERE),
    "UpdatePrimaryRegion to": _on_key(PrimaryRegion=REGION),
    "Verify": lambda it: {"KeyId": it.key, **_SIGNATURE, "Signature": it.blob},
    "VerifyMac": lambda it: {"KeyId": it.key, **_MAC, "Mac": it.blob},
}  # fmt: skip
