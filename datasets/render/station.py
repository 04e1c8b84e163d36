"""The conveyor, the floor with what stands on it, and the lamps."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from datasets.render import goods, meshes
from datasets.render.nodes import Shader, linear
from datasets.render.spec import Belt, Colour, ItemSpec, LampSpec, Rng, StationSpec

_LENGTH_MM = 4200.0
_FLOOR_MM = -780.0
_LAMP_W = 62.0
_CLUTTER: tuple[Colour, ...] = (
    (0.68, 0.53, 0.37), (0.60, 0.46, 0.31), (0.16, 0.27, 0.45), (0.50, 0.51, 0.52),
    (0.72, 0.56, 0.12), (0.22, 0.23, 0.24), (0.55, 0.16, 0.13),
)  # fmt: skip


def build(item: ItemSpec, rng: Rng) -> None:
    """Put the station of an item into the scene: belt at height 0, running along x."""
    station = item.station
    match station.belt:
        case Belt.ROLLERS:
            _rollers(station)
        case Belt.MODULAR:
            _modules(station)
        case Belt.RUBBER | Belt.RIBBED:
            _belt(station)
    if station.stripe and station.belt is not Belt.ROLLERS:
        _stripe(station, rng)
    _rails(station)
    _floor(station)
    _clutter(station, rng)
    goods.neighbours(station, item, rng)
    goods.scraps(station, item, rng)
    for lamp in station.lamps:
        _lamp(lamp)
    _ambient(station)


def _belt(station: StationSpec) -> None:
    shader = Shader("belt")
    worn = shader.noise(22, 5, (0.12, 1, 1))
    dust = shader.noise(60, 5)
    share = shader.math("MULTIPLY", shader.ramp(worn, -0.35, 0.75), station.belt_wear * 0.5)
    share = shader.math("MULTIPLY", share, shader.ramp(dust, 0.2, 1.6))
    share = shader.math("MAXIMUM", share, 0.0)
    colour = shader.mix(share, linear(station.belt_colour), linear((0.42, 0.40, 0.37)))
    grain = shader.bump(shader.noise(650, 3), 0.0006)
    material = shader.finish(
        Base_Color=colour, Roughness=shader.ramp(dust, 0.5, 0.85), Normal=grain
    )
    _lay_belt(station, material)
    if station.belt is Belt.RIBBED:
        pitch, width = 58.0 + 60 * station.belt_wear, station.belt_width_mm - 60
        for x in np.arange(-1300, 1300, pitch):
            meshes.block("rib", (float(x), 0, -3.2), (7, width, 8), material, 1.5)


def _modules(station: StationSpec) -> None:
    """Plastic modules, hinged: bricks with dark gaps."""
    shader = Shader("modules")
    place = shader.node("TexCoord").outputs["Object"]
    brick = shader.node(
        "TexBrick",
        {
            "Vector": place,
            "Scale": 1.0,
            "Color1": (1, 1, 1, 1),
            "Color2": (0.9, 0.9, 0.9, 1),
            "Mortar": (0.62, 0.62, 0.62, 1),
            "Mortar Size": 0.0011,
            "Mortar Smooth": 0.2,
            "Brick Width": 0.076,
            "Row Height": 0.0254,
        },
    )
    scuffs = shader.ramp(shader.noise(30, 4, (0.3, 1, 1)), 1 - 0.6 * station.belt_wear, 1.1)
    colour = shader.mix(1.0, linear(station.belt_colour), brick.outputs["Color"], "MULTIPLY")
    colour = shader.mix(1.0, colour, scuffs, "MULTIPLY")
    normal = shader.bump(shader.math("SUBTRACT", 1.0, brick.outputs[1]), 0.002)
    _lay_belt(
        station,
        shader.finish(Base_Color=colour, Roughness=shader.ramp(scuffs, 0.3, 0.6), Normal=normal),
    )


def _lay_belt(station: StationSpec, material: Any) -> None:
    meshes.block("belt", (0, 0, -6), (_LENGTH_MM, station.belt_width_mm, 12), material, 4)
    bed = Shader("bed").finish(Base_Color=linear((0.3, 0.3, 0.31)), Roughness=0.6)
    meshes.block("bed", (0, 0, -60), (_LENGTH_MM, station.belt_width_mm - 20, 90), bed)


def _stripe(station: StationSpec, rng: Rng) -> None:
    """A worn line along the belt."""
    shader = Shader("stripe")
    worn = shader.ramp(shader.noise(50, 4, (0.3, 1, 1)), 0.2, 1.3)
    inks: tuple[Colour, ...] = ((0.75, 0.72, 0.66), (0.75, 0.58, 0.08), (0.6, 0.1, 0.08))
    colour = shader.mix(worn, linear(station.belt_colour), linear(inks[rng.integers(3)]))
    y = float(rng.uniform(-0.3, 0.3)) * station.belt_width_mm
    size = (_LENGTH_MM, float(rng.uniform(8, 30)), 0.3)
    meshes.block("stripe", (0, y, 0.1), size, shader.finish(Base_Color=colour, Roughness=0.6), 0.1)


def _rollers(station: StationSpec) -> None:
    shader = Shader("roller")
    scuffs = shader.noise(35, 5, (1, 0.1, 1))
    colour = shader.mix(
        shader.ramp(scuffs, 0, 1), linear((0.62, 0.63, 0.65)), linear((0.40, 0.40, 0.41))
    )
    material = shader.finish(
        Base_Color=colour, Metallic=0.85, Roughness=shader.ramp(scuffs, 0.22, 0.5)
    )
    half = station.belt_width_mm / 2
    for x in np.arange(-1400, 1400, 68.0):
        meshes.cylinder("roller", (float(x), -half, -25), (float(x), half, -25), 25, material)


def _rails(station: StationSpec) -> None:
    shader = Shader("rail")
    scuffs = shader.noise(40, 5, (0.1, 1, 1))
    painted = linear(station.rail_colour)
    metal = max(station.rail_colour) - min(station.rail_colour) < 0.1
    colour = shader.mix(
        shader.ramp(scuffs, -0.3, 0.6), painted, [c * 0.7 for c in painted[:3]] + [1.0]
    )
    material = shader.finish(
        Base_Color=colour, Metallic=0.8 if metal else 0.0, Roughness=shader.ramp(scuffs, 0.3, 0.55)
    )
    top, depth = station.rail_height_mm, 130.0
    for side in (-1, 1):
        y = side * (station.belt_width_mm / 2 + 24)
        meshes.block("rail", (0, y, top - depth / 2), (_LENGTH_MM, 40, depth), material, 3)
        for x in (-1300.0, 0.0, 1300.0):
            leg = (x, y, (_FLOOR_MM + top - depth) / 2)
            meshes.block("leg", leg, (50, 40, top - depth - _FLOOR_MM), material, 3)


def _floor(station: StationSpec) -> None:
    shader = Shader("floor")
    patches, specks = shader.noise(1.3, 6), shader.noise(40, 4)
    tone = shader.math("MULTIPLY", shader.ramp(patches, 0.6, 1.3), shader.ramp(specks, 0.85, 1.1))
    colour = shader.mix(1.0, linear(station.floor_colour), tone, "MULTIPLY")
    material = shader.finish(Base_Color=colour, Roughness=shader.ramp(patches, 0.35, 0.8))
    meshes.block("floor", (0, 0, _FLOOR_MM - 10), (16000, 16000, 20), material)
    if station.clutter % 2:
        paint = Shader("line").finish(Base_Color=linear((0.75, 0.58, 0.08)), Roughness=0.6)
        side = 1 if station.clutter > 3 else -1
        meshes.block("line", (0, side * 850, _FLOOR_MM), (16000, 80, 3), paint, 0.5)


def _clutter(station: StationSpec, rng: Rng) -> None:
    for _ in range(station.clutter * 3):
        colour = _CLUTTER[rng.integers(len(_CLUTTER))]
        material = Shader("clutter").finish(Base_Color=linear(colour), Roughness=0.7)
        size = rng.uniform((250, 250, 150), (800, 600, 700))
        side = float(rng.choice([-1, 1]))
        y = side * (station.belt_width_mm / 2 + 450 + size[1] / 2 + rng.uniform(0, 2200))
        centre = (float(rng.uniform(-2600, 2600)), float(y), float(_FLOOR_MM + size[2] / 2))
        made = meshes.block(
            "clutter", centre, (float(size[0]), float(size[1]), float(size[2])), material, 6
        )
        made.rotation_euler = (0, 0, float(rng.uniform(-0.5, 0.5)))


def _lamp(lamp: LampSpec) -> None:
    light = bpy.data.lights.new("lamp", "AREA")
    light.shape = "RECTANGLE"
    light.size, light.size_y = lamp.size_m
    light.energy = _LAMP_W * lamp.share * lamp.distance_m**2 / 2.5
    light.use_temperature = True
    light.temperature = lamp.kelvin
    made: Any = meshes.place(bpy.data.objects.new("lamp", light))
    flat = np.cos(lamp.elevation_rad) * lamp.distance_m
    made.location = (
        float(flat * np.cos(lamp.azimuth_rad)),
        float(flat * np.sin(lamp.azimuth_rad)),
        float(np.sin(lamp.elevation_rad) * lamp.distance_m),
    )
    aim = -made.location.normalized()
    made.rotation_euler = aim.to_track_quat("-Z", "Y").to_euler()


def _ambient(station: StationSpec) -> None:
    world = bpy.data.worlds.new("hall")
    bpy.context.scene.world = world
    world.use_nodes = True
    mean = sum(lamp.kelvin for lamp in station.lamps) / len(station.lamps)
    tree = world.node_tree
    black = tree.nodes.new("ShaderNodeBlackbody")
    black.inputs[0].default_value = mean + 400
    tree.links.new(black.outputs[0], tree.nodes["Background"].inputs["Color"])
    tree.nodes["Background"].inputs["Strength"].default_value = station.ambient
