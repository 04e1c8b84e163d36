"""The item in Blender: its body, peeled tongues and attached parts."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from datasets.render import attachments, dents, meshes, skin, tears
from datasets.render.arrays import Floats, floats
from datasets.render.grades import Product
from datasets.render.layers import Layers, atlas_uv
from datasets.render.nodes import AOV, Shader, linear
from datasets.render.noise import noise3
from datasets.render.spec import DamageSpec, ItemSpec
from datasets.render.surface import FACES, RoundedBox
from model.contract import DamageType

_CELLS = 84


def build(item: ItemSpec, texels: int) -> Any:
    """Put an item on the belt; returns the empty object that carries all its parts."""
    box = RoundedBox(item.size_mm, item.radius_mm)
    layers = skin.paint(item, box, texels)
    parts = [_body(item, box, layers)]
    for channel, damage in enumerate(item.damages):
        if damage.type is DamageType.TEAR:
            parts.append(_flap(damage, box, layers, channel))
    if item.product is Product.DEVICE:
        parts += attachments.build(item)
    carrier = meshes.place(bpy.data.objects.new("item", None))
    x, y = item.offset_mm
    carrier.location = (x / 1000, y / 1000, item.size_mm[2] / 2000 + 0.0005)
    carrier.rotation_euler = (0, 0, item.yaw_rad)
    for part in parts:
        part.parent = carrier
    return carrier


def _body(item: ItemSpec, box: RoundedBox, layers: Layers) -> Any:
    points, quads, uvs, count = [], [], [], 0
    for index, face in enumerate(FACES):
        width, height = box.extent(face)
        v, u = np.meshgrid(box.knots(height, _CELLS), box.knots(width, _CELLS), indexing="ij")
        cells = meshes.grid_quads(*u.shape)
        placed, _ = box.place(face, u, v)
        points.append(placed.reshape(-1, 3))
        uvs.append(atlas_uv(index, u, v, layers.colour.shape[1]).reshape(-1, 2)[cells])
        quads.append(cells + count)
        count += u.size
    every = np.concatenate(points)
    _, first, welded = np.unique(
        np.round(every * 100).astype(np.int64), axis=0, return_index=True, return_inverse=True
    )
    rest = every[first]
    shaped = rest + _deformation(item, box, rest)
    quads_welded = welded.reshape(-1)[np.concatenate(quads)]
    return meshes.build("body", shaped, quads_welded, _skin(item, layers), np.concatenate(uvs))


def _deformation(item: ItemSpec, box: RoundedBox, rest: Floats) -> Floats:
    """Millimetres by which the body departs from its ideal form, (N, 3)."""
    moved = np.zeros_like(rest)
    if item.product is not Product.PARCEL:
        return moved
    outward = rest / box.half
    outward = outward**9
    sag = 1.6 * noise3(rest, 220, item.seed, 2)
    moved += sag[:, None] * outward
    for damage in item.damages:
        if damage.type is DamageType.DENT:
            moved += dents.Dent.of(damage, box).displacement(rest)
    floor = -box.half[2]
    moved[:, 2] = np.maximum(moved[:, 2], floor - rest[:, 2])
    return moved


def _skin(item: ItemSpec, layers: Layers) -> Any:
    shader = Shader("skin")
    looks = _image("appearance", layers.appearance_atlas(), "sRGB")
    marks = _image("marks", layers.mask_atlas(), "Non-Color")
    looks_node = shader.node("TexImage", image=looks, extension="EXTEND")
    marks_node = shader.node("TexImage", image=marks, extension="EXTEND")
    shader.node("OutputAOV", {"Color": marks_node.outputs["Color"]}, aov_name=AOV)
    if item.product is Product.PARCEL:
        fibre = shader.noise(420, 4, (1, 1, 0.35))
        cloud = shader.noise(9, 3)
        tone = shader.math(
            "MULTIPLY", shader.ramp(fibre, 0.86, 1.12), shader.ramp(cloud, 0.90, 1.08)
        )
        micro = shader.bump(shader.noise(900, 3), 0.00010)
    else:
        cloud = shader.noise(14, 3)
        tone = shader.ramp(cloud, 0.97, 1.03)
        micro = shader.bump(shader.noise(1400, 2), 0.00004 + 0.00005 * (1 - item.glossiness))
    colour = shader.mix(1.0, looks_node.outputs["Color"], tone, "MULTIPLY")
    rough = shader.math(
        "ADD", looks_node.outputs["Alpha"], shader.ramp(shader.noise(30, 3), -0.05, 0.05)
    )
    normal = shader.bump(marks_node.outputs["Alpha"], 0.001, micro)
    return shader.finish(Base_Color=colour, Roughness=rough, Normal=normal)


def _image(name: str, pixels: Floats, space: str) -> Any:
    height, width, _ = pixels.shape
    image = bpy.data.images.new(name, width, height, alpha=True, float_buffer=space != "sRGB")
    image.colorspace_settings.name = space
    image.alpha_mode = "CHANNEL_PACKED"
    image.pixels.foreach_set(np.ascontiguousarray(pixels, np.float32).ravel())
    image.update()
    return image


def _flap(damage: DamageSpec, box: RoundedBox, layers: Layers, channel: int) -> Any:
    tear = tears.Tear.of(damage, box)
    points = tears.flap(tear, box)
    rows, columns = points.shape[:2]
    outside = _colour_beside(tear, box, layers)
    shader = Shader("flap")
    back = shader.node("NewGeometry").outputs["Backfacing"]
    pulp = shader.mix(
        shader.ramp(shader.noise(500, 4), 0, 0.6),
        linear((0.70, 0.60, 0.47)),
        linear((0.56, 0.46, 0.34)),
    )
    colour = shader.mix(back, linear(outside), pulp)
    marks = tuple(float(i == channel) for i in range(3))
    shader.node("OutputAOV", {"Color": (*marks, 1.0)}, aov_name=AOV)
    normal = shader.bump(shader.noise(700, 4), 0.0004)
    material = shader.finish(Base_Color=colour, Roughness=0.9, Normal=normal)
    return meshes.build("flap", points.reshape(-1, 3), meshes.grid_quads(rows, columns), material)


def _colour_beside(tear: tears.Tear, box: RoundedBox, layers: Layers) -> tuple[float, float, float]:
    """Colour of the face just behind a tear's hinge."""
    width, height = box.extent(tear.face)
    texels = layers.colour.shape[1]
    direction = floats((np.cos(tear.angle_rad), np.sin(tear.angle_rad)))
    x, y = tear.hinge - 8 * direction
    column = int(np.clip((x / width + 0.5) * texels, 0, texels - 1))
    row = int(np.clip((y / height + 0.5) * texels, 0, texels - 1))
    r, g, b = layers.colour[FACES.index(tear.face), row, column]
    return float(r), float(g), float(b)
