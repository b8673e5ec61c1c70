"""The AWS Encryption SDK with RSA keys: sealed with the public key, without KMS; opened by the private key in KMS."""

from typing import Any

import aws_encryption_sdk
import pytest
from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders
from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig
from aws_cryptographic_material_providers.mpl.models import CreateAwsKmsRsaKeyringInput, CreateRawRsaKeyringInput
from aws_encryption_sdk.exceptions import AWSEncryptionSDKClientError, DecryptKeyError
from aws_encryption_sdk.identifiers import Algorithm, CommitmentPolicy, EncryptionKeyType, WrappingAlgorithm
from aws_encryption_sdk.internal.crypto.wrapping_keys import WrappingKey
from aws_encryption_sdk.key_providers.raw import RawMasterKey
from aws_encryption_sdk.structures import DataKey
from botocore.exceptions import ClientError

from tests.ecosystem.keys import Keys
from tests.support import Server

CONTENT = bytes(range(256)) * 100
CONTEXT = {"purpose": "escrow"}
NAMESPACE = "escrow"
# The keyring refuses suites that sign: whoever has the public key could name themselves the sender.
SUITE = Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY

PADDINGS = {"RSAES_OAEP_SHA_1": "OAEP_SHA1_MGF1", "RSAES_OAEP_SHA_256": "OAEP_SHA256_MGF1"}
"""What the SDK calls the algorithms of KMS."""


@pytest.fixture(scope="module")
def sdk() -> Any:
    """The SDK with its default policy: messages commit to their key."""
    return aws_encryption_sdk.EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)


@pytest.fixture(scope="module")
def arn(keys: Keys) -> str:
    """The RSA key of the tests here."""
    return keys.arn("RSA_2048", "ENCRYPT_DECRYPT")


@pytest.fixture(scope="module")
def providers() -> Any:
    """The library that makes keyrings."""
    return AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())


def kms_keyring(providers: Any, arn: str, algorithm: str, **more: Any) -> Any:
    """The keyring for RSA keys of KMS, with a public key, a client, or both."""
    return providers.create_aws_kms_rsa_keyring(
        CreateAwsKmsRsaKeyringInput(kms_key_id=arn, encryption_algorithm=algorithm, **more)
    )


class Opener(RawMasterKey):  # type: ignore[misc]  # the SDK has no types
    """A raw RSA master key whose private half is in KMS."""

    kms: Any
    arn: str
    algorithm: str

    def _decrypt_data_key(self, encrypted_data_key: Any, algorithm: Any, encryption_context: Any) -> Any:
        """The data key, from KMS: what the SDK asks a master key for."""
        del algorithm, encryption_context  # RSA binds neither
        sealed = encrypted_data_key.encrypted_data_key
        try:
            answer = self.kms.decrypt(KeyId=self.arn, CiphertextBlob=sealed, EncryptionAlgorithm=self.algorithm)
        except ClientError as error:
            raise DecryptKeyError(error.response["Error"]["Code"]) from error
        return DataKey(encrypted_data_key.key_provider, answer["Plaintext"], sealed)


def raw_key(keys: Keys, arn: str, algorithm: str, kind: type[RawMasterKey] = RawMasterKey) -> Any:
    """A raw master key of the SDK with the public key of an RSA key."""
    wrapping = WrappingKey(WrappingAlgorithm[f"RSA_{PADDINGS[algorithm]}"], keys.pem(arn), EncryptionKeyType.PUBLIC)
    return kind(key_id=b"name", provider_id=NAMESPACE, wrapping_key=wrapping)


def opener_of(keys: Keys, arn: str, algorithm: str) -> Any:
    """What opens the messages of ``raw_key``."""
    opener = raw_key(keys, arn, algorithm, Opener)
    opener.kms, opener.arn, opener.algorithm = keys.kms, arn, algorithm
    return opener


