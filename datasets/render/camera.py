"""The renderer's settings, and the cameras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Quaternion, Vector
from numpy.typing import NDArray
from PIL import Image

from datasets.render.exposure import Exposure, Quality
from datasets.render.nodes import AOV
from datasets.render.spec import CameraSpec, ItemSpec, Pose

_SENSOR_MM = 36.0


def reset(quality: Quality, threads: int) -> None:
    """An empty scene, set up to render."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = quality.width, quality.height
    scene.render.threads_mode, scene.render.threads = "FIXED", threads
    scene.render.use_persistent_data = True
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGB"
    scene.render.image_settings.compression = 0
    scene.render.use_motion_blur, scene.render.motion_blur_shutter = True, 1.0
    scene.frame_set(1)
    cycles = scene.cycles
    cycles.device, cycles.samples = "CPU", quality.samples
    cycles.use_adaptive_sampling = False
    cycles.use_denoising, cycles.denoiser = True, "OPENIMAGEDENOISE"
    cycles.denoising_prefilter, cycles.denoising_quality = "FAST", "HIGH"
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 3, 2, 2
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.sample_clamp_indirect = 4.0
    scene.view_settings.view_transform = "AgX"
    scene.view_settings.look = "AgX - Medium High Contrast"


def _add_pass(folder: Path) -> None:
    scene = bpy.context.scene
    aov = scene.view_layers[0].aovs.add()
    aov.name, aov.type = AOV, "COLOR"
    tree = bpy.data.node_groups.new("passes", "CompositorNodeTree")
    scene.compositing_node_group = tree
    layers = tree.nodes.new("CompositorNodeRLayers")
    tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    result = tree.nodes.new("NodeGroupOutput")
    tree.links.new(layers.outputs["Image"], result.inputs[0])
    out = tree.nodes.new("CompositorNodeOutputFile")
    out.directory, out.file_name = str(folder), "coverage"
    out.format.media_type = "IMAGE"
    out.format.file_format, out.format.color_depth = "OPEN_EXR", "32"
    out.file_output_items.clear()
    out.file_output_items.new("RGBA", AOV)
    tree.links.new(layers.outputs[AOV], out.inputs[0])


def expose(item: ItemSpec, view: int, folder: Path) -> Exposure:
    """Photograph the scene with one of the item's cameras; ``folder`` is for passing files."""
    scene = bpy.context.scene
    if scene.compositing_node_group is None:
        _add_pass(folder)
    scene.camera = _camera(item, item.cameras[view])
    scene.cycles.seed = (item.seed + view) % 2**31
    mean = sum(lamp.kelvin for lamp in item.station.lamps) / len(item.station.lamps)
    scene.view_settings.use_white_balance = True
    scene.view_settings.white_balance_temperature = mean + 300 + item.cameras[view].balance_k
    scene.view_settings.exposure = item.cameras[view].exposure_ev
    target = folder / f"view-{view}.png"
    scene.render.filepath = str(target)
    bpy.ops.render.render(write_still=True)
    with Image.open(target) as picture:
        rgb = np.array(picture.convert("RGB"))
    (coverage,) = folder.glob("coverage*.exr")
    exposure = Exposure(rgb, _read_float(coverage))
    coverage.unlink()
    return exposure


def _read_float(path: Path) -> NDArray[np.float32]:
    image = bpy.data.images.load(str(path))
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    return np.flipud(pixels.reshape(height, width, 4)[..., :3]).copy()


def _camera(item: ItemSpec, spec: CameraSpec) -> Any:
    data = bpy.data.cameras.new("camera")
    data.lens, data.sensor_width, data.clip_start = spec.focal_mm, _SENSOR_MM, 0.02
    made = bpy.data.objects.new("camera", data)
    bpy.context.scene.collection.objects.link(made)
    x, y, z = item.size_mm
    diagonal = float(np.linalg.norm(item.size_mm))
    if item.pose is Pose.LYING:
        y, z = z, y
    aim = Vector((item.offset_mm[0], item.offset_mm[1], z / 2)) / 1000
    aim += Vector((spec.aim_offset[0] * x, spec.aim_offset[1] * y, 0)) / 1000
    distance = diagonal / 1000 * spec.focal_mm / (spec.fill * _SENSOR_MM)
    flat = np.cos(spec.elevation_rad) * distance
    toward = Vector(
        (
            float(flat * np.cos(spec.azimuth_rad)),
            float(flat * np.sin(spec.azimuth_rad)),
            float(np.sin(spec.elevation_rad) * distance),
        )
    )
    made.location = aim + toward
    look = (-toward).to_track_quat("-Z", "Y")
    made.rotation_mode = "QUATERNION"
    made.rotation_quaternion = look @ Quaternion((0, 0, 1), spec.roll_rad)
    data.dof.use_dof = True
    data.dof.focus_distance = distance * 0.93
    data.dof.aperture_fstop = spec.f_number
    return made
