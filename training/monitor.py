"""Monitor: how the average network does on the calibration split after each epoch.

The figures are for reading: no weights are chosen by them, so that the split can still calibrate and
the validation split can still be reported.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from datasets.progress import silently
from model.decision import grade_probabilities, sigmoid
from model.network import GradingNetwork
from training.calibrate import interval_mass
from training.predict import predict
from training.targets import Targets


def held_out_figures(
    network: GradingNetwork, pictures: NDArray[np.uint8], targets: Targets, side: int
) -> dict[str, float]:
    """Figures of the most probable grade, before calibration.

    Returns:
        ``held_out_grade`` (mean -log of the mass in the label's interval), ``held_out_interval`` (share
        whose grade lies in it), ``held_out_damage`` (mean cross-entropy of known damage types) and
        ``held_out_macro_f1`` over the exactly labelled; a figure without labels is left out.
    """
    answers = predict(network, pictures, side, silently, "")
    best, worst = targets.best.numpy(), targets.worst.numpy()
    probabilities = grade_probabilities(answers.grade_logits.numpy(), 1.0)
    decided = probabilities.argmax(axis=1)
    found = {}
    bounded = worst - best < probabilities.shape[1] - 1
    if bounded.any():
        mass = interval_mass(probabilities, best, worst)[bounded]
        within = (best <= decided) & (decided <= worst)
        found["held_out_grade"] = float(-np.log(np.maximum(mass, 1e-12)).mean())
        found["held_out_interval"] = float(within[bounded].mean())
    exact = best == worst
    if exact.any():
        found["held_out_macro_f1"] = float(
            f1_score(best[exact], decided[exact], labels=np.unique(best[exact]), average="macro")
        )
    known, present = targets.known.numpy(), targets.present.numpy()
    if known.any():
        chances = sigmoid(answers.damage_logits.numpy())[known]
        right = np.where(present[known] > 0.5, chances, 1 - chances)
        found["held_out_damage"] = float(-np.log(np.maximum(right, 1e-12)).mean())
    return found
