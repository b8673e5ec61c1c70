"""TUF repositories and in-toto attestations signed through securesystemslib's own signer for KMS."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import UnsupportedAlgorithmError, VerificationError
from securesystemslib.exceptions import UnverifiedSignatureError as UnverifiedError
from securesystemslib.signer import AWSSigner, Signer, SSlibKey
from tuf.api.exceptions import DownloadHTTPError, UnsignedMetadataError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.ngclient import FetcherInterface, Updater

from tests.ecosystem.keys import Keys

pytestmark = pytest.mark.usefixtures("ambient")

PAYLOAD = b'{"_type": "link"}'
STATEMENT = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "app.whl", "digest": {"sha256": "3f" * 32}}],
    "predicateType": "https://slsa.dev/provenance/v1",
    "predicate": {"buildDefinition": {"buildType": "https://build.example/v1"}},
}
RELEASE = b"release 1.0\n" * 100

SPECS = {
    "ecdsa-sha2-nistp256": "ECC_NIST_P256",
    "ecdsa-sha2-nistp384": "ECC_NIST_P384",
    "rsassa-pss-sha256": "RSA_2048",
    "rsassa-pss-sha384": "RSA_2048",
    "rsassa-pss-sha512": "RSA_2048",
    "rsa-pkcs1v15-sha256": "RSA_2048",
    "rsa-pkcs1v15-sha384": "RSA_2048",
    "rsa-pkcs1v15-sha512": "RSA_2048",
}
"""The key spec for each of the library's schemes."""

ROLES = {"root": "RSA_2048", "targets": "ECC_NIST_P384", "snapshot": "ECC_NIST_P256", "timestamp": "ECC_NIST_P256"}


def signer_of(key_id: str, scheme: str | None = None) -> tuple[Signer, SSlibKey]:
    """A signer and its public key, as the library's documentation makes them."""
    uri, public = AWSSigner.import_(key_id, scheme)
    assert uri == f"awskms:{key_id}"
    return Signer.from_priv_key_uri(uri, public), public


def test_every_scheme_of_the_library_is_tried() -> None:
    """The table here has the schemes that the library signs with in KMS."""
    assert SPECS.keys() == AWSSigner.aws_algos.keys()


@pytest.mark.parametrize("scheme", SPECS)
def test_a_scheme_signs(keys: Keys, scheme: str) -> None:
    """The library verifies what it had KMS sign, and not for another payload."""
    signer, public = signer_of(keys.arn(SPECS[scheme]), scheme)
    signature = signer.sign(PAYLOAD)
    public.verify_signature(signature, PAYLOAD)
    with pytest.raises(UnverifiedError):
        public.verify_signature(signature, PAYLOAD + b" ")


@pytest.mark.parametrize(
    ("spec", "scheme"),
    [
        ("RSA_2048", "rsassa-pss-sha256"),
        ("ECC_NIST_P256", "ecdsa-sha2-nistp256"),
        ("ECC_NIST_P384", "ecdsa-sha2-nistp384"),
    ],
)
def test_the_library_picks_a_scheme(keys: Keys, spec: str, scheme: str) -> None:
    """Of the algorithms that GetPublicKey lists, the library takes its own first choice."""
    _, public = signer_of(keys.arn(spec))
    assert public.scheme == scheme


def test_the_library_refuses_what_the_key_cannot(keys: Keys) -> None:
    """By the algorithms that GetPublicKey lists, the library sees that a key has none of its schemes."""
    with pytest.raises(UnsupportedAlgorithmError):
        AWSSigner.import_(keys.arn("ECC_NIST_P384"), "ecdsa-sha2-nistp256")
    with pytest.raises(UnsupportedAlgorithmError):
        AWSSigner.import_(keys.arn("ECC_NIST_EDWARDS25519"))


def test_an_alias_is_a_key_id(keys: Keys) -> None:
    """The library signs with a key that it knows by its alias."""
    alias = f"alias/{uuid.uuid4()}"
    keys.kms.create_alias(AliasName=alias, TargetKeyId=keys.arn("ECC_NIST_P256"))
    signer, public = signer_of(alias)
    public.verify_signature(signer.sign(PAYLOAD), PAYLOAD)
    assert public == signer_of(keys.arn("ECC_NIST_P256"))[1]


