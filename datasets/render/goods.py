"""Other goods and litter on the belt."""

from __future__ import annotations

import numpy as np

from datasets.render import meshes, palettes
from datasets.render.nodes import Shader, linear
from datasets.render.spec import Belt, Colour, ItemSpec, Rng, StationSpec


def neighbours(station: StationSpec, item: ItemSpec, rng: Rng) -> None:
    """Cartons before and behind the item, with tape and label."""
    reach = float(np.linalg.norm(item.size_mm)) / 2
    for side in (-1, 1)[: station.neighbours]:
        size = rng.uniform((140, 120, 50), (340, 280, 220))
        colours = (*palettes.KRAFT, *palettes.KRAFT, *palettes.WHITES, *palettes.PRINTS)
        board = _paper(colours[rng.integers(len(colours))], 420)
        x = side * (reach + size[0] / 2 + float(rng.uniform(40, 260)))
        y, z = float(rng.uniform(-90, 90)), float(size[2])
        carrier = meshes.place(meshes.empty("neighbour"))
        long, deep = float(size[0]), float(size[1])
        parts = [meshes.block("carton", (0, 0, z / 2), (long, deep, z), board, 4)]
        tape = Shader("tape").finish(Base_Color=linear((0.62, 0.48, 0.30)), Roughness=0.3)
        parts.append(meshes.block("tape", (0, 0, z), (long + 0.5, 50, 0.4), tape, 0.1))
        label = _paper((0.88, 0.88, 0.87), 90)
        wide, tall = min(100.0, long * 0.5), min(70.0, deep * 0.4)
        parts.append(meshes.block("label", (long * 0.15, 0, z), (wide, tall, 0.8), label, 0.1))
        for part in parts:
            part.parent = carrier
        carrier.location = (x / 1000, y / 1000, 0.0006)
        carrier.rotation_euler = (0, 0, float(rng.uniform(-0.5, 0.5)))


def scraps(station: StationSpec, item: ItemSpec, rng: Rng) -> None:
    """Bits of paper, tape and board around the item, none under it."""
    if station.belt is Belt.ROLLERS:
        return
    near = 0.55 * float(np.hypot(item.size_mm[0], max(item.size_mm[1:])))
    colours: tuple[Colour, ...] = (
        (0.88, 0.88, 0.86), (0.64, 0.52, 0.36), (0.70, 0.55, 0.34), (0.75, 0.74, 0.70),
        (0.25, 0.42, 0.60),
    )  # fmt: skip
    for _ in range(station.scraps):
        turn = float(rng.uniform(-np.pi, np.pi))
        far = near * float(rng.uniform(1.05, 1.7))
        x, y = item.offset_mm[0] + far * np.cos(turn), item.offset_mm[1] + far * np.sin(turn)
        steps, size = 7, rng.uniform((8, 4), (34, 18))
        u, v = np.meshgrid(np.linspace(-0.5, 0.5, steps), np.linspace(-0.5, 0.5, steps))
        lift = 0.6 + np.abs(rng.normal(0, 0.25)) * size[0] * (u * rng.normal() + v) ** 2
        points = np.stack([u * size[0], v * size[1], lift], -1).reshape(-1, 3)
        material = _paper(colours[rng.integers(len(colours))], 300)
        made = meshes.build(
            "scrap", points.astype(np.float32), meshes.grid_quads(steps, steps), material
        )
        made.location = (float(x) / 1000, float(y) / 1000, 0.0)
        made.rotation_euler = (0, 0, float(rng.uniform(-np.pi, np.pi)))


def _paper(colour: Colour, grain: float) -> object:
    shader = Shader("paper")
    tone = shader.ramp(shader.noise(grain, 2), 0.8, 1.15)
    mixed = shader.mix(1.0, linear(colour), tone, "MULTIPLY")
    return shader.finish(Base_Color=mixed, Roughness=0.8)
