"""Calibration sees items as the server does: all views together."""

from __future__ import annotations

from pathlib import Path

import torch

from model.contract import DamageType, Grade
from tests.training.evaluation.factories import exactly, example
from training.judged import Judged
from training.predict import Predictions
from training.targets import make_targets

DENT, TEAR = DamageType.DENT, DamageType.TEAR


def test_the_worst_view_speaks_for_its_item(tmp_path: Path) -> None:
    front = example(tmp_path, "a", grade=exactly(Grade.NEW), absent=(DENT, TEAR))
    back = example(tmp_path, "a", grade=exactly(Grade.REPAIRABLE), present=(DENT,))
    other = example(tmp_path, "b", absent=(DENT,))
    logits = torch.tensor([[-1.0, -2.0, -3.0], [2.0, 1.0, -4.0], [0.0, -1.0, -2.0]])
    damages = torch.tensor([[-1.0, 0.5], [1.0, -0.5], [0.0, 0.0]])
    examples = [front, other, back]
    order = torch.tensor([0, 2, 1])
    maps, features = torch.zeros(3, 2, 1, 1), torch.zeros(3, 1)
    answers = Predictions(logits[order], damages[order], maps, features)
    found = Judged.of(examples, answers, make_targets(examples, (DENT, TEAR)))
    assert found.grade_logits.tolist() == [[2, 1, -3], [0, -1, -2]]
    assert found.damage_logits.tolist() == [[1, 0.5], [0, 0]]
    assert found.group.tolist() == ["a", "b"]
    assert found.best.tolist() == [2, 0]
    assert found.worst.tolist() == [2, 3]
    assert found.present.tolist() == [[1, 0], [0, 0]]
    assert found.known.tolist() == [[True, False], [True, False]]
