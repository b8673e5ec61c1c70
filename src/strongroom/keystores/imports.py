"""Import tokens: the private half of a wrapping key, sealed and given to the caller, so that nothing is kept here."""

import struct

from strongroom.crypto import private_keys
from strongroom.crypto.private_keys import KeyPair
from strongroom.keystores.root import KeyHolder, RootKeys
from strongroom.keystores.sealed import RecordKind, Sealer
from strongroom.model.errors import ExpiredImportTokenException, InvalidImportTokenException
from strongroom.model.key import Key
from strongroom.model.spec import KeySpec
from strongroom.model.wrapping import AlgorithmSpec, WrappingKeySpec
from strongroom.ports import TamperedStoreError

_HEAD = struct.Struct(">dBB")  # valid to, wrapping algorithm, wrapping key spec

# The places in these are what a token holds (docs: formats, "Import token").
_ALGORITHMS = (
    AlgorithmSpec.RSAES_OAEP_SHA_1,
    AlgorithmSpec.RSAES_OAEP_SHA_256,
    AlgorithmSpec.RSA_AES_KEY_WRAP_SHA_1,
    AlgorithmSpec.RSA_AES_KEY_WRAP_SHA_256,
)
_SPECS = (KeySpec.RSA_2048, KeySpec.RSA_3072, KeySpec.RSA_4096)


class ImportTokens(KeyHolder):
    """Makes and opens import tokens: sealed records of kind IMPORT_TOKEN, at most 2,450 bytes."""

    __slots__ = ("_records",)

    def __init__(self, roots: RootKeys) -> None:
        self._records = Sealer(roots, RecordKind.IMPORT_TOKEN)

    def issue(
        self, key: Key, algorithm: AlgorithmSpec, wrapping_spec: WrappingKeySpec, valid_to: float
    ) -> tuple[bytes, bytes]:
        """A fresh wrapping key and its token: DER SubjectPublicKeyInfo, and the bytes that ``open`` takes.

        Args:
            key: The only key that the token will serve.
            algorithm: One that unwraps here.
            wrapping_spec: One of RSA.
            valid_to: When the token ends; epoch seconds on the key-life clock.
        """
        spec = KeySpec(wrapping_spec)
        pair = private_keys.generate(spec)
        head = _HEAD.pack(valid_to, _ALGORITHMS.index(algorithm), _SPECS.index(spec))
        return pair.spki, self._records.seal(_facts(key), head + private_keys.to_pkcs8(pair))

    def open(self, key: Key, token: bytes, now: float) -> tuple[AlgorithmSpec, KeyPair]:
        """The wrapping algorithm and the wrapping key of a token.

        Raises:
            InvalidImportTokenException: It was not issued for this key.
            ExpiredImportTokenException: It was, but has ended.
        """
        try:
            opened = self._records.unseal(_facts(key), token)
        except TamperedStoreError:
            raise InvalidImportTokenException("The import token is not valid for this KMS key.") from None
        valid_to, algorithm, spec = _HEAD.unpack_from(opened)
        if now >= valid_to:
            raise ExpiredImportTokenException("The import token has expired.")
        return _ALGORITHMS[algorithm], private_keys.load(_SPECS[spec], opened[_HEAD.size :])


def _facts(key: Key) -> tuple[str, ...]:
    """What a token is bound to."""
    return (*key.realm, key.key_id, key.spec, key.usage)
