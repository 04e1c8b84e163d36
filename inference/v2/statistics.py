"""Counts of what the protocol answered, as the statistics extension has them."""

from __future__ import annotations

import time
from collections.abc import Sequence

from pydantic import BaseModel

from model.contract import ModelRef, Timings

_MS_IN_NS = 1_000_000


class Duration(BaseModel):
    """How often, and the sum of its times."""

    count: int = 0
    ns: int = 0

    def add(self, ns: float) -> None:
        """One more."""
        self.count += 1
        self.ns += int(ns)


class InferenceStatistics(BaseModel):
    """``success`` and ``fail`` count requests, the others items."""

    success: Duration
    fail: Duration
    queue: Duration
    compute_input: Duration
    compute_infer: Duration
    compute_output: Duration


class Statistics:
    """What was inferred since the server started. One instance, on one event loop."""

    def __init__(self) -> None:
        self.last_inference_ms = 0
        """Unix time of the last success, 0: none."""
        self.items = 0
        self._times = InferenceStatistics(
            **{name: Duration() for name in InferenceStatistics.model_fields}
        )

    @property
    def times(self) -> InferenceStatistics:
        """A copy."""
        return self._times.model_copy(deep=True)

    def succeeded(self, began_s: float, items: Sequence[Timings], output_s: float) -> None:
        """A request was answered.

        Args:
            began_s: When it began, by ``time.perf_counter``.
            items: Times of each item.
            output_s: Time that the reply took to write.
        """
        self.last_inference_ms = time.time_ns() // _MS_IN_NS
        self.items += len(items)
        self._times.success.add((time.perf_counter() - began_s) * 1e9)
        self._times.compute_output.add(output_s * 1e9)
        for each in items:
            self._times.queue.add(each.queue_ms * _MS_IN_NS)
            self._times.compute_input.add(each.decode_ms * _MS_IN_NS)
            self._times.compute_infer.add(each.model_ms * _MS_IN_NS)

    def failed(self, began_s: float) -> None:
        """A request was refused or could not be answered in time."""
        self._times.fail.add((time.perf_counter() - began_s) * 1e9)


class AllStatistics:
    """Those of each model that was asked."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, str], Statistics] = {}

    def of(self, model: ModelRef) -> Statistics:
        """Of one model."""
        return self._of.setdefault((model.name, model.version), Statistics())
