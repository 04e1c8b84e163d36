"""What a damage works on."""

from __future__ import annotations

from dataclasses import dataclass

from datasets.render.arrays import Floats, floats
from datasets.render.grades import Product
from datasets.render.kinds import Kind, Material
from datasets.render.layers import Layers
from datasets.render.spec import DamageSpec, ItemSpec
from datasets.render.surface import AXES, FACES, RoundedBox


@dataclass(frozen=True)
class Piece:
    """An item, what kind it is, its body's ideal form and what covers it."""

    item: ItemSpec
    kind: Kind
    box: RoundedBox
    layers: Layers

    @property
    def material(self) -> Material:
        """What the body is made of."""
        return self.kind.material

    @property
    def pulp(self) -> Floats:
        """Colour of what comes to light under its skin, (3,)."""
        if self.material is Material.FILM:
            return floats(self.item.accent)
        brown = (
            self.item.product is Product.PARCEL and self.item.colour[0] - self.item.colour[2] > 0.1
        )
        return floats((0.72, 0.62, 0.48) if brown else (0.66, 0.60, 0.52))

    def flat(self, damage: DamageSpec) -> Floats:
        """Millimetres across and up the damage's face from its centre, of all its texels, (T, T, 2)."""
        return flat_of(self.layers.points[FACES.index(damage.face)], damage)


def flat_of(points: Floats, damage: DamageSpec) -> Floats:
    """Millimetres across and up the damage's face, (..., 2), of points (..., 3)."""
    _, along, up = AXES[damage.face]
    return floats(points @ floats([along, up]).T)
