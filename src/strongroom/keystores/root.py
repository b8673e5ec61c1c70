"""The root key, by version. It is only ever input of a KDF; every use has a key of its own, derived by purpose."""

import os
import struct
from collections.abc import Mapping
from enum import Enum, unique
from typing import NoReturn, Self

from strongroom.crypto import aead
from strongroom.crypto.kdf import derive
from strongroom.ports import AdapterError

ROOT_BYTES = 32
_FORMAT = 1
_SEALED_BY_KEY_FILE = 1
_SEALED_DOMAIN = b"strongroom/sealed-root"
_SEALED_HEAD = struct.Struct(">BBI")  # format version, seal kind, root version
_EXPORT_HEAD = struct.Struct(">BI")  # format version, current root version
_EXPORT_ROOT = struct.Struct(f">I{ROOT_BYTES}s")  # root version, root


class RootKeyError(AdapterError):
    """The root keys at hand are damaged, or not the ones asked for."""


class SealError(AdapterError):
    """The root key cannot be sealed or unsealed."""


class WrongSealKeyError(SealError):
    """The seal key does not open the sealed root."""


@unique
class Purpose(Enum):
    """What a key derived from the root is for; the value is its label. One table, so that no two can be the same."""

    WRAP = b"strongroom/wrap"
    ROW_MAC = b"strongroom/row-mac"
    ROW_SET = b"strongroom/row-set"
    CREDENTIAL = b"strongroom/credential"
    AUDIT = b"strongroom/audit"
    MARKER = b"strongroom/marker"
    IMPORT_TOKEN = b"strongroom/import-token"
    SESSION = b"strongroom/session"
    GRANT_TOKEN = b"strongroom/grant-token"


class KeyHolder:
    """Base of the objects that hold keys: they show nothing of them, and cannot be pickled or copied."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds keys and cannot be pickled")


class RootKeys(KeyHolder):
    """The versions of the root key that are in use.

    Args:
        roots: 32 random bytes by version; versions count from 1.
        current: The version under which new things are sealed.

    Raises:
        RootKeyError: A root has another length, or the current version is not among them.
    """

    __slots__ = ("_roots", "current")

    def __init__(self, roots: Mapping[int, bytes], current: int) -> None:
        if current not in roots or any(len(root) != ROOT_BYTES for root in roots.values()):
            raise RootKeyError("the root keys are incomplete")
        self._roots = dict(roots)
        self.current = current

    @classmethod
    def create(cls) -> Self:
        """A new root key, version 1."""
        return cls({1: os.urandom(ROOT_BYTES)}, 1)

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions held."""
        return tuple(self._roots)

    def derive(self, purpose: Purpose, version: int) -> bytes:
        """The 32-byte key of one purpose under one version of the root.

        Raises:
            RootKeyError: That version is not held.
        """
        if version not in self._roots:
            raise RootKeyError(f"version {version} of the root key is not at hand")
        return derive(self._roots[version], purpose.value, version.to_bytes(4, "big"))

    def seal(self, seal_key: bytes) -> bytes:
        """The current root, sealed under a key file's key (docs: formats, "Sealed root")."""
        head = _SEALED_HEAD.pack(_FORMAT, _SEALED_BY_KEY_FILE, self.current)
        return head + aead.seal_message(seal_key, self._roots[self.current], _SEALED_DOMAIN + head)

    @classmethod
    def unseal(cls, sealed: bytes, seal_key: bytes) -> Self:
        """Open what ``seal`` made.

        Raises:
            SealError: It has another format, or another kind of seal.
            WrongSealKeyError: The key is another one, or the sealed root was changed.
        """
        head, body = sealed[: _SEALED_HEAD.size], sealed[_SEALED_HEAD.size :]
        if head[:2] != bytes((_FORMAT, _SEALED_BY_KEY_FILE)):
            raise SealError("the sealed root key is not of a format, or of a kind of seal, known here")
        try:
            root = aead.unseal_message(seal_key, body, _SEALED_DOMAIN + head)
        except aead.InvalidTagError:
            raise WrongSealKeyError(
                "the seal file does not open the root key: wrong file, or one of the two was changed"
            ) from None
        version = int.from_bytes(head[2:], "big")
        return cls({version: root}, version)

    def export_for_worker(self) -> bytes:
        """The raw roots, for the pipe from the supervisor to a worker that it starts (docs: formats, "Root hand-over").

        The only place where raw roots leave. They belong in no file, no log, no argument and no environment.
        """
        head = _EXPORT_HEAD.pack(_FORMAT, self.current)
        return head + b"".join(_EXPORT_ROOT.pack(version, root) for version, root in self._roots.items())

    @classmethod
    def from_bytes(cls, exported: bytes) -> Self:
        """Read what ``export_for_worker`` made.

        Raises:
            RootKeyError: The bytes are cut short, or of another format.
        """
        head, rest = exported[: _EXPORT_HEAD.size], exported[_EXPORT_HEAD.size :]
        if len(head) < _EXPORT_HEAD.size or len(rest) % _EXPORT_ROOT.size or head[0] != _FORMAT:
            raise RootKeyError("the hand-over of the root keys is damaged")
        return cls(dict(_EXPORT_ROOT.iter_unpack(rest)), int.from_bytes(head[1:], "big"))
