"""Values that look like a line's, and a grader that does what a test says."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from PIL import Image

from inference.access.settings import AccessMode, AccessSettings
from model.contract import (
    GRADES,
    Assessment,
    BeltItem,
    Box,
    Damage,
    DamageType,
    Ending,
    Grade,
    ItemFacts,
    LaneStatus,
    LineState,
    ModelRef,
    Outcome,
    ReviewReason,
    Timings,
    Verdict,
    ViewQuality,
)
from model.pictures import Pixels, decode, squash_pixels
from model.runtime import Judgement, View

#: For tests that are not about who may do what.
OPEN_ACCESS = AccessSettings(AccessMode.OPEN_ON_LOOPBACK)
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def picture(*, width: int = 64, height: int = 48, colour: str = "tan", form: str = "JPEG") -> bytes:
    """A valid picture file of one colour."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, form)
    return out.getvalue()


def assessment(
    grade: Grade = Grade.LIGHTLY_USED,
    *,
    probability: float = 0.9,
    reasons: tuple[ReviewReason, ...] = (),
    damages: tuple[Damage, ...] = (),
    views: int = 1,
) -> Assessment:
    """An assessment whose probability left over is spread evenly."""
    rest = (1 - probability) / (len(GRADES) - 1)
    return Assessment(
        grade=grade,
        probabilities={each: probability if each is grade else rest for each in GRADES},
        prediction_set=(grade,),
        expected_cost=0.2,
        damage_probabilities={DamageType.DENT: 0.4, DamageType.SCRATCH: 0.1},
        damages=damages,
        unfamiliarity=0.5,
        quality=tuple(ViewQuality(brightness=0.5, sharpness=0.01) for _ in range(views)),
        needs_review=bool(reasons),
        review_reasons=reasons,
    )


UNSURE = assessment(
    Grade.REPAIRABLE,
    probability=0.46,
    reasons=(ReviewReason.UNCERTAIN_GRADE,),
    damages=(
        Damage(
            type=DamageType.DENT,
            probability=0.81,
            view=0,
            box=Box(x_min=0.2, y_min=0.3, x_max=0.5, y_max=0.7),
        ),
    ),
)


class FakeGrader:
    """Decodes for real, and answers with what ``answer`` gives.

    ``hold()`` makes assessments wait until ``release()``; ``entered`` counts those that began.
    """

    def __init__(self, answer: Callable[[int], Assessment] | None = None) -> None:
        self.model = ModelRef(name="fake", version="1")
        self.damage_types = (DamageType.DENT, DamageType.SCRATCH)
        self.answer = answer or (lambda views: assessment(views=views))
        self.assessed = 0
        self.entered = threading.Semaphore(0)
        self._open = threading.Event()
        self._open.set()

    def hold(self) -> None:
        """Let assessments begin, and not end."""
        self._open.clear()

    def release(self) -> None:
        """Let them end."""
        self._open.set()

    def prepare(self, picture: bytes | Pixels) -> View:
        """Refuses what the real one refuses."""
        decode(picture) if isinstance(picture, bytes) else squash_pixels(picture, 8)
        return View(np.zeros((8, 8, 3), np.uint8), ViewQuality(brightness=0.5, sharpness=0.01))

    def judge(self, views: Sequence[View]) -> Judgement:
        """The answer, once released; its maps see the same everywhere."""
        self.entered.release()
        assert self._open.wait(55)
        self.assessed += 1
        maps = np.full((len(views), len(self.damage_types), 2, 3), 0.4, np.float32)
        return Judgement(self.answer(len(views)), maps)

    def warm(self, views: int) -> None:
        """Always is."""

    def verify(self) -> None:
        """Always holds."""


def verdict(
    item_id: str = "R-1",
    capture_id: str | None = None,
    *,
    of: Assessment | None = None,
    graded_at: datetime = NOON,
    images: tuple[str, ...] = ("0" * 64,),
) -> Verdict:
    """A verdict for an item; capture and verdict ids follow from the item's."""
    capture_id = capture_id or f"cap-{item_id}"
    return Verdict(
        **dict(of or assessment()),
        verdict_id=f"v-{capture_id}",
        capture_id=capture_id,
        item_id=item_id,
        graded_at=graded_at,
        model=ModelRef(name="fake", version="1"),
        images=images,
        timings=Timings(decode_ms=4, queue_ms=1, model_ms=30, total_ms=36),
    )


def outcome(
    item_id: str | None = "R-1",
    tid: int = 1,
    *,
    ending: Ending = Ending.DIVERTED,
    lane: str | None = "open-box",
    grade: Grade | None = Grade.LIGHTLY_USED,
    rule: str = "best-value",
    explanation: str = "lightly used: open-box recovers 45 % of the price, restock 12 %",
    line_id: str = "line1",
    ended_at: datetime = NOON,
) -> Outcome:
    """The end of an item's way."""
    return Outcome(
        outcome_id=f"{line_id}:boot1:{tid}",
        line_id=line_id,
        tid=tid,
        item_id=item_id,
        ending=ending,
        lane=lane,
        assigned_lane=lane,
        rule=rule,
        explanation=explanation,
        grade=grade,
        announced_at=ended_at - timedelta(seconds=9),
        ended_at=ended_at,
    )


def belt_item(
    item_id: str | None = "R-1",
    tid: int = 1,
    *,
    position_mm: float = 1200,
    lane: str | None = "open-box",
    grade: Grade | None = Grade.LIGHTLY_USED,
    needs_review: bool = False,
    image: str | None = None,
    steerable_s: float = 3.0,
) -> BeltItem:
    """An item on the belt."""
    return BeltItem(
        tid=tid,
        item_id=item_id,
        position_mm=position_mm,
        length_mm=300,
        lane=lane,
        grade=grade,
        needs_review=needs_review,
        image=image,
        steerable_s=steerable_s,
    )


_LANES = ("restock", "open-box", "repair", "salvage", "manual")


def line_state(
    items: Sequence[BeltItem] = (),
    *,
    line_id: str = "line1",
    full: frozenset[str] = frozenset(),
    jammed: frozenset[str] = frozenset(),
    counts: Sequence[int] = (0, 0, 0, 0, 0),
    alarms: tuple[str, ...] = (),
) -> LineState:
    """A line with five lanes, 1.5 m apart."""
    return LineState(
        line_id=line_id,
        at=datetime.now(UTC),
        plc_connected=True,
        packml_state="Execute",
        speed_mm_s=500,
        belt_mm=10_000,
        lanes=tuple(
            LaneStatus(
                number=number,
                name=name,
                divert_mm=10_000 if name == "manual" else 3000 + 1500 * (number - 1),
                enabled=True,
                full=name in full,
                jammed=name in jammed,
                fault=False,
                count=counts[number - 1],
            )
            for number, name in enumerate(_LANES, start=1)
        ),
        items=tuple(items),
        alarms=alarms,
    )


def facts(item_id: str = "R-1", **more: object) -> ItemFacts:
    """Facts of an item."""
    return ItemFacts.model_validate({"item_id": item_id, **more})
