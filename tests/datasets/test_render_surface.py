"""Rules of the surface, its layers and the damage painted on them, without Blender."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from datasets.render import skin
from datasets.render.develop import develop
from datasets.render.grades import APPLICABLE, Product
from datasets.render.layers import Layers
from datasets.render.noise import noise3
from datasets.render.sampling import sample_item
from datasets.render.spec import DamageSpec, Face, ItemSpec
from datasets.render.surface import FACES, RoundedBox
from model.contract import DamageType

PARCEL = next(item for i in range(99) if (item := sample_item(3, i)).product is Product.PARCEL)
DEVICE = next(item for i in range(99) if (item := sample_item(3, i)).product is Product.DEVICE)
EVERY = [(PARCEL, kind) for kind in APPLICABLE[Product.PARCEL]]
EVERY += [(DEVICE, kind) for kind in APPLICABLE[Product.DEVICE]]


def _painted(item: ItemSpec, *damages: DamageSpec) -> tuple[Layers, RoundedBox]:
    item = dataclasses.replace(item, damages=damages)
    box = RoundedBox(item.size_mm, item.radius_mm)
    return skin.paint(item, box, 96), box


def _damage(kind: DamageType, severity: float) -> DamageSpec:
    return DamageSpec(kind, Face.TOP, 0.1, -0.1, 0.5, severity, seed=11)


def test_faces_meet_at_their_edges() -> None:
    box = RoundedBox((300, 200, 100), 12)
    right, _ = box.place(Face.TOP, np.ones(5, np.float32), np.linspace(-1, 1, 5, dtype=np.float32))
    up, _ = box.place(Face.X_POS, np.linspace(-1, 1, 5, dtype=np.float32), np.ones(5, np.float32))
    np.testing.assert_allclose(right, up, atol=1e-4)


@pytest.mark.parametrize("face", FACES)
def test_the_surface_is_as_large_as_the_item(face: Face) -> None:
    box = RoundedBox((300, 200, 100), 12)
    centre, normal = box.place(face, np.zeros((), np.float32), np.zeros((), np.float32))
    assert np.abs(centre).max() == np.abs(centre).sum() == box.half @ np.abs(normal)


@pytest.mark.parametrize(("item", "kind"), EVERY, ids=lambda value: getattr(value, "style", value))
def test_a_damage_changes_the_skin_within_its_mask(item: ItemSpec, kind: DamageType) -> None:
    clean, _ = _painted(item)
    damaged, _ = _painted(item, _damage(kind, 0.8))
    changed = np.abs(damaged.colour - clean.colour).max(-1) + np.abs(damaged.relief - clean.relief)
    mask = damaged.masks[..., 0] > 0.5
    assert 0.0005 < mask.mean() < 0.4
    assert changed[mask].mean() > 10 * changed[~mask].mean()
    assert not clean.masks.any()


@pytest.mark.parametrize(("item", "kind"), EVERY, ids=lambda value: getattr(value, "style", value))
def test_a_more_severe_damage_is_larger(item: ItemSpec, kind: DamageType) -> None:
    small, _ = _painted(item, _damage(kind, 0.1))
    large, _ = _painted(item, _damage(kind, 0.95))
    assert large.masks.sum() > 1.5 * small.masks.sum()


def test_damages_have_a_mask_each() -> None:
    pair = (_damage(DamageType.STAIN, 0.5), _damage(DamageType.SCRATCH, 0.5))
    layers, _ = _painted(PARCEL, *pair)
    assert layers.masks[..., 0].any()
    assert layers.masks[..., 1].any()
    assert not layers.masks[..., 2].any()


def test_a_type_that_cannot_be_painted_is_refused() -> None:
    with pytest.raises(ValueError, match="missing_part"):
        _painted(PARCEL, _damage(DamageType.MISSING_PART, 0.5))


def test_noise_is_bounded_and_depends_on_its_seed() -> None:
    points = np.random.default_rng(0).uniform(-500, 500, (1000, 3)).astype(np.float32)
    one, other = noise3(points, 40, 1, 3), noise3(points, 40, 2, 3)
    assert np.abs(one).max() <= 1
    assert np.abs(one - other).max() > 0.3


def test_development_is_reproducible() -> None:
    grey = np.full((48, 64, 3), 120, np.uint8)
    assert develop(grey, 4) == develop(grey, 4)
    assert develop(grey, 4) != develop(grey, 5)
