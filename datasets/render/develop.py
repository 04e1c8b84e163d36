"""From the renderer's clean picture to a photograph: lens falloff, softness, sensor noise, JPEG."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

_JPEG_QUALITY = 88


def develop(rgb: NDArray[np.uint8], seed: int) -> bytes:
    """A JPEG of an 8-bit picture (H, W, 3), as a cheap industrial camera would record it."""
    rng = np.random.default_rng(seed)
    height, width, _ = rgb.shape
    soft = Image.fromarray(rgb).filter(ImageFilter.GaussianBlur(float(rng.uniform(0.2, 0.6))))
    picture = np.asarray(soft, np.float32) / 255
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    falloff = 1 - float(rng.uniform(0.02, 0.16)) * (x**2 + y**2) / 2
    picture = picture * falloff[..., None].astype(np.float32)
    gain = float(rng.uniform(0.004, 0.016))
    luma_noise = rng.normal(0, 1, (height, width, 1))
    colour_noise = rng.normal(0, 0.6, picture.shape)
    picture = picture + gain * (0.6 + 0.8 * np.sqrt(picture)) * (luma_noise + colour_noise)
    developed = Image.fromarray((picture * 255 + 0.5).clip(0, 255).astype(np.uint8))
    encoded = io.BytesIO()
    developed.save(encoded, "JPEG", quality=_JPEG_QUALITY, subsampling=2, optimize=True)
    return encoded.getvalue()
