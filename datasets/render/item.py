"""The item in Blender: its body and all parts."""

from __future__ import annotations

from typing import Any, assert_never

import bpy
import numpy as np
from numpy.typing import NDArray

from datasets.render import meshes, openings, skin
from datasets.render.arrays import Floats
from datasets.render.damages import MAKERS
from datasets.render.kinds import Kind, Material
from datasets.render.layers import atlas_uv
from datasets.render.losses import lost
from datasets.render.nodes import AOV, Shader, linear
from datasets.render.parts import Bar, Block, Paint, Panel, Part, Sheet
from datasets.render.piece import Piece
from datasets.render.spec import MAX_DAMAGES, Face, ItemSpec, Pose
from datasets.render.surface import FACES
from model.contract import DamageType

_CELLS = 84
_TURN = {
    Pose.UPRIGHT: (0.0, 2),
    Pose.LYING: (-np.pi / 2, 1),
    Pose.FLIPPED: (np.pi, 2),
}
"""Of each pose: turn about x, and the axis of the item's size that stands up."""


def build(item: ItemSpec, texels: int) -> Any:
    """Put an item on the belt; returns the empty object that carries all its parts."""
    piece = skin.paint(item, texels)
    material = _skin(piece)
    looks: dict[Paint, Any] = {}
    objects = [_body(piece, material), *(_part(part, piece, looks) for part in _parts(piece))]
    carrier = meshes.place(meshes.empty("item"))
    turn, upright = _TURN[item.pose]
    x, y = item.offset_mm
    carrier.location = (x / 1000, y / 1000, item.size_mm[upright] / 2000 + 0.0005)
    carrier.rotation_euler = (turn, 0, item.yaw_rad)
    for made in objects:
        made.parent = carrier
    _move(carrier, item.station.motion_mm / 1000)
    return carrier


def _move(carrier: Any, way_m: float) -> None:
    """Let the item pass along the belt, by ``way_m`` while a shutter of one frame is open."""
    if way_m <= 0:
        return
    x = carrier.location.x
    for frame, offset in ((0, -way_m), (1, 0.0), (2, way_m)):
        carrier.location.x = x + offset
        carrier.keyframe_insert("location", index=0, frame=frame)


def _parts(piece: Piece) -> list[Part]:
    item = piece.item
    fixtures = piece.kind.fixtures(item)
    gone = {
        index: channel
        for channel, damage in enumerate(item.damages)
        if damage.type is DamageType.MISSING_PART
        for index in lost(damage, fixtures)
    }
    parts: list[Part] = []
    for index, fixture in enumerate(fixtures):
        parts += fixture.lost(gone[index]) if index in gone else fixture.parts
    for channel, damage in enumerate(item.damages):
        parts += MAKERS[damage.type].parts(damage, piece, channel)
    return parts


def _part(part: Part, piece: Piece, looks: dict[Paint, Any]) -> Any:
    match part:
        case Block():
            return meshes.block(
                "block", part.centre, part.size, _plain(part.paint, looks), part.bevel
            )
        case Bar():
            return meshes.cylinder(
                "bar", part.start, part.end, part.radius, _plain(part.paint, looks)
            )
        case Sheet():
            rows, columns = part.points.shape[:2]
            quads = meshes.grid_quads(rows, columns)
            made = _two_sided(part.front, part.back)
            return meshes.build("sheet", part.points.reshape(-1, 3), quads, made)
        case Panel():
            rows, columns = part.points.shape[:2]
            quads = meshes.grid_quads(rows, columns)
            uv = atlas_uv(
                FACES.index(part.face), part.u, part.v, piece.layers.colour.shape[1]
            ).reshape(-1, 2)[quads]
            made = _skin(piece, part.back)
            return meshes.build("panel", part.points.reshape(-1, 3), quads, made, uv)
        case _:
            assert_never(part)


def _body(piece: Piece, material: Any) -> Any:
    box = piece.box
    points, quads, uvs, count = [], [], [], 0
    for index, face in enumerate(FACES):
        width, height = box.extent(face)
        v, u = np.meshgrid(box.knots(height, _CELLS), box.knots(width, _CELLS), indexing="ij")
        cells = meshes.grid_quads(*u.shape)
        placed, _ = box.place(face, u, v)
        if face is Face.TOP and _is_open(piece):
            cells = cells[~_inside_walls(placed.reshape(-1, 3)[cells], piece)]
        points.append(placed.reshape(-1, 3))
        uvs.append(atlas_uv(index, u, v, piece.layers.colour.shape[1]).reshape(-1, 2)[cells])
        quads.append(cells + count)
        count += u.size
    every = np.concatenate(points)
    _, first, welded = np.unique(
        np.round(every * 100).astype(np.int64), axis=0, return_index=True, return_inverse=True
    )
    rest = every[first]
    shaped = rest + _displacement(piece, rest)
    quads_welded = welded.reshape(-1)[np.concatenate(quads)]
    return meshes.build("body", shaped, quads_welded, material, np.concatenate(uvs))


def _is_open(piece: Piece) -> bool:
    return any(
        damage.type is DamageType.OPENED and openings.stands_open(damage, piece)
        for damage in piece.item.damages
    )


