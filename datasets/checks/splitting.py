"""Splitting: every picture of several manifests gets a split, copies and items kept together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets.checks.cache import Cache
from datasets.checks.duplicates import find_pairs
from datasets.checks.entries import Entry, joined
from datasets.checks.examine import readable
from datasets.checks.facts import Broken, measure_all
from datasets.frozen import FrozenError, FrozenSet
from datasets.manifest import SPLITS, LabelledPicture, ManifestError, Split, write_manifest
from datasets.progress import Track
from datasets.splits import Assignment, assign_splits
from datasets.units import units_of
from datasets.wording import counted


class ShareError(ValueError):
    """Shares that do not name splits or do not sum to 1."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How splits are given (``datasets.splits.assign_splits``)."""

    shares: Mapping[Split, float]
    again: bool = False
    withhold_leaks: bool = False


@dataclass(frozen=True, slots=True)
class Divided:
    """The rows of every manifest with their splits."""

    rows: tuple[tuple[LabelledPicture, ...], ...]
    """For each manifest its rows, in order."""
    assignment: Assignment
    """Of all rows, one manifest after the other."""


def parse_shares(text: str) -> dict[Split, float]:
    """``train=0.6,val=0.2,test=0.2`` as shares.

    Raises:
        ShareError: A name is no split or occurs twice, a share is no number from 0 to 1, or
            they do not sum to 1.
    """
    shares: dict[Split, float] = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        split = next((split for split in SPLITS if split == name.strip()), None)
        if split is None or split in shares:
            problem = "is no split" if split is None else "is named twice"
            raise ShareError(
                f"--shares {text}: {name.strip()!r} {problem}; splits are {', '.join(SPLITS)}"
            )
        try:
            shares[split] = float(value)
        except ValueError:
            raise ShareError(f"--shares {text}: {part!r} is not like train=0.6") from None
    if (
        not all(0 <= share <= 1 for share in shares.values())
        or abs(sum(shares.values()) - 1) > 1e-6
    ):
        raise ShareError(f"--shares {text}: shares lie from 0 to 1 and sum to 1")
    return shares


def divide(
    read: Sequence[Sequence[Entry]],
    policy: Policy,
    frozen: FrozenSet | None,
    cache: Cache,
    threads: int,
    track: Track,
) -> Divided:
    """Assign splits to the entries of every manifest.

    Raises:
        ManifestError: A picture cannot be read, so that its copies cannot be found.
        FrozenError: The test split would not be the frozen one.
        ShareError: Only the frozen test split has a share.
    """
    if frozen is not None and policy.shares.get("test") == 1:
        raise ShareError("--shares gives all to test, which is frozen; give another split a share")
    entries = joined(read)
    measured = measure_all(entries, cache, threads, track)
    broken = [
        f"{entry.path}: {one.found.problem}"
        for entry, one in zip(entries, measured, strict=True)
        if isinstance(one.found, Broken)
    ]
    if broken:
        raise ManifestError(
            f"{broken[0]} ({counted(len(broken), 'picture')} in all); `regrade data check` lists them"
        )
    pairs = find_pairs(readable(entries, measured), cache, threads, track)
    rows = [entry.row for entry in entries]
    units = units_of(rows, [(pair.first, pair.second) for pair in pairs])
    assignment = assign_splits(
        rows,
        units,
        policy.shares,
        again=policy.again,
        withhold_leaks=policy.withhold_leaks,
        frozen=frozen.pictures if frozen else (),
    )
    updated = [
        row if row.split == split else row.model_copy(update={"split": split})
        for row, split in zip(rows, assignment.splits, strict=True)
    ]
    if frozen is not None and (problems := frozen.differences(updated)):
        raise FrozenError(
            f"the test set is frozen, and {'; '.join(problems)}; put it back, or remove the lock to "
            "freeze another test set, whose figures do not compare with earlier ones"
        )
    rest = iter(updated)
    return Divided(tuple(tuple(next(rest) for _ in part) for part in read), assignment)


def write_back(
    manifests: Sequence[Path], read: Sequence[Sequence[Entry]], divided: Divided
) -> None:
    """Write the manifests whose rows changed."""
    for path, entries, rows in zip(manifests, read, divided.rows, strict=True):
        if [entry.row for entry in entries] != [*rows]:
            write_manifest(path, rows)
