"""The seal file: what is written, and what is refused on reading."""

import os
from pathlib import Path

import pytest

from strongroom.keystores.root import SealError
from strongroom.keystores.seal_file import (
    SealFileExposedError,
    SealFileFormatError,
    SealFileMissingError,
    create_seal_file,
    read_seal_file,
)
from tests import support_formats as other

LINE = b"strongroom-seal-v1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
NOT_SEAL_FILES = {
    "empty": b"",
    "only the name": b"strongroom-seal-v1:",
    "other version": LINE.replace(b"v1", b"v2"),
    "short key": b"strongroom-seal-v1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==",
    "long key": b"strongroom-seal-v1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g",
    "bad padding": LINE[:-1],
    "bad alphabet": LINE.replace(b"Aw", b"A!"),
    "two lines": LINE + b"\n" + LINE + b"\n",
    "spaces": b" " + LINE,
    "bytes": bytes(range(256)),
    "huge": LINE + b"A" * 100_000,
}


def write(path: Path, content: bytes, mode: int = 0o600) -> Path:
    """A file with a content and a mode."""
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_created_file_is_private_and_as_documented(tmp_path: Path) -> None:
    """A new seal file has mode 0600, one line of 64 bytes, and holds the key that was answered."""
    path = tmp_path / "seal"
    key = create_seal_file(path)
    assert path.stat().st_mode & 0o7777 == 0o600
    assert path.stat().st_size == 64
    assert other.read_seal_file(path.read_text()) == key == read_seal_file(path)


def test_created_file_is_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file, already whole, and then its folder are synced before the key is answered."""
    synced: list[tuple[int, int]] = []

    def fsync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        synced.append((status.st_ino, status.st_size))

    monkeypatch.setattr(os, "fsync", fsync)
    path = tmp_path / "seal"
    create_seal_file(path)
    assert [inode for inode, _ in synced] == [path.stat().st_ino, tmp_path.stat().st_ino]
    assert synced[0][1] == 64


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    """Creating over a file, also through a link to nothing, fails and leaves what is there."""
    path = write(tmp_path / "seal", b"precious")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nothing")
    for taken in (path, link):
        with pytest.raises(SealError, match="cannot create"):
            create_seal_file(taken)
    assert path.read_bytes() == b"precious"
    assert not (tmp_path / "nothing").exists()


def test_two_files_hold_two_keys(tmp_path: Path) -> None:
    """Seal keys are random."""
    assert create_seal_file(tmp_path / "a") != create_seal_file(tmp_path / "b")


def test_missing_folder_is_an_error_of_ours(tmp_path: Path) -> None:
    """Creating in a folder that is not there says so."""
    with pytest.raises(SealError, match="cannot create"):
        create_seal_file(tmp_path / "no" / "seal")


def test_missing_file_is_told(tmp_path: Path) -> None:
    """A missing seal file has its own error, which names the path."""
    with pytest.raises(SealFileMissingError, match="seal-here"):
        read_seal_file(tmp_path / "seal-here")


def test_unreadable_path_is_an_error_of_ours(tmp_path: Path) -> None:
    """A folder in place of the file gives our error, not the operating system's."""
    with pytest.raises(SealError, match="cannot read"):
        read_seal_file(tmp_path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o666, 0o777], ids=oct)
def test_exposed_file_is_refused(tmp_path: Path, mode: int) -> None:
    """A seal file on which group or others have any permission is refused; the text says what to do, not the key."""
    with pytest.raises(SealFileExposedError, match="chmod 600") as caught:
        read_seal_file(write(tmp_path / "seal", LINE, mode))
    assert LINE[19:].decode() not in str(caught.value)


@pytest.mark.parametrize("mode", [0o600, 0o400], ids=oct)
@pytest.mark.parametrize("ending", [b"", b"\n"], ids=["no line feed", "line feed"])
def test_private_file_is_read(tmp_path: Path, mode: int, ending: bytes) -> None:
    """A file that only its owner may use is read, with or without its line feed."""
    assert read_seal_file(write(tmp_path / "seal", LINE + ending, mode)) == bytes(range(32))


@pytest.mark.parametrize("name", NOT_SEAL_FILES)
def test_other_content_is_refused(tmp_path: Path, name: str) -> None:
    """What is not exactly one line of a seal file is refused, and nothing of it is repeated in the error."""
    path = write(tmp_path / "seal", NOT_SEAL_FILES[name])
    with pytest.raises(SealFileFormatError) as caught:
        read_seal_file(path)
    assert str(caught.value) == f"{path} is not a seal file"
    assert caught.value.__cause__ is None
