"""Items as pictures: what the label marks and what the bundle saw, drawn on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from datasets.thumbnails import data_uri
from datasets.wording import grade_text
from model.contract import DamageType, Manifest
from model.pictures import decode
from training.evaluation.compare import cost_of
from training.evaluation.graded import Graded
from training.evaluation.regions import region_extent, region_mask

Floats = NDArray[np.floating[Any]]

_SIDE_PX = 300
_MARKED = (0, 190, 170)
_FOUND = (255, 70, 40)
_FIRST = 12


@dataclass(frozen=True, slots=True)
class Shown:
    """One item of the gallery, ready for the page."""

    item: Graded
    picture: str
    """Data URI: the picture with labelled regions (teal) and boxes found (red)."""
    heat: str
    """Data URI: the picture under the strongest type's heat map."""
    heat_type: DamageType | None
    label: str
    cost: float | None


@dataclass(frozen=True, slots=True)
class Wall:
    """The first of some items."""

    shown: tuple[Shown, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Gallery:
    """Items that are worth a look."""

    sure_and_wrong: Wall
    asked_and_wrong: Wall
    asked_though_right: Wall


def gallery(graded: Sequence[Graded], manifest: Manifest) -> Gallery:
    """The costliest mistakes, and items that a person was asked about in vain.

    Raises:
        DataError: A picture cannot be read again.
    """
    costs = np.array(manifest.thresholds.costs)
    wrong = sorted(
        (item for item in graded if (cost_of(item, costs) or 0) > 0),
        key=lambda item: (-(cost_of(item, costs) or 0), item.assessment.expected_cost),
    )
    right = sorted(
        (
            i
            for i in graded
            if i.grade and i.assessment.grade in i.grade and i.assessment.needs_review
        ),
        key=lambda item: -item.assessment.expected_cost,
    )

    def show(items: Sequence[Graded], most: int) -> Wall:
        return Wall(tuple(shown(item, manifest) for item in items[:most]), len(items))

    return Gallery(
        sure_and_wrong=show([i for i in wrong if not i.assessment.needs_review], _FIRST),
        asked_and_wrong=show([i for i in wrong if i.assessment.needs_review], _FIRST // 2),
        asked_though_right=show(_from_each_source(right), _FIRST // 2),
    )


def _from_each_source(items: Sequence[Graded]) -> list[Graded]:
    """The first of every source, then the second of every source, and so on."""
    place: dict[str, int] = {}
    ranked = []
    for order, item in enumerate(items):
        place[item.source] = place.get(item.source, 0) + 1
        ranked.append((place[item.source], order, item))
    return [item for _, _, item in sorted(ranked, key=lambda entry: entry[:2])]


def shown(item: Graded, manifest: Manifest) -> Shown:
    """One item, by the view with the strongest map."""
    strongest = item.maps.max(axis=(2, 3)) if item.maps.size else np.zeros((len(item.views), 0))
    view, kind = (
        np.unravel_index(int(strongest.argmax()), strongest.shape) if strongest.size else (0, None)
    )
    picture = Image.fromarray(decode(item.views[int(view)].read()))
    picture.thumbnail((_SIDE_PX, _SIDE_PX))
    heat = picture if kind is None else heated(picture, item.maps[view, kind])
    return Shown(
        item=item,
        picture=data_uri(_annotated(picture, item, int(view))),
        heat=data_uri(heat),
        heat_type=None if kind is None else manifest.damage_types[int(kind)],
        label=grade_text(item.grade),
        cost=cost_of(item, np.array(manifest.thresholds.costs)),
    )


def heated(picture: Image.Image, cells: Floats) -> Image.Image:
    """The picture greyed, with the map's probabilities over it."""
    scaled = Image.fromarray(cells.astype(np.float32)).resize(
        picture.size, Image.Resampling.BILINEAR
    )
    heat = np.clip(np.asarray(scaled), 0, 1)
    colours = colormaps["inferno"](heat)[..., :3] * 255
    grey = np.asarray(picture.convert("L").convert("RGB"), float)
    share = 0.25 + 0.55 * heat[..., None]
    return Image.fromarray((grey * (1 - share) + colours * share).astype(np.uint8))


def _annotated(picture: Image.Image, item: Graded, view: int) -> Image.Image:
    drawn = picture.copy()
    draw = ImageDraw.Draw(drawn)
    width, height = drawn.size
    example = item.views[view]
    for region in example.row.regions:
        if region.polygon is not None:
            points = [(x * width, y * height) for x, y in region.polygon]
            draw.line([*points, points[0]], fill=_MARKED, width=2)
        elif (extent := region_extent(region, region_mask(example, region))) is not None:
            draw.rectangle(_scaled(extent, drawn.size), outline=_MARKED, width=2)
    for damage in item.assessment.damages:
        if damage.view == view:
            box = damage.box
            place = _scaled((box.x_min, box.y_min, box.x_max, box.y_max), drawn.size)
            draw.rectangle(place, outline=_FOUND, width=2)
            draw.text((place[0] + 3, place[1] + 1), damage.type.replace("_", " "), fill=_FOUND)
    return drawn


def _scaled(box: tuple[float, float, float, float], size: tuple[int, int]) -> tuple[float, ...]:
    return box[0] * size[0], box[1] * size[1], box[2] * size[0] - 1, box[3] * size[1] - 1
