"""Grades one item: wait, decode, assess, store; each step bounded, the whole by a deadline."""

from __future__ import annotations

import asyncio
import math
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Self

import structlog

from inference.errors import ApiError, ErrorCode
from inference.grader import Grader
from inference.grading.heatmaps import Explanation
from inference.grading.work import GradedBeforeError, Work, Worked
from inference.grading.writer import GradingWriter
from inference.metrics import Metrics
from inference.models.lineup import Served
from inference.pictures import PictureStore
from inference.scheduling import Refusal, RefusedError, Terms, Workers
from inference.scheduling.workers import Piece
from inference.settings import Capacity
from inference.store import CaptureConflictError, NewGrading, Store
from inference.threads import StoreThreads
from inference.tracing import Tracing
from inference.uploads import Picture, Submission
from model.contract import Timings, Verdict
from model.pictures import Pixels
from model.runtime import Judgement

log = structlog.get_logger(__name__)
#: They wait for the disk, which writes for all that wait at once.
_FILE_THREADS = 16


@dataclass(frozen=True, slots=True)
class Graded:
    """A stored verdict."""

    verdict: Verdict
    worked: Worked | None = None
    """The run that gave it; None: it was given before."""


@dataclass(frozen=True, slots=True)
class Assessed:
    """What a bundle makes of an item, and where the time went."""

    judgement: Judgement
    timings: Timings
    grader: Grader
    """Who gave it."""


@dataclass(slots=True, eq=False)
class _Job:
    """One capture on its way; repeats of the same request wait for the same job."""

    capture_id: str
    fingerprint: str
    piece: Piece[Worked]
    task: asyncio.Task[Graded]
    waiters: int = 0


