"""Duplicates: what counts as one photograph and what does not."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps

from datasets.checks.cache import Cache
from datasets.checks.duplicates import (
    MAX_HASH_DISTANCE,
    Likeness,
    Pair,
    Picture,
    find_pairs,
    groups_of,
)
from datasets.checks.facts import measure
from datasets.progress import silently
from model.pictures import decode
from tests.datasets.photographs import photograph, save


def _pairs(paths: Sequence[Path], folder: Path) -> list[Pair]:
    pictures = []
    for number, path in enumerate(paths):
        data = path.read_bytes()
        facts = measure(data)
        pictures.append(Picture(number, f"{hash(data)}", path, facts))
    return find_pairs(pictures, Cache(folder / "cache"), 1, silently)


def _likeness(original: Image.Image, copy: Image.Image, folder: Path, **how: int) -> list[Likeness]:
    save(original, folder / "a.jpg", quality=92)
    save(copy, folder / "b.jpg", **how)
    return [pair.likeness for pair in _pairs([folder / "a.jpg", folder / "b.jpg"], folder)]


@pytest.mark.parametrize(
    "alter",
    [
        lambda image: image,
        lambda image: image.resize((240, 192)),
        lambda image: image.resize((128, 128)),
        lambda image: image.convert("L"),
        lambda image: image.point([min(255, v + 25) for v in range(256)] * 3),
    ],
    ids=["re-encoded", "resized", "squashed", "grey", "brighter"],
)
def test_an_altered_copy_is_found(
    tmp_path: Path, alter: Callable[[Image.Image], Image.Image]
) -> None:
    original = photograph(1)
    assert _likeness(original, alter(original), tmp_path, quality=70) == [Likeness.ALTERED]


def test_a_mirrored_copy_is_found(tmp_path: Path) -> None:
    original = photograph(1)
    assert _likeness(original, ImageOps.mirror(original), tmp_path) == [Likeness.MIRRORED]


def _in_studio(seed: int) -> Image.Image:
    """One scene in one light; only the finest detail goes by `seed`."""
    scene = np.asarray(photograph(1).filter(ImageFilter.GaussianBlur(8))).astype(np.float64)
    fine = np.random.default_rng(seed).normal(0, 6, (64, 80)).astype(np.float32)
    grain = np.asarray(Image.fromarray(fine).resize((160, 128), Image.Resampling.BICUBIC))
    return Image.fromarray((scene + grain[:, :, None]).clip(0, 255).astype(np.uint8))


def test_two_items_in_one_studio_are_not_one_photograph(tmp_path: Path) -> None:
    """Scene and light agree, so that perceptual hashes do; the fine detail does not."""
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for seed, path in enumerate(paths):
        save(_in_studio(seed), path)
    hashes = [int(measure(path.read_bytes()).phash, 16) for path in paths]
    assert (hashes[0] ^ hashes[1]).bit_count() <= MAX_HASH_DISTANCE
    assert _pairs(paths, tmp_path) == []


def test_unlike_photographs_are_not_joined(tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.jpg" for n in range(12)]
    for n, path in enumerate(paths):
        save(photograph(n), path)
    assert _pairs(paths, tmp_path) == []


def test_blank_pictures_without_any_detail_are_not_joined(tmp_path: Path) -> None:
    for name, grey in (("a.png", 200), ("b.png", 90)):
        Image.new("RGB", (64, 64), (grey, grey, grey)).save(tmp_path / name)
    assert _pairs([tmp_path / "a.png", tmp_path / "b.png"], tmp_path) == []


def test_the_same_pixels_in_two_lossless_files_are_told_from_the_same_file(tmp_path: Path) -> None:
    original = photograph(3)
    paths = [tmp_path / name for name in ("a.png", "b.png", "c.webp")]
    original.save(paths[0])
    original.save(paths[1])
    original.save(paths[2], lossless=True)
    assert decode(paths[0].read_bytes()).tobytes() == decode(paths[2].read_bytes()).tobytes()
    pairs = _pairs(paths, tmp_path)
    assert [pair.likeness for pair in pairs] == [Likeness.SAME_FILE, Likeness.SAME_PIXELS]
    assert groups_of(pairs, 3) == [(0, 1, 2)]


def test_many_identical_files_take_one_pair_less_than_files(tmp_path: Path) -> None:
    save(photograph(1), tmp_path / "a.jpg")
    pairs = _pairs([tmp_path / "a.jpg"] * 30, tmp_path)
    assert len(pairs) == 29
    assert groups_of(pairs, 30) == [tuple(range(30))]


def test_what_is_cached_is_not_decoded_again(tmp_path: Path) -> None:
    save(photograph(1), tmp_path / "a.jpg", quality=92)
    save(photograph(1), tmp_path / "b.jpg", quality=70)
    paths = [tmp_path / "a.jpg", tmp_path / "b.jpg"]
    pictures = [
        Picture(n, path.name, path, measure(path.read_bytes())) for n, path in enumerate(paths)
    ]
    first = find_pairs(pictures, Cache(tmp_path / "cache"), 1, silently)
    for path in paths:
        path.unlink()
    assert find_pairs(pictures, Cache(tmp_path / "cache"), 1, silently) == first != []
