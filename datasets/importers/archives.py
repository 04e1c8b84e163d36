"""ZIP archives: unpacked only where every entry stays below its folder and within the limits."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from datasets.importers.files import UnsafePathError, safe_relative, sub_folders
from datasets.importers.sightings import Problem, RefusedError, SourceError

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """Bounds that are checked while unpacking, whatever the archive says of itself."""

    max_entries: int = 200_000
    max_bytes: int = 20 * 2**30
    max_ratio: int = 1_000
    """Unpacked bytes for each packed one; deflate itself reaches 1,032 on zeros."""


DEFAULT_LIMITS = ArchiveLimits()


@contextmanager
def unpacked(source: Path, limits: ArchiveLimits = DEFAULT_LIMITS) -> Iterator[Path]:
    """A folder as it is; an archive as a temporary folder that goes away again.

    Where an archive holds nothing but one folder, that folder is given.

    Raises:
        SourceError: Not a readable ZIP archive, or over the limits.
        RefusedError: An entry has a path that leads out, is a link, is encrypted or there twice.
    """
    if source.suffix.lower() != ".zip" or source.is_dir():
        yield source
        return
    with TemporaryDirectory(prefix="regrade-import-") as name:
        folder = Path(name)
        _unpack(source, folder, limits)
        inner = sub_folders(folder)
        alone = len(inner) == 1 and not any(path.is_file() for path in folder.iterdir())
        yield inner[0] if alone else folder


def _unpack(source: Path, folder: Path, limits: ArchiveLimits) -> None:
    try:
        with zipfile.ZipFile(source) as archive:
            entries = archive.infolist()
            if len(entries) > limits.max_entries:
                raise SourceError(
                    f"{source}: {len(entries):,} entries, at most {limits.max_entries:,} are "
                    "unpacked; unpack it yourself and give --from the folder"
                )
            if problems := [*_problems_of(source, entries)]:
                raise RefusedError(problems)
            left = limits.max_bytes
            for entry in entries:
                if not entry.is_dir():
                    left -= _write(archive, entry, folder / entry.filename, left, limits)
    except (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise SourceError(f"{source}: not a readable ZIP archive ({error})") from error


def _problems_of(source: Path, entries: list[zipfile.ZipInfo]) -> Iterator[Problem]:
    seen: set[str] = set()
    for number, entry in enumerate(entries, start=1):
        where = f"entry {number}"
        try:
            safe_relative(entry.filename)
        except UnsafePathError as error:
            yield Problem(source.name, where, str(error))
            continue
        if stat.S_ISLNK(entry.external_attr >> 16):
            yield Problem(source.name, where, f"{entry.filename!r} is a symbolic link")
        if entry.flag_bits & 1:
            yield Problem(source.name, where, f"{entry.filename!r} is encrypted")
        if entry.filename.lower() in seen:
            yield Problem(source.name, where, f"{entry.filename!r} is there twice")
        seen.add(entry.filename.lower())


def _write(
    archive: zipfile.ZipFile,
    entry: zipfile.ZipInfo,
    target: Path,
    left: int,
    limits: ArchiveLimits,
) -> int:
    allowed = min(left, max(entry.compress_size, 1) * limits.max_ratio)
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(entry) as packed, target.open("xb") as file:
        while chunk := packed.read(_CHUNK):
            written += len(chunk)
            if written > allowed:
                raise SourceError(
                    f"{archive.filename}: {entry.filename!r} unpacks to more than is allowed "
                    f"({limits.max_bytes:,} bytes in all, {limits.max_ratio} for each packed one)"
                )
            file.write(chunk)
    return written