class GradingService:
    """Holds the threads that grade, and what is being graded. One instance, on one event loop."""

    def __init__(
        self,
        served: Served,
        store: StoreThreads,
        pictures: PictureStore,
        capacity: Capacity,
        metrics: Metrics,
        tracing: Tracing | None = None,
    ) -> None:
        self._served = served
        self._store = store
        self._pictures = pictures
        self._metrics = metrics
        self._tracing = tracing
        self._files = ThreadPoolExecutor(_FILE_THREADS, thread_name_prefix="pictures")
        self._jobs: dict[str, _Job] = {}
        self._most_jobs = 2 * capacity.max_in_flight
        self._open = AsyncExitStack()
        self.workers = Workers(capacity.bounds, metrics)
        self._writer = GradingWriter(store, metrics, lambda: not self.workers.queue_is_empty)

    async def __aenter__(self) -> Self:
        self._open.push_async_callback(asyncio.to_thread, self._files.shutdown)
        await self._open.enter_async_context(self.workers)
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = [job.task for job in self._jobs.values()]
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._open.aclose()

    def check(self, terms: Terms) -> None:
        """Refuse a request before its body is read, where it would be refused after that.

        Raises:
            ApiError: It would be.
        """
        try:
            self.workers.check(terms)
        except RefusedError as refused:
            raise _refusal(refused) from refused

    async def grade(self, submission: Submission, terms: Terms) -> Graded:
        """Grade and store, or give back what was stored for the same capture.

        A deadline that passes while the model works ends only the waiting: the grading is stored,
        and a repeat of the request gets it.

        Raises:
            ApiError: A picture cannot be used, the capture id is taken, or there is no time.
            StoreUnavailableError: The grading could not be stored.
        """
        structlog.contextvars.bind_contextvars(**submission.ids)  # in all later lines of the task
        try:
            return await self._wait(self._job(submission, terms), terms)
        except ApiError as error:
            log.info("item_refused", code=error.code.value, reason=error.message)
            raise

    def _job(self, submission: Submission, terms: Terms) -> _Job:
        job = self._jobs.get(submission.capture_id)
        if job is None:
            return self._start(submission, terms)
        if job.fingerprint != submission.fingerprint:
            raise _conflict(submission.capture_id)
        self.workers.relax(job.piece, terms)
        return job

    async def explain(self, graded: Graded, submission: Submission, terms: Terms) -> Explanation:
        """Heat maps of a graded item; one that was graded before is looked at again.

        Raises:
            ApiError: There is no time to look at it again.
        """
        seen: Worked | Assessed | None = graded.worked
        if seen is None:
            grader = self._served.lineup.for_item(submission.facts.item_id)
            seen = await self.assess(_files(submission), terms, grader)
        return await asyncio.to_thread(
            Explanation.of, seen.judgement.damage_maps, seen.grader.damage_types, seen.grader.model
        )

    async def assess(
        self, pictures: Sequence[bytes | Pixels], terms: Terms, grader: Grader
    ) -> Assessed:
        """Grade one item without a record: nothing is stored, and a repeat is graded again.

        Args:
            pictures: Its views: files, or RGB pixels (H, W, 3).
            terms: Deadline and priority.
            grader: Who grades.

        Raises:
            ApiError: A picture cannot be used, or there is no time.
        """
        try:
            piece = self.workers.submit(terms, len(pictures), Work(grader, pictures))
            try:
                done, _ = await asyncio.wait({piece.result}, timeout=terms.deadline.left_s)
            finally:
                self.workers.withdraw(piece)  # nobody waits for it any more
                piece.result.cancel()
            if done:
                worked = piece.result.result()
                self._trace({}, piece, worked)
                return Assessed(worked.judgement, _timings(terms, piece, worked), grader)
        except RefusedError as refused:
            raise _refusal(refused) from refused
        late = Refusal.ANSWER_LATE if piece.begun else Refusal.DEADLINE_PASSED
        raise _refusal(self.workers.refused(late, terms.priority))

    def _start(self, submission: Submission, terms: Terms) -> _Job:
        if (
            len(self._jobs) >= self._most_jobs
        ):  # those that are being stored hold their pictures too
            raise _refusal(self.workers.refused(Refusal.QUEUE_FULL, terms.priority))
        capture_id, pictures = submission.capture_id, submission.pictures
        work = Work(
            self._served.lineup.for_item(submission.facts.item_id),
            _files(submission),
            known=self._store.reading(Store.verdict_for, capture_id, submission.fingerprint),
            save=partial(self._files.submit, self._save, pictures),
        )
        try:
            piece = self.workers.submit(terms, len(pictures), work)
        except RefusedError as refused:
            raise _refusal(refused) from refused
        task = asyncio.create_task(self._run(submission, terms, piece), name=f"grade {capture_id}")
        job = self._jobs[capture_id] = _Job(capture_id, submission.fingerprint, piece, task)
        task.add_done_callback(lambda _: self._ended(job))
        return job

    def _ended(self, job: _Job) -> None:
        self._forget(job)
        if job.waiters == 0 and not job.task.cancelled() and (error := job.task.exception()):
            log.warning("unawaited_grading_failed", error=str(error))

    def _forget(self, job: _Job) -> None:
        if self._jobs.get(job.capture_id) is job:
            del self._jobs[job.capture_id]

    async def _wait(self, job: _Job, terms: Terms) -> Graded:
        job.waiters += 1
        try:
            done, _ = await asyncio.wait({job.task}, timeout=terms.deadline.left_s)
        finally:
            job.waiters -= 1
        if done:
            return job.task.result()
        if not job.piece.begun:
            if job.waiters == 0 and self.workers.withdraw(job.piece):
                job.task.cancel()
                self._forget(job)  # now: a repeat must not join what is being given up
            raise _refusal(self.workers.refused(Refusal.DEADLINE_PASSED, terms.priority))
        raise _refusal(self.workers.refused(Refusal.ANSWER_LATE, terms.priority))

    async def _run(self, submission: Submission, terms: Terms, piece: Piece[Worked]) -> Graded:
        try:
            worked = await piece.result
        except RefusedError as refused:
            raise _refusal(refused) from refused
        except GradedBeforeError as before:
            return Graded(before.verdict)
        except CaptureConflictError as error:
            raise _conflict(submission.capture_id) from error
        assert worked.saved is not None  # noqa: S101 - it was asked for
        if worked.saved.done():  # mostly: to wait for it is one more way through the loop
            worked.saved.result()
        else:
            await asyncio.wrap_future(worked.saved)
        verdict = self._verdict(submission, terms, piece, worked)
        try:
            kept = await self._writer.add(
                NewGrading(verdict, submission.facts, submission.fingerprint)
            )
        except CaptureConflictError as error:
            raise _conflict(submission.capture_id) from error
        stored_s = time.perf_counter()
        after_s = stored_s - worked.ended_s
        self.workers.finished(after_s)
        self._note(kept, after_s)
        self._trace(submission.ids, piece, worked, store=(worked.ended_s, stored_s))
        self._served.graded(kept)
        return Graded(kept, worked)

    def _verdict(
        self, submission: Submission, terms: Terms, piece: Piece[Worked], worked: Worked
    ) -> Verdict:
        return Verdict(
            **dict(worked.judgement.assessment),
            verdict_id=f"v-{uuid.uuid4().hex}",
            capture_id=submission.capture_id,
            item_id=submission.facts.item_id,
            graded_at=datetime.now(UTC),
            model=worked.grader.model,
            images=tuple(picture.sha256 for picture in submission.pictures),
            timings=_timings(terms, piece, worked),
        )

    def _save(self, pictures: tuple[Picture, ...]) -> None:
        """Before the grading: one in the database always has its pictures."""
        for picture in pictures:
            self._pictures.save(picture.sha256, picture.data)

    def _trace(
        self,
        ids: Mapping[str, str],
        piece: Piece[Worked],
        worked: Worked,
        **more: tuple[float, float],
    ) -> None:
        if self._tracing is not None:
            stages = {
                "queue": (piece.arrived_s, worked.began_s),
                "decode": (worked.began_s, worked.decoded_s),
                "network": (worked.decoded_s, worked.ended_s),
            }
            self._tracing.stages(ids, stages | more)

    def _note(self, verdict: Verdict, after_s: float) -> None:
        self._metrics.graded(verdict, store_ms=_ms(after_s))
        log.info(
            "item_graded",
            grade=verdict.grade.value,
            probability=round(verdict.probabilities[verdict.grade], 3),
            review=[reason.value for reason in verdict.review_reasons],
            images=len(verdict.images),
            **{name: round(value, 1) for name, value in verdict.timings.model_dump().items()},
        )


