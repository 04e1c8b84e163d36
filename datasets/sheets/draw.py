"""Contact sheets: many labelled pictures at a glance, damage outlined, labels beneath."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from datasets.manifest import LabelledPicture, ManifestError, Region
from datasets.masks import MaskError, pixels_of
from datasets.wording import damages_text, grade_text
from model.contract import DamageType, Grade
from model.pictures import PictureError, decode

Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont

CELL_WIDTH = 320
"""Pixels of one picture and its caption."""
_INK, _FAINT, _GROUND = (30, 30, 32), (110, 110, 115), (245, 245, 243)
_COLOURS: dict[DamageType, tuple[int, int, int]] = dict(
    zip(
        DamageType,
        (
            (230, 60, 50), (255, 190, 0), (160, 60, 200), (0, 200, 230), (255, 110, 0),
            (60, 190, 70), (255, 60, 170), (150, 100, 40), (40, 110, 240), (0, 160, 130),
        ),
        strict=True,
    )
)  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """Which pictures a sheet shows; None is any."""

    category: str | None = None
    damage: DamageType | None = None
    grade: Grade | None = None

    def shows(self, row: LabelledPicture) -> bool:
        """Whether a picture is wanted. A grade is wanted where the label allows no other."""
        return (
            self.category in (None, row.category)
            and (self.damage is None or self.damage in row.present)
            and (self.grade is None or (row.grade is not None and row.grade.exact is self.grade))
        )


def spread(rows: Sequence[LabelledPicture], limit: int) -> list[LabelledPicture]:
    """At most ``limit`` of the rows, evenly from first to last."""
    if len(rows) <= limit:
        return list(rows)
    return [rows[i * len(rows) // limit] for i in range(limit)]


def draw_sheet(
    rows: Iterable[LabelledPicture], root: Path, *, count: int, columns: int
) -> Image.Image:
    """One picture of ``count`` cells in rows of ``columns``.

    Raises:
        ManifestError: There is none, or a picture or mask cannot be read.
    """
    if not count:
        raise ManifestError("no picture is as the options ask")
    columns = min(columns, count)
    width, height, caption = CELL_WIDTH, CELL_WIDTH * 3 // 4, 46
    sheet = Image.new("RGB", (columns * width, -(-count // columns) * (height + caption)), _GROUND)
    for index, row in enumerate(rows):
        line, column = divmod(index, columns)
        x, y = column * width, line * (height + caption)
        cell = _picture(row, root, (width - 4, height - 4))
        sheet.paste(cell, (x + (width - cell.width) // 2, y + (height - cell.height) // 2))
        sheet.paste(_caption(row, (width - 8, caption)), (x + 4, y + height))
    return sheet


def _picture(row: LabelledPicture, root: Path, room: tuple[int, int]) -> Image.Image:
    path = root / row.picture
    try:
        upright = Image.fromarray(decode(path.read_bytes()))
    except (OSError, PictureError) as error:
        raise ManifestError(f"{path}: not a readable picture ({error})") from error
    picture = ImageOps.contain(upright, room)
    for region in row.regions:
        outline = _outline(_area(region, root, picture.size))
        picture.paste(_COLOURS[region.type], mask=outline)
    return picture


def _area(region: Region, root: Path, size: tuple[int, int]) -> Image.Image:
    if region.box is not None:
        area, box = Image.new("L", size), region.box
        corners = (
            box.x_min * size[0],
            box.y_min * size[1],
            box.x_max * size[0],
            box.y_max * size[1],
        )
        ImageDraw.Draw(area).rectangle(corners, fill=255)
        return area
    try:
        damaged = pixels_of(region, root, *size)
    except MaskError as error:
        raise ManifestError(f"{root / (region.mask or '')}: {error}") from error
    area = Image.fromarray(damaged.astype(np.uint8) * 255)
    return area.resize(size, Image.Resampling.BILINEAR).point(lambda value: 255 * (value > 63))


def _outline(area: Image.Image) -> Image.Image:
    grown = np.asarray(area.filter(ImageFilter.MaxFilter(5)))
    inner = np.asarray(area.filter(ImageFilter.MaxFilter(3)))
    return Image.fromarray((grown > inner).astype(np.uint8) * 255)


def _caption(row: LabelledPicture, size: tuple[int, int]) -> Image.Image:
    """Two lines: the name; grade and damages, each in its outline's colour."""
    image = Image.new("RGB", size, _GROUND)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size[1] * 0.36)
    name = row.item_id if row.view == 0 else f"{row.item_id}  view {row.view}"
    draw.text((0, 0), _cut(draw, name, font, size[0]), font=font, fill=_FAINT)
    words = [(grade_text(row.grade), _INK)] + [
        (_damage(row, kind), _COLOURS[kind]) for kind in row.present
    ]
    full = sum(draw.textlength(text + "  ", font=font) for text, _ in words)
    if full > size[0]:
        font = ImageFont.load_default(size[1] * 0.36 * size[0] / full)
    at = 0.0
    for text, colour in words:
        draw.text((at, size[1] * 0.45), text, font=font, fill=colour)
        at += draw.textlength(text + "  ", font=font)
    return image


def _damage(row: LabelledPicture, kind: DamageType) -> str:
    known = [
        region.severity
        for region in row.regions
        if region.type is kind and region.severity is not None
    ]
    name = damages_text([kind])
    return f"{name} {max(known):.2f}" if known else name


def _cut(draw: ImageDraw.ImageDraw, text: str, font: Font, width: int) -> str:
    while len(text) > 1 and draw.textlength(text, font=font) > width:
        text = text[1:]
    return text
