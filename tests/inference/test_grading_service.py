"""The grading service without HTTP."""

from __future__ import annotations

import time
from pathlib import Path

from inference.grading import Deadline, GradingService
from inference.metrics import Metrics
from inference.pictures import PictureStore
from inference.settings import Capacity
from inference.store import Store
from inference.threads import StoreThreads
from inference.uploads import Submission
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
            Submission(ItemFacts(item_id="R-1"), "c-1", (picture(),)), began_to_send
        )
        with service.admitted(Deadline.after_ms(None)), service.admitted(Deadline.after_ms(30_000)):
            pass
    store.close()
