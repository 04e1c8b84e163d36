"""Grades one item: decode, wait, assess, store; each step bounded, the whole by a deadline."""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Self, TypeVar

import structlog

from inference.errors import ApiError, ErrorCode
from inference.grader import Grader
from inference.metrics import Metrics
from inference.pace import Pace
from inference.pictures import PictureStore
from inference.settings import Capacity
from inference.store import CaptureConflictError, NewGrading, Store
from inference.threads import StoreThreads
from inference.uploads import Submission
from model.contract import Assessment, Timings, Verdict
from model.pictures import PictureError, Pixels
from model.runtime import View

T = TypeVar("T")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Deadline:
    """When the answer is of no more use, in ``time.perf_counter`` seconds; None: never."""

    started_s: float
    at_s: float | None

    @classmethod
    def after_ms(cls, budget_ms: int | None) -> Self:
        """Counts from now."""
        now = time.perf_counter()
        return cls(now, None if budget_ms is None else now + budget_ms / 1000)

    @property
    def left_s(self) -> float | None:
        """Seconds left, None where there is no end."""
        return None if self.at_s is None else max(0.0, self.at_s - time.perf_counter())


@dataclass(slots=True)
class _Job:
    """One capture on its way; repeats of the same request wait for the same job."""

    fingerprint: str
    task: asyncio.Task[Verdict]
    waiters: int = 0
    assessing: bool = field(default=False)

    def begin_assessing(self) -> None:
        """From here on the deadline ends only the waiting."""
        self.assessing = True


@dataclass(frozen=True, slots=True)
class Assessed:
    """An assessment and where its time went."""

    assessment: Assessment
    timings: Timings


