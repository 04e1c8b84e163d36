"""Splits of a whole set: units stay together, labels get their shares, nothing assigned moves."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ImageOps
from typer.testing import CliRunner

from datasets.frozen import FrozenError, FrozenSet
from datasets.manifest import SPLITS, LabelledPicture, Split, read_manifest, write_manifest
from datasets.splits import OWN_SPLITS, Assignment, assign_splits, split_fingerprint
from datasets.units import units_of
from model.contract import DamageType, Grade, GradeInterval
from regrade.cli import app
from tests.datasets.photographs import photograph, row_of, save, shop

_SOURCES = ("cars", "boxes")
_untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
_NOW = datetime(2026, 1, 2, tzinfo=UTC)


def _row(
    name: int,
    *,
    group: int | None = None,
    source: str = "cars",
    grade: Grade = Grade.NEW,
    split: Split | None = None,
    present: tuple[DamageType, ...] = (),
) -> LabelledPicture:
    return LabelledPicture(
        picture=f"{name}.jpg",
        sha256=f"{name:064x}",
        item_id=f"{name}",
        source=source,
        category="any",
        group=f"{source}:{name if group is None else f'g{group}'}",
        split=split,
        grade=GradeInterval.exactly(grade),
        present=present,
        licence="Apache-2.0",
        labelled_by="tests",
    )


@st.composite
def _tables(draw: st.DrawFn, start: int = 0) -> list[LabelledPicture]:
    drawn = draw(
        st.lists(
            st.tuples(st.integers(0, 12), st.sampled_from(_SOURCES), st.sampled_from([*Grade][:3])),
            max_size=40,
        )
    )
    return [
        _row(start + n, group=group, source=source, grade=grade)
        for n, (group, source, grade) in enumerate(drawn)
    ]


def _assign(
    rows: Sequence[LabelledPicture],
    pairs: Sequence[tuple[int, int]] = (),
    *,
    again: bool = False,
    frozen: Sequence[str] = (),
) -> Assignment:
    return assign_splits(rows, units_of(rows, pairs), OWN_SPLITS, again=again, frozen=frozen)


def _with(rows: Sequence[LabelledPicture], found: Assignment) -> list[LabelledPicture]:
    return [
        row.model_copy(update={"split": split})
        for row, split in zip(rows, found.splits, strict=True)
    ]


def _by_unit(
    rows: Sequence[LabelledPicture], pairs: Sequence[tuple[int, int]], found: Assignment
) -> dict[int, set[Split | None]]:
    splits: dict[int, set[Split | None]] = {}
    for unit, split in zip(units_of(rows, pairs), found.splits, strict=True):
        splits.setdefault(unit, set()).add(split)
    return splits


@_untimed
@given(data=st.data(), rows=_tables())
def test_a_unit_is_never_parted(data: st.DataObject, rows: list[LabelledPicture]) -> None:
    """Neither a group, nor what copies join to it."""
    number = st.integers(0, max(0, len(rows) - 1))
    pairs = data.draw(st.lists(st.tuples(number, number), max_size=8)) if rows else []
    found = _assign(rows, pairs)
    assert all(len(splits) == 1 for splits in _by_unit(rows, pairs, found).values())
    assert None not in found.splits


@_untimed
@given(rows=_tables(), splits=st.lists(st.sampled_from([*SPLITS, None]), min_size=40, max_size=40))
def test_what_is_held_out_stays_and_has_no_copy_elsewhere(
    rows: list[LabelledPicture], splits: list[Split | None]
) -> None:
    """And doing so again changes nothing."""
    rows = [
        row.model_copy(update={"split": split}) for row, split in zip(rows, splits, strict=False)
    ]
    units = units_of(rows, [])
    found = assign_splits(rows, units, OWN_SPLITS, withhold_leaks=True)
    before: dict[int, list[Split]] = {}
    for row, unit in zip(rows, units, strict=True):
        before.setdefault(unit, []).extend([row.split] if row.split else [])
    for row, unit, split in zip(rows, units, found.splits, strict=True):
        strictest = max(before[unit], key=SPLITS.index, default="train")
        if strictest != "train":
            assert split == (strictest if row.split == strictest else None)
        else:
            assert split is not None
    again = assign_splits(_with(rows, found), units, OWN_SPLITS, withhold_leaks=True)
    assert again.splits == found.splits


@_untimed
@given(old=_tables(), new=_tables(start=1_000))
def test_what_is_assigned_stays_when_data_is_added(
    old: list[LabelledPicture], new: list[LabelledPicture]
) -> None:
    """New pictures of known groups join them; groups of both tables share names."""
    first = _with(old, _assign(old))
    both = [*new, *first]
    found = _assign(both)
    assert found.splits[len(new) :] == tuple(row.split for row in first)
    assert all(len(splits) == 1 for splits in _by_unit(both, [], found).values())


@_untimed
@given(data=st.data(), rows=_tables())
def test_the_order_of_rows_does_not_matter(
    data: st.DataObject, rows: list[LabelledPicture]
) -> None:
    shuffled = data.draw(st.permutations(rows))
    splits = dict(zip((row.sha256 for row in rows), _assign(rows).splits, strict=True))
    for row, split in zip(shuffled, _assign(shuffled).splits, strict=True):
        assert splits[row.sha256] == split


@settings(_untimed, max_examples=25)
@given(st.lists(st.sampled_from([*Grade]), min_size=1, max_size=120))
def test_each_label_gets_its_shares_to_within_one_picture(grades: list[Grade]) -> None:
    rows = [_row(n, grade=grade) for n, grade in enumerate(grades)]
    counts = Counter(zip(grades, _assign(rows).splits, strict=True))
    for grade, total in Counter(grades).items():
        for split, share in OWN_SPLITS.items():
            assert abs(counts[grade, split] - share * total) <= 1


def test_a_rare_damage_type_is_divided_too() -> None:
    rows = [_row(n, present=(DamageType.TEAR,) if n % 10 == 0 else ()) for n in range(400)]
    found = _assign(rows)
    tears = Counter(split for row, split in zip(rows, found.splits, strict=True) if row.present)
    for split, share in OWN_SPLITS.items():
        assert abs(tears[split] - 40 * share) <= 2


def test_a_copy_of_an_assigned_picture_joins_it() -> None:
    rows = [_row(0, split="val"), _row(1)]
    assert _assign(rows, [(0, 1)]).splits == ("val", "val")


def test_a_unit_that_is_torn_already_is_reported_and_not_moved() -> None:
    rows = [_row(0, split="train"), _row(1, split="test"), _row(2)]
    found = _assign(rows, [(0, 1), (1, 2)])
    assert found.splits == ("train", "test", "train")
    assert found.torn == ((0, 1, 2),)


def test_again_mends_a_torn_unit() -> None:
    rows = [_row(0, split="train"), _row(1, split="test")]
    one, other = _assign(rows, [(0, 1)], again=True).splits
    assert one == other


def test_a_frozen_test_set_neither_grows_nor_leaks() -> None:
    """Copies of its pictures get no split, and new groups go elsewhere."""
    frozen = _row(0, split="test")
    rows = [frozen, _row(1), *(_row(n) for n in range(2, 102))]
    found = _assign(rows, [(0, 1)], frozen=[frozen.sha256])
    assert found.splits[:2] == ("test", None)
    assert found.withheld == (1,)
    counts = Counter(found.splits[2:])
    assert counts["test"] == 0
    assert abs(counts["train"] - 100 * 0.60 / 0.88) <= 1


def test_again_keeps_a_frozen_test_set() -> None:
    rows = [_row(n, split="test" if n < 10 else "train") for n in range(100)]
    frozen = [row.sha256 for row in rows[:10]]
    found = _assign(rows, again=True, frozen=frozen)
    assert [n for n, split in enumerate(found.splits) if split == "test"] == [*range(10)]


def test_the_fingerprint_names_pictures_and_labels_of_one_split_only() -> None:
    rows = [_row(0, split="test"), _row(1, split="test"), _row(2, split="train")]
    original = split_fingerprint(rows, "test")
    moved = rows[0].model_copy(update={"picture": "elsewhere/0.jpg"})
    relabelled = rows[0].model_copy(update={"grade": GradeInterval.exactly(Grade.SALVAGE)})
    assert split_fingerprint([*reversed(rows[1:]), moved], "test") == original
    assert split_fingerprint(rows[:2], "test") == original
    assert split_fingerprint([relabelled, *rows[1:]], "test") != original
    assert split_fingerprint(rows[1:], "test") != original


def test_a_lock_survives_writing_and_reading(tmp_path: Path) -> None:
    frozen = FrozenSet.of([_row(0, split="test"), _row(1, split="val")], _NOW)
    frozen.save(tmp_path / "splits.lock")
    assert FrozenSet.load(tmp_path / "splits.lock") == frozen
    assert [*frozen.pictures] == [_row(0).sha256]


def test_a_lock_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "splits.lock").write_text('{"frozen_at": "now"}')
    with pytest.raises(FrozenError, match="is not a lock"):
        FrozenSet.load(tmp_path / "splits.lock")
    with pytest.raises(FrozenError, match="no picture is in the test split"):
        FrozenSet.of([_row(0, split="train")], _NOW)


def _split(manifest: Path, *more: str) -> tuple[int, str]:
    cache = ("--cache", str(manifest.parent / "cache"))
    result = CliRunner().invoke(app, ["data", "split", "--manifest", str(manifest), *cache, *more])
    return result.exit_code, result.stdout + result.stderr


def test_the_command_assigns_freezes_and_keeps(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.jsonl"
    rows = [row.model_copy(update={"split": None}) for row in shop(tmp_path)]
    write_manifest(manifest, rows)
    code, said = _split(manifest, "--freeze")
    assert code == 0, said
    first = read_manifest(manifest)
    assert None not in {row.split for row in first}
    tested = [row for row in first if row.split == "test"]
    lock = FrozenSet.load(tmp_path / "splits.lock")
    assert lock.fingerprint == split_fingerprint(first, "test")

    name = tested[0].picture
    save(
        ImageOps.mirror(photograph(int(name[:3]), damaged=tested[0].grade != first[0].grade)),
        tmp_path / "copy.jpg",
    )
    save(photograph(900), tmp_path / "fresh.jpg")
    added = [row_of(tmp_path / each, tmp_path, split=None) for each in ("copy.jpg", "fresh.jpg")]
    write_manifest(manifest, [*first, *added])
    assert _split(manifest, "--again")[0] == 0
    second = read_manifest(manifest)
    assert split_fingerprint(second, "test") == lock.fingerprint
    assert second[-2].split is None
    assert second[-1].split not in (None, "test")


def test_a_changed_frozen_test_set_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.jsonl"
    rows = shop(tmp_path)
    FrozenSet.of(rows, _NOW).save(tmp_path / "splits.lock")
    without = [row for row in rows if row.split != "test"]
    write_manifest(manifest, [without[0].model_copy(update={"split": None}), *without[1:]])
    before = manifest.read_bytes()
    code, said = _split(manifest)
    assert code == 2
    assert "10 frozen pictures are missing" in said
    assert manifest.read_bytes() == before


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ("train=0.6,val=0.2", "sum to 1"),
        ("train=0.5,validation=0.5", "'validation' is no split"),
        ("train=0.5,train=0.5", "named twice"),
        ("train", "is not like train=0.6"),
        ("train=2,val=-1", "lie from 0 to 1"),
    ],
)
def test_shares_that_make_no_sense_are_refused(tmp_path: Path, shares: str, said: str) -> None:
    write_manifest(tmp_path / "manifest.jsonl", shop(tmp_path, items=1))
    code, answer = _split(tmp_path / "manifest.jsonl", "--shares", shares)
    assert code == 2
    assert said in answer


def test_a_frozen_test_set_cannot_get_everything(tmp_path: Path) -> None:
    rows = shop(tmp_path)
    FrozenSet.of(rows, _NOW).save(tmp_path / "splits.lock")
    write_manifest(tmp_path / "manifest.jsonl", rows)
    code, said = _split(tmp_path / "manifest.jsonl", "--shares", "test=1")
    assert code == 2
    assert "give another split a share" in said


def test_a_picture_that_cannot_be_read_stops_the_split(tmp_path: Path) -> None:
    write_manifest(tmp_path / "manifest.jsonl", shop(tmp_path, items=1))
    (tmp_path / "000.jpg").unlink()
    code, said = _split(tmp_path / "manifest.jsonl")
    assert code == 2
    assert "000.jpg: No such file" in said


def test_a_lock_that_is_named_must_be_there(tmp_path: Path) -> None:
    write_manifest(tmp_path / "manifest.jsonl", shop(tmp_path, items=1))
    code, said = _split(tmp_path / "manifest.jsonl", "--lock", str(tmp_path / "other.lock"))
    assert code == 2
    assert "other.lock: No such file" in said
