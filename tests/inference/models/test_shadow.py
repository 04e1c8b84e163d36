"""A shadow in its real process: it says what it thinks, and nothing follows from it."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from inference.grader import BundleGrader
from inference.metrics import Metrics
from inference.models.metrics import ModelMetrics
from inference.models.shadow import MOST_WAITING, Shadow
from inference.store import Store
from inference.threads import StoreThreads
from model.contract import Bundle, ModelRef
from tests.inference.inference_factories import picture, verdict
from tests.inference.models.conftest import Site, model

pytestmark = pytest.mark.slow


def until(done: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 40
    while not done():
        assert time.monotonic() < end_s
        time.sleep(0.05)


def captures(site: Site, outcome: str) -> float:
    text = site.client.get("/metrics").text
    name = f'regrade_shadow_captures_total{{outcome="{outcome}"}} '
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


def test_it_grades_what_was_graded_and_moves_nothing(site: Site, tiny: Path) -> None:
    reply = site.post("/shadow", model=model("2"))
    assert reply.status_code == 200, reply.text
    given = site.grade("R-1")
    site.grade("R-1")  # a repeat is no second capture
    until(lambda: captures(site, "graded") == 1)
    grader = BundleGrader(Bundle.load(tiny))
    expected = grader.assess([grader.prepare(picture())])
    shadow = site.client.get("/v1/models/comparison").json()["shadow"]
    grades = shadow["confusion"]["grades"]
    row = shadow["confusion"]["counts"][grades.index(given["grade"])]
    assert row[grades.index(expected.grade)] == 1
    assert shadow["confusion"]["disagreed"]["of"] == 1
    record = site.client.get("/v1/items/R-1").json()
    assert record["gradings"] == [given]
    answer = {"override_id": "o-1", "grade": expected.grade, "operator": "Anna"}
    assert site.client.post("/v1/items/R-1/overrides", json=answer).status_code == 201
    shadow = site.client.get("/v1/models/comparison").json()["shadow"]
    assert shadow["shadow"]["agreed"]["share"] == 1.0
    page = site.client.get("/models").text
    assert "The shadow beside the champion" in page


def test_one_that_cannot_be_loaded_is_refused(site: Site) -> None:
    folder = site.registry.root / "tiny" / "2"
    (folder / "golden.png").chmod(0o644)
    (folder / "golden.png").write_bytes(picture(form="PNG"))
    reply = site.post("/shadow", model=model("2"))
    assert (reply.status_code, reply.json()["error"]["code"]) == (422, "bundle_refused")
    assert site.client.get("/v1/models").json()["roles"]["shadow"] is None


async def test_what_it_cannot_keep_up_with_is_dropped_and_counted(
    tmp_path: Path, tiny: Path
) -> None:
    metrics = Metrics()
    store = Store.open(f"sqlite:///{tmp_path / 'regrade.sqlite'}")
    async with StoreThreads(store) as threads:
        shadow = Shadow(
            Bundle.load(tiny),
            ModelRef(name="tiny", version="1"),
            tmp_path,
            threads,
            ModelMetrics(metrics.registry),
            lambda: True,
        )
        shadow.resume()
        for number in range(MOST_WAITING + 5):
            shadow.offer(verdict(f"R-{number}"))
        await asyncio.sleep(0)
        text = metrics.render().decode()
        assert 'regrade_shadow_captures_total{outcome="dropped"} 5.0' in text
        assert f"regrade_shadow_waiting {MOST_WAITING}.0" in text
        await shadow.stop()
    store.close()


def test_its_process_may_die_and_the_next_capture_starts_another(site: Site) -> None:
    site.post("/shadow", model=model("2"))
    site.grade("R-1")
    until(lambda: captures(site, "graded") == 1)
    for pid in children():
        os.kill(pid, signal.SIGKILL)
    site.grade("R-2")
    until(lambda: captures(site, "failed") == 1)
    site.grade("R-3")
    until(lambda: captures(site, "graded") == 2)


def children() -> list[int]:
    """Shadow processes of this one."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            command = (path.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if parent == os.getpid() and b"inference.models.shadow_child" in command:
            found.append(int(path.parent.name))
    return found
