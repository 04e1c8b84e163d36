"""What Prometheus scrapes from ``/metrics``."""

from __future__ import annotations

import platform
from importlib.metadata import version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    generate_latest,
)

from model.contract import Verdict

_BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5)
_STAGES = ("decode", "queue", "model", "store")
_RATIOS = (0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 4)
_COUNTS = (1, 2, 3, 4, 6, 8, 16, 32, 64)


class Metrics:
    """The server's figures, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "regrade_requests",
            "Requests, by route and outcome: ok or the error's code.",
            ["route", "outcome"],
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "regrade_request_seconds",
            "Time to the end of the reply, long polls and event streams left out.",
            ["route"],
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        self.stage_seconds = Histogram(
            "regrade_grade_stage_seconds",
            "Time of one graded item in each stage.",
            ["stage"],
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        self._stages = {stage: self.stage_seconds.labels(stage) for stage in _STAGES}
        self._of_the_queue()
        self._of_batches()
        self._of_the_model()
        self._of_the_process()
        self._of_retention()
        self.buffered = Gauge(
            "regrade_uploads_buffered_bytes",
            "Bytes of bodies with pictures that are held now.",
            registry=self.registry,
        )
        self.in_review = Gauge(
            "regrade_items_in_review", "Items that wait for a person.", registry=self.registry
        )
        self.overrides = Counter(
            "regrade_overrides",
            "Answers of people: agrees or differs from the model, or withdraws.",
            ["answer"],
            registry=self.registry,
        )

    def _of_the_queue(self) -> None:
        self.in_flight = Gauge(
            "regrade_grade_in_flight",
            "Items that wait or are worked on.",
            registry=self.registry,
        )
        self.waiting = Gauge(
            "regrade_grade_waiting",
            "Items that wait for a worker, by priority.",
            ["priority"],
            registry=self.registry,
        )
        self.wait_seconds = Histogram(
            "regrade_grade_wait_seconds",
            "Time that items waited for a worker, by priority.",
            ["priority"],
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        self.sheds = Counter(
            "regrade_grade_sheds",
            "Items that were refused or given up, by reason and priority.",
            ["reason", "priority"],
            registry=self.registry,
        )

    def _of_batches(self) -> None:
        self.pictures = Histogram(
            "regrade_grade_pictures",
            "Pictures of one graded item, which the network sees together.",
            buckets=_COUNTS[:6],
            registry=self.registry,
        )
        self.batch_items = Histogram(
            "regrade_batch_items",
            "Items of one batch request.",
            buckets=_COUNTS,
            registry=self.registry,
        )
        self.commit_gradings = Histogram(
            "regrade_store_commit_gradings",
            "Gradings that one transaction stored.",
            buckets=_COUNTS,
            registry=self.registry,
        )

    def _of_the_model(self) -> None:
        self.grades = Counter(
            "regrade_graded_items", "Graded items, by grade.", ["grade"], registry=self.registry
        )
        self.review_reasons = Counter(
            "regrade_review_reasons",
            "Why graded items were sent to a person; an item may have several reasons.",
            ["reason"],
            registry=self.registry,
        )
        self.unfamiliarity = Histogram(
            "regrade_unfamiliarity_ratio",
            "How unlike the training pictures graded items were; above 1 a person looks.",
            buckets=_RATIOS,
            registry=self.registry,
        )
        self.golden_checks = Counter(
            "regrade_golden_checks",
            "Looks at the golden pictures while serving, by outcome: passed or failed.",
            ["outcome"],
            registry=self.registry,
        )
        self.golden_seen = Gauge(
            "regrade_golden_last_success_timestamp_seconds",
            "Unix time at which the golden answers were last seen to hold.",
            registry=self.registry,
        )

    def _of_the_process(self) -> None:
        ProcessCollector(registry=self.registry)
        Info("regrade_build", "What runs.", registry=self.registry).info(
            {
                "version": version("regrade"),
                "python": platform.python_version(),
                "onnxruntime": version("onnxruntime"),
            }
        )

    def _of_retention(self) -> None:
        self.picture_bytes = Gauge(
            "regrade_pictures_bytes",
            "Pictures that the retention policy keeps, by what for; known after its first run.",
            ["reason"],
            registry=self.registry,
        )
        self.pictures_deleted = Counter(
            "regrade_pictures_deleted",
            "Pictures that the retention policy deleted, by what they had been kept for.",
            ["reason"],
            registry=self.registry,
        )

    def graded(self, verdict: Verdict, *, store_ms: float) -> None:
        """Record one graded item."""
        timings = verdict.timings
        for stage, value_ms in zip(
            _STAGES, (timings.decode_ms, timings.queue_ms, timings.model_ms, store_ms), strict=True
        ):
            self._stages[stage].observe(value_ms / 1000)
        self.pictures.observe(len(verdict.images))
        self.grades.labels(verdict.grade.value).inc()
        for reason in verdict.review_reasons:
            self.review_reasons.labels(reason.value).inc()
        self.unfamiliarity.observe(verdict.unfamiliarity)

    def render(self) -> bytes:
        """Prometheus text format."""
        return generate_latest(self.registry)