def test_an_attestation_of_two_signers(keys: Keys) -> None:
    """An in-toto statement in a DSSE envelope verifies by both its keys, and with one byte changed by neither."""
    (rsa, rsa_key), (ecdsa, ecdsa_key) = signer_of(keys.arn("RSA_2048")), signer_of(keys.arn("ECC_NIST_P256"))
    envelope = Envelope(json.dumps(STATEMENT).encode(), "application/vnd.in-toto+json", {})
    envelope.sign(rsa)
    envelope.sign(ecdsa)
    sent = json.dumps(envelope.to_dict())
    received = Envelope.from_dict(json.loads(sent))
    assert received.verify([rsa_key, ecdsa_key], threshold=2).keys() == {rsa_key.keyid, ecdsa_key.keyid}
    assert json.loads(received.payload) == STATEMENT
    received.payload = received.payload.replace(b"app.whl", b"bad.whl")
    with pytest.raises(VerificationError):
        received.verify([rsa_key, ecdsa_key], threshold=1)


class FolderFetcher(FetcherInterface):
    """Fetches from a folder instead of a network."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = self.folder / urlsplit(url).path.lstrip("/")
        if not path.is_file():
            raise DownloadHTTPError("not found", 404)
        yield path.read_bytes()


def sign_role(keys: Keys, signed: Root | Targets | Snapshot | Timestamp) -> bytes:
    """The metadata of a role, signed by the role's key."""
    metadata: Metadata[Any] = Metadata(signed)
    metadata.sign(signer_of(keys.arn(ROLES[signed.type]))[0])
    return metadata.to_bytes()


def publish(keys: Keys, folder: Path) -> None:
    """Write a TUF repository of one target, each role's metadata signed by a key of KMS."""
    expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    root = Root(expires=expires, consistent_snapshot=False)
    for role, spec in ROLES.items():
        root.add_key(signer_of(keys.arn(spec))[1], role)
    target = TargetFile.from_data("release.txt", RELEASE)
    files: dict[str, Root | Targets | Snapshot | Timestamp] = {
        "1.root": root,
        "targets": Targets(expires=expires, targets={"release.txt": target}),
        "snapshot": Snapshot(expires=expires, meta={"targets.json": MetaFile(1)}),
        "timestamp": Timestamp(expires=expires, snapshot_meta=MetaFile(1)),
    }
    for name, signed in files.items():
        (folder / f"{name}.json").write_bytes(sign_role(keys, signed))
    (folder / "release.txt").write_bytes(RELEASE)


def update(repository: Path, client: Path) -> bytes:
    """What a TUF client downloads that trusts the repository's first root."""
    client.mkdir()
    updater = Updater(
        metadata_dir=str(client),
        metadata_base_url="http://tuf.invalid/",
        target_dir=str(client),
        target_base_url="http://tuf.invalid/",
        fetcher=FolderFetcher(repository),
        bootstrap=(repository / "1.root.json").read_bytes(),
    )
    info = updater.get_targetinfo("release.txt")
    assert info is not None
    return Path(updater.download_target(info)).read_bytes()


def test_a_tuf_client_updates(keys: Keys, tmp_path: Path) -> None:
    """python-tuf's client downloads a target of a repository whose four roles are keys of KMS."""
    repository = tmp_path / "repository"
    repository.mkdir()
    publish(keys, repository)
    assert update(repository, tmp_path / "client") == RELEASE


def test_a_tuf_client_refuses_a_changed_role(keys: Keys, tmp_path: Path) -> None:
    """Metadata changed after KMS signed it, or signed by the key of another role, stops the client."""
    repository = tmp_path / "repository"
    repository.mkdir()
    publish(keys, repository)
    good = (repository / "targets.json").read_text()
    changed = json.loads(good)
    changed["signed"]["targets"]["release.txt"]["hashes"]["sha256"] = "0" * 64
    stranger = Metadata.from_bytes(good.encode())
    stranger.sign(signer_of(keys.arn(ROLES["root"]))[0])
    for number, wrong in enumerate((json.dumps(changed).encode(), stranger.to_bytes())):
        (repository / "targets.json").write_bytes(wrong)
        with pytest.raises(UnsignedMetadataError):
            update(repository, tmp_path / f"client{number}")
