"""Shader nodes of Blender, a little shorter to write."""

from __future__ import annotations

from typing import Any

import bpy

from datasets.render.spec import Colour

AOV = "damage"
"""Name of the render pass whose channel i is 1 where damage i shows."""


class Shader:
    """A new material and its node tree."""

    def __init__(self, name: str) -> None:
        self.material = bpy.data.materials.new(name)
        self.material.use_nodes = True
        self.tree = self.material.node_tree
        self.surface = self.tree.nodes["Principled BSDF"]

    def node(self, kind: str, inputs: dict[str | int, Any] | None = None, **settings: Any) -> Any:
        """Add a node; inputs are sockets to link from, or values."""
        node = self.tree.nodes.new(f"ShaderNode{kind}")
        for setting, value in settings.items():
            setattr(node, setting, value)
        for socket, value in (inputs or {}).items():
            self.set(node, socket, value)
        return node

    def set(self, node: Any, name: str | int, value: Any) -> None:
        """Link a socket to, or store a value in, an input of a node."""
        socket = node.inputs[name]
        if isinstance(value, bpy.types.NodeSocket):
            self.tree.links.new(value, socket)
        else:
            socket.default_value = value

    def finish(self, **inputs: Any) -> Any:
        """Set inputs of the principled surface (underscores stand for spaces) and return the material."""
        for name, value in inputs.items():
            self.set(self.surface, name.replace("_", " "), value)
        return self.material

    def noise(
        self, scale: float, detail: float = 2, stretch: tuple[float, float, float] = (1, 1, 1)
    ) -> Any:
        """Noise 0..1 in the object's own metres; ``scale`` is features per metre."""
        place = self.node("TexCoord").outputs["Object"]
        place = self.node("Mapping", {"Vector": place, "Scale": stretch}).outputs[0]
        inputs: dict[str | int, Any] = {"Vector": place, "Scale": scale, "Detail": detail}
        return self.node("TexNoise", inputs).outputs[0]

    def ramp(self, value: Any, low: float, high: float) -> Any:
        """Map 0..1 to low..high."""
        inputs: dict[str | int, Any] = {"Value": value, "To Min": low, "To Max": high}
        return self.node("MapRange", inputs).outputs[0]

    def math(self, operation: str, a: Any, b: Any) -> Any:
        """Arithmetic of two values."""
        return self.node("Math", {0: a, 1: b}, operation=operation).outputs[0]

    def mix(self, share: Any, a: Any, b: Any, blend: str = "MIX") -> Any:
        """Blend two colours."""
        node = self.node("Mix", data_type="RGBA", blend_type=blend)
        for index, value in ((0, share), (6, a), (7, b)):
            self.set(node, index, value)
        return node.outputs[2]

    def bump(self, height: Any, distance_m: float, below: Any = None) -> Any:
        """Normals of a relief, over other normals."""
        node = self.node("Bump", {"Height": height, "Distance": distance_m})
        if below is not None:
            self.set(node, "Normal", below)
        return node.outputs[0]


def linear(colour: Colour) -> tuple[float, float, float, float]:
    """An sRGB colour as Blender's linear RGBA."""
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour)
    return r, g, b, 1.0
