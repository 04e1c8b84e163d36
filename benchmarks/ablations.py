"""What each choice of network and training is worth: one short run for each, all else alike.

    python -m benchmarks.ablations [--set fit.epochs=3] [--only base maps lite1]

Each row is trained, calibrated, exported and judged on the validation split as `regrade train` does it,
without its INT8 network and proof. Speed is in pictures for each second of processor time, calibration and
export counted in, so that other work on the machine does not show in it. What is done is kept under ``--out`` and not done again, and a run that
was cut short goes on. Writes ablations.md and a folder for each row. One run a row: differences within the
intervals are luck.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.short_runs import trained
from datasets.progress import on_terminal
from training.config import TrainingConfig, load_config
from training.evaluation.evaluate import evaluate_with
from training.evaluation.figures import Estimate, Figures, Slice
from training.examples import load_examples, of_split


@dataclass(frozen=True, slots=True)
class Choice:
    """One row: what differs from the configuration."""

    name: str
    what: str
    changes: tuple[str, ...] = ()
    without: str | None = None
    """A source that is left out of training."""


CHOICES = (
    Choice("base", "as configured"),
    Choice("smaller", "input of 160 px", ("input_size=160", "cached_size=184")),
    Choice("larger", "input of 256 px", ("input_size=256", "cached_size=288")),
    Choice("lite1", "EfficientNet-Lite1", ("backbone=lite1",)),
    Choice("lite2", "EfficientNet-Lite2", ("backbone=lite2",)),
    Choice("softmax", "plain cross-entropy for grades", ("loss.grade=cross_entropy",)),
    Choice("maps", "maps from image labels alone", ("loss.maps=0",)),
    Choice("photographs", "no rendered goods", without="rendered"),
    Choice("average", "last weights, not their average", ("fit.ema=0",)),
    Choice("degrade", "no random loss of resolution", ("augment.degrade=0",)),
    Choice("mixup", "no mixup", ("augment.mixup=0",)),
    Choice("sampling", "sources drawn by size", ("fit.source_power=1",)),
    Choice("frozen", "heads alone", ("fit.first_trainable_part=9",)),
)
_CONFIG = Path(__file__).with_name("ablations.toml")
_COLUMNS = (
    "choice",
    "vehicle_severity macro-F1",
    "kappa",
    "parcels AUROC",
    "rendered macro-F1",
    "vehicle_damage mAP",
    "AU-PRO",
    "boxes at IoU 0.3",
    "ECE",
    "pictures a CPU second",
)


def figures_of_row(choice: Choice, config: TrainingConfig, folder: Path) -> Figures:
    """Train one row, or read what it gave."""
    kept = folder / "figures.json"
    if kept.exists():
        return Figures.model_validate_json(kept.read_text("utf-8"))
    examples = [
        example
        for example in load_examples(config.data)
        if example.row.source != choice.without or example.row.split == "val"
    ]
    started = time.process_time()
    grader = trained(config, examples, folder)
    drawn = config.fit.epochs * config.fit.pictures_per_epoch
    (folder / "speed.txt").write_text(f"{drawn / (time.process_time() - started):.1f}\n", "utf-8")
    figures = evaluate_with(grader, of_split(examples, "val"), on_terminal).figures
    kept.write_text(figures.model_dump_json(indent=1), "utf-8")
    return figures


def row(choice: Choice, figures: Figures, speed: str) -> str:
    """One row of the table."""
    severity, parcels, rendered = (
        figures.by_source.get(name) for name in ("vehicle_severity", "parcels", "rendered")
    )
    places = figures.localisation.by_source.get("vehicle_damage")
    precisions = [
        told.average_precision.value
        for told in figures.damage_by_source.get("vehicle_damage", {}).values()
        if told.average_precision.value is not None
    ]
    cells = (
        choice.what,
        _told(severity, "macro_f1_most_probable"),
        _told(severity, "quadratic_kappa"),
        _told(parcels, "damaged_auroc"),
        _told(rendered, "macro_f1_most_probable"),
        f"{sum(precisions) / len(precisions):.3f}" if precisions else "-",
        _cell(None if places is None else places.au_pro_30),
        _cell(None if places is None else places.box_hit_rate_30),
        _cell(figures.all.estimates["ece_after"]),
        speed,
    )
    return f"| {' | '.join(cells)} |"


def _told(items: Slice | None, key: str) -> str:
    return _cell(None if items is None else items.estimates[key])


def _cell(estimate: Estimate | None) -> str:
    if estimate is None or estimate.value is None:
        return "-"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} [{estimate.low:.2f}, {estimate.high:.2f}]"


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the rows and write the table, anew after each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--config", type=Path, default=_CONFIG)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes")
    parser.add_argument("--only", nargs="+", choices=[choice.name for choice in CHOICES])
    parser.add_argument("--out", type=Path, default=Path("runs/ablations"))
    chosen = parser.parse_args(arguments)
    lines = [f"| {' | '.join(_COLUMNS)} |", f"|{'---|' * len(_COLUMNS)}"]
    for choice in CHOICES:
        if chosen.only and choice.name not in chosen.only:
            continue
        config = load_config(chosen.config, (*chosen.changes, *choice.changes))
        folder = chosen.out / choice.name
        figures = figures_of_row(choice, replace(config, name=choice.name), folder)
        lines.append(row(choice, figures, (folder / "speed.txt").read_text("utf-8").strip()))
        (chosen.out / "ablations.md").write_text("\n".join(lines) + "\n", "utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
