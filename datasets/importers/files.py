"""Files of a source: listing pictures, and finding those that a file of labels names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from datasets.importers.sightings import Problem, SourceError

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
_OTHER_PICTURES = frozenset({".bmp", ".gif", ".tif", ".tiff", ".heic", ".avif", ".jp2"})
_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}


class UnsafePathError(ValueError):
    """A name in somebody's file leads out of the folder."""


def safe_relative(name: str) -> PurePosixPath:
    """A name from a file of labels or an archive, as a path that stays below its folder.

    Raises:
        UnsafePathError: The name is empty, absolute, has a drive, or has '..' in it.
    """
    path = PurePosixPath(name)
    windows = PureWindowsPath(name)
    if not name.strip() or "\0" in name:
        raise UnsafePathError("the file name is empty or has a NUL in it")
    if path.is_absolute() or windows.is_absolute() or windows.drive or name.startswith("\\"):
        raise UnsafePathError(f"{name!r} is an absolute path; names must be relative")
    if ".." in (*path.parts, *windows.parts):
        raise UnsafePathError(f"{name!r} leads out of the folder ('..')")
    return path


def inside(path: Path, root: Path) -> bool:
    """Whether a path, all symbolic links followed, lies in `root`."""
    return path.resolve().is_relative_to(root.resolve())


def find_picture(name: str, bases: Iterable[Path]) -> Path:
    """The first existing file of this name, else where it should have been.

    A name that was written on Windows may have backslashes between its parts.

    Raises:
        UnsafePathError: See `safe_relative`.
    """
    relative = safe_relative(name)
    names = dict.fromkeys((relative, PurePosixPath(PureWindowsPath(name).as_posix())))
    candidates = [base / each for base in bases for each in names]
    return next((path for path in candidates if path.is_file()), candidates[0])


def require_folder(folder: Path) -> Path:
    """The folder itself.

    Raises:
        SourceError: It is not a folder.
    """
    if not folder.is_dir():
        raise SourceError(f"{folder} is not a folder; give --from the folder of this format")
    return folder


def sub_folders(folder: Path) -> list[Path]:
    """Folders within, in order of their names; hidden ones and those of macOS archives left out."""
    return [path for path in _entries(folder) if path.is_dir()]


def pictures_in(folder: Path, *, recursive: bool = False) -> Iterator[Path | Problem]:
    """Pictures of a folder in order of their names; a problem for each that must be converted."""
    for path in _entries(folder):
        suffix = path.suffix.lower()
        if path.is_dir():
            if recursive and path.is_symlink():
                yield Problem(str(path), "", "links to folders are not followed; copy the folder")
            elif recursive:
                yield from pictures_in(path, recursive=True)
        elif suffix in PICTURES:
            yield path
        elif suffix in _OTHER_PICTURES:
            yield Problem(str(path), "", f"{suffix} is not read; convert it to JPEG, PNG or WebP")


def name_shared(path: Path, names: Counter[str]) -> tuple[Problem, ...]:
    """A problem where other pictures have the name that labels or masks know this one by.

    Args:
        path: Of the picture.
        names: How many pictures have each name without its suffix.
    """
    number = names[path.stem]
    reason = f"{number} pictures are called {path.stem}, so whose labels these are is not known"
    return (Problem(str(path), "", reason),) if number > 1 else ()


def split_named(folder: str) -> str | None:
    """The split that a folder's or file's name stands for, None where it stands for none."""
    return _SPLITS.get(folder.lower())


def _entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith((".", "__MACOSX")))
