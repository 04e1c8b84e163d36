"""The grading service without HTTP."""

from __future__ import annotations

import time
from pathlib import Path

from inference.grading import GradingService
from inference.metrics import Metrics
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
    store = Store.open(f"sqlite:///{tmp_path / 'regrade.sqlite'}")
    async with (
        StoreThreads(store) as threads,
        GradingService(
            FakeGrader(), threads, PictureStore(tmp_path / "pictures"), Capacity(), Metrics()
        ) as service,
    ):
        began_to_send = Deadline(time.perf_counter() - 600, None)
        await service.grade(
            Submission(ItemFacts(item_id="R-1"), "c-1", (Picture.of(picture()),)),
            Terms(began_to_send),
        )
        assert service.workers.own_s(1) < 60
        service.check(Terms(Deadline.after_ms(30_000)))
    store.close()
