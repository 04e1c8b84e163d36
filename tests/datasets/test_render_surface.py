"""Rules of the surface, its layers and the damage painted on them, without Blender."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from datasets.render import skin
from datasets.render.arrays import floats
from datasets.render.catalogue import KINDS
from datasets.render.damages import MAKERS
from datasets.render.develop import develop
from datasets.render.grades import APPLICABLE
from datasets.render.layers import Layers
from datasets.render.losses import lost
from datasets.render.noise import noise3
from datasets.render.piece import Piece
from datasets.render.sampling import sample_item
from datasets.render.spec import DamageSpec, Face, ItemSpec, Style
from datasets.render.surface import FACES, RoundedBox
from model.contract import DamageType

ITEMS = {
    style: next(i for i in (sample_item(3, n) for n in range(999)) if i.style is style)
    for style in Style
}
PARCEL = ITEMS[Style.BROWN_BOX]
EVERY = [(item, kind) for item in ITEMS.values() for kind in APPLICABLE[item.product]]


def _painted(item: ItemSpec, *damages: DamageSpec) -> Layers:
    return _piece(item, *damages).layers


def _piece(item: ItemSpec, *damages: DamageSpec) -> Piece:
    return skin.paint(dataclasses.replace(item, damages=damages), 96)


def _damage(item: ItemSpec, kind: DamageType, severity: float) -> DamageSpec:
    face, u, v = Face.TOP, 0.1, -0.1
    if kind is DamageType.MISSING_PART:
        fixture = next(f for f in KINDS[item.style].fixtures(item) if f.can_be_lost)
        face, u, v = fixture.face, fixture.u, fixture.v
    return DamageSpec(kind, face, u, v, 0.5, severity, seed=11)


def test_faces_meet_at_their_edges() -> None:
    box = RoundedBox((300, 200, 100), 12)
    right, _ = box.place(Face.TOP, np.ones(5, np.float32), np.linspace(-1, 1, 5, dtype=np.float32))
    up, _ = box.place(Face.X_POS, np.linspace(-1, 1, 5, dtype=np.float32), np.ones(5, np.float32))
    np.testing.assert_allclose(right, up, atol=1e-4)


def test_an_outline_rounded_by_half_the_width_is_a_cylinder() -> None:
    box = RoundedBox((80, 80, 200), 4, 40)
    u, v = np.meshgrid(np.linspace(-1, 1, 9), np.linspace(-0.8, 0.8, 9))
    for face in (Face.X_POS, Face.Y_NEG):
        points, normals = box.place(face, floats(u), floats(v))
        np.testing.assert_allclose(np.linalg.norm(points[..., :2], axis=-1), 40, atol=1e-3)
        np.testing.assert_allclose(points[..., :2], normals[..., :2] * 40, atol=1e-3)


@pytest.mark.parametrize("style", [Style.BOTTLE, Style.TOY_CAR, Style.TOOL_CASE, Style.TOASTER])
def test_a_heavy_loss_takes_no_more_than_two_parts_of_one_side(style: Style) -> None:
    item = ITEMS[style]
    fixtures = KINDS[style].fixtures(item)
    light = _damage(item, DamageType.MISSING_PART, 0.2)
    heavy = dataclasses.replace(light, severity=0.9)
    (first,) = lost(light, fixtures)
    gone = lost(heavy, fixtures)
    assert gone[0] == first
    assert len(gone) <= 2
    assert {fixtures[index].face for index in gone} == {light.face}


@pytest.mark.parametrize("face", FACES)
def test_the_surface_is_as_large_as_the_item(face: Face) -> None:
    box = RoundedBox((300, 200, 100), 12)
    centre, normal = box.place(face, np.zeros((), np.float32), np.zeros((), np.float32))
    assert np.abs(centre).max() == np.abs(centre).sum() == box.half @ np.abs(normal)


@pytest.mark.parametrize(("item", "kind"), EVERY, ids=lambda value: getattr(value, "style", value))
def test_a_damage_changes_the_item_within_its_mask(item: ItemSpec, kind: DamageType) -> None:
    clean, piece = _painted(item), _piece(item, _damage(item, kind, 0.8))
    damaged, damage = piece.layers, piece.item.damages[0]
    changed = np.abs(damaged.colour - clean.colour).max(-1) + np.abs(damaged.relief - clean.relief)
    moved = MAKERS[kind].displace(damage, piece, clean.points.reshape(-1, 3))
    changed += np.linalg.norm(moved, axis=-1).reshape(changed.shape)
    mask = damaged.masks[..., 0] > 0.5
    assert 0.0005 < mask.mean() < 0.6
    assert changed[mask].mean() > 10 * changed[~mask].mean()
    assert not clean.masks.any()


@pytest.mark.parametrize(
    ("item", "kind"),
    [(item, kind) for item, kind in EVERY if kind is not DamageType.MISSING_PART],
    ids=lambda value: getattr(value, "style", value),
)
def test_a_more_severe_damage_is_larger(item: ItemSpec, kind: DamageType) -> None:
    small = _painted(item, _damage(item, kind, 0.1))
    large = _painted(item, _damage(item, kind, 0.95))
    assert large.masks.sum() > 1.5 * small.masks.sum()


def test_damages_have_a_mask_each() -> None:
    pair = (_damage(PARCEL, DamageType.STAIN, 0.5), _damage(PARCEL, DamageType.SCRATCH, 0.5))
    layers = _painted(PARCEL, *pair)
    assert layers.masks[..., 0].any()
    assert layers.masks[..., 1].any()
    assert not layers.masks[..., 2].any()


def test_a_type_that_cannot_be_painted_is_refused() -> None:
    with pytest.raises(ValueError, match="broken"):
        _painted(PARCEL, _damage(PARCEL, DamageType.BROKEN, 0.5))


def test_noise_is_bounded_and_depends_on_its_seed() -> None:
    points = np.random.default_rng(0).uniform(-500, 500, (1000, 3)).astype(np.float32)
    one, other = noise3(points, 40, 1, 3), noise3(points, 40, 2, 3)
    assert np.abs(one).max() <= 1
    assert np.abs(one - other).max() > 0.3


def test_development_is_reproducible() -> None:
    grey = np.full((48, 64, 3), 120, np.uint8)
    assert develop(grey, 4) == develop(grey, 4)
    assert develop(grey, 4) != develop(grey, 5)


def test_a_dirty_lens_veils_some_of_the_picture() -> None:
    dark = np.full((60, 80, 3), 10, np.uint8)
    clean, dirty = (_decoded(develop(dark, 4, dirt)) for dirt in (0.0, 1.0))
    veiled = np.abs(dirty - clean).max(-1) > 4
    assert 0.005 < veiled.mean() < 0.9


def _decoded(encoded: bytes) -> NDArray[np.float64]:
    with Image.open(io.BytesIO(encoded)) as picture:
        return np.asarray(picture, float)
