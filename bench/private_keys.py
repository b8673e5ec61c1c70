"""Operations on private keys and HMAC keys, each beside its bare Python call and, where there is one, OpenSSL's own."""

import hmac
import subprocess
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from bench.load import Figures
from bench.service import bare, client, signed_request
from strongroom.crypto import private_keys
from strongroom.model.spec import KeySpec, SigningAlgorithm

MESSAGE = bytes(range(256))
Members = dict[str, Any]
Work = Callable[[], object]


class Case(NamedTuple):
    """One line of the report.

    Attributes:
        usage: The key's.
        members: Of the request, beside KeyId; made with a client and a key id.
        call: Makes the bare call.
        speed: The name of what ``openssl speed`` measures, and the field of its machine-readable line that holds
            operations a second; None where it has no such thing.
    """

    spec: KeySpec
    usage: str
    operation: str
    members: Callable[[Any, str], Members]
    call: Callable[[], Work]
    speed: tuple[str, int] | None = None


def _new_pair(spec: KeySpec) -> tuple[Any, Any]:
    """A private key and its public key, as `cryptography` has them."""
    pair = private_keys.generate(spec)
    return pair.private, pair.public


def _sign(
    spec: KeySpec, algorithm: SigningAlgorithm, scheme: tuple[Any, ...] = (), speed: tuple[str, int] | None = None
) -> Case:
    def call() -> Work:
        private, _ = _new_pair(spec)
        return lambda: private.sign(MESSAGE, *scheme)

    members = {"Message": MESSAGE, "SigningAlgorithm": algorithm.value}
    return Case(spec, "SIGN_VERIFY", "Sign", lambda _kms, _key: members, call, speed)


def _verify(spec: KeySpec, algorithm: SigningAlgorithm, scheme: tuple[Any, ...], speed: tuple[str, int]) -> Case:
    def call() -> Work:
        private, public = _new_pair(spec)
        signature = private.sign(MESSAGE, *scheme)
        return lambda: public.verify(signature, MESSAGE, *scheme)

    def members(kms: Any, key_id: str) -> Members:
        signed = {"Message": MESSAGE, "SigningAlgorithm": algorithm.value}
        return {**signed, "Signature": kms.sign(KeyId=key_id, **signed)["Signature"]}

    return Case(spec, "SIGN_VERIFY", "Verify", members, call, speed)


def _hmac() -> Case:
    members = {"Message": MESSAGE, "MacAlgorithm": "HMAC_SHA_256"}
    return Case(
        KeySpec.HMAC_256,
        "GENERATE_VERIFY_MAC",
        "GenerateMac",
        lambda _kms, _key: members,
        lambda: lambda: hmac.digest(bytes(32), MESSAGE, "sha256"),
    )


def _encapsulate() -> Case:
    def call() -> Work:
        _, public = _new_pair(KeySpec.ML_KEM_768)
        encapsulate: Work = public.encapsulate
        return encapsulate

    members = {"EncapsulationAlgorithm": "ML_KEM"}
    return Case(KeySpec.ML_KEM_768, "ENCAPSULATE_DECAPSULATE", "Encapsulate", lambda _kms, _key: members, call)


def _decapsulate() -> Case:
    def call() -> Work:
        private, public = _new_pair(KeySpec.ML_KEM_768)
        _, ciphertext = public.encapsulate()
        return lambda: private.decapsulate(ciphertext)

    def members(kms: Any, key_id: str) -> Members:
        made = kms.encapsulate(KeyId=key_id, EncapsulationAlgorithm="ML_KEM")
        return {"EncapsulationAlgorithm": "ML_KEM", "SharedSecretCiphertextBlob": made["SharedSecretCiphertextBlob"]}

    return Case(KeySpec.ML_KEM_768, "ENCAPSULATE_DECAPSULATE", "Decapsulate", members, call)


