"""Labelled photo-real pictures of returned goods on a conveyor, made with Blender's module."""

VERSION = "2"
"""Version of the generator: the same version, seed and index give the same picture."""


class RenderError(Exception):
    """A picture cannot be rendered; the message says why and what to do."""
