"""Pictures as files named by their SHA-256: the same picture is stored once, and never changes."""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageOps

from inference.errors import StoreUnavailableError

_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG", "image/png"),
    (b"RIFF", "image/webp"),
)
THUMBNAIL_PX = 240
#: Of a picture's name, and the directory that it is in.
PREFIXES = tuple(f"{number:02x}" for number in range(256))
_NAME_LENGTH = 64
_PROBE_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A picture as the disk has it."""

    sha256: str
    bytes: int
    mtime_ns: int
    """When it was last saved: each grading with the same picture does."""


@dataclass(frozen=True, slots=True)
class PictureStore:
    """A directory of pictures. Blocking; safe from several threads and processes."""

    root: Path
    _known: set[Path] = field(default_factory=set, compare=False, repr=False)
    """Directories whose own names are safe."""

    def save(self, sha256: str, data: bytes) -> None:
        """Write a picture so that it outlives a power cut; one that is there already is kept.

        Raises:
            StoreUnavailableError: The disk does not take it.
        """
        target = self._path(sha256)
        try:
            os.utime(target)  # it is wanted anew: whoever is about to delete it sees that
        except FileNotFoundError:
            self._write(target, data)
        except OSError as error:
            raise StoreUnavailableError(f"the picture cannot be written: {error}") from error

    def _write(self, target: Path, data: bytes) -> None:
        partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
            sync_directory(target.parent)
            if target.parent not in self._known:
                sync_directory(self.root)
                self._known.add(target.parent)
        except OSError as error:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            raise StoreUnavailableError(f"the picture cannot be written: {error}") from error

    def read(self, sha256: str) -> tuple[bytes, str] | None:
        """Bytes and media type of a picture, None where there is none."""
        data = self.bytes_of(sha256)
        if data is None:
            return None
        return data, next(kind for signature, kind in _SIGNATURES if data.startswith(signature))

    def bytes_of(self, sha256: str) -> bytes | None:
        """Bytes of a picture, whatever they are; None where there is none."""
        for path in (self._path(sha256), self._aside(sha256)):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StoreUnavailableError(f"the picture cannot be read: {error}") from error
        return None

    def has(self, sha256: str) -> bool:
        """Whether the picture is there."""
        return self._path(sha256).exists()

    def thumbnail(self, sha256: str) -> bytes | None:
        """An upright JPEG of at most ``THUMBNAIL_PX`` a side, None where there is no picture."""
        found = self.read(sha256)
        if found is None:
            return None
        with Image.open(io.BytesIO(found[0])) as image:
            image.draft("RGB", (2 * THUMBNAIL_PX, 2 * THUMBNAIL_PX))
            small = ImageOps.exif_transpose(image).convert("RGB")
        small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
        out = io.BytesIO()
        small.save(out, "JPEG", quality=82)
        return out.getvalue()

    def files(self) -> Iterator[list[PictureFile]]:
        """Every picture, about 1/256 of them at a time."""
        for prefix in PREFIXES:
            if found := self.files_of(prefix):
                yield found

    def files_of(self, prefix: str) -> list[PictureFile]:
        """Those whose name begins with one of ``PREFIXES``."""
        found = []
        with suppress(FileNotFoundError), os.scandir(self.root / prefix) as entries:
            for entry in entries:
                if len(entry.name) != _NAME_LENGTH:
                    continue
                with suppress(FileNotFoundError):  # it went this moment
                    status = entry.stat()
                    found.append(PictureFile(entry.name, status.st_size, status.st_mtime_ns))
        return found

    def set_aside(self, file: PictureFile) -> bool:
        """Take a picture away so that it can still be put back.

        Returns:
            Whether it is away: one that was saved again since it was listed stays.
        """
        aside = self._aside(file.sha256)
        aside.parent.mkdir(exist_ok=True)
        try:
            self._path(file.sha256).replace(aside)
            if aside.stat().st_mtime_ns == file.mtime_ns:
                return True
        except FileNotFoundError:
            return False
        self.put_back()
        return False

    def put_back(self) -> None:
        """Undo every ``set_aside`` that no ``remove`` followed: also after a crash."""
        for aside in self._aside("any").parent.glob("*"):
            with suppress(FileNotFoundError):  # somebody else was faster
                aside.replace(self._path(aside.name))

    def remove(self, file: PictureFile) -> None:
        """Delete a picture that was set aside."""
        self._aside(file.sha256).unlink(missing_ok=True)

    def check_writable(self) -> None:
        """Write and remove a file as large as an item's pictures.

        Raises:
            StoreUnavailableError: The disk does not take it.
        """
        probe = self.root / f".probe-{secrets.token_hex(4)}"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(bytes(_PROBE_BYTES))
            probe.unlink()
        except OSError as error:
            with suppress(OSError):
                probe.unlink(missing_ok=True)
            raise StoreUnavailableError(f"{self.root} is not writable: {error}") from error

    def _aside(self, sha256: str) -> Path:
        return self.root / ".aside" / sha256

    def _path(self, sha256: str) -> Path:
        return self.root / sha256[:2] / sha256


def sync_directory(path: Path) -> None:
    """A file's name is safe only once its directory is."""
    if os.name == "nt":
        return  # Windows opens no directories, and NTFS keeps a journal of names
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
