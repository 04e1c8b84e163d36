"""A valid manifest, small enough to reason about by hand."""

from __future__ import annotations

from typing import Any

from model.contract import GRADES, DamageType, Grade, Manifest
from model.contract.bundle import Calibration, Conformal, Golden, Graph, QualityLimits, Thresholds

COSTS = ((0.0, 1.0, 2.0, 3.0), (4.0, 0.0, 1.0, 2.0), (8.0, 4.0, 0.0, 1.0), (12.0, 8.0, 4.0, 0.0))
LIMITS = QualityLimits(min_brightness=0.1, max_brightness=0.9, min_sharpness=0.001, min_side_px=64)


def thresholds(**changes: Any) -> Thresholds:
    values: dict[str, Any] = {
        "costs": COSTS,
        "review_cost": 1.0,
        "max_unfamiliarity": 2.0,
        "damage": {DamageType.DENT: 0.5, DamageType.TEAR: 0.9},
        "quality": LIMITS,
    }
    return Thresholds(**values | changes)


def tiny_manifest(**changes: Any) -> Manifest:
    values: dict[str, Any] = {
        "name": "tiny",
        "version": "1",
        "created_at": "2026-01-01T00:00:00Z",
        "grades": GRADES,
        "damage_types": (DamageType.DENT, DamageType.TEAR),
        "input_size": 8,
        "graph": Graph(opset=20, operators=1, producer="tests"),
        "calibration": Calibration(grade_temperature=1.0, damage_temperature=1.0),
        "conformal": Conformal(coverage=0.9, quantiles=dict.fromkeys(GRADES, 0.9)),
        "thresholds": thresholds(),
        "golden": (Golden(image="golden.png", grade=Grade.NEW, probabilities={Grade.NEW: 1.0}),),
        "files": {},
        "data_fingerprint": "",
        "git_commit": "",
        "metrics": {},
    }
    return Manifest(**values | changes)
