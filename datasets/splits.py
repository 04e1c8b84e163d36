"""Splits: which part of a source a group of pictures belongs to, decided by its name alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from datasets.manifest import Split

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
