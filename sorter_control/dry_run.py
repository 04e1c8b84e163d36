"""What a policy does with items, without a belt: for ``regrade route`` and before a reload."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from model.contract import ItemFacts, Override, Verdict
from sorter_control.errors import SettingsError
from sorter_control.policy import Policy
from sorter_control.routing import Decision, LaneCondition, route


class DryItem(BaseModel):
    """One item to route."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    facts: ItemFacts | None
    verdict: Verdict | None = None
    override: Override | None = None

    @property
    def item_id(self) -> str:
        """Its name, where anything is known about it."""
        if self.facts is not None:
            return self.facts.item_id
        return self.verdict.item_id if self.verdict is not None else "unknown"

    @classmethod
    def of_record(cls, row: Mapping[str, Any]) -> Self:
        """The item of a server's record (``GET /v1/items/ID``), as it stands there now."""
        newest = {key: next(iter(row[key]), None) for key in ("gradings", "overrides")}
        return cls.model_validate(
            {
                "facts": row["facts"],
                "verdict": newest["gradings"],
                "override": newest["overrides"],
            }
        )


@dataclass(frozen=True, slots=True)
class Move:
    """An item that another policy would send elsewhere, or for another reason."""

    item_id: str
    before: Decision
    after: Decision


def load_item(facts: Path, verdict: Path | None) -> DryItem:
    """One item of a file with its facts and, if there is one, a file with its verdict.

    Raises:
        SettingsError: A file is wrong.
    """
    try:
        return DryItem(
            facts=ItemFacts.model_validate_json(facts.read_bytes()),
            verdict=Verdict.model_validate_json(verdict.read_bytes()) if verdict else None,
        )
    except (OSError, ValidationError) as error:
        raise SettingsError(f"item: {error}") from error


def load_items(path: Path) -> list[DryItem]:
    """Items of a file, one JSON object per line: facts and verdict, or a server's record.

    Raises:
        SettingsError: The file or a line is wrong.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SettingsError(f"items {path}: {error.strerror}") from error
    return list(_items(path, lines))


def _items(path: Path, lines: Iterable[str]) -> Iterator[DryItem]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if isinstance(row, dict) and "gradings" in row:
                yield DryItem.of_record(row)
            else:
                yield DryItem.model_validate(row)
        except (ValueError, KeyError, ValidationError) as error:
            raise SettingsError(f"items {path}, line {number}: {error}") from error


def decide_dry(item: DryItem, policy: Policy, closed: frozenset[str] = frozenset()) -> Decision:
    """Where the policy sends the item while only ``closed`` lanes are closed."""
    lanes = {
        lane: LaneCondition.DISABLED if lane in closed else LaneCondition.OPEN
        for lane in policy.lanes
    }
    return route(item.facts, item.verdict, item.override, lanes, policy)


def moves(
    items: Iterable[DryItem],
    before: Policy,
    after: Policy,
    closed: frozenset[str] = frozenset(),
) -> list[Move]:
    """Items that ``after`` sends to another lane than ``before``."""
    pairs = (
        Move(item.item_id, decide_dry(item, before, closed), decide_dry(item, after, closed))
        for item in items
    )
    return [move for move in pairs if move.before.lane != move.after.lane]
