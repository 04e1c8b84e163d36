"""What fusing several views is worth: one bundle's outputs, joined in different ways.

    python -m benchmarks.fusion --manifest runs/rendered/manifest.jsonl

Takes the items of a split that have at least two views. Grades are the most probable ones, so that a
rule is not judged by a temperature and costs that were fitted to another. Writes fusion.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score, f1_score

from datasets.progress import on_terminal
from model.contract import GRADES, Bundle
from model.decision import fuse, grade_probabilities, sigmoid
from model.runtime import Grader
from training.evaluation.graded import items_of, joined
from training.examples import Example, load_examples, of_split, sources_of

Floats = NDArray[np.floating[Any]]


def _mean(logits: Floats) -> Floats:
    joined_logits: Floats = logits.mean(axis=0)
    return joined_logits


def _mean_probability(logits: Floats) -> Floats:
    probability = sigmoid(logits).mean(axis=0).clip(1e-6, 1 - 1e-6)
    joined_logits: Floats = np.log(probability / (1 - probability))
    return joined_logits


RULES: Mapping[str, Callable[[Floats], Floats]] = {
    "one view (the first)": lambda logits: logits[0],
    "mean of the logits": _mean,
    "mean of the probabilities": _mean_probability,
    "worst evidence (ships)": fuse,
}
"""(V, 3) cumulative logits of an item's views -> (3,)."""


def figures(logits: list[Floats], truth: list[int], rule: Callable[[Floats], Floats]) -> Floats:
    """Macro-F1, quadratic kappa, and accuracy of new against the rest."""
    decided = [int(grade_probabilities(rule(views), 1.0).argmax()) for views in logits]
    labels = range(len(GRADES))
    right = np.equal(np.array(decided) > 0, np.array(truth) > 0)
    return np.array(
        [
            f1_score(truth, decided, average="macro", labels=labels, zero_division=0),
            cohen_kappa_score(truth, decided, weights="quadratic", labels=labels),
            right.mean(),
        ]
    )


def table(logits: list[Floats], truth: list[int], resamples: int = 1000) -> str:
    """Each rule with 95 % intervals over resampled items, the same ones for every rule."""
    dice = np.random.default_rng(0)
    draws = dice.integers(len(truth), size=(resamples, len(truth)))
    lines = [
        "| views joined by | macro-F1 | quadratic kappa | new or not |",
        "|---|---|---|---|",
    ]
    for name, rule in RULES.items():
        found = figures(logits, truth, rule)
        again = np.array(
            [figures([logits[n] for n in draw], [truth[n] for n in draw], rule) for draw in draws]
        )
        low, high = np.nanquantile(again, (0.025, 0.975), axis=0)
        cells = (
            f"{value:.3f} [{a:.2f}, {b:.2f}]" for value, a, b in zip(found, low, high, strict=True)
        )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _graded(grader: Grader, examples: list[Example]) -> tuple[list[Floats], list[int]]:
    logits: list[Floats] = []
    truth: list[int] = []
    items = [views for views in items_of(examples) if len(views) > 1]
    for views in on_terminal(items, "grade", len(items)):
        grade = joined([view.row.grade for view in views])
        if grade is None or grade.exact is None:
            continue
        pixels = np.stack([grader.prepare(view.read()).pixels for view in views])
        logits.append(np.asarray(grader.run(pixels).grade_logits, np.float64))
        truth.append(grade.exact.rank)
    return logits, truth


def main() -> None:
    """Grade once, join in every way."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--bundle", type=Path, default=Path("model/bundles/returns"))
    parser.add_argument("--manifest", type=Path, action="append", required=True)
    parser.add_argument("--root", type=Path, action="append", default=[])
    parser.add_argument("--split", default="val")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"))
    chosen = parser.parse_args()
    examples = of_split(load_examples(sources_of(chosen.manifest, chosen.root)), chosen.split)
    logits, truth = _graded(Grader(Bundle.load(chosen.bundle)), examples)
    if not truth:
        raise SystemExit("error: no item of this split has two views and one exact grade")
    found = f"{len(truth)} items\n\n{table(logits, truth)}\n"
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "fusion.md").write_text(found, "utf-8")
    print(found)


if __name__ == "__main__":
    main()
