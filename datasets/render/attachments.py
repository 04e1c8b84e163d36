"""Parts that are screwed to a shell: antennas, latches, a handle."""

from __future__ import annotations

from typing import Any

import numpy as np

from datasets.render import meshes
from datasets.render.nodes import Shader, linear
from datasets.render.spec import Colour, ItemSpec, Style


def build(item: ItemSpec) -> list[Any]:
    """Attached parts of a device, in the item's own axes."""
    if item.style is Style.ROUTER:
        return _antennas(item, _plastic(item, (0.05, 0.05, 0.055)))
    return _latches_and_handle(item, _plastic(item, item.accent))


def _plastic(item: ItemSpec, colour: Colour) -> Any:
    return Shader("part").finish(Base_Color=linear(colour), Roughness=0.5 - 0.2 * item.glossiness)


def _antennas(item: ItemSpec, material: Any) -> list[Any]:
    rng = np.random.default_rng([item.seed, 2])
    length, depth, _ = item.size_mm
    count = int(rng.integers(2, 5))
    lean = float(rng.uniform(-0.5, 0.3))
    rise, back = 120 * float(np.cos(lean)), 120 * float(np.sin(lean))
    parts = []
    for x in np.linspace(-0.38, 0.38, count) * length:
        z = float(rng.uniform(-4, 4))
        base = (float(x), depth / 2 + 7, z)
        tip = (float(x + rng.normal(0, 8)), depth / 2 + 7 - back, rise)
        inner, outer = (float(x), depth / 2 - 6, z), (float(x), depth / 2 + 13, z)
        parts.append(meshes.cylinder("antenna", base, tip, 6, material))
        parts.append(meshes.cylinder("hinge", inner, outer, 7, material))
    return parts


def _latches_and_handle(item: ItemSpec, material: Any) -> list[Any]:
    length, depth, height = item.size_mm
    front, grip = -depth / 2, min(130.0, length * 0.4)
    parts = []
    for side in (-1, 1):
        size = (38.0, 12.0, min(52.0, height * 0.6))
        parts.append(meshes.block("latch", (side * length * 0.3, front - 3, 0), size, material, 3))
        start, end = (side * grip / 2, front + 4, -8), (side * grip / 2, front - 34, -8)
        parts.append(meshes.cylinder("arm", start, end, 7, material))
    left, right = (-grip / 2 - 6, front - 34, -8), (grip / 2 + 6, front - 34, -8)
    parts.append(meshes.cylinder("grip", left, right, 9, material))
    return parts
