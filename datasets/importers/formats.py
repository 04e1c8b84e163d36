"""The formats that ``regrade data import`` reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from datasets.importers import coco, folders, label_studio, mvtec, tables, yolo
from datasets.importers.sightings import Found, Options


@dataclass(frozen=True, slots=True)
class Format:
    """A format of files."""

    name: str
    read: Callable[[Path, Options], Iterator[Found]]
    options: frozenset[str] = frozenset()
    """Fields of `Options` that it takes."""


PHOTOGRAPHS = "photographs"
"""The shipped sources, all of them in one folder."""
ELPV = "elpv"
OVERRIDES = "overrides"

FILES: tuple[Format, ...] = (
    Format("folders", folders.read, frozenset({"label", "masks"})),
    Format("csv", tables.read, frozenset({"pictures", "columns"})),
    Format("coco", coco.read, frozenset({"pictures"})),
    Format("yolo", yolo.read),
    Format("label-studio", label_studio.read, frozenset({"pictures"})),
    Format("mvtec", mvtec.read),
)
NAMES: tuple[str, ...] = (PHOTOGRAPHS, *(each.name for each in FILES), ELPV, OVERRIDES)
