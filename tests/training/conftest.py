"""A generated data set: plain squares are new, squares with a dark bar are dented."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets.manifest import LabelledPicture, Region, Split, write_manifest
from model.contract import DamageType, Grade, GradeInterval
from training.config import Data, TrainingConfig, load_config

SIDE = 64
_TOML = """
name = "tiny"
seed = 3
threads = 1
input_size = 64
cached_size = 72
cache = "{folder}/cache"
min_damage_examples = 4
[[data]]
manifest = "{folder}/manifest.jsonl"
[fit]
epochs = {epochs}
warmup_epochs = 1
pictures_per_epoch = 16
batch_size = 8
backbone_rate = 1e-4
heads_rate = 1e-2
weight_decay = 0.01
first_trainable_part = 6
source_power = 0.5
[loss]
damage = 0.5
maps = 0.5
positive = 2.0
[augment]
min_crop = 0.8
max_rotation_deg = 10
brightness = 0.1
contrast = 0.2
saturation = 0.3
hue_deg = 20
grey = 0.1
degrade = 0.5
min_degraded_px = 24
[calibration]
coverage = 0.9
familiarity_quantile = 0.99
familiarity_directions = 4
familiarity_pictures = 10
[decision]
costs = [[0, 1, 2, 4], [3, 0, 1, 2], [7, 3, 0, 1], [9, 4, 1, 0]]
review_cost = 1.0
max_unfamiliarity = 1.0
[decision.quality]
min_brightness = 0.05
max_brightness = 0.99
min_sharpness = 0.0
min_side_px = 32
"""


def draw(seed: int, *, dented: bool) -> bytes:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(120, 200, (SIDE, SIDE, 3)).astype(np.uint8)
    if dented:
        pixels[24:40, 16:48] = 20
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def label(name: str, data: bytes, split: Split, *, dented: bool) -> LabelledPicture:
    digest = hashlib.sha256(data).hexdigest()
    bar = ((0.25, 0.375), (0.75, 0.375), (0.75, 0.625), (0.25, 0.625))
    return LabelledPicture(
        picture=name,
        sha256=digest,
        item_id=name,
        source="left" if int(digest[0], 16) < 8 else "right",
        category="square",
        group=name,
        split=split,
        grade=GradeInterval.exactly(Grade.NEW)
        if not dented
        else GradeInterval(best=Grade.LIGHTLY_USED, worst=Grade.SALVAGE),
        present=(DamageType.DENT,) if dented else (),
        absent=() if dented else (DamageType.DENT,),
        regions=(Region(type=DamageType.DENT, polygon=bar),) if dented else (),
        regions_complete=dented,
        licence="Apache-2.0",
        labelled_by="tests",
    )


@pytest.fixture(scope="session")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with pictures and manifest.jsonl: 16 to train on, 12 to calibrate, 8 val."""
    folder = tmp_path_factory.mktemp("squares")
    rows: list[LabelledPicture] = []
    splits: list[tuple[Split, int]] = [("train", 16), ("calibration", 12), ("val", 8)]
    for split, count in splits:
        for n in range(count):
            name, dented = f"{split}-{n}.png", n % 2 == 1
            data = draw(len(rows), dented=dented)
            (folder / name).write_bytes(data)
            rows.append(label(name, data, split, dented=dented))
    write_manifest(folder / "manifest.jsonl", rows)
    return folder


def config_file(folder: Path, into: Path, epochs: int = 1) -> Path:
    path = into / "tiny.toml"
    path.write_text(_TOML.format(folder=folder.as_posix(), epochs=epochs))
    return path


@pytest.fixture
def tiny_toml(squares: Path, tmp_path: Path) -> Path:
    return config_file(squares, tmp_path)


@pytest.fixture
def tiny(tiny_toml: Path) -> TrainingConfig:
    return load_config(tiny_toml)


@pytest.fixture
def squares_data(squares: Path) -> Data:
    return Data(squares / "manifest.jsonl")
