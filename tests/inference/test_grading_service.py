"""The grading service without HTTP."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from inference.grading import GradingService
from inference.metrics import Metrics
from inference.models.lineup import Lineup, Served
from inference.pictures import PictureStore
from inference.scheduling import Deadline, Terms
from inference.settings import Capacity
from inference.store import Store
from inference.threads import StoreThreads
from inference.uploads import Picture, Submission
from model.contract import ItemFacts
from tests.inference.inference_factories import FakeGrader, picture


async def test_a_slow_upload_makes_nobody_else_late(tmp_path: Path) -> None:
    """The time that a client takes to send its body says nothing about the server's pace."""
    grader = FakeGrader()
    store = Store.open(f"sqlite:///{tmp_path / 'regrade.sqlite'}")
    async with (
        StoreThreads(store) as threads,
        GradingService(
            Served(Lineup(grader)),
            threads,
            PictureStore(tmp_path / "pictures"),
            Capacity(1),
            Metrics(),
        ) as service,
    ):
        await service.grade(item("R-1"), Terms(Deadline(time.perf_counter() - 600, None)))
        await asyncio.to_thread(grader.entered.acquire, timeout=30)
        grader.hold()
        other = asyncio.create_task(service.grade(item("R-2"), Terms(Deadline.after_ms(None))))
        await asyncio.to_thread(grader.entered.acquire, timeout=30)
        service.check(Terms(Deadline.after_ms(30_000)))  # would be refused behind ten minutes
        grader.release()
        await other
    store.close()


def item(item_id: str) -> Submission:
    return Submission(ItemFacts(item_id=item_id), f"c-{item_id}", (Picture.of(picture()),))
