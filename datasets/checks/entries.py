"""Entries: the rows of several manifests, each with the file that it names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets.manifest import LabelledPicture, ManifestError, read_manifest


@dataclass(frozen=True, slots=True)
class Entry:
    """One row and where its picture lies."""

    row: LabelledPicture
    path: Path


def read_entries(manifests: Sequence[Path], roots: Sequence[Path]) -> list[list[Entry]]:
    """Read every manifest, its rows in order.

    Args:
        manifests: The manifests.
        roots: The folder of each manifest's pictures, in the same order; empty: its own folder.

    Raises:
        ManifestError: A manifest cannot be read, none has a row, a root is no folder, or there are
            roots, but not one for each manifest.
    """
    if roots and len(roots) != len(manifests):
        raise ManifestError(
            f"{len(manifests)} manifests but {len(roots)} roots; give one --root for each "
            "--manifest in the same order, or none"
        )
    folders = roots or [manifest.parent for manifest in manifests]
    read = [_read(*pair) for pair in zip(manifests, folders, strict=True)]
    if not any(read):
        raise ManifestError(f"{', '.join(map(str, manifests))}: no row; import pictures first")
    return read


def _read(manifest: Path, root: Path) -> list[Entry]:
    rows = read_manifest(manifest)
    if not root.is_dir():
        raise ManifestError(
            f"{root} is not a folder; give --root, the folder of {manifest}'s pictures"
        )
    return [Entry(row, root / row.picture) for row in rows]


def joined(read: Iterable[Iterable[Entry]]) -> list[Entry]:
    """The entries of all manifests in one list."""
    return [entry for entries in read for entry in entries]
