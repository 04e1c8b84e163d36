"""What one worker thread does for one item, unless it was graded before: decode, run the network."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from inference.errors import ApiError, ErrorCode
from inference.grader import Grader
from model.contract import Verdict
from model.pictures import PictureError, Pixels
from model.runtime import Judgement, View


@dataclass(frozen=True, slots=True)
class Worked:
    """What came of it. Times are ``time.perf_counter`` seconds."""

    judgement: Judgement
    grader: Grader
    """Who gave it."""
    saved: Future[None] | None
    """The pictures on their way to the disk, where that was asked for."""
    began_s: float
    decoded_s: float
    ended_s: float


class GradedBeforeError(Exception):
    """There is nothing to do: the capture has a verdict."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.capture_id)
        self.verdict = verdict


@dataclass(frozen=True, slots=True)
class Work:
    """A call for a worker.

    Attributes:
        grader: Decodes and judges.
        pictures: The item's views: files, or RGB pixels (H, W, 3).
        known: The verdict that is stored for the capture, if any; left out: it is graded anyway.
        save: Begins to write the pictures, once they are known to be good: the disk works while
            the network does.
    """

    grader: Grader
    pictures: Sequence[bytes | Pixels]
    known: Callable[[], Verdict | None] | None = None
    save: Callable[[], Future[None]] | None = None

    def __call__(self) -> Worked:
        """Blocking.

        Raises:
            GradedBeforeError: The capture has a verdict.
            CaptureConflictError: The capture id is taken by another request.
            ApiError: A picture cannot be used.
        """
        began_s = time.perf_counter()
        if self.known is not None and (verdict := self.known()) is not None:
            raise GradedBeforeError(verdict)
        views = [self._prepare(index, each) for index, each in enumerate(self.pictures)]
        decoded_s = time.perf_counter()
        saved = self.save() if self.save is not None else None
        judgement = self.grader.judge(views)
        return Worked(judgement, self.grader, saved, began_s, decoded_s, time.perf_counter())

    def _prepare(self, index: int, picture: bytes | Pixels) -> View:
        try:
            return self.grader.prepare(picture)
        except PictureError as error:
            raise ApiError(
                ErrorCode(error.problem.value), str(error), field=f"images[{index}]"
            ) from error
