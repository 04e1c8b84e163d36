"""Splits depend on a group's name alone."""

from collections import Counter

from datasets.splits import OWN_SPLITS, TRAIN_ONLY, split_of


def test_a_groups_split_never_changes() -> None:
    """Pinned: a change here would move pictures between the splits of every user."""
    assert [split_of(f"parcels:{n}", OWN_SPLITS) for n in range(6)] == [
        "train",
        "train",
        "train",
        "train",
        "calibration",
        "train",
    ]


def test_shares_are_kept() -> None:
    counts = Counter(split_of(f"group-{n}", OWN_SPLITS) for n in range(10_000))
    for split, share in OWN_SPLITS.items():
        assert abs(counts[split] / 10_000 - share) < 0.015


def test_a_source_with_its_own_val_gives_only_train_and_calibration() -> None:
    assert {split_of(f"group-{n}", TRAIN_ONLY) for n in range(1_000)} == {"train", "calibration"}
