"""The seam between the server and the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from inference.models import names
from model import runtime
from model.contract import DamageType, ModelRef
from model.pictures import Pixels
from model.runtime import Judgement, View


class Grader(Protocol):
    """Grades items. Called from several threads at once."""

    @property
    def model(self) -> ModelRef:
        """Which model answers."""

    @property
    def damage_types(self) -> tuple[DamageType, ...]:
        """What it judges; the maps of a judgement are in this order."""

    def prepare(self, picture: bytes | Pixels) -> View:
        """Make one picture, a file or its RGB pixels (H, W, 3), ready for the model.

        Raises:
            PictureError: The picture cannot be graded.
        """

    def judge(self, views: Sequence[View]) -> Judgement:
        """Grade one item by its views (1 or more)."""

    def warm(self, views: int) -> None:
        """Be ready for items of so many views."""

    def verify(self) -> None:
        """Prove that this machine gives the answers that the model must give.

        Raises:
            BundleError: It does not.
        """


class BundleGrader(runtime.Grader):
    """A bundle under ONNX Runtime."""

    @property
    def model(self) -> ModelRef:
        """Name and version in the bundle's manifest; the version tells which network answers."""
        manifest = self.bundle.manifest
        return names.at(manifest.name, manifest.version, self.bundle.precision)

    @property
    def damage_types(self) -> tuple[DamageType, ...]:
        """As the manifest lists them."""
        return self.bundle.manifest.damage_types
