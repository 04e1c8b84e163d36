"""A generated data set: plain squares are new, squares with a dark bar are dented."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets.manifest import LabelledPicture, Region, Split, write_manifest
from model.contract import DamageType, Grade, GradeInterval
from tests.training.training_factories import config_file
from training.config import Data, TrainingConfig, load_config

SIDE = 64


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


@pytest.fixture
def tiny_toml(squares: Path, tmp_path: Path) -> Path:
    return config_file(squares, tmp_path)


@pytest.fixture
def tiny(tiny_toml: Path) -> TrainingConfig:
    return load_config(tiny_toml)


@pytest.fixture
def squares_data(squares: Path) -> Data:
    return Data(squares / "manifest.jsonl")
