"""How well a data set's new goods are told from the others, by cross-validation.

    python -m benchmarks.crossval --source parcels --folds 5

Every item is judged once, by a network that saw neither it nor its near-duplicates. Each fold is a short run from ImageNet weights on the data set's own items alone, parted anew by group (its
test split is left out altogether). What is done is kept under ``--out`` and not done again. Writes
crossval.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from benchmarks.short_runs import trained
from datasets.progress import on_terminal
from model.contract import GRADES, Bundle
from model.runtime import Grader
from training.config import load_config
from training.evaluation.graded import Graded, grade_items
from training.examples import Example, load_examples

_CALIBRATION_FOLDS = 5
"""Of the items that a fold trains with, one part in so many calibrates."""


def folds(examples: Sequence[Example], source: str, count: int, seed: int) -> list[list[Example]]:
    """The examples once for each fold, with the splits that it trains and judges by.

    Raises:
        SystemExit: The source has no pictures.
    """
    own = [e for e in examples if e.row.source == source and e.row.split not in {None, "test"}]
    if not own:
        raise SystemExit(f"error: no picture of the source {source!r} outside its test split")
    return [_parted(own, held_out, seed) for held_out in _parts(own, count, seed)]


def _parted(own: Sequence[Example], held_out: set[int], seed: int) -> list[Example]:
    rest = [example for n, example in enumerate(own) if n not in held_out]
    calibrating = _parts(rest, _CALIBRATION_FOLDS, seed)[0]
    return [
        *(_moved(own[n], "val") for n in sorted(held_out)),
        *(_moved(e, "calibration" if n in calibrating else "train") for n, e in enumerate(rest)),
    ]


def _parts(examples: Sequence[Example], count: int, seed: int) -> list[set[int]]:
    labels = [str(example.row.grade) for example in examples]
    groups = [example.row.group for example in examples]
    parts = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    return [set(held_out.tolist()) for _, held_out in parts.split(labels, labels, groups)]


def _moved(example: Example, split: str) -> Example:
    return replace(example, row=example.row.model_copy(update={"split": split}))


def auroc(graded: Sequence[Graded]) -> float:
    """Of the probability that an item is not new, over the items known to be new or not to be."""
    clear = [
        item
        for item in graded
        if item.grade and (item.grade.exact is GRADES[0] or item.grade.best is not GRADES[0])
    ]
    truth = [item.grade is not None and item.grade.best is not GRADES[0] for item in clear]
    worse = [1 - item.assessment.probabilities[GRADES[0]] for item in clear]
    return float(roc_auc_score(truth, worse))


def interval(graded: Sequence[Graded], resamples: int = 2000) -> tuple[float, float]:
    """95 % over resampled groups of near-duplicates."""
    groups: dict[str, list[Graded]] = {}
    for item in graded:
        groups.setdefault(item.views[0].row.group, []).append(item)
    names, dice = sorted(groups), np.random.default_rng(0)
    values = []
    for _ in range(resamples):
        drawn = [
            item for n in dice.integers(len(names), size=len(names)) for item in groups[names[n]]
        ]
        values.append(auroc(drawn))
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def main() -> None:
    """Train and judge every fold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--config", type=Path, default=Path(__file__).with_name("ablations.toml"))
    parser.add_argument("--set", dest="changes", action="append", default=[])
    parser.add_argument("--source", required=True)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("runs/crossval"))
    chosen = parser.parse_args()
    config = load_config(chosen.config, chosen.changes)
    examples = load_examples(config.data)
    graded: list[Graded] = []
    values = []
    for number, fold in enumerate(folds(examples, chosen.source, chosen.folds, config.seed)):
        folder = chosen.out / chosen.source / str(number)
        judged = [example for example in fold if example.row.split == "val"]
        bundle = folder / "bundle"
        if (bundle / "manifest.json").exists():
            grader = Grader(Bundle.load(bundle), threads=config.threads)
        else:
            grader = trained(replace(config, name=f"fold-{number}"), fold, folder)
        found = grade_items(grader, judged, on_terminal)
        graded += found
        values.append(auroc(found))
    low, high = interval(graded)
    text = (
        f"{chosen.source}: {len(graded)} items, new against not new, {chosen.folds} folds: AUROC of each "
        f"{', '.join(f'{value:.3f}' for value in values)}, mean {np.mean(values):.3f}; "
        f"over all together {auroc(graded):.3f} [{low:.2f}, {high:.2f}]\n"
    )
    (chosen.out / "crossval.md").write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