_NO_TIME = {Refusal.DEADLINE_OUT_OF_REACH, Refusal.DEADLINE_PASSED, Refusal.ANSWER_LATE}
_MESSAGES = {
    Refusal.QUEUE_FULL: "as many items wait as may; retry in a moment",
    Refusal.WAIT_TOO_LONG: "items that came before take too long; retry in a moment, or say with "
    "X-Deadline-Ms how long you can wait",
    Refusal.DEADLINE_OUT_OF_REACH: "what waits already leaves no time before the deadline",
    Refusal.DISPLACED: "items of higher priority took its place; retry in a moment",
    Refusal.DEADLINE_PASSED: "the deadline passed before the item's turn came",
    Refusal.ANSWER_LATE: "the deadline passed before the answer was ready",
}


def _refusal(refused: RefusedError) -> ApiError:
    return ApiError(
        ErrorCode.DEADLINE_MISSED if refused.reason in _NO_TIME else ErrorCode.OVERLOADED,
        _MESSAGES[refused.reason],
        retry_after_s=max(1, math.ceil(refused.wait_s)),
    )


def _files(submission: Submission) -> tuple[bytes, ...]:
    return tuple(picture.data for picture in submission.pictures)


def _timings(terms: Terms, piece: Piece[Worked], worked: Worked) -> Timings:
    return Timings(
        decode_ms=_ms(worked.decoded_s - worked.began_s),
        queue_ms=_ms(worked.began_s - piece.arrived_s),
        model_ms=_ms(worked.ended_s - worked.decoded_s),
        total_ms=_ms(worked.ended_s - terms.deadline.started_s),
    )


def _conflict(capture_id: str) -> ApiError:
    return ApiError(
        ErrorCode.CAPTURE_CONFLICT,
        f"capture_id {capture_id} was used for other pictures or facts; use a new one",
        field="capture_id",
    )


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
