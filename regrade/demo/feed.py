"""What the demo puts on its belt: our own rendered items, or any folder of photographs."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import datasets
from datasets.manifest import read_manifest
from model.contract import ItemFacts
from regrade.demo.errors import UsageError

SAMPLES = Path(datasets.__file__).parent / "samples"
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
_SEED = 7
# A few of the returns carry a fact that overrides their grade, so that the rules can be seen.
_RECALLED_EVERY = 23
_FRAUD_HOLD_EVERY = 29


@dataclass(frozen=True, slots=True)
class Product:
    """Pictures of one item, and what it is, where that is known."""

    category: str | None
    pictures: tuple[Path, ...]


def sample_products() -> list[Product]:
    """The rendered items that ship with the project, each with all its views."""
    views: dict[str, list[tuple[int, Path, str]]] = defaultdict(list)
    for row in read_manifest(SAMPLES / "manifest.jsonl"):
        views[row.item_id].append((row.view, SAMPLES / row.picture, row.category))
    return [
        Product(category=rows[0][2], pictures=tuple(path for _, path, _ in sorted(rows)))
        for rows in views.values()
    ]


def photo_products(folder: Path) -> list[Product]:
    """Every picture below ``folder`` as an item of its own.

    Raises:
        UsageError: No such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder; give one that holds photographs")
    found = sorted(
        path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file()
    )
    if not found:
        raise UsageError(f"{folder} holds no picture ({', '.join(sorted(SUFFIXES))})")
    return [Product(category=None, pictures=(path.resolve(),)) for path in found]


def write_feed(path: Path, products: Sequence[Product], count: int) -> None:
    """Write ``count`` items as JSON Lines for ``regrade plc --feed`` and ``regrade sort --facts``.

    The products are shuffled once (always in the same way) and repeat, each time as a new item.
    """
    with path.open("w", encoding="utf-8") as file:
        for row in islice(_rows(products), count):
            file.write(json.dumps(row) + "\n")


def _rows(products: Sequence[Product]) -> Iterator[dict[str, object]]:
    rng = random.Random(_SEED)  # noqa: S311 - a shuffle, not a secret
    shuffled = rng.sample(products, len(products))
    for number, product in enumerate(cycle(shuffled), start=1):
        facts = ItemFacts(
            item_id=f"RET-{number:06d}",
            category=product.category,
            recalled=number % _RECALLED_EVERY == 0,
            fraud_hold=number % _FRAUD_HOLD_EVERY == 0,
        )
        yield {
            "item_id": facts.item_id,
            "pictures": [str(picture) for picture in product.pictures],
            "facts": facts.model_dump(mode="json", exclude_defaults=True),
            "length_mm": rng.randrange(220, 420, 10),
            "gap_mm": rng.randrange(300, 520, 10),
        }
