"""The service and the model side by side: one call to both, and what both say of a key."""

import contextlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes
from typing import Any, TypeVar

from Crypto.PublicKey import ECC
from hypothesis.stateful import RuleBasedStateMachine

from tests.compat import independent
from tests.core import Answer, Core, open_core
from tests.jobs import open_jobs
from tests.soak.life_checks import arn_of, materials_of, metadata_of, plain, rotation_of, shown
from tests.soak.life_model import DAY, Life, Material, Parcel, RefusedError

REGIONS = ("us-east-1", "eu-west-3", "ap-south-1")
WRAPPING = "RSAES_OAEP_SHA_256"
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - nothing here is about durability
T = TypeVar("T")


@dataclass
class Sealed:
    """What a key made of a message: a ciphertext, a MAC or a signature, and with which material."""

    life: Life
    region: str
    material: Material
    message: bytes
    blob: bytes


@dataclass
class Parameters:
    """What wraps material for a key."""

    public_key: bytes
    token: bytes
    valid_to: float


def new_secret(life: Life) -> bytes:
    """Material of a key's kind, as it is imported."""
    if life.kind == "signing":
        return ECC.generate(curve="P-256").export_key(format="DER", use_pkcs8=True)
    return token_bytes(32)


def regions_of(life: Life) -> tuple[str, ...]:
    """The Regions where a key can be."""
    return REGIONS if life.multi_region else (life.primary,)


def require_same(answered: object, expected: object) -> None:
    """Require what the model says."""
    assert answered == expected, f"answered {answered}, and the model says {expected}"


