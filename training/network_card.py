"""The card's section on the networks: what the files are, and what INT8 costs and gives."""

from __future__ import annotations

import re

from model.contract import Manifest
from model.contract.bundle import INT8_NETWORK, NETWORK, Graph, Loss, Trial
from training.acceptance import TITLES

_TITLE = "## Networks"
_SECTION = re.compile(rf"^{_TITLE}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def with_network_section(card: str, manifest: Manifest) -> str:
    """The card with the section in it: in the place of an earlier one, else at the end."""
    section = "\n".join([_TITLE, "", *_lines(manifest)])
    earlier = _SECTION.search(card)
    before, after = (
        (card, "") if earlier is None else (card[: earlier.start()], card[earlier.end() :])
    )
    parts = [part.strip() for part in (before, section, after)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _lines(manifest: Manifest) -> list[str]:
    side = manifest.input_size
    lines = [
        f"- `{NETWORK}`: float, {_described(manifest.graph)}. Takes uint8 RGB pictures of any size, in",
        f"  batches of any size, and squashes them to {side} x {side} px itself.",
    ]
    if manifest.int8 is not None:
        lines.append(
            f"- `{INT8_NETWORK}`: 8-bit weights and activations, {_described(manifest.int8.graph)}; "
            "answers with `--precision int8`."
        )
    trial = manifest.int8_trial
    if trial is None:
        return [*lines, "- No INT8 network was tried."]
    return [*lines, "", *trial_lines(trial)]


def trial_lines(trial: Trial) -> list[str]:
    """What became of the INT8 network and why, with the figures, as Markdown."""
    taken = "accepted" if trial.accepted else "not in the bundle"
    return [f"INT8 is {taken}: {trial.reason}.", "", *_trial_table(trial)]


def _described(graph: Graph) -> str:
    return f"ONNX opset {graph.opset}, {graph.operators} operators, from {graph.producer}"


def _trial_table(trial: Trial) -> list[str]:
    rows = {
        "points of accuracy lost (grade within the label)": _points(trial.accuracy_lost),
        "points of macro-F1 lost": _points(trial.macro_f1_lost),
        "points of quadratic kappa lost": _points(trial.kappa_lost),
        "points of AUROC lost, damaged against new": _points(trial.auroc_lost),
        **{
            f"points of {TITLES[name]} lost, 95 % interval": _loss(loss)
            for name, loss in trial.losses.items()
        },
        "items with another grade": f"{trial.grades_differ} of {trial.items}",
        "items with another grade, set or review": f"{trial.decisions_differ} of {trial.items}",
        "times as fast, one picture, one thread": f"{trial.speed_ratio:.2f}",
        "measured on": trial.machine,
        "made by (chosen on the calibration split)": trial.sweep[0].recipe,
    }
    return [
        "| float against INT8, validation split | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in rows.items()),
    ]


def _loss(loss: Loss) -> str:
    if loss.low is None or loss.high is None:
        return f"{loss.points:.2f}, no interval"
    return f"{loss.points:.2f} [{loss.low:.2f}, {loss.high:.2f}]"


def _points(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
