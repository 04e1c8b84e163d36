"""The shape of the figures: what `--out` writes, the bundle keeps and report and card show."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

FORMAT: Literal["regrade.figures/2"] = "regrade.figures/2"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Estimate(_Part):
    """A figure with its bootstrap interval."""

    value: float | None = Field(description="None: the labels do not allow it.")
    low: float | None = Field(description="None: the items are too few or too alike for one.")
    high: float | None
    n: int = Field(description="Items (boxes, regions, pictures) that the figure rests on.")


class Slice(_Part):
    """Figures of some items; `estimates` by the keys of `training.evaluation.measures`."""

    items: int
    groups: int = Field(description="Groups of near-duplicates, the independent units.")
    exactly_labelled: int
    estimates: dict[str, Estimate]


class DamageTold(_Part):
    """How well a damage type is told, over the items whose labels say whether it is there."""

    present: int
    absent: int
    prevalence: float | None = Field(
        description="Share that has it: the average precision of a random ranking."
    )
    average_precision: Estimate
    auroc: Estimate
    ece: Estimate


class DamageFigures(DamageTold):
    """The same with its curve."""

    precision_recall: tuple[tuple[float, float], ...] = Field(
        description="(recall, precision) of the curve, thinned."
    )


class LocalisationFigures(_Part):
    """How well damage is located (see `training.evaluation.localisation`)."""

    regions: int
    pictures: int = Field(description="Pairs of a picture and a type marked on it.")
    pointing_game: Estimate
    picture_hit_rate: Estimate
    box_hit_rate_50: Estimate
    box_hit_rate_30: Estimate
    box_precision_30: Estimate
    mask_iou: Estimate
    au_pro_30: Estimate


class Localisation(_Part):
    """Localisation over all, by data set and by damage type; None where nothing is marked."""

    all: LocalisationFigures | None
    by_source: dict[str, LocalisationFigures]
    by_type: dict[str, LocalisationFigures]


class ReliabilityBin(_Part):
    """Items whose top probability falls in a bin."""

    items: int
    confidence: float | None
    accuracy: float | None


class Reliability(_Part):
    """Ten bins of equal width, at temperature 1 and as calibrated."""

    temperature: float
    before: tuple[ReliabilityBin, ...]
    after: tuple[ReliabilityBin, ...]


class CoverageCell(_Part):
    """Share of the prediction sets that hold the true grade."""

    source: str = Field(description="`all` for every data set.")
    grade: str = Field(description="`all` for every grade.")
    coverage: Estimate
    mean_set_size: Estimate
    below: bool = Field(description="Even the interval's upper end is over 2 points below nominal.")


class Coverage(_Part):
    """Conformal coverage, checked for each data set and grade."""

    nominal: float
    cells: tuple[CoverageCell, ...]


class CurvePoint(_Part):
    """Decide the least doubtful items alone: their share, error and cost."""

    decided_share: float
    error: float
    cost_per_item: float = Field(description="Of all items, the others at the cost of a review.")


class OperatingPoint(_Part):
    """A way to choose what goes to a person."""

    name: str
    threshold: float | None = Field(description="Expected cost above which a person decides.")
    review_share: Estimate
    error: Estimate
    cost_per_item: Estimate


class Selective(_Part):
    """Selective prediction over the exactly labelled items, doubt being the expected cost."""

    review_cost: float
    costs: tuple[tuple[float, ...], ...]
    aurc: Estimate
    curve: tuple[CurvePoint, ...]
    points: tuple[OperatingPoint, ...]


class ForeignSet(_Part):
    """Pictures that the bundle should find unfamiliar."""

    pictures: int
    auroc: Estimate
    beyond_limit: Estimate


class Familiarity(_Part):
    """Unfamiliarity of the evaluated items against foreign pictures."""

    own_beyond_limit: Estimate
    foreign: dict[str, ForeignSet]


class BundleRef(_Part):
    """Which bundle was evaluated."""

    name: str
    version: str
    network_sha256: str


class DataRef(_Part):
    """What it was evaluated on."""

    fingerprint: str = Field(description="Of the evaluated rows; see datasets.manifest.")
    splits: tuple[str, ...]
    pictures: int
    items: int


class Intervals(_Part):
    """How the intervals were made."""

    method: Literal["percentile bootstrap, groups drawn within data sets"] = (
        "percentile bootstrap, groups drawn within data sets"
    )
    resamples: int
    seed: int
    level: float


class Figures(_Part):
    """All figures of a bundle on labelled items."""

    format: Literal["regrade.figures/2"] = FORMAT
    bundle: BundleRef
    data: DataRef
    intervals: Intervals
    all: Slice
    by_source: dict[str, Slice]
    by_grade: dict[str, Slice]
    by_category: dict[str, Slice]
    by_picture_size: dict[str, Slice]
    confusion: dict[str, tuple[tuple[int, ...], ...]] = Field(
        description="[true][decided] by data set and for `all`, exactly labelled items."
    )
    damage: dict[str, DamageFigures]
    damage_by_source: dict[str, dict[str, DamageTold]] = Field(
        description="By data set, the types that some of its items have and others have not."
    )
    localisation: Localisation
    reliability: Reliability
    coverage: Coverage
    selective: Selective
    familiarity: Familiarity
