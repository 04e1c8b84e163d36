"""Generated pictures with exact grades, so that a benchmark runs without anyone's photographs."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from datasets.manifest import LabelledPicture, Split, write_manifest
from model.contract import GRADES, DamageType, GradeInterval

_SIDE = 320


def generated_manifest(folder: Path, train: int, held_out: int, seed: int = 0) -> Path:
    """Write cardboard-like pictures whose grade is the number of their scratches, 0 to 3."""
    rng = np.random.default_rng(seed)
    rows = []
    splits: list[tuple[Split, int]] = [("train", train), ("val", held_out)]
    for split, count in splits:
        for number in range(count):
            name, scratches = f"{split}-{number}.jpg", number % len(GRADES)
            data = _draw(rng, scratches)
            (folder / name).write_bytes(data)
            rows.append(_label(name, data, split, scratches))
    write_manifest(folder / "manifest.jsonl", rows)
    return folder / "manifest.jsonl"


def _draw(rng: np.random.Generator, scratches: int) -> bytes:
    coarse = rng.integers(90, 200, (12, 12, 3)).astype(np.uint8)
    image = Image.fromarray(coarse).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(image)
    for _ in range(scratches):
        middle, angle = rng.uniform(80, _SIDE - 80, 2), rng.uniform(0, np.pi)
        reach = rng.uniform(25, 60) * np.array([np.cos(angle), np.sin(angle)])
        shade = int(rng.choice([25, 240]))
        pen.line([*(middle - reach), *(middle + reach)], (shade, shade, shade), 4)
    noisy = np.asarray(image, np.int16) + rng.normal(0, 6, (_SIDE, _SIDE, 3)).astype(np.int16)
    out = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=90)
    return out.getvalue()


def _label(name: str, data: bytes, split: Split, scratches: int) -> LabelledPicture:
    return LabelledPicture(
        picture=name,
        sha256=hashlib.sha256(data).hexdigest(),
        item_id=name,
        source="generated",
        category="board",
        group=name,
        split=split,
        grade=GradeInterval.exactly(GRADES[scratches]),
        present=(DamageType.SCRATCH,) if scratches else (),
        absent=() if scratches else (DamageType.SCRATCH,),
        licence="Apache-2.0",
        labelled_by="benchmarks.generated",
    )
