"""What Prometheus scrapes from ``/metrics``."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from model.contract import Timings

_BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5)
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
        self._of_the_queue()
        self._of_batches()
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

    def observe_stages(self, timings: Timings, *, store_ms: float) -> None:
        """Record one graded item."""
        stages = {
            "decode": timings.decode_ms,
            "queue": timings.queue_ms,
            "model": timings.model_ms,
            "store": store_ms,
        }
        for stage, value_ms in stages.items():
            self.stage_seconds.labels(stage).observe(value_ms / 1000)

    def render(self) -> bytes:
        """Prometheus text format."""
        return generate_latest(self.registry)
