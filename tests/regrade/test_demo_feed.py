"""What the demo puts on its belt."""

import json
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from model.contract import ItemFacts
from regrade.demo.errors import UsageError
from regrade.demo.feed import Product, photo_products, sample_products, write_feed

PRODUCTS = [Product("box", (Path(f"{name}.jpg"),)) for name in "abc"]


def rows_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_item_is_a_new_one_and_products_take_turns(tmp_path: Path) -> None:
    write_feed(tmp_path / "feed.jsonl", PRODUCTS, 9)
    rows = rows_of(tmp_path / "feed.jsonl")
    assert len({str(row["item_id"]) for row in rows}) == 9
    assert set(Counter(str(row["pictures"]) for row in rows).values()) == {3}


def test_the_feed_is_the_same_every_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_feed(tmp_path / name, PRODUCTS, 50)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_facts_are_valid_and_some_override_the_grade(tmp_path: Path) -> None:
    write_feed(tmp_path / "feed.jsonl", PRODUCTS, 60)
    facts = [ItemFacts.model_validate(row["facts"]) for row in rows_of(tmp_path / "feed.jsonl")]
    assert sum(item.recalled for item in facts) == 2
    assert sum(item.fraud_hold for item in facts) == 2


def test_photographs_are_found_below_the_folder_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b.JPG", "deep/a.png"):
        Image.new("RGB", (20, 20)).save(tmp_path / name)
    (tmp_path / "notes.txt").touch()
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "nowhere")
    found = [product.pictures[0].name for product in photo_products(tmp_path)]
    assert sorted(found) == ["a.png", "b.JPG"]


def test_a_folder_without_pictures_is_said_clearly(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no picture"):
        photo_products(tmp_path)
    with pytest.raises(UsageError, match="is not a folder"):
        photo_products(tmp_path / "nowhere")


def test_the_samples_that_ship_have_several_views_each() -> None:
    products = sample_products()
    assert len(products) >= 15
    for product in products:
        assert len(product.pictures) in (2, 3)
        assert all(picture.is_file() for picture in product.pictures)
