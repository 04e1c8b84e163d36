"""Pictures as files named by their SHA-256: the same picture is stored once, and never changes."""

from __future__ import annotations

import io
import os
import secrets
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
        if target.exists():
            return
        partial = target.with_name(f".{sha256}.{secrets.token_hex(4)}")
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
        try:
            data = self._path(sha256).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreUnavailableError(f"the picture cannot be read: {error}") from error
        return data, next(kind for signature, kind in _SIGNATURES if data.startswith(signature))

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

    def check_writable(self) -> None:
        """Write and remove a file.

        Raises:
            StoreUnavailableError: The disk does not take it.
        """
        probe = self.root / f".probe-{secrets.token_hex(4)}"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"writable")
            probe.unlink()
        except OSError as error:
            raise StoreUnavailableError(f"{self.root} is not writable: {error}") from error

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
