"""The AWS Encryption SDK for Python against the service: files sealed and opened with data keys of a KMS key."""

from pathlib import Path
from typing import Any

import aws_encryption_sdk
import botocore.session
import pytest
from aws_encryption_sdk.exceptions import AWSEncryptionSDKClientError, DecryptKeyError
from aws_encryption_sdk.identifiers import CommitmentPolicy
from aws_encryption_sdk.key_providers.kms import (
    DiscoveryAwsKmsMasterKeyProvider,
    KMSMasterKey,
    StrictAwsKmsMasterKeyProvider,
)
from cryptography.exceptions import InvalidSignature, InvalidTag

from tests.compat.calls import REGION, new_key
from tests.support import Server

CONTENT = bytes(range(256)) * 400  # more than one frame of the SDK's message format
CONTEXT = {"purpose": "payroll", "month": "2026-11"}


@pytest.fixture
def session(server: Server, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A botocore session as a user has it who changed nothing but the endpoint URL."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    return botocore.session.Session()


@pytest.fixture
def sdk() -> Any:
    """The SDK with its default policy: messages commit to their key."""
    return aws_encryption_sdk.EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)


def strict(session: Any, *keys: str) -> Any:
    """A provider for named keys."""
    return StrictAwsKmsMasterKeyProvider(key_ids=list(keys), botocore_session=session)


def seal_file(sdk: Any, provider: Any, source: Path, target: Path) -> None:
    """Encrypt a file as the SDK's documentation does."""
    with (
        source.open("rb") as plain,
        target.open("wb") as sealed,
        sdk.stream(mode="e", source=plain, key_provider=provider, encryption_context=CONTEXT) as encryptor,
    ):
        for chunk in encryptor:
            sealed.write(chunk)


def test_a_file_comes_back(sdk: Any, session: Any, key: str, tmp_path: Path) -> None:
    """A file encrypted under a key opens with it, its context in the header; nothing of it stands in the clear."""
    source, sealed, opened = tmp_path / "file", tmp_path / "sealed", tmp_path / "opened"
    source.write_bytes(CONTENT)
    seal_file(sdk, strict(session, key), source, sealed)
    assert CONTENT[:64] not in sealed.read_bytes()
    with (
        sealed.open("rb") as stream,
        opened.open("wb") as target,
        sdk.stream(mode="d", source=stream, key_provider=strict(session, key)) as decryptor,
    ):
        for chunk in decryptor:
            target.write(chunk)
        header = decryptor.header
    assert opened.read_bytes() == CONTENT
    assert header.encryption_context.items() >= CONTEXT.items()
    assert [item.key_provider.key_info.decode() for item in header.encrypted_data_keys] == [key]


def test_either_of_two_keys_opens_a_message(sdk: Any, session: Any, kms: Any, key: str) -> None:
    """With two keys the second encrypts the data key of the first; each opens the message alone."""
    other = new_key(kms)
    sealed, _ = sdk.encrypt(source=CONTENT, key_provider=strict(session, key, other), encryption_context=CONTEXT)
    for one in (key, other):
        assert sdk.decrypt(source=sealed, key_provider=strict(session, one))[0] == CONTENT
    kms.disable_key(KeyId=key)
    assert sdk.decrypt(source=sealed, key_provider=strict(session, key, other))[0] == CONTENT
    with pytest.raises(AWSEncryptionSDKClientError):
        sdk.decrypt(source=sealed, key_provider=strict(session, key))


def test_another_context_is_refused(sdk: Any, session: Any, key: str, caplog: pytest.LogCaptureFixture) -> None:
    """A message whose context was changed does not open: the service refuses its data key."""
    sealed, _ = sdk.encrypt(source=CONTENT, key_provider=strict(session, key), encryption_context=CONTEXT)
    for old, new in ((b"payroll", b"holiday"), (b"purpose", b"meaning"), (b"2026-11", b"2026-12")):
        assert sealed.count(old) == 1
        caplog.clear()
        with pytest.raises(DecryptKeyError):
            sdk.decrypt(source=sealed.replace(old, new), key_provider=strict(session, key))
        assert "(InvalidCiphertextException) when calling the Decrypt operation" in caplog.text


def test_a_changed_byte_is_refused(sdk: Any, session: Any, key: str) -> None:
    """No byte of a message can change: header, data key, frames, end."""
    sealed, _ = sdk.encrypt(source=b"short", key_provider=strict(session, key), encryption_context=CONTEXT)
    provider = strict(session, key)
    for place in range(0, len(sealed), 5):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises((AWSEncryptionSDKClientError, InvalidTag, InvalidSignature)):
            sdk.decrypt(source=changed, key_provider=provider)


def test_another_key_is_refused(sdk: Any, session: Any, kms: Any, key: str) -> None:
    """A provider of another key does not open the message."""
    sealed, _ = sdk.encrypt(source=CONTENT, key_provider=strict(session, key))
    with pytest.raises(AWSEncryptionSDKClientError):
        sdk.decrypt(source=sealed, key_provider=strict(session, new_key(kms)))


def test_discovery_finds_the_key_of_a_message(sdk: Any, session: Any, key: str) -> None:
    """A discovery provider opens what the caller may open, by the ARN in the message."""
    sealed, _ = sdk.encrypt(source=CONTENT, key_provider=strict(session, key), encryption_context=CONTEXT)
    provider = DiscoveryAwsKmsMasterKeyProvider(botocore_session=session)
    assert sdk.decrypt(source=sealed, key_provider=provider)[0] == CONTENT


def test_a_master_key_with_a_client_of_its_own(sdk: Any, kms: Any, key: str) -> None:
    """The SDK works with a boto3 client that has the endpoint in its constructor, too."""
    master = KMSMasterKey(key_id=key.encode(), client=kms)
    sealed, _ = sdk.encrypt(source=CONTENT, key_provider=master, encryption_context=CONTEXT)
    assert sdk.decrypt(source=sealed, key_provider=master)[0] == CONTENT