class GradingService:
    """Holds the pools. One instance, on one event loop."""

    def __init__(
        self,
        grader: Grader,
        store: StoreThreads,
        pictures: PictureStore,
        capacity: Capacity,
        metrics: Metrics,
    ) -> None:
        self._grader = grader
        self._store = store
        self._pictures = pictures
        self._capacity = capacity
        self._metrics = metrics
        self._decoders = ThreadPoolExecutor(capacity.decode_threads, thread_name_prefix="decode")
        self._graders = ThreadPoolExecutor(capacity.grade_threads, thread_name_prefix="grade")
        self._jobs: dict[str, _Job] = {}
        self._in_flight = 0
        self._pace = Pace()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = [job.task for job in self._jobs.values()]
        await asyncio.gather(*tasks, return_exceptions=True)
        for pool in (self._decoders, self._graders):
            await asyncio.to_thread(pool.shutdown)

    @contextmanager
    def admitted(self, deadline: Deadline) -> Iterator[None]:
        """Hold one of the places; taken before the body is read, so memory stays bounded.

        Raises:
            ApiError: All places are taken, or those before leave no time.
        """
        expected_s = self._pace.wait_s(self._in_flight)
        if self._in_flight >= self._capacity.max_in_flight:
            self._metrics.sheds.labels("queue_full").inc()
            raise ApiError(
                ErrorCode.OVERLOADED,
                f"{self._in_flight} requests are being graded or wait; retry in a moment",
                retry_after_s=_whole_s(expected_s),
            )
        left_s = deadline.left_s
        if left_s is not None and expected_s > left_s:
            raise self._late(
                "deadline_out_of_reach",
                f"about {expected_s * 1000:.0f} ms of work wait already, the deadline leaves "
                f"{left_s * 1000:.0f} ms",
            )
        self._in_flight += 1
        self._metrics.queue_depth.set(self._in_flight)
        try:
            yield
        finally:
            self._in_flight -= 1
            self._metrics.queue_depth.set(self._in_flight)

    async def grade(self, submission: Submission, deadline: Deadline) -> Verdict:
        """Grade and store, or give back what was stored for the same capture.

        A deadline that passes while the model works ends only the waiting: the grading is stored,
        and a repeat of the request gets it.

        Raises:
            ApiError: A picture cannot be used, the capture id is taken, or the deadline passed.
            StoreUnavailableError: The grading could not be stored.
        """
        digests = await self._in_pool(self._decoders, partial(_digests, submission.images))
        fingerprint = _fingerprint(submission, digests)
        known = await self._known(submission.capture_id, fingerprint)
        if known is not None:
            return known
        job = self._jobs.get(submission.capture_id)
        if job is None:
            job = self._start(submission, digests, fingerprint, deadline)
        elif job.fingerprint != fingerprint:
            raise _conflict(submission.capture_id)
        return await self._wait(job, deadline)

    async def assess(self, pictures: Sequence[bytes | Pixels], deadline: Deadline) -> Assessed:
        """Grade one item without a record: nothing is stored, and a repeat is graded again.

        Args:
            pictures: Its views: files, or RGB pixels (H, W, 3).
            deadline: When to give up.

        Raises:
            ApiError: A picture cannot be used, or the deadline passed.
        """
        began_s = time.perf_counter()
        try:
            async with asyncio.timeout(deadline.left_s):
                assessed = await self._assessed(pictures, deadline, lambda: None)
        except TimeoutError as error:
            raise self._passed() from error
        self._learn(began_s, assessed)
        return assessed

    async def _known(self, capture_id: str, fingerprint: str) -> Verdict | None:
        try:
            return await self._store.read(Store.verdict_for, capture_id, fingerprint)
        except CaptureConflictError as error:
            raise _conflict(capture_id) from error

    def _start(
        self, submission: Submission, digests: tuple[str, ...], fingerprint: str, deadline: Deadline
    ) -> _Job:
        capture_id = submission.capture_id
        task = asyncio.create_task(
            self._run(submission, digests, fingerprint, deadline), name=f"grade {capture_id}"
        )
        job = self._jobs[capture_id] = _Job(fingerprint, task)
        task.add_done_callback(lambda done: self._ended(capture_id, done))
        return job

    def _ended(self, capture_id: str, task: asyncio.Task[Verdict]) -> None:
        job = self._jobs.pop(capture_id)
        if job.waiters == 0 and not task.cancelled() and (error := task.exception()):
            log.warning("unawaited_grading_failed", capture_id=capture_id, error=str(error))

    async def _wait(self, job: _Job, deadline: Deadline) -> Verdict:
        job.waiters += 1
        try:
            done, _ = await asyncio.wait({job.task}, timeout=deadline.left_s)
        finally:
            job.waiters -= 1
        if done:
            return job.task.result()
        if not job.assessing and job.waiters == 0:
            job.task.cancel()
        raise self._passed()

    async def _run(
        self, submission: Submission, digests: tuple[str, ...], fingerprint: str, deadline: Deadline
    ) -> Verdict:
        began_s = time.perf_counter()
        job = self._jobs[submission.capture_id]
        assessed = await self._assessed(submission.images, deadline, job.begin_assessing)
        verdict = Verdict(
            **dict(assessed.assessment),
            verdict_id=f"v-{uuid.uuid4().hex}",
            capture_id=submission.capture_id,
            item_id=submission.facts.item_id,
            graded_at=datetime.now(UTC),
            model=self._grader.model,
            images=digests,
            timings=assessed.timings,
        )
        kept = await self._keep(NewGrading(verdict, submission.facts, fingerprint), submission)
        self._learn(began_s, assessed)
        return kept

    def _learn(self, began_s: float, assessed: Assessed) -> None:
        self._pace.departed(
            arrived_s=began_s,
            now_s=time.perf_counter(),
            model_s=assessed.timings.model_ms / 1000,
        )

    async def _assessed(
        self,
        pictures: Sequence[bytes | Pixels],
        deadline: Deadline,
        on_begun: Callable[[], None],
    ) -> Assessed:
        began_s = time.perf_counter()
        views = await asyncio.gather(
            *(
                self._in_pool(self._decoders, partial(self._prepare, index, picture))
                for index, picture in enumerate(pictures)
            )
        )
        decoded_s = time.perf_counter()
        assessment, model_began_s = await self._in_pool(
            self._graders, partial(self._assess, views, deadline, on_begun)
        )
        model_ended_s = time.perf_counter()
        timings = Timings(
            decode_ms=_ms(decoded_s - began_s),
            queue_ms=_ms(model_began_s - decoded_s),
            model_ms=_ms(model_ended_s - model_began_s),
            total_ms=_ms(model_ended_s - deadline.started_s),
        )
        return Assessed(assessment, timings)

    async def _keep(self, new: NewGrading, submission: Submission) -> Verdict:
        """Pictures first: a grading in the database always has its pictures."""
        began_s = time.perf_counter()
        await self._in_pool(
            self._decoders, partial(self._save, new.verdict.images, submission.images)
        )
        try:
            verdict = await self._store.write(Store.add_grading, new)
        except CaptureConflictError as error:
            raise _conflict(submission.capture_id) from error
        timings = verdict.timings
        self._metrics.observe_stages(timings, store_ms=_ms(time.perf_counter() - began_s))
        log.info(
            "item_graded",
            item_id=verdict.item_id,
            capture_id=verdict.capture_id,
            grade=verdict.grade.value,
            probability=round(verdict.probabilities[verdict.grade], 3),
            review=[reason.value for reason in verdict.review_reasons],
            images=len(verdict.images),
            **{name: round(value, 1) for name, value in timings.model_dump().items()},
        )
        return verdict

    def _prepare(self, index: int, picture: bytes | Pixels) -> View:
        try:
            return self._grader.prepare(picture)
        except PictureError as error:
            raise ApiError(
                ErrorCode(error.problem.value), str(error), field=f"images[{index}]"
            ) from error

    def _assess(
        self, views: list[View], deadline: Deadline, on_begun: Callable[[], None]
    ) -> tuple[Assessment, float]:
        if not self._pace.can_finish_in(deadline.left_s):
            raise self._late("no_time_for_model", "the deadline leaves no time for the model")
        on_begun()
        began_s = time.perf_counter()
        return self._grader.assess(views), began_s

    def _passed(self) -> ApiError:
        return self._late("deadline_passed", "the deadline passed before the answer was ready")

    def _late(self, reason: str, message: str) -> ApiError:
        self._metrics.sheds.labels(reason).inc()
        return ApiError(
            ErrorCode.DEADLINE_MISSED,
            message,
            retry_after_s=_whole_s(self._pace.wait_s(self._in_flight)),
        )

    def _save(self, digests: tuple[str, ...], images: tuple[bytes, ...]) -> None:
        for sha256, data in zip(digests, images, strict=True):
            self._pictures.save(sha256, data)

    @staticmethod
    async def _in_pool(pool: ThreadPoolExecutor, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, call)


def _digests(images: tuple[bytes, ...]) -> tuple[str, ...]:
    return tuple(hashlib.sha256(data).hexdigest() for data in images)


def _fingerprint(submission: Submission, digests: tuple[str, ...]) -> str:
    text = "\n".join((submission.facts.model_dump_json(), *digests))
    return hashlib.sha256(text.encode()).hexdigest()


def _conflict(capture_id: str) -> ApiError:
    return ApiError(
        ErrorCode.CAPTURE_CONFLICT,
        f"capture_id {capture_id} was used for other pictures or facts; use a new one",
        field="capture_id",
    )


def _whole_s(seconds: float) -> int:
    return max(1, math.ceil(seconds))


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
