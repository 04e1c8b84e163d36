"""Golden pictures: a bundle carries a few, with the answers that it must give for them."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageDraw

import datasets
from datasets.manifest import read_manifest

SAMPLES = Path(datasets.__file__).parent / "samples"
_COUNT = 3


def golden_pictures(samples: Path = SAMPLES) -> dict[str, bytes]:
    """File name -> bytes: rendered samples of the project where it has them, else one drawing.

    Raises:
        ManifestError: The samples' manifest is not valid.
    """
    manifest = samples / "manifest.jsonl"
    if not manifest.exists():
        return {"golden-0.png": draw_parcel()}
    rows = read_manifest(manifest)
    spread = [rows[(2 * n + 1) * len(rows) // (2 * _COUNT)] for n in range(_COUNT)]
    files = [samples / row.picture for row in spread]
    return {f"golden-{n}{file.suffix}": file.read_bytes() for n, file in enumerate(files)}


def draw_parcel() -> bytes:
    """A parcel on a belt in flat colours, as PNG."""
    picture = Image.new("RGB", (320, 320), (70, 72, 76))
    draw = ImageDraw.Draw(picture)
    draw.polygon([(60, 130), (170, 90), (270, 130), (160, 180)], fill=(206, 170, 120))
    draw.polygon([(60, 130), (160, 180), (160, 280), (60, 225)], fill=(178, 140, 92))
    draw.polygon([(160, 180), (270, 130), (270, 225), (160, 280)], fill=(150, 116, 74))
    draw.polygon([(100, 115), (118, 108), (218, 154), (200, 163)], fill=(222, 205, 170))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
