"""Examples are the pictures that were labelled, or an error that names the file."""

from dataclasses import replace
from pathlib import Path

import pytest

from model.contract import DamageType
from training.config import Data
from training.errors import DataError
from training.examples import load_examples, of_split, source_numbers, taught_damage_types


def test_pictures_lie_beside_their_manifest_unless_a_root_is_given(
    squares_data: Data, tmp_path: Path
) -> None:
    assert load_examples([squares_data])[0].read()[:4] == b"\x89PNG"
    elsewhere = load_examples([replace(squares_data, root=tmp_path)])[0]
    with pytest.raises(DataError, match="give the manifest's `root`"):
        elsewhere.read()


def test_a_picture_that_changed_is_refused(squares_data: Data, tmp_path: Path) -> None:
    example = load_examples([squares_data])[0]
    (tmp_path / example.row.picture).write_bytes(example.read() + b"\0")
    with pytest.raises(DataError, match="has changed since it was labelled"):
        replace(example, root=tmp_path).read()


def test_a_missing_manifest_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="regrade data import"):
        load_examples([Data(tmp_path / "nowhere.jsonl")])


def test_no_data_and_empty_splits_are_named(squares_data: Data) -> None:
    with pytest.raises(DataError, match=r"list manifests under \[\[data\]\]"):
        load_examples([])
    with pytest.raises(DataError, match="split 'test'"):
        of_split(load_examples([squares_data]), "test")


def test_only_types_with_enough_pictures_both_ways_are_taught(squares_data: Data) -> None:
    examples = load_examples([squares_data])
    assert taught_damage_types(examples, 5) == (DamageType.DENT,)
    assert taught_damage_types(examples, 500) == ()


def test_sources_are_numbered_in_alphabetical_order(squares_data: Data) -> None:
    examples = load_examples([squares_data])
    expected = [0 if example.row.source == "left" else 1 for example in examples]
    assert source_numbers(examples) == expected
