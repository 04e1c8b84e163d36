"""Brings the files of a bundle here, from a folder or from anywhere that fsspec reads."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from fsspec.core import url_to_fs

from model.contract.bundle import MANIFEST

MAX_BYTES: Final = 4_000_000_000
_MAX_MANIFEST_BYTES: Final = 50_000_000
_CHUNK: Final = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXTRAS = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "abfs": "azure",
    "az": "azure",
    "http": "http",
    "https": "http",
}
"""Scheme of a URL -> the extra of Regrade that it needs."""
_SCHEMES: Final = frozenset({"file", "memory", *_EXTRAS})


class SourceError(Exception):
    """A bundle cannot be fetched; the message says from where, why and what to do."""


def fetch(source: str, folder: Path) -> None:
    """Copy the manifest and the files that it names into an empty folder; nothing is verified yet.

    Nothing is listed, so that any web server will do. Names that would lead out of the folder are
    refused.

    Args:
        source: A folder, or a URL of one: ``s3://``, ``gs://``, ``abfs://``, ``https://``, ``file://``.
        folder: Where the files go.

    Raises:
        SourceError: It cannot be read, or is no bundle.
    """
    files, root = _opened(source)
    manifest = _read(files, f"{root}/{MANIFEST}", source)
    (folder / MANIFEST).write_bytes(manifest)
    left = MAX_BYTES
    for name in _named(manifest, source):
        left -= _copy(files, f"{root}/{name}", folder / name, left, source)


def _opened(source: str) -> tuple[Any, str]:
    if "::" in source:
        raise SourceError(f"{source}: a chain of places is not taken; name the folder itself")
    parts = urlsplit(source)
    if "://" in source and parts.scheme not in _SCHEMES:
        known = ", ".join(sorted(_SCHEMES - {"memory"}))
        raise SourceError(f"{source}: {parts.scheme}:// is not known; use a folder or {known}")
    if parts.password is not None:
        raise SourceError("give no password in the URL; it belongs in the server's environment")
    try:
        files, root = url_to_fs(source)
    except (ImportError, ValueError) as error:
        extra = _EXTRAS.get(parts.scheme)
        advice = f"; pip install 'regrade[{extra}]'" if extra else ""
        raise SourceError(f"{source}: {error}{advice}") from error
    return files, str(root).rstrip("/")


def _named(manifest: bytes, source: str) -> list[str]:
    try:
        hashes = json.loads(manifest)["files"]
        names = [str(name) for name in hashes]
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{source}: {MANIFEST} names no files ({error!r})") from error
    for name in names:
        if not _NAME.fullmatch(name) or name == MANIFEST:
            raise SourceError(f"{source}: {MANIFEST} names a file {name[:100]!r}; names are plain")
    return names


def _read(files: Any, path: str, source: str) -> bytes:
    try:
        with files.open(path, "rb") as file:
            data: bytes = file.read(_MAX_MANIFEST_BYTES + 1)
    except Exception as error:  # each kind of storage has errors of its own
        raise _failed(source, MANIFEST, error) from error
    if len(data) > _MAX_MANIFEST_BYTES:
        raise SourceError(f"{source}: {MANIFEST} is over {_MAX_MANIFEST_BYTES} bytes")
    return data


def _copy(files: Any, path: str, target: Path, most: int, source: str) -> int:
    copied = 0
    try:
        with files.open(path, "rb") as file, target.open("xb") as out:
            while chunk := file.read(_CHUNK):
                copied += len(chunk)
                if copied > most:
                    break
                out.write(chunk)
    except Exception as error:
        raise _failed(source, target.name, error) from error
    if copied > most:
        raise SourceError(f"{source}: the bundle is over {MAX_BYTES} bytes")
    return copied


def _failed(source: str, name: str, error: Exception) -> SourceError:
    if isinstance(error, FileNotFoundError):
        return SourceError(f"{source} has no {name}; is it a bundle that the server can reach?")
    return SourceError(f"{source}: {name} cannot be read: {error}")
