"""A float bundle around the network of two convolutions."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from model.contract import GRADES, Manifest
from model.contract.bundle import Conformal, Graph, QualityLimits
from model.graph import finish as finish_graph
from tests.model.manifests import thresholds, tiny_manifest
from tests.model.tiny_networks import SIDE, write_tiny
from training.packaging import finish, with_goldens

ANYTHING = QualityLimits(min_brightness=0.0, max_brightness=1.0, min_sharpness=0.0, min_side_px=8)


def bundle_manifest(graph: Graph) -> Manifest:
    return tiny_manifest(
        input_size=SIDE,
        graph=graph,
        conformal=Conformal(coverage=0.5, quantiles=dict.fromkeys(GRADES, 0.9)),
        thresholds=thresholds(max_unfamiliarity=100.0, quality=ANYTHING),
    )


def write_tiny_bundle(folder: Path) -> Path:
    folder.mkdir()
    write_tiny(folder / "model.onnx")
    graph = finish_graph(folder / "model.onnx", SIDE, name="tiny", version="1")
    out = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(out, "PNG")
    manifest = with_goldens(bundle_manifest(graph), folder, {"golden.png": out.getvalue()})
    finish(manifest, "# Model card: tiny\n\n## Not for\n\nAnything.\n", folder)
    return folder
