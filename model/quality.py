"""How fit a picture is to grade from."""

from __future__ import annotations

import numpy as np

from model.contract import QualityIssue, ViewQuality
from model.contract.bundle import QualityLimits
from model.pictures import Pixels

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32) / 255.0


def measure(pixels: Pixels, source_size: tuple[int, int], limits: QualityLimits) -> ViewQuality:
    """Judge one view at the size that the network sees, where blur matters.

    Args:
        pixels: (S, S, 3) uint8 RGB, already resized.
        source_size: (width, height) of the picture as it was sent, px.
        limits: The bundle's limits.
    """
    luma = pixels.astype(np.float32) @ _LUMA
    brightness = float(luma.mean())
    sharpness = float(_laplacian(luma).var())
    checks = (
        (QualityIssue.TOO_DARK, brightness < limits.min_brightness),
        (QualityIssue.TOO_BRIGHT, brightness > limits.max_brightness),
        (QualityIssue.BLURRED, sharpness < limits.min_sharpness),
        (QualityIssue.TOO_SMALL, min(source_size) < limits.min_side_px),
    )
    return ViewQuality(
        brightness=brightness,
        sharpness=sharpness,
        issues=tuple(issue for issue, found in checks if found),
    )


def _laplacian(
    luma: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    inner = luma[1:-1, 1:-1]
    around = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    laplacian: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = around - 4 * inner
    return laplacian
