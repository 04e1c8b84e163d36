"""A float bundle around the network of two convolutions."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from model.contract import GRADES, DamageType, Grade, Manifest
from model.contract.bundle import (
    Calibration,
    Conformal,
    Golden,
    Graph,
    QualityLimits,
    Thresholds,
)
from model.graph import finish as finish_graph
from tests.model.tiny_networks import SIDE, write_tiny
from training.packaging import finish, with_goldens

COSTS = ((0.0, 1.0, 2.0, 3.0), (4.0, 0.0, 1.0, 2.0), (8.0, 4.0, 0.0, 1.0), (12.0, 8.0, 4.0, 0.0))


def tiny_manifest(graph: Graph) -> Manifest:
    return Manifest(
        name="tiny",
        version="1",
        created_at="2026-01-01T00:00:00Z",
        grades=GRADES,
        damage_types=(DamageType.DENT, DamageType.TEAR),
        input_size=SIDE,
        graph=graph,
        calibration=Calibration(grade_temperature=1.0, damage_temperature=1.0),
        conformal=Conformal(coverage=0.5, quantiles=dict.fromkeys(GRADES, 0.9)),
        thresholds=Thresholds(
            costs=COSTS,
            review_cost=1.0,
            max_unfamiliarity=100.0,
            damage={DamageType.DENT: 0.5, DamageType.TEAR: 0.9},
            quality=QualityLimits(
                min_brightness=0.0, max_brightness=1.0, min_sharpness=0.0, min_side_px=8
            ),
        ),
        golden=(Golden(image="golden.png", grade=Grade.NEW, probabilities={}),),
        files={},
        data_fingerprint="",
        git_commit="",
        metrics={},
    )


def write_tiny_bundle(folder: Path) -> Path:
    folder.mkdir()
    write_tiny(folder / "model.onnx")
    graph = finish_graph(folder / "model.onnx", SIDE, name="tiny", version="1")
    out = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(out, "PNG")
    manifest = with_goldens(tiny_manifest(graph), folder, {"golden.png": out.getvalue()})
    finish(manifest, "# Model card: tiny\n\n## Not for\n\nAnything.\n", folder)
    return folder