class SideBySide(RuleBasedStateMachine):
    """A store, a model of all that was ever in it, and the time.

    Attributes:
        lives: All keys, also those that have ended.
        sealed: All that they ever made.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_790_000_000.5
        self.lives: list[Life] = []
        self.sealed: list[Sealed] = []
        self.parameters: dict[tuple[str, str], Parameters] = {}
        self.material_ids: set[str] = set()
        self.starts = self.turn = 0
        self.opened = contextlib.ExitStack()

    def make(self) -> None:
        """Make a new store."""
        self.folder = Path(self.opened.enter_context(tempfile.TemporaryDirectory(dir=MEMORY)))
        self.start()

    def start(self) -> None:
        """Open the store."""
        self.starts += 1
        self.running = contextlib.ExitStack()
        self.core: Core = self.running.enter_context(open_core(self.folder, worker=self.starts))
        self.core.clock.key_life = self.now
        self.run_jobs = self.running.enter_context(open_jobs(self.core))

    def stop(self) -> None:
        """Close it."""
        self.running.close()

    def teardown(self) -> None:
        """In a store that is opened afresh all is as it must be, and everything opens that must, and nothing else."""
        with self.opened:
            self.stop()
            self.start()
            with self.running:
                self.check_all()
                for sealed in self.sealed:
                    for region in REGIONS:
                        self.open(sealed, region)

    # --- calls ---

    def call(self, life: Life, region: str, operation: str, change: Callable[[], T], **members: Any) -> T | None:
        """Make a call on a key; what the model says of one that succeeded."""
        return self.agree(self.core.call(operation, region=region, KeyId=life.key_id, **members), life, region, change)

    def agree(self, answer: Answer, life: Life, region: str, change: Callable[[], T]) -> T | None:
        """Let the model do what the service has answered, and require that it refuses the same, and in the same way."""
        code, result = None, None
        try:
            life.require_there(region)
            result = change()
        except RefusedError as refused:
            code = str(refused)
        assert answer.code == code, f"answered {answer.code} {answer.message}, and the model says {code}"
        return result

    def seal(self, life: Life, region: str) -> None:
        """Encrypt, GenerateMac or Sign, and remember it."""
        message = b"message %d" % len(self.sealed)
        calls: dict[str, tuple[str, dict[str, Any], str]] = {
            "symmetric": ("Encrypt", {"Plaintext": message}, "CiphertextBlob"),
            "HMAC": ("GenerateMac", {"Message": message, "MacAlgorithm": "HMAC_SHA_256"}, "Mac"),
            "signing": ("Sign", {"Message": message, "SigningAlgorithm": "ECDSA_SHA_256"}, "Signature"),
        }
        operation, members, result = calls[life.kind]
        answer = self.core.call(operation, region=region, KeyId=life.key_id, **members)
        self.agree(answer, life, region, lambda: life.use(region, self.now))
        if answer.code is None:
            assert life.current is not None
            self.sealed.append(Sealed(life, region, life.current, message, answer.members[result]))

    def open(self, sealed: Sealed, region: str) -> None:
        """What was sealed opens wherever the key can be used, and nowhere else."""
        life = sealed.life
        if life.kind == "symmetric":
            answer = self.core.call("Decrypt", region=region, CiphertextBlob=sealed.blob)
            if region not in life.members:
                assert answer.code == "AccessDeniedException"
                return
        elif life.kind == "HMAC":
            answer = self.core.call(
                "VerifyMac", region=region, KeyId=life.key_id, Message=sealed.message, Mac=sealed.blob,
                MacAlgorithm="HMAC_SHA_256",
            )  # fmt: skip
        else:
            answer = self.core.call(
                "Verify", region=region, KeyId=life.key_id, Message=sealed.message, Signature=sealed.blob,
                SigningAlgorithm="ECDSA_SHA_256",
            )  # fmt: skip
        self.agree(answer, life, region, lambda: life.use(region, self.now))
        if answer.code is None:
            assert answer.members["KeyId"] == arn_of(life, region)
            if life.kind == "symmetric":
                assert answer.members["Plaintext"] == sealed.message
                assert answer.members["KeyMaterialId"] == sealed.material.material_id

    def hand_over(self, life: Life, region: str, parcel: Parcel) -> None:
        """Wrap material and import it; parameters are asked for where there are none that still hold."""
        given = self.parameters.get((life.key_id, region))
        if given is None or given.valid_to <= self.now:
            answer = self.core.call(
                "GetParametersForImport", region=region, KeyId=life.key_id, WrappingAlgorithm=WRAPPING,
                WrappingKeySpec="RSA_2048",
            )  # fmt: skip
            states = ("Enabled", "Disabled", "PendingImport")
            self.agree(answer, life, region, lambda: life.require_imports(region, self.now, *states))
            if answer.code is not None:
                return
            made = plain(answer.members)
            given = Parameters(made["PublicKey"], made["ImportToken"], made["ParametersValidTo"])
            assert given.valid_to == self.now + DAY
            self.parameters[life.key_id, region] = given
        members: dict[str, Any] = {
            "ImportType": parcel.import_type,
            "KeyMaterialDescription": parcel.description,
            "ValidTo": None if parcel.expiry is None else datetime.fromtimestamp(parcel.expiry, UTC),
            "ExpirationModel": f"KEY_MATERIAL_{'DOES_NOT_EXPIRE' if parcel.expiry is None else 'EXPIRES'}",
        }
        answer = self.core.call(
            "ImportKeyMaterial",
            region=region,
            KeyId=life.key_id,
            ImportToken=given.token,
            EncryptedKeyMaterial=independent.encrypt(given.public_key, WRAPPING, parcel.secret),
            **{name: value for name, value in members.items() if value is not None},
        )
        material = self.agree(answer, life, region, lambda: life.import_material(region, parcel, self.now))
        if material is not None and life.rotatable:
            self.learn(material, answer.members["KeyMaterialId"])

    def learn(self, material: Material, material_id: str) -> None:
        """Take note of the id of a material, which is its own and never changes."""
        if not material.material_id:
            assert material_id not in self.material_ids
            self.material_ids.add(material_id)
            material.material_id = material_id
        assert material.material_id == material_id

    # --- what both say ---

    def check_all(self) -> None:
        """All keys are as the model says, and no others are there."""
        for region in REGIONS:
            listed = {each["KeyId"] for each in self.core.ok("ListKeys", region=region)["Keys"]}
            assert listed == {life.key_id for life in self.lives if region in life.members}
        for life in self.lives:
            self.check(life)

    def check(self, life: Life) -> None:
        """A key is as the model says, in every Region where it is or may have been.

        While expired material is still to be deleted, what is told of the key may be as of before or after that.
        """
        for region in () if life.has_expired(self.now) else regions_of(life):
            if region in life.members:
                if life.rotatable:
                    self.check_materials(life, region)
                    self.check_rotation(life, region)
                found = self.core.ok("DescribeKey", region=region, KeyId=life.key_id)
                require_same(shown(found["KeyMetadata"]), metadata_of(life, region))
            else:
                assert self.core.refused("DescribeKey", region=region, KeyId=life.key_id)[0] == "NotFoundException"
        self.check_use(life)

    def check_use(self, life: Life) -> None:
        """Every material is used once in every Region, and one of all things ever made opens where it must."""
        mine = [sealed for sealed in self.sealed if sealed.life is life]
        for region in life.members:
            if not any(sealed.region == region and sealed.material is life.current for sealed in mine):
                self.seal(life, region)
        self.turn += 1
        for region in regions_of(life) if mine else ():
            self.open(mine[self.turn % len(mine)], region)

    def check_materials(self, life: Life, region: str) -> None:
        """The materials are those of the model; the ids of new ones are learned."""
        answer = self.core.call(
            "ListKeyRotations", region=region, KeyId=life.key_id, IncludeKeyMaterial="ALL_KEY_MATERIAL"
        )
        assert answer.code is None
        if life.members[region].settled:
            found = answer.members["Rotations"]
            for material, entry in zip(life.materials, found, strict=True):
                self.learn(material, entry["KeyMaterialId"])
            require_same(plain(found), materials_of(life, region))

    def check_rotation(self, life: Life, region: str) -> None:
        """The rotation is on or off as in the model, with the same dates."""
        answer = self.core.call("GetKeyRotationStatus", region=region, KeyId=life.key_id)
        self.agree(answer, life, region, lambda: life.ask_rotation(region, self.now))
        if answer.code is None:
            require_same(plain(answer.members), rotation_of(life, region))