@pytest.mark.parametrize("algorithm", PADDINGS)
def test_a_keyring_seals_without_kms_and_opens_with_it(
    sdk: Any, providers: Any, keys: Keys, arn: str, algorithm: str
) -> None:
    """The SDK's keyring for RSA keys of KMS has the public key to seal and a client to open, and neither does both."""
    sealing = kms_keyring(providers, arn, algorithm, public_key=keys.pem(arn))
    opening = kms_keyring(providers, arn, algorithm, kms_client=keys.kms)
    sealed, _ = sdk.encrypt(source=CONTENT, keyring=sealing, encryption_context=CONTEXT, algorithm=SUITE)
    opened, header = sdk.decrypt(source=sealed, keyring=opening, encryption_context=CONTEXT)
    assert opened == CONTENT
    assert header.encryption_context == CONTEXT
    with pytest.raises(AWSEncryptionSDKClientError, match="without an AWS KMS client"):
        sdk.decrypt(source=sealed, keyring=sealing, encryption_context=CONTEXT)


def test_a_keyring_does_not_open_with_another_key(
    sdk: Any, providers: Any, keys: Keys, arn: str, server: Server
) -> None:
    """What names a key but is sealed with another's public key does not open: KMS refuses its data key."""
    algorithm = "RSAES_OAEP_SHA_256"
    other = keys.arn("RSA_2048", "ENCRYPT_DECRYPT", "other")
    sealing = kms_keyring(providers, arn, algorithm, public_key=keys.pem(other))
    sealed, _ = sdk.encrypt(source=CONTENT, keyring=sealing, algorithm=SUITE)
    client, answers = server.client(keys.kms.meta.region_name), []
    client.meta.events.register("after-call.kms.Decrypt", lambda parsed, **_: answers.append(parsed["Error"]["Code"]))
    with pytest.raises(AWSEncryptionSDKClientError, match="No Configured KMS Key was able to decrypt"):
        sdk.decrypt(source=sealed, keyring=kms_keyring(providers, arn, algorithm, kms_client=client))
    assert answers == ["InvalidCiphertextException"]


@pytest.mark.parametrize("algorithm", PADDINGS)
def test_a_raw_public_key_seals_for_kms(sdk: Any, keys: Keys, arn: str, algorithm: str) -> None:
    """A message sealed with a raw RSA public key, by who knows of no KMS, is opened with the private key in KMS."""
    sealed, _ = sdk.encrypt(source=CONTENT, key_provider=raw_key(keys, arn, algorithm), encryption_context=CONTEXT)
    opener = opener_of(keys, arn, algorithm)
    opened, header = sdk.decrypt(source=sealed, key_provider=opener)
    assert opened == CONTENT
    assert header.encryption_context.items() >= CONTEXT.items()


def test_a_raw_keyring_seals_for_kms(sdk: Any, providers: Any, keys: Keys, arn: str) -> None:
    """So is one of the newer raw RSA keyring."""
    algorithm = "RSAES_OAEP_SHA_256"
    keyring = providers.create_raw_rsa_keyring(
        CreateRawRsaKeyringInput(
            key_namespace=NAMESPACE, key_name="name", padding_scheme=PADDINGS[algorithm], public_key=keys.pem(arn)
        )
    )
    sealed, _ = sdk.encrypt(source=CONTENT, keyring=keyring, encryption_context=CONTEXT)
    opener = opener_of(keys, arn, algorithm)
    assert sdk.decrypt(source=sealed, key_provider=opener)[0] == CONTENT


@pytest.mark.parametrize("wrong", ["key", "algorithm"])
def test_a_raw_message_needs_its_key_and_algorithm(sdk: Any, keys: Keys, arn: str, wrong: str) -> None:
    """With another key, or the other padding, KMS refuses the data key, and the SDK the message."""
    algorithm = "RSAES_OAEP_SHA_256"
    sealed, _ = sdk.encrypt(source=CONTENT, key_provider=raw_key(keys, arn, algorithm))
    other = keys.arn("RSA_2048", "ENCRYPT_DECRYPT", "other") if wrong == "key" else arn
    asked = "RSAES_OAEP_SHA_1" if wrong == "algorithm" else algorithm
    opener = opener_of(keys, other, asked)
    with pytest.raises(AWSEncryptionSDKClientError):
        sdk.decrypt(source=sealed, key_provider=opener)
