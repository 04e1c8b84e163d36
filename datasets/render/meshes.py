"""Meshes of Blender from numpy arrays; millimetres become metres here."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from datasets.render.arrays import Floats, floats


def grid_quads(rows: int, columns: int) -> NDArray[np.int64]:
    """Corner indices (N, 4) of the cells of a grid of points in row order."""
    index = np.arange(rows * columns).reshape(rows, columns)
    corners = (index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1])
    return np.asarray(np.stack(corners, -1).reshape(-1, 4), np.int64)


def build(
    name: str,
    points_mm: Floats,
    quads: NDArray[np.int64],
    material: Any,
    corner_uv: Floats | None = None,
) -> Any:
    """A smooth object from points (N, 3), quads (M, 4) and texture coordinates (M, 4, 2)."""
    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(len(points_mm))
    mesh.vertices.foreach_set("co", np.ascontiguousarray(points_mm / 1000, np.float32).ravel())
    mesh.loops.add(quads.size)
    mesh.loops.foreach_set("vertex_index", quads.astype(np.int32).ravel())
    mesh.polygons.add(len(quads))
    mesh.polygons.foreach_set("loop_start", np.arange(0, quads.size, 4, dtype=np.int32))
    if corner_uv is not None:
        mesh.uv_layers.new(name="atlas").data.foreach_set(
            "uv", corner_uv.astype(np.float32).ravel()
        )
    mesh.update(calc_edges=True)
    mesh.shade_smooth()
    mesh.materials.append(material)
    return place(bpy.data.objects.new(name, mesh))


def place(thing: Any) -> Any:
    """Link an object into the scene."""
    bpy.context.scene.collection.objects.link(thing)
    return thing


def empty(name: str) -> Any:
    """An object that carries others."""
    return bpy.data.objects.new(name, None)


def block(
    name: str,
    centre_mm: tuple[float, float, float],
    size_mm: tuple[float, float, float],
    material: Any,
    bevel_mm: float = 2.0,
) -> Any:
    """A box with bevelled edges."""
    corners = np.array(
        [(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)], np.float32
    )
    quads = np.array(
        [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    )
    made = build(name, corners * floats(size_mm), quads, material)
    made.location = [c / 1000 for c in centre_mm]
    bevel = made.modifiers.new("bevel", "BEVEL")
    bevel.width, bevel.segments = bevel_mm / 1000, 3
    return made


def cylinder(
    name: str,
    start_mm: tuple[float, float, float],
    end_mm: tuple[float, float, float],
    radius_mm: float,
    material: Any,
) -> Any:
    """A closed round bar from start to end."""
    start, end = floats(start_mm), floats(end_mm)
    axis = (end - start) / np.linalg.norm(end - start)
    side = np.cross(axis, floats((0.3, 0.5, 0.81)))
    side = side / np.linalg.norm(side)
    turn = np.linspace(0, 2 * np.pi, 33, dtype=np.float32)
    ring = np.cos(turn)[:, None] * side + np.sin(turn)[:, None] * np.cross(axis, side)
    rim = min(1.0, radius_mm * 0.2)
    profile = [(0.0, 0.0), (0.0, radius_mm - rim), (rim, radius_mm)]
    length = float(np.linalg.norm(end - start))
    profile += [(length - along, radius) for along, radius in reversed(profile)]
    points = np.stack([start + axis * along + ring * radius for along, radius in profile])
    return build(name, points.reshape(-1, 3), grid_quads(len(profile), 33), material)
