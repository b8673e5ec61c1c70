"""The certificates of attestation documents: each rule of the path, broken once."""

from collections.abc import Callable, Sequence
from typing import Any

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from strongroom.crypto.attestation import AttestationError, load_roots, verify
from tests.attestations import CA_USAGE, LEAF_USAGE, Enclave, Holder, authority, key_usage, sign1, signer

NOW = 1_700_000_000.0
ENCLAVE = Enclave(NOW)
ROOT, REGION, ZONE, INSTANCE = ENCLAVE.chain
STRANGER = authority("stranger", None, NOW)
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
# A subject alternative name of a kind that hardly anything knows, an ediPartyName: its reader has an error of its own.
ODD_NAME = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), bytes.fromhex("3009a507a1050c03616263"))
FOR_TLS = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
NAMES = x509.NameConstraints(permitted_subtrees=[x509.DNSName("example.com")], excluded_subtrees=None)


def verdict(leaf: Holder, bundle: Sequence[Holder | bytes], *, roots: bytes = ROOT.pem) -> str:
    """What becomes of a document that is good but for these certificates: its refusal, or nothing."""
    ders = [entry if isinstance(entry, bytes) else entry.der for entry in bundle]
    payload = cbor2.dumps(ENCLAVE.members(certificate=leaf.der, cabundle=ders))
    try:
        verify(sign1(payload, leaf.key), load_roots(roots), NOW, 300.0)
    except AttestationError as error:
        return str(error)
    return ""


def leaf(**changes: Any) -> Callable[[], str]:
    """A signer that differs."""
    return lambda: verdict(signer(INSTANCE, NOW, **changes), ENCLAVE.chain)


def middle(**changes: Any) -> Callable[[], str]:
    """An authority between root and signer that differs."""
    made = authority("middle", ROOT, NOW, **changes)
    return lambda: verdict(signer(made, NOW), [ROOT, made])


def top(**changes: Any) -> Callable[[], str]:
    """A root that is trusted, and differs."""
    made = authority("top", None, NOW, **changes)
    return lambda: verdict(signer(made, NOW), [made], roots=made.pem)


def line(length: int, *, path_length: int | None = None) -> Callable[[], str]:
    """So many authorities under the root, the first with a limit on the path below it."""
    chain = [ROOT, authority("line 0", ROOT, NOW, path_length=path_length)]
    for number in range(1, length):
        chain.append(authority(f"line {number}", chain[-1], NOW))
    return lambda: verdict(signer(chain[-1], NOW), chain)


GOOD = {
    "as AWS has it": leaf(),
    "an authority straight under the root": middle(),
    "a root of one's own": top(),
    "more usages than needed": leaf(usage=key_usage(LEAF_USAGE, "content_commitment")),
    "an authority that may sign anything": middle(usage=key_usage(CA_USAGE, LEAF_USAGE, "crl_sign")),
    "an unknown extension that is not critical": leaf(extra=((UNKNOWN, False),)),
    "the moment that certificates begin": leaf(lifetime=(0, 1)),
    "the moment that certificates end": leaf(lifetime=(-1, 0)),
    "a path as long as its limit": line(3, path_length=2),
}

