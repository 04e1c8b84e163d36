"""From the renderer's clean picture to a photograph: lens falloff, softness, sensor noise, JPEG."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from datasets.render.arrays import Floats, floats
from datasets.render.noise import smoothstep

_JPEG_QUALITY = (74, 92)


def develop(rgb: NDArray[np.uint8], seed: int, dirt: float = 0.0) -> bytes:
    """A JPEG of an 8-bit picture (H, W, 3), as a cheap industrial camera would record it.

    ``dirt`` is how dirty the lens is, 0 to 1.
    """
    rng = np.random.default_rng(seed)
    height, width, _ = rgb.shape
    soft = Image.fromarray(rgb).filter(ImageFilter.GaussianBlur(float(rng.uniform(0.2, 0.6))))
    picture = np.asarray(soft, np.float32) / 255
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    falloff = 1 - float(rng.uniform(0.02, 0.16)) * (x**2 + y**2) / 2
    picture = floats(picture * falloff[..., None])
    if dirt:
        picture = _through_dirt(picture, dirt, rng)
    gain = float(rng.uniform(0.004, 0.016))
    luma_noise = rng.normal(0, 1, (height, width, 1))
    colour_noise = rng.normal(0, 0.6, picture.shape)
    picture = picture + gain * (0.6 + 0.8 * np.sqrt(picture)) * (luma_noise + colour_noise)
    developed = Image.fromarray((picture * 255 + 0.5).clip(0, 255).astype(np.uint8))
    encoded = io.BytesIO()
    developed.save(
        encoded, "JPEG", quality=int(rng.integers(*_JPEG_QUALITY)), subsampling=2, optimize=True
    )
    return encoded.getvalue()


def _through_dirt(picture: Floats, dirt: float, rng: np.random.Generator) -> Floats:
    """Specks on the lens are far out of focus: soft discs that veil what is behind."""
    height, width, _ = picture.shape
    y, x = np.mgrid[0:height, 0:width]
    veil = np.zeros((height, width), np.float32)
    for _ in range(int(2 + 10 * dirt)):
        radius = width * float(rng.uniform(0.01, 0.06))
        far = np.hypot(x - rng.uniform(0, width), y - rng.uniform(0, height)) / radius
        veil += float(rng.uniform(0.08, 0.3)) * dirt * smoothstep(1.3, 0.7, floats(far))
    share = np.clip(veil, 0, 0.5)[..., None].astype(np.float32)
    return floats(picture * (1 - share) + float(rng.uniform(0.15, 0.6)) * share)
