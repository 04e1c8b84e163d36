"""Examples: labelled pictures of several manifests, each with the folder that it lies in."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets.manifest import LabelledPicture, ManifestError, Split, read_manifest
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
                f"{error}; make it with `regrade data import` or `regrade data render`"
            ) from error
        root = source.root or source.manifest.parent
        examples.extend(Example(row, root) for row in rows)
    if not examples:
        raise DataError(
            "the configuration names no labelled picture; list manifests under [[data]]"
        )
    return examples


def of_split(examples: Iterable[Example], split: Split) -> list[Example]:
    """Examples of one split.

    Raises:
        DataError: There is none.
    """
    chosen = [example for example in examples if example.row.split == split]
    if not chosen:
        raise DataError(f"no picture is in the split {split!r}; label some or import more")
    return chosen


def taught_damage_types(train: Iterable[Example], minimum: int) -> tuple[DamageType, ...]:
    """Types that at least `minimum` pictures show and at least as many are known to be free of.

    None at all where the labels tell grades only: the run then teaches grades only.
    """
    rows = [example.row for example in train]
    present = Counter(kind for row in rows for kind in row.present)
    absent = Counter(kind for row in rows for kind in row.absent)
    return tuple(kind for kind in DamageType if min(present[kind], absent[kind]) >= minimum)


def source_numbers(examples: Sequence[Example]) -> list[int]:
    """A number for each example's source, 0 for the first in alphabetical order."""
    names = sorted({example.row.source for example in examples})
    return [names.index(example.row.source) for example in examples]
