"""Rules of the scene description and of the labels, without Blender."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.render.arrays import Floats
from datasets.render.catalogue import KINDS
from datasets.render.damages import MAKERS
from datasets.render.grades import APPLICABLE, GRADE_OF, Product, grade_of
from datasets.render.labels import label
from datasets.render.sampling import facing, sample_item
from datasets.render.spec import MAX_DAMAGES, Face, ItemSpec, Pose, Style, item_id_of
from model.contract import DamageType, Grade, ItemFacts

seeds = st.integers(0, 2**40)
indices = st.integers(0, 10**6)
damages = st.lists(
    st.tuples(st.sampled_from(list(GRADE_OF)), st.floats(0, 1, allow_nan=False)), max_size=4
)


@given(seeds, indices)
def test_an_item_is_a_function_of_seed_and_index(seed: int, index: int) -> None:
    assert sample_item(seed, index) == sample_item(seed, index)


def test_other_items_do_not_change_an_item() -> None:
    alone = sample_item(7, 3)
    assert [sample_item(7, index) for index in (9, 5, 3)][2] == alone
    assert len({sample_item(7, index).seed for index in range(50)}) == 50
    assert sample_item(8, 3) != alone


@pytest.mark.parametrize(("seed", "index"), [(-1, 0), (0, -1)])
def test_negative_names_are_refused(seed: int, index: int) -> None:
    with pytest.raises(ValueError, match="negative"):
        sample_item(seed, index)


@given(seeds, indices)
def test_damages_fit_the_product_and_face_a_camera(seed: int, index: int) -> None:
    item = sample_item(seed, index)
    assert len(item.damages) <= MAX_DAMAGES
    for damage in item.damages:
        assert damage.type in APPLICABLE[item.product]
        assert 0 <= damage.severity <= 1
        assert damage.face is not Face.BOTTOM or item.pose is not Pose.UPRIGHT
        assert max(facing(damage.face, item, camera) for camera in item.cameras) > 0.3


def test_every_style_and_type_has_its_entry() -> None:
    assert set(KINDS) == set(Style)
    assert {kind.product for kind in KINDS.values()} == set(APPLICABLE) == set(Product)
    assert set(MAKERS) == set(GRADE_OF) == {one for kinds in APPLICABLE.values() for one in kinds}


def test_a_product_loses_parts_only_if_it_has_some() -> None:
    for index in range(200):
        item = sample_item(5, index)
        losable = any(f.can_be_lost for f in KINDS[item.style].fixtures(item))
        assert losable == (DamageType.MISSING_PART in APPLICABLE[item.product])


def test_a_turned_item_shows_other_faces() -> None:
    item = sample_item(5, 0)
    above = replace(item.cameras[0], elevation_rad=1.5)
    up = {
        pose: max(Face, key=lambda face: facing(face, replace(item, pose=pose), above))
        for pose in Pose
    }
    assert up == {
        Pose.UPRIGHT: Face.TOP,
        Pose.LYING: Face.Y_NEG,
        Pose.FLIPPED: Face.BOTTOM,
    }


def test_an_item_has_two_or_three_cameras_all_around() -> None:
    counts = set()
    for index in range(60):
        cameras = sample_item(5, index).cameras
        counts.add(len(cameras))
        turns = sorted(camera.azimuth_rad % (2 * np.pi) for camera in cameras)
        assert np.diff(turns).min() > 1
    assert counts == {2, 3}


def test_every_product_type_and_grade_occurs() -> None:
    items = [sample_item(5, index) for index in range(600)]
    grades = {grade_of((d.type, d.severity) for d in item.damages) for item in items}
    assert grades == set(Grade)
    assert {item.product for item in items} == set(Product)
    made = {(item.product, damage.type) for item in items for damage in item.damages}
    assert made == {(product, kind) for product, kinds in APPLICABLE.items() for kind in kinds}


def test_an_undamaged_item_is_new() -> None:
    assert grade_of([]) is Grade.NEW


@given(damages, st.sampled_from(list(GRADE_OF)), st.floats(0, 1))
def test_a_further_damage_never_improves_the_grade(
    others: list[tuple[DamageType, float]], kind: DamageType, severity: float
) -> None:
    assert grade_of([*others, (kind, severity)]).rank >= grade_of(others).rank
    assert grade_of([*others, (kind, severity)]) is not Grade.NEW


@given(damages, st.data())
def test_a_worse_damage_never_improves_the_grade(
    found: list[tuple[DamageType, float]], data: st.DataObject
) -> None:
    worse = [(kind, data.draw(st.floats(severity, 1))) for kind, severity in found]
    assert grade_of(worse).rank >= grade_of(found).rank


def test_two_damages_that_need_repair_make_salvage() -> None:
    assert grade_of([(DamageType.TEAR, 0.5)]) is Grade.REPAIRABLE
    assert grade_of([(DamageType.TEAR, 0.5), (DamageType.DENT, 0.5)]) is Grade.SALVAGE


def _coverage(item: ItemSpec, pixels: list[int]) -> Floats:
    coverage = np.zeros((100, 200, MAX_DAMAGES), np.float32)
    for channel, count in enumerate(pixels[: len(item.damages)]):
        coverage.reshape(-1, MAX_DAMAGES)[:count, channel] = 1
    return coverage


@settings(max_examples=200)
@given(seeds, st.lists(st.sampled_from([0, 1, 500]), min_size=3, max_size=3))
def test_labels_say_only_what_the_picture_shows(seed: int, pixels: list[int]) -> None:
    """One pixel of 20,000 is a trace: neither present nor absent."""
    item = sample_item(seed, 0)
    said = label(item, _coverage(item, pixels))
    traced = {d.type for d, count in zip(item.damages, pixels, strict=False) if count}
    shown = {d.type for d, count in zip(item.damages, pixels, strict=False) if count == 500}
    assert set(said.present) == shown
    assert set(said.absent) == set(APPLICABLE[item.product]) - traced
    assert said.complete == all(count != 1 for count in pixels[: len(item.damages)])


@given(seeds, st.lists(st.sampled_from([0, 1, 500]), min_size=3, max_size=3))
def test_the_worst_of_a_pictures_grades_is_the_items(seed: int, pixels: list[int]) -> None:
    item = sample_item(seed, 0)
    said = label(item, _coverage(item, pixels))
    assert said.grade.worst is grade_of((d.type, d.severity) for d in item.damages)
    if said.visible == tuple(range(len(item.damages))):
        assert said.grade.exact is said.grade.worst
    if not said.visible:
        assert said.grade.best is Grade.NEW


def test_item_ids_are_identifiers_of_the_line() -> None:
    assert ItemFacts(item_id=item_id_of(2**31, 10**6)).item_id == "rendered-2147483648-1000000"
