"""The seal file: the key that seals the root key, in a file that only the service may read."""

import base64
import binascii
import contextlib
import os
import stat
from pathlib import Path

from strongroom.keystores.root import SealError

KEY_BYTES = 32
_PREFIX = b"strongroom-seal-v1:"
_MODE = 0o600
_READ_LIMIT = 4096


class SealFileMissingError(SealError):
    """There is no file at the path."""


class SealFileExposedError(SealError):
    """Others than the file's owner have a permission on it."""


class SealFileFormatError(SealError):
    """The file is not a seal file."""


def create_seal_file(path: Path) -> bytes:
    """Write a new seal file (docs: formats, "Seal file"), durably, with mode 0600; never over an existing file.

    Returns:
        The 32-byte seal key in it.

    Raises:
        SealError: The file exists or cannot be written.
    """
    key = os.urandom(KEY_BYTES)
    try:
        _write_new(path, _PREFIX + base64.b64encode(key) + b"\n")
    except OSError as error:
        raise SealError(f"cannot create the seal file {path}: {error.strerror}") from None
    return key


def read_seal_file(path: Path) -> bytes:
    """The 32-byte seal key of a seal file.

    Raises:
        SealFileMissingError: There is no such file.
        SealFileExposedError: Its mode gives group or others a permission.
        SealFileFormatError: It does not hold exactly one line of a seal file.
        SealError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read(_READ_LIMIT)
    except FileNotFoundError:
        raise SealFileMissingError(f"there is no seal file {path}") from None
    except OSError as error:
        raise SealError(f"cannot read the seal file {path}: {error.strerror}") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SealFileExposedError(f"the seal file {path} has mode {mode:04o}; others may use it: chmod 600 it")
    return _parse(content, path)


def _parse(content: bytes, path: Path) -> bytes:
    line = content.removesuffix(b"\n")
    if line.startswith(_PREFIX):
        with contextlib.suppress(binascii.Error):
            key = base64.b64decode(line[len(_PREFIX) :], validate=True)
            if len(key) == KEY_BYTES:
                return key
    raise SealFileFormatError(f"{path} is not a seal file")


def _write_new(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - Path cannot open a descriptor
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