def _inside_walls(corners: Floats, piece: Piece) -> NDArray[np.bool_]:
    """Which cells (N, 4, 3) of the top lie within the walls of the box."""
    rim = piece.box.half[:2] - openings.WALL_MM
    return np.asarray((np.abs(corners[..., :2]) <= rim).all((1, 2)), np.bool_)


def _displacement(piece: Piece, rest: Floats) -> Floats:
    """Millimetres by which the body departs from its ideal box, (N, 3)."""
    moved = piece.kind.form(piece.item, rest)
    for damage in piece.item.damages:
        moved = moved + MAKERS[damage.type].displace(damage, piece, rest)
    floor = -piece.box.half[2]
    moved[:, 2] = np.maximum(moved[:, 2], floor - rest[:, 2])
    return moved


def _skin(piece: Piece, back: Paint | None = None) -> Any:
    """The body's material; ``back`` is how the other side of a moved piece looks."""
    shader = Shader("skin")
    layers, kind = piece.layers, piece.kind
    looks_node = shader.node(
        "TexImage", image=_image("appearance", layers.appearance_atlas, "sRGB"), extension="EXTEND"
    )
    marks_node = shader.node(
        "TexImage", image=_image("marks", layers.mask_atlas, "Non-Color"), extension="EXTEND"
    )
    shader.node("OutputAOV", {"Color": marks_node.outputs["Color"]}, aov_name=AOV)
    tone, micro = _grain(shader, kind, piece.item.glossiness)
    colour = shader.mix(1.0, looks_node.outputs["Color"], tone, "MULTIPLY")
    if back is not None:
        behind = shader.node("NewGeometry").outputs["Backfacing"]
        colour = shader.mix(behind, colour, linear(back.colour))
    rough = shader.math(
        "ADD", looks_node.outputs["Alpha"], shader.ramp(shader.noise(30, 2), -0.05, 0.05)
    )
    normal = shader.bump(marks_node.outputs["Alpha"], 0.001, micro)
    return shader.finish(Base_Color=colour, Roughness=rough, Metallic=kind.metallic, Normal=normal)


def _grain(shader: Shader, kind: Kind, glossiness: float) -> tuple[Any, Any]:
    """Unevenness of a material: factor of its colour, and normals."""
    match kind.material:
        case Material.CARDBOARD:
            fibre, cloud = shader.noise(420, 3, (1, 1, 0.35)), shader.noise(9, 2)
            tone = shader.math(
                "MULTIPLY", shader.ramp(fibre, 0.86, 1.12), shader.ramp(cloud, 0.90, 1.08)
            )
            return tone, shader.bump(shader.noise(900, 2), 0.00010)
        case Material.PLASTIC:
            tone = shader.ramp(shader.noise(14, 2), 0.97, 1.03)
            return tone, shader.bump(shader.noise(1400, 1), 0.00004 + 0.00005 * (1 - glossiness))
        case Material.METAL:
            tone = shader.ramp(shader.noise(14, 2), 0.97, 1.03)
            return tone, shader.bump(shader.noise(700, 1, (0.03, 1, 1)), 0.00003)
        case Material.FILM:
            tone = shader.ramp(shader.noise(14, 2), 0.95, 1.05)
            return tone, shader.bump(shader.noise(60, 3, (1, 0.4, 1)), 0.0011)
        case Material.GLASS:
            return shader.ramp(shader.noise(14, 1), 0.99, 1.01), None
        case _:
            assert_never(kind.material)


def _image(name: str, pixels_of: Any, space: str) -> Any:
    """A packed texture; made once in a scene."""
    found = bpy.data.images.get(name)
    if found is not None:
        return found
    pixels = pixels_of()
    height, width, _ = pixels.shape
    image = bpy.data.images.new(name, width, height, alpha=True, float_buffer=space != "sRGB")
    image.colorspace_settings.name = space
    image.alpha_mode = "CHANNEL_PACKED"
    image.pixels.foreach_set(np.ascontiguousarray(pixels, np.float32).ravel())
    image.update()
    return image


def _mark(shader: Shader, paint: Paint) -> None:
    if paint.channel is not None:
        marks = tuple(float(i == paint.channel) for i in range(MAX_DAMAGES))
        shader.node("OutputAOV", {"Color": (*marks, 1.0)}, aov_name=AOV)


def _plain(paint: Paint, looks: dict[Paint, Any]) -> Any:
    if paint not in looks:
        shader = Shader("part")
        _mark(shader, paint)
        looks[paint] = shader.finish(
            Base_Color=linear(paint.colour), Roughness=paint.roughness, Metallic=paint.metallic
        )
    return looks[paint]


def _two_sided(front: Paint, back: Paint) -> Any:
    shader = Shader("sheet")
    _mark(shader, front)
    behind = shader.node("NewGeometry").outputs["Backfacing"]
    colour = shader.mix(behind, linear(front.colour), linear(back.colour))
    tone = shader.ramp(shader.noise(300, 3), 0.82, 1.14)
    colour = shader.mix(1.0, colour, tone, "MULTIPLY")
    ragged = max(front.ragged, back.ragged)
    inputs = {"Base_Color": colour, "Roughness": front.roughness}
    if ragged:
        inputs["Normal"] = shader.bump(shader.noise(600, 3), ragged / 1000)
    return shader.finish(**inputs)
