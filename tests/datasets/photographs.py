"""Generated photographs: a random scene with grain, and stripes that say how the item is."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from datasets.checks.features import Extractor
from datasets.manifest import LabelledPicture, Split
from model.contract import Grade, GradeInterval

NEW = GradeInterval.exactly(Grade.NEW)
DAMAGED = GradeInterval(best=Grade.LIGHTLY_USED, worst=Grade.SALVAGE)
WIDTH, HEIGHT = 160, 128


def photograph(seed: int, *, damaged: bool = False, grain: int | None = None) -> Image.Image:
    """A scene by `seed`, its grain by `grain`; stripes lie flat on a damaged item, else upright."""
    scene = np.random.default_rng(seed).integers(40, 216, (4, 5, 3), dtype=np.uint8)
    smooth = Image.fromarray(scene).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    noise = np.random.default_rng(10_000 + (seed if grain is None else grain))
    grains = Image.fromarray(noise.normal(0, 30, (HEIGHT // 4, WIDTH // 4)).astype(np.float32))
    coarse = grains.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    pixels = np.asarray(smooth).astype(np.float64) + np.asarray(coarse)[:, :, None]
    stripes = 24 * np.sign(np.sin(np.arange(64) * 0.8 + noise.uniform(0, 6)))
    patch = np.tile(stripes, (64, 1))
    pixels[32:96, 48:112] += (patch.T if damaged else patch)[:, :, None]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def save(image: Image.Image, path: Path, *, quality: int = 90) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, quality=quality)


def row_of(
    path: Path,
    root: Path,
    *,
    split: Split | None = "train",
    grade: GradeInterval | None = NEW,
    group: str | None = None,
    item: str | None = None,
    source: str = "shop",
) -> LabelledPicture:
    name = path.relative_to(root).as_posix()
    return LabelledPicture(
        picture=name,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        item_id=item or name,
        source=source,
        category="box",
        group=group or f"{source}:{name}",
        split=split,
        grade=grade,
        licence="Apache-2.0",
        labelled_by="tests",
    )


def shop(
    root: Path,
    items: int = 20,
    *,
    alter: Callable[[int, Image.Image], Image.Image] = lambda n, image: image,
) -> list[LabelledPicture]:
    """A clean set: `items` new and as many damaged ones, five of a kind in each split."""
    splits: tuple[Split, ...] = ("train", "calibration", "val", "test")
    rows = []
    for n in range(2 * items):
        damaged = n % 2 == 1
        path = root / f"{n:03}.jpg"
        save(alter(n, photograph(n, damaged=damaged)), path)
        grade = DAMAGED if damaged else NEW
        rows.append(row_of(path, root, split=splits[n // 2 % 4], grade=grade))
    return rows


def looking() -> Extractor:
    """Stands in for a network: the scene, and how much the middle changes along x and along y."""

    def run(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        values = pictures.astype(np.float32) / 255
        scene = values.reshape(len(pictures), 4, 32, 4, 32, 3).mean(axis=(2, 4))
        middle = values[:, 40:88, 40:88].mean(axis=3)
        along = [np.abs(np.diff(middle, axis=axis)).mean(axis=(1, 2)) for axis in (1, 2)]
        return np.concatenate([scene.reshape(len(pictures), -1), np.stack(along, axis=1)], axis=1)

    return Extractor("looking", 128, run)
