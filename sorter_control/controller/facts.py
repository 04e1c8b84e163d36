"""What the returns system knows about items: one JSON object per line.

A line is an item's facts, or a line of the simulator's feed, which has them under ``facts``.
"""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from model.contract import ItemFacts
from sorter_control.errors import SettingsError


def load_facts(path: Path) -> dict[str, ItemFacts]:
    """Facts by item id.

    Raises:
        SettingsError: The file or a line is wrong, or two lines are about the same item.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SettingsError(f"facts {path}: {error.strerror}") from error
    facts: dict[str, ItemFacts] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            item = _facts(json.loads(line))
        except (ValueError, ValidationError) as error:
            raise SettingsError(f"facts {path}, line {number}: {error}") from error
        if item is None:
            continue
        if item.item_id in facts:
            raise SettingsError(f"facts {path}, line {number}: {item.item_id} is there twice")
        facts[item.item_id] = item
    return facts


def _facts(row: object) -> ItemFacts | None:
    """The facts of one line; None for an item of a feed that has no license plate."""
    if isinstance(row, dict) and "pictures" in row:
        if row.get("item_id") is None:
            return None
        return ItemFacts.model_validate({"item_id": row["item_id"], **row.get("facts", {})})
    return ItemFacts.model_validate(row)