_SHA_256 = hashes.SHA256()
_PSS = SigningAlgorithm.RSASSA_PSS_SHA_256, (padding.PSS(padding.MGF1(_SHA_256), _SHA_256.digest_size), _SHA_256)
_ECDSA = SigningAlgorithm.ECDSA_SHA_256, (ec.ECDSA(_SHA_256),)

CASES = {
    "RSA-2048 PSS sign": _sign(KeySpec.RSA_2048, *_PSS, ("rsa2048", 3)),
    "RSA-3072 PSS sign": _sign(KeySpec.RSA_3072, *_PSS, ("rsa3072", 3)),
    "RSA-4096 PSS sign": _sign(KeySpec.RSA_4096, *_PSS, ("rsa4096", 3)),
    "ECDSA P-256 sign": _sign(KeySpec.ECC_NIST_P256, *_ECDSA, ("ecdsap256", 3)),
    "ECDSA P-256 verify": _verify(KeySpec.ECC_NIST_P256, *_ECDSA, ("ecdsap256", 4)),
    "Ed25519 sign": _sign(KeySpec.ECC_NIST_EDWARDS25519, SigningAlgorithm.ED25519_SHA_512, (), ("ed25519", 4)),
    "HMAC-SHA-256": _hmac(),
    "ML-DSA-65 sign": _sign(KeySpec.ML_DSA_65, SigningAlgorithm.ML_DSA_SHAKE_256),
    "ML-KEM-768 encapsulate": _encapsulate(),
    "ML-KEM-768 decapsulate": _decapsulate(),
}


class Sample(NamedTuple):
    """One round of a case, in microseconds of CPU: whole service, bare call and OpenSSL, one right after the other."""

    service: Figures
    bare: float
    openssl: float | None


def sample(port: int, measured: Callable[[list[bytes]], Figures]) -> dict[str, Sample]:
    """Measure each case once, under a key of its own."""
    kms = client(port)
    samples = {}
    for name, case in CASES.items():
        key_id = kms.create_key(KeySpec=case.spec.value, KeyUsage=case.usage)["KeyMetadata"]["KeyId"]
        request = signed_request(port, case.operation, KeyId=key_id, **case.members(kms, key_id))
        samples[name] = Sample(measured([request]), bare(case.call()), _openssl(*case.speed) if case.speed else None)
    return samples


def _openssl(algorithm: str, field: int) -> float:
    """Microseconds of CPU of one operation by the ``openssl`` program, on one core."""
    command = ["openssl", "speed", "-mr", "-seconds", "1", algorithm]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    (line,) = (line for line in result.stdout.splitlines() if line.startswith("+F"))
    return 1e6 / float(line.split(":")[field])


def report(rounds: list[dict[str, Sample]]) -> None:
    """Print medians: of each figure, and of what the rounds themselves say of the distance to the limits."""
    version = subprocess.run(["openssl", "version"], check=True, capture_output=True, text=True).stdout.split("(")[0]
    print(f"\nkeys of other kinds, beside the bare Python call and one core of {version.strip()}")
    print(
        f"{'':24}{'req/s':>8}{'p50 ms':>8}{'p99 ms':>8}{'CPU us':>9}{'bare us':>9}{'CPU-bare':>10}"
        f"{'OpenSSL us':>12}{'OpenSSL/CPU':>13}"
    )
    for name in CASES:
        samples = [samples[name] for samples in rounds]
        row = Figures(*(median(column) for column in zip(*(it.service for it in samples), strict=True)))
        over = median(it.service.cpu - it.bare for it in samples)
        line = f"{name:24}{row.rate:8.0f}{row.p50 / 1e3:8.2f}{row.p99 / 1e3:8.2f}{row.cpu:9.1f}"
        line += f"{median(it.bare for it in samples):9.1f}{over:10.1f}"
        theirs = [(it.openssl, it.openssl / it.service.cpu) for it in samples if it.openssl is not None]
        if theirs:
            line += f"{median(cost for cost, _ in theirs):12.1f}{median(ratio for _, ratio in theirs):13.0%}"
        print(line)
