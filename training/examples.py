"""Examples: labelled pictures of several manifests, each with the folder that it lies in."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets.manifest import LabelledPicture, ManifestError, read_manifest
from model.contract import DamageType
from training.config import Data
from training.errors import DataError


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled picture that can be opened."""

    row: LabelledPicture
    root: Path

    def read(self) -> bytes:
        """The picture's bytes.

        Raises:
            DataError: The file is missing or is not the one that was labelled.
        """
        path = self.root / self.row.picture
        try:
            data = path.read_bytes()
        except OSError as error:
            raise DataError(
                f"{path}: {error.strerror}; give the manifest's `root`, or import again"
            ) from error
        if hashlib.sha256(data).hexdigest() != self.row.sha256:
            raise DataError(f"{path} has changed since it was labelled; import it again")
        return data


def sources_of(manifests: Sequence[Path], roots: Sequence[Path]) -> list[Data]:
    """Manifests as the command line names them, each with its folder.

    Args:
        manifests: The manifests.
        roots: The folder of each one's pictures, in the same order; empty: the manifests' own.

    Raises:
        DataError: There are roots, but not one for each manifest.
    """
    if roots and len(roots) != len(manifests):
        raise DataError(
            f"{len(manifests)} manifests but {len(roots)} roots; give one --root for each "
            "--manifest in the same order, or none"
        )
    folders: Sequence[Path | None] = roots or [None] * len(manifests)
    return [Data(*pair) for pair in zip(manifests, folders, strict=True)]


def load_examples(sources: Iterable[Data]) -> list[Example]:
    """Read every manifest.

    Raises:
        DataError: A manifest cannot be read, or there is no picture at all.
    """
    examples: list[Example] = []
    for source in sources:
        try:
            rows = read_manifest(source.manifest)
        except ManifestError as error:
            raise DataError(
                f"{error}; `regrade data import` and `regrade data render` make manifests"
            ) from error
        root = source.root or source.manifest.parent
        examples.extend(Example(row, root) for row in rows)
    if not examples:
        raise DataError(
            "the configuration names no labelled picture; list manifests under [[data]]"
        )
    return examples


def of_split(examples: Sequence[Example], split: str) -> list[Example]:
    """Examples of one split.

    Raises:
        DataError: There is none.
    """
    splits = Counter(example.row.split for example in examples)
    if split not in splits:
        found = ", ".join(f"{count} in {name or 'none'}" for name, count in splits.items())
        raise DataError(
            f"no picture is in the split {split!r} ({found}); `regrade data split` gives splits"
        )
    return [example for example in examples if example.row.split == split]


def taught_damage_types(train: Iterable[Example], minimum: int) -> tuple[DamageType, ...]:
    """Types that at least `minimum` pictures show and at least as many are known to be free of.

    None at all where the labels tell grades only: the run then teaches grades only.
    """
    rows = [example.row for example in train]
    present = Counter(kind for row in rows for kind in row.present)
    absent = Counter(kind for row in rows for kind in row.absent)
    return tuple(kind for kind in DamageType if min(present[kind], absent[kind]) >= minimum)


def views_of(examples: Iterable[Example]) -> list[list[int]]:
    """The numbers of the pictures of each item, items in the order in which they first occur."""
    views: dict[tuple[str, str], list[int]] = {}
    for number, example in enumerate(examples):
        views.setdefault((example.row.source, example.row.item_id), []).append(number)
    return [*views.values()]


def source_numbers(examples: Sequence[Example]) -> list[int]:
    """A number for each example's source, 0 for the first in alphabetical order."""
    names = sorted({example.row.source for example in examples})
    return [names.index(example.row.source) for example in examples]
