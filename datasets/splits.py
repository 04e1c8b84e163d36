"""Splits: which part of the data a unit of pictures belongs to.

``split_of`` decides by a name alone, for a source that is read picture by picture.
``assign_splits`` looks at all pictures: it keeps copies of one photograph together and gives every label its share.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from datasets.manifest import SPLITS, LabelledPicture, Split

#: For a source without splits of its own.
OWN_SPLITS: Mapping[Split, float] = {"train": 0.60, "calibration": 0.14, "val": 0.14, "test": 0.12}
#: For the train part of a source that brings its own val.
TRAIN_ONLY: Mapping[Split, float] = {"train": 0.86, "calibration": 0.14}


def split_of(group: str, shares: Mapping[Split, float]) -> Split:
    """The split of a group: the same for ever, whatever other groups come or go.

    Args:
        group: Name of the group, unique over all sources.
        shares: Share of the groups that each split gets; they sum to 1.
    """
    digest = hashlib.sha256(group.encode()).digest()
    point = int.from_bytes(digest[:8], "big") / 2**64
    for split, share in shares.items():
        if point < share:
            return split
        point -= share
    return [*shares][-1]


def split_fingerprint(rows: Iterable[LabelledPicture], split: Split) -> str:
    """Hex SHA-256 of one split's pictures and what their labels say of grade and damage.

    Figures on a split compare only between equal fingerprints. Neither the order of rows nor
    where pictures lie matters.
    """
    lines = sorted(f"{row.sha256} {label_digest(row)}" for row in rows if row.split == split)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def label_digest(row: LabelledPicture) -> str:
    """Short hex digest of what a row says of grade and damage."""
    said = row.model_dump_json(include={"grade", "present", "absent"})
    return hashlib.sha256(said.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Assignment:
    """The splits of N rows, and what became of them."""

    splits: tuple[Split | None, ...]
    """(N,)"""
    new: tuple[int, ...]
    """Rows that got a split now, or another one than before."""
    withheld: tuple[int, ...]
    """Rows in no split, since they would leak what is held out, or change a frozen test set."""
    torn: tuple[tuple[int, ...], ...]
    """Units that stood in several splits already, which nothing here may move."""


def assign_splits(
    rows: Sequence[LabelledPicture],
    units: Sequence[int],
    shares: Mapping[Split, float],
    *,
    again: bool = False,
    withhold_leaks: bool = False,
    frozen: Collection[str] = (),
) -> Assignment:
    """Give a split to every row that has none.

    Rows that have one keep it. A row whose unit has a split joins it (of several the least held
    out). New units follow in the order of their names' hashes; each goes to the split that
    is furthest below its share of the unit's labels: grade and damage types, within the source.

    Args:
        rows: N rows.
        units: (N,) rows of one unit share a number (``datasets.units``).
        shares: Share of the pictures that each split gets; they sum to 1.
        again: Assign rows anew that have a split; not frozen ones.
        withhold_leaks: A unit that is held out gets no further rows: those that stand in a less
            held out split, or in none, are in none.
        frozen: Content hashes of the frozen test set. It stays as it is, so the share
            of `test` goes to the other splits; empty: no test set is frozen.
    """
    fixed: list[Split | None] = [
        "test" if row.sha256 in frozen else None if again else row.split for row in rows
    ]
    splits = [*fixed]
    members: defaultdict[int, list[int]] = defaultdict(list)
    for number, unit in enumerate(units):
        members[unit].append(number)
    withheld: list[int] = []
    torn: list[tuple[int, ...]] = []
    fresh: list[list[int]] = []
    for together in members.values():
        found = [split for split in SPLITS if any(fixed[n] == split for n in together)]
        if withhold_leaks and found and found[-1] != "train":
            leaks = [n for n in together if fixed[n] != found[-1]]
            withheld += leaks
            for n in leaks:
                splits[n] = None
            continue
        if len(found) > 1:
            torn.append(tuple(together))
        if any(rows[n].sha256 in frozen for n in together):
            withheld += [n for n in together if fixed[n] is None]
        elif not found:
            fresh.append(together)
        else:
            for n in together:
                splits[n] = splits[n] or found[0]
    _place(rows, fresh, splits, _open(shares, closed=bool(frozen)))
    return Assignment(
        splits=tuple(splits),
        new=tuple(n for n, row in enumerate(rows) if splits[n] not in (None, row.split)),
        withheld=tuple(sorted(withheld)),
        torn=tuple(torn),
    )


def _open(shares: Mapping[Split, float], *, closed: bool) -> dict[Split, float]:
    """Shares of the splits that may still grow."""
    kept = {split: share for split, share in shares.items() if not (closed and split == "test")}
    total = sum(kept.values())
    return {split: share / total for split, share in kept.items() if share}


def _place(
    rows: Sequence[LabelledPicture],
    units: Sequence[Sequence[int]],
    splits: list[Split | None],
    shares: Mapping[Split, float],
) -> None:
    counts: defaultdict[Hashable, Counter[Split]] = defaultdict(Counter)

    def count(numbers: Iterable[int]) -> None:
        for n in numbers:
            if (split := splits[n]) is not None:
                for key in _labels(rows[n]):
                    counts[key][split] += 1

    count(range(len(rows)))
    for unit in sorted(units, key=lambda unit: _order(rows, unit)):
        sizes = Counter(key for n in unit for key in _labels(rows[n]))
        missing = {
            split: round(
                sum(
                    share * (counts[key].total() + size) - counts[key][split]
                    for key, size in sizes.items()
                ),
                6,
            )
            for split, share in shares.items()
        }
        for n in unit:
            splits[n] = max(missing, key=missing.__getitem__)
        count(unit)


def _labels(row: LabelledPicture) -> list[Hashable]:
    grade = (row.grade.best, row.grade.worst) if row.grade else None
    return [(row.source, grade), *((row.source, kind) for kind in row.present)]


def _order(rows: Sequence[LabelledPicture], unit: Sequence[int]) -> bytes:
    return hashlib.sha256(min(rows[n].group for n in unit).encode()).digest()
