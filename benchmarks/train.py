"""Compare training with a plain fine-tune: pictures per second and time to a score.

    python -m benchmarks.train                          # on generated pictures, runs anywhere
    python -m benchmarks.train --manifest runs/data/manifest.jsonl --root ../shared/data \
        --source vehicle_severity --pictures 1000 --epochs 6 --rounds 3

The contestants take turns, each with an empty cache, so that what slows the machine slows all alike;
decoding and making features count as training time, scoring does not. Writes train.json and train.png.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from sklearn.metrics import balanced_accuracy_score

from benchmarks.generated import generated_manifest
from benchmarks.plain_finetune import finetune, rank_of
from datasets.progress import silently
from model.decision import grade_probabilities
from model.network import GradingNetwork
from training.cache import cached_pictures
from training.checkpoint import Checkpoint
from training.config import Data, FeatureCache, Fit, TrainingConfig
from training.devices import launch
from training.examples import Example, load_examples, taught_damage_types
from training.fit import Surroundings, begin, fit
from training.logbook import Nothing
from training.predict import predict
from training.run import feed_of
from training.sampling import sampling_weights
from training.start import starting_network

Curve = list[tuple[float, float]]
"""(seconds of training so far, balanced accuracy on held-out pictures) after each epoch."""


def regrade(
    train: Sequence[Example], held_out: Sequence[Example], config: TrainingConfig, folder: Path
) -> Curve:
    """Regrade's own fit."""
    own = replace(config, cache=folder / "cache")
    pictures = cached_pictures(held_out, own.input_size, folder / "held-out", silently)
    truth = np.array([rank_of(example) for example in held_out])
    curve: Curve = []
    started = time.perf_counter()
    scoring = 0.0

    def score(average: GradingNetwork) -> dict[str, float]:
        nonlocal scoring
        now = time.perf_counter()
        answers = predict(average, pictures, own.input_size, silently, "")
        decided = grade_probabilities(answers.grade_logits.numpy(), 1.0).argmax(axis=1)
        curve.append((now - started - scoring, float(balanced_accuracy_score(truth, decided))))
        scoring += time.perf_counter() - now
        return {}

    fabric, taught = launch(own), list(train)
    types = taught_damage_types(taught, own.min_damage_examples)
    torch.manual_seed(own.seed)
    state = begin(starting_network(types, own), own.fit, fabric.device)
    feed = feed_of(own, taught, types, state.network, fabric, silently)
    checkpoint = Checkpoint(folder / "checkpoint.pt", "benchmark", types)
    around = Surroundings(fabric, checkpoint, Nothing(), silently, score)
    weights = sampling_weights(taught, own.fit.source_power, own.fit.label_power)
    fit(state, feed, weights, own, around)
    return curve


def _chosen(
    examples: Sequence[Example], split: str, source: str | None, most: int
) -> list[Example]:
    """Exactly graded pictures of a split, at most so many, every label in its share."""
    exact = [
        example
        for example in examples
        if example.row.split == split
        and source in {None, example.row.source}
        and example.row.grade is not None
        and example.row.grade.exact is not None
    ]
    if not exact:
        raise SystemExit(f"error: no exactly graded picture of split {split!r}, source {source!r}")
    exact.sort(key=lambda example: (rank_of(example), example.row.sha256))
    step = max(1.0, len(exact) / most)
    return [exact[int(n * step)] for n in range(min(most, len(exact)))]


def time_to(score: float, curve: Curve) -> float | None:
    """Seconds of training after which the score was first reached."""
    return next((seconds for seconds, found in curve if found >= score), None)


def summary(curves: dict[str, list[Curve]], pictures: int, score: float | None) -> dict[str, Any]:
    """Medians over the rounds, and their ratios to the plain fine-tune.

    Args:
        curves: Of each contestant, one a round.
        pictures: Seen in each epoch.
        score: To be reached; None: the lowest score that a plain round ended with.
    """
    target = min(curve[-1][1] for curve in curves["plain"]) if score is None else score
    table: dict[str, Any] = {}
    for name, rounds in curves.items():
        speeds = [pictures * len(curve) / curve[-1][0] for curve in rounds]
        times = [time_to(target, curve) for curve in rounds]
        reached = [seconds for seconds in times if seconds is not None]
        table[name] = {
            "pictures_per_s": statistics.median(speeds),
            "seconds_to_score": statistics.median(reached) if len(reached) == len(times) else None,
            "last_score": statistics.median(curve[-1][1] for curve in rounds),
        }
    plain = table["plain"]
    for row in table.values():
        row["times_as_fast"] = row["pictures_per_s"] / plain["pictures_per_s"]
        both = row["seconds_to_score"], plain["seconds_to_score"]
        row["times_sooner"] = both[1] / both[0] if None not in both else None
    return {"score": target, "contestants": table}


