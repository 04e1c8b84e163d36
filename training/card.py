"""The card: what a bundle is, was trained on, can do and must not be used for. Made by the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datasets.manifest import SPLITS
from training.examples import Example

_COLUMNS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced",
    "macro_f1": "macro-F1",
    "quadratic_kappa": "kappa",
    "interval_accuracy": "interval",
    "damaged_auroc": "AUROC",
    "coverage": "coverage",
    "review_share": "review",
}


@dataclass(frozen=True, slots=True)
class RunFacts:
    """How the bundle came to be."""

    command: str
    minutes: float
    machine: str
    git_commit: str
    created_at: str


def write_card(
    name: str, examples: Sequence[Example], metrics: Mapping[str, Any], facts: RunFacts
) -> str:
    """The card as Markdown."""
    return "\n".join(
        [
            f"# Model card: {name}",
            "",
            "Grades the condition of a returned item from one or more photographs: new, lightly used,",
            "repairable or salvage. Finds the damage types below. A first model, trained in minutes on a",
            "CPU: a start to retrain from, with its figures stated as measured.",
            "",
            "## Not for",
            "",
            "- deciding without a person where safety, recall, hazardous goods or fraud is at stake;",
            "- goods unlike those below: let a person grade them until labelled pictures are added;",
            "- damage that a camera cannot see: function, smell, completeness inside a closed box;",
            "- comparing people or suppliers: figures differ between kinds of goods (see the table).",
            "",
            "Grades of cars come from photographs of damaged cars only, and no packaged product among",
            "the photographs is damaged, so part of what looks like skill may be knowing the category.",
            "",
            "## Training data",
            "",
            *_data_table(examples),
            "",
            "## Figures on the validation split",
            "",
            "Measured from the ONNX file with the code that serves. Accuracy, macro-F1, kappa and",
            "coverage count items with an exact grade label; interval: the grade lies within what the",
            "label allows; AUROC: damaged against new; review: share sent to a person.",
            "",
            *_figure_table(metrics["validation"]),
            "",
            *_damage_table(metrics["validation"]["damage_average_precision"]),
            "",
            f"Calibration error (ECE, 10 bins): {_number(metrics['validation']['all']['ece_before'])}"
            f" before, {_number(metrics['validation']['all']['ece_after'])} after temperature scaling.",
            f"Nominal coverage of the prediction sets: {metrics['validation']['nominal_coverage']}.",
            f"ONNX against torch: the same decision on {metrics['export']['pictures']} pictures, largest",
            f"difference of a logit {metrics['export']['largest_logit_difference']:.1e}.",
            "",
            "## How it was made",
            "",
            f"`{facts.command}` at commit {facts.git_commit}, {facts.created_at}, "
            f"{facts.minutes:.0f} minutes on {facts.machine}.",
            "Backbone: EfficientNet-Lite0 with ImageNet weights (Apache-2.0). Golden pictures are",
            "rendered or drawn by this project. Licence of the bundle: Apache-2.0; the photographs keep",
            "theirs and are not part of it.",
            "",
        ]
    )


def _data_table(examples: Sequence[Example]) -> list[str]:
    counts = Counter((example.row.source, example.row.split) for example in examples)
    licences = {example.row.source: example.row.licence for example in examples}
    lines = [f"| source | licence | {' | '.join(SPLITS)} |", "|---|---|" + "---|" * len(SPLITS)]
    for source, licence in sorted(licences.items()):
        numbers = " | ".join(str(counts[source, split]) for split in SPLITS)
        lines.append(f"| {source} | {licence} | {numbers} |")
    return lines


def _figure_table(validation: Mapping[str, Any]) -> list[str]:
    lines = [
        f"| source | items | {' | '.join(_COLUMNS.values())} |",
        "|---|---|" + "---|" * len(_COLUMNS),
    ]
    for source, figures in (*validation["by_source"].items(), ("all", validation["all"])):
        numbers = " | ".join(_number(figures[key]) for key in _COLUMNS)
        lines.append(f"| {source} | {figures['items']} | {numbers} |")
    return lines


def _damage_table(precisions: Mapping[str, Mapping[str, Any]]) -> list[str]:
    lines = ["| damage | average precision | present | absent |", "|---|---|---|---|"]
    for kind, found in precisions.items():
        lines.append(
            f"| {kind} | {_number(found['average_precision'])} | {found['present']} | {found['absent']} |"
        )
    return lines


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