REFUSED: dict[str, Callable[[], str]] = {
    # Who leads to whom.
    "a root that is not configured": lambda: verdict(signer(STRANGER, NOW), [STRANGER]),
    "a stranger's chain under the root's name": lambda: verdict(
        signer(authority("aws.nitro-enclaves", None, NOW), NOW), [authority("aws.nitro-enclaves", None, NOW)]
    ),
    "a stranger's signer under our bundle": lambda: verdict(signer(STRANGER, NOW), ENCLAVE.chain),
    "a stranger who says to be of the instance": lambda: verdict(
        signer(STRANGER, NOW, issuer_name="instance"), ENCLAVE.chain
    ),
    "an issuer by another name": leaf(issuer_name="zone"),
    "a root that another signed": lambda: verdict(signer(ROOT, NOW), [authority("root", STRANGER, NOW)]),
    "no root in the bundle": lambda: verdict(ENCLAVE.signer, ENCLAVE.chain[1:]),
    "the root at the end": lambda: verdict(ENCLAVE.signer, ENCLAVE.chain[::-1]),
    "two authorities in the wrong order": lambda: verdict(ENCLAVE.signer, [ROOT, ZONE, REGION, INSTANCE]),
    "an authority left out": lambda: verdict(ENCLAVE.signer, [ROOT, ZONE, INSTANCE]),
    "an authority twice": lambda: verdict(ENCLAVE.signer, [ROOT, REGION, ZONE, INSTANCE, INSTANCE]),
    "the root twice": lambda: verdict(ENCLAVE.signer, [ROOT, ROOT, REGION, ZONE, INSTANCE]),
    "a certificate that leads nowhere": lambda: verdict(ENCLAVE.signer, [*ENCLAVE.chain, STRANGER]),
    "the signer in the bundle": lambda: verdict(ENCLAVE.signer, [*ENCLAVE.chain, ENCLAVE.signer]),
    "the root as signer": lambda: verdict(ROOT, [ROOT]),
    "a signer that signed itself": lambda: verdict(signer(None, NOW), ENCLAVE.chain),
    # What the certificates are.
    "a certificate that is none": lambda: verdict(ENCLAVE.signer, [ROOT, b"\x30\x00", INSTANCE]),
    "a certificate with something behind it": lambda: verdict(
        ENCLAVE.signer, [ROOT, REGION.der + b"\0", ZONE, INSTANCE]
    ),
    "a root with something behind it": lambda: verdict(signer(ROOT, NOW), [ROOT.der + b"\0"]),
    # When they hold.
    "a signer that has ended": leaf(lifetime=(-3600, -1)),
    "a signer that has not begun": leaf(lifetime=(1, 3600)),
    "an authority that has ended": middle(lifetime=(-3600, -1)),
    "an authority that has not begun": middle(lifetime=(1, 3600)),
    "a root that has ended": top(lifetime=(-3600, -1)),
    "a root that has not begun": top(lifetime=(1, 3600)),
    # What they may do.
    "a signer that is an authority": leaf(constraints=x509.BasicConstraints(ca=True, path_length=None)),
    "a signer without constraints": leaf(constraints=None),
    "a signer that may not sign": leaf(usage=key_usage("key_agreement")),
    "a signer for certificates alone": leaf(usage=key_usage(CA_USAGE)),
    "a signer without usage": leaf(usage=None),
    "a signer for TLS": leaf(extra=((FOR_TLS, False),)),
    "a signer with a name that cannot be read": leaf(extra=((ODD_NAME, False),)),
    "a signer with an unknown critical extension": leaf(extra=((UNKNOWN, True),)),
    "an authority that is none": middle(constraints=x509.BasicConstraints(ca=False, path_length=None)),
    "an authority without constraints": middle(constraints=None),
    "an authority that may not issue": middle(usage=key_usage(LEAF_USAGE)),
    "an authority without usage": middle(usage=None),
    "an authority for TLS": middle(extra=((FOR_TLS, False),)),
    "an authority for some names": middle(extra=((NAMES, True),)),
    "an authority with an unknown critical extension": middle(extra=((UNKNOWN, True),)),
    "a root that is no authority": top(constraints=x509.BasicConstraints(ca=False, path_length=None)),
    "a root without constraints": top(constraints=None),
    "a root that may not issue": top(usage=key_usage(LEAF_USAGE)),
    "a root with an unknown critical extension": top(extra=((UNKNOWN, True),)),
    "a path longer than its limit": line(3, path_length=1),
    "a path that ends at once and goes on": line(2, path_length=0),
    "a path beyond all use": line(10),
    # Their keys.
    "a signer on another curve": leaf(curve=ec.SECP256R1()),
    "an authority on another curve": middle(curve=ec.SECP521R1()),
}


@pytest.mark.parametrize("case", GOOD)
def test_paths_that_hold(case: str) -> None:
    """What the standard allows and AWS uses, or may come to use."""
    assert GOOD[case]() == ""


@pytest.mark.parametrize("case", REFUSED)
def test_paths_that_do_not(case: str) -> None:
    """One refusal for all of them: it does not say how near somebody came."""
    assert REFUSED[case]() == "its certificates do not lead to a configured root"