def draw(curves: dict[str, list[Curve]], found: dict[str, Any], path: Path) -> None:
    """Plot score over time, and speed."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415  (after the backend is chosen)

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), width_ratios=(2, 1))
    colours = dict(zip(curves, ("tab:grey", "tab:blue", "tab:green"), strict=True))
    for name, rounds in curves.items():
        for number, curve in enumerate(rounds):
            seconds, scores = zip(*curve, strict=True)
            label = None if number else name
            left.plot(seconds, scores, marker="o", color=colours[name], label=label, alpha=0.8)
    left.axhline(found["score"], color="black", linewidth=0.8, linestyle=":")
    left.set(xlabel="seconds of training", ylabel="balanced accuracy, held-out pictures")
    left.legend()
    table = found["contestants"]
    speeds = [table[name]["pictures_per_s"] for name in curves]
    bars = right.bar(list(curves), speeds, color=list(colours.values()))
    labels = [
        f"{speed:.0f} ({table[name]['times_as_fast']:.1f}x)"
        for name, speed in zip(curves, speeds, strict=True)
    ]
    right.bar_label(bars, labels)
    right.margins(y=0.12)
    right.tick_params(axis="x", labelrotation=15)
    right.set(ylabel="pictures per second, all told")
    figure.tight_layout()
    figure.savefig(path, dpi=130)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--manifest", type=Path, help="labelled pictures; generated ones otherwise")
    parser.add_argument("--root", type=Path, help="folder of the manifest's pictures")
    parser.add_argument("--source", help="only this source of the manifest")
    parser.add_argument("--pictures", type=int, default=240)
    parser.add_argument("--held-out", type=int, default=120)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2, help="of the plain DataLoader")
    parser.add_argument("--copies", type=int, default=4, help="of the feature cache")
    parser.add_argument("--part", type=int, default=6, help="first one that trains on features")
    parser.add_argument("--score", type=float, help="to be reached; the plain one's last otherwise")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"))
    return parser.parse_args()


def main() -> None:
    """Run the rounds."""
    chosen = _arguments()
    with tempfile.TemporaryDirectory() as name:
        manifest = chosen.manifest or generated_manifest(
            Path(name), chosen.pictures, chosen.held_out
        )
        examples = load_examples([Data(manifest, chosen.root)])
        train = _chosen(examples, "train", chosen.source, chosen.pictures)
        held_out = _chosen(examples, "val", chosen.source, chosen.held_out)
        config = _config(chosen, manifest, len(train))
        curves = _rounds(chosen, train, held_out, config)
    found = summary(curves, len(train), chosen.score)
    chosen.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**found, "pictures": len(train), "curves": curves}, indent=2)
    (chosen.out / "train.json").write_text(text + "\n", "utf-8")
    draw(curves, found, chosen.out / "train.png")
    print(json.dumps(found, indent=2))


def _config(chosen: argparse.Namespace, manifest: Path, pictures: int) -> TrainingConfig:
    return TrainingConfig(
        name="benchmark",
        data=(Data(manifest, chosen.root),),
        threads=chosen.threads,
        accelerator="cpu",
        input_size=chosen.side,
        cached_size=chosen.side * 8 // 7,
        checkpoint_minutes=60,
        fit=Fit(epochs=chosen.epochs, pictures_per_epoch=pictures),
    )


def _rounds(
    chosen: argparse.Namespace,
    train: list[Example],
    held_out: list[Example],
    config: TrainingConfig,
) -> dict[str, list[Curve]]:
    on_features = replace(
        config,
        features=FeatureCache(copies=chosen.copies),
        fit=replace(config.fit, first_trainable_part=chosen.part),
    )
    contestants: dict[str, Callable[[Path, TrainingConfig], Curve]] = {
        "plain": lambda _, seeded: finetune(train, held_out, seeded, chosen.workers),
        "regrade": lambda folder, seeded: regrade(train, held_out, seeded, folder),
        "regrade, features": lambda folder, seeded: regrade(train, held_out, seeded, folder),
    }
    curves: dict[str, list[Curve]] = {name: [] for name in contestants}
    for number in range(chosen.rounds):
        for name, contestant in contestants.items():
            torch.set_num_threads(chosen.threads)
            settings = on_features if name == "regrade, features" else config
            with tempfile.TemporaryDirectory() as folder:
                curve = contestant(Path(folder), replace(settings, seed=number))
            curves[name].append(curve)
            print(f"round {number + 1}, {name}: {curve[-1][0]:.0f} s, score {curve[-1][1]:.3f}")
    return curves


if __name__ == "__main__":
    main()
