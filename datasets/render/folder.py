"""The output folder: pictures, masks, and one file of rows per finished item."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, ValidationError

from datasets.manifest import (
    LabelledPicture,
    ManifestError,
    Region,
    Split,
    read_manifest,
    write_manifest,
)
from datasets.render import VERSION, RenderError
from datasets.render.develop import develop
from datasets.render.exposure import Exposure
from datasets.render.labels import COVERED, label
from datasets.render.spec import ItemSpec
from datasets.splits import OWN_SPLITS, split_of


class Settings(BaseModel):
    """All that the pictures of a folder depend on; a folder keeps to one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = VERSION
    seed: int
    width: int = 640
    height: int = 480
    samples: int = 6
    split: Split | None = None
    """None: by a stable hash of the item."""


def open_folder(root: Path, settings: Settings) -> None:
    """Make the folder, or check that it was made with the same settings.

    Raises:
        RenderError: The folder holds pictures of other settings.
    """
    for name in ("pictures", "masks", "rows"):
        (root / name).mkdir(parents=True, exist_ok=True)
    file = root / "render.json"
    if not file.exists():
        file.write_text(settings.model_dump_json(indent=2) + "\n", "utf-8")
        return
    try:
        found = Settings.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise RenderError(f"{file} is not valid: {error}") from error
    if found != settings:
        raise RenderError(f"{root} holds pictures of other settings ({found}); name another folder")


def is_complete(root: Path, item_id: str) -> bool:
    """Whether an item's rows are there and all pictures and masks that they name."""
    try:
        rows = read_manifest(_rows_file(root, item_id))
    except ManifestError:
        return False
    named = [row.picture for row in rows]
    named += [region.mask for row in rows for region in row.regions if region.mask]
    return bool(rows) and all((root / name).is_file() for name in named)


def store(
    root: Path,
    settings: Settings,
    item: ItemSpec,
    exposures: list[Exposure],
) -> None:
    """Write an item's pictures, masks and, last, its rows; exposures are in the order of its views."""
    rows = [
        _store_view(root, settings, item, view, exposure) for view, exposure in enumerate(exposures)
    ]
    write_manifest(_rows_file(root, item.item_id), rows)


def join_rows(root: Path, item_ids: list[str]) -> Path:
    """Write manifest.jsonl with the rows of these items."""
    manifest = root / "manifest.jsonl"
    rows = [row for item_id in item_ids for row in read_manifest(_rows_file(root, item_id))]
    write_manifest(manifest, rows)
    return manifest


def _rows_file(root: Path, item_id: str) -> Path:
    return root / "rows" / f"{item_id}.jsonl"


def _store_view(
    root: Path,
    settings: Settings,
    item: ItemSpec,
    view: int,
    exposure: Exposure,
) -> LabelledPicture:
    name = f"{item.item_id}-v{view}"
    encoded = develop(exposure.rgb, (item.seed + view) % 2**31, item.cameras[view].dirt)
    (root / "pictures" / f"{name}.jpg").write_bytes(encoded)
    said = label(item, exposure.coverage)
    regions = []
    for index in said.visible:
        damage = item.damages[index]
        mask = f"masks/{name}-{index}-{damage.type}.png"
        covered = exposure.coverage[..., index] >= COVERED
        Image.fromarray(covered.astype(np.uint8) * 255).save(root / mask, optimize=True)
        regions.append(Region(type=damage.type, mask=mask, severity=round(damage.severity, 3)))
    return LabelledPicture(
        picture=f"pictures/{name}.jpg",
        sha256=hashlib.sha256(encoded).hexdigest(),
        item_id=item.item_id,
        view=view,
        source="rendered",
        category=item.product.value,
        group=item.item_id,
        split=settings.split or split_of(item.item_id, OWN_SPLITS),
        grade=said.grade,
        present=said.present,
        absent=said.absent,
        regions=tuple(regions),
        regions_complete=said.complete,
        licence="Apache-2.0",
        labelled_by=f"regrade render {settings.version}",
    )
