"""A model that is spoilt while it serves takes the server out of service until it is well again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from inference.golden import GoldenWatch
from inference.metrics import Metrics
from model.contract import BundleError
from tests.inference.conftest import ClientFactory
from tests.inference.inference_factories import FakeGrader


class Spoilt(FakeGrader):
    """Gives the golden answers while ``well``."""

    well = True

    def verify(self) -> None:
        if not self.well:
            raise BundleError(Path("bundle"), "golden-0.jpg is graded new here")


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


async def test_what_was_lost_is_named_counted_and_found_again() -> None:
    grader, metrics = Spoilt(), Metrics()
    watch = GoldenWatch(lambda: grader, metrics)
    grader.well = False
    await watch.look()
    assert "golden-0.jpg" in str(watch.problem)
    assert sample(metrics, "regrade_golden_checks_total", outcome="failed") == 1
    grader.well = True
    await watch.look()
    assert str(watch.problem) == "None"
    assert sample(metrics, "regrade_golden_checks_total", outcome="passed") == 1


async def test_it_looks_by_itself_and_not_while_items_wait() -> None:
    grader, metrics, waiting = Spoilt(), Metrics(), True
    grader.well = False
    async with GoldenWatch(lambda: grader, metrics, lambda: waiting, every_s=0.01) as watch:
        await asyncio.sleep(0.1)
        assert watch.problem is None
        waiting = False
        async with asyncio.timeout(10):
            while watch.problem is None:  # noqa: ASYNC110 - nothing tells it
                await asyncio.sleep(0.01)


async def test_looks_that_do_not_come_are_a_problem_too(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = GoldenWatch(FakeGrader, Metrics(), every_s=0.0)
    monkeypatch.setattr("inference.golden._PATIENCE_S", -1.0)
    assert watch.problem is not None
    assert "not been graded" in watch.problem


def test_readiness_says_so(make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    client = make_client()
    assert client.get("/health/ready").json()["ready"] is True
    monkeypatch.setattr(GoldenWatch, "problem", "the model no longer gives its golden answers")
    reply = client.get("/health/ready")
    assert reply.status_code == 503
    assert reply.json()["problems"] == ["the model no longer gives its golden answers"]
    assert client.get("/v2/health/ready").status_code == 503
