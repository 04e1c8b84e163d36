"""Group commit: what ends together is stored together, and each one hears of its own end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from inference.errors import StoreUnavailableError
from inference.grading import writer as writer_module
from inference.grading.writer import GradingWriter
from inference.metrics import Metrics
from inference.store import CaptureConflictError, NewGrading, Store
from inference.threads import StoreThreads
from model.contract import Verdict
from tests.inference.inference_factories import facts, verdict


def grading(number: int, fingerprint: str = "print") -> NewGrading:
    item_id = f"R-{number}"
    return NewGrading(verdict(item_id), facts(item_id), fingerprint)


@pytest.fixture
async def threads(tmp_path: Path) -> AsyncIterator[StoreThreads]:
    store = Store.open(f"sqlite:///{tmp_path / 'regrade.sqlite'}")
    async with StoreThreads(store) as threads:
        yield threads
    store.close()


def commits(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value("regrade_store_commit_gradings_count")


async def test_what_comes_together_is_one_transaction(threads: StoreThreads) -> None:
    metrics = Metrics()
    writer = GradingWriter(threads, metrics)
    new = [grading(number) for number in range(10)]
    stored = await asyncio.gather(*(writer.add(each) for each in new))
    assert stored == [each.verdict for each in new]
    assert commits(metrics) == 1
    assert await writer.add(grading(11)) == grading(11).verdict
    assert commits(metrics) == 2
    assert (await threads.read(Store.summary, None)).graded == 11


async def test_a_transaction_fills_while_others_wait_and_ends_once_none_does(
    threads: StoreThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "_LINGER_S", 600.0)  # nothing ends it but what comes
    waiting = 3
    metrics = Metrics()
    writer = GradingWriter(threads, metrics, lambda: waiting > 0)
    first = [asyncio.create_task(writer.add(grading(number))) for number in range(2)]
    await asyncio.sleep(0.05)
    assert commits(metrics) == 0
    waiting = 0
    await writer.add(grading(2))
    await asyncio.gather(*first)
    assert commits(metrics) == 1


async def test_a_full_transaction_waits_for_no_more(
    threads: StoreThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "_LINGER_S", 600.0)
    monkeypatch.setattr(writer_module, "_MOST", 4)
    metrics = Metrics()
    writer = GradingWriter(threads, metrics, lambda: True)
    await asyncio.gather(*(writer.add(grading(number)) for number in range(4)))
    assert commits(metrics) == 1


async def test_a_transaction_that_gets_no_more_ends_in_time(threads: StoreThreads) -> None:
    writer = GradingWriter(threads, Metrics(), lambda: True)
    assert await writer.add(grading(1)) == grading(1).verdict


async def test_one_conflict_spoils_no_other(threads: StoreThreads) -> None:
    writer = GradingWriter(threads, Metrics())
    await writer.add(grading(1))
    conflict, stored = await asyncio.gather(
        writer.add(grading(1, "another print")),
        writer.add(grading(2)),
        return_exceptions=True,
    )
    assert isinstance(conflict, CaptureConflictError)
    assert stored == grading(2).verdict


async def test_a_lost_database_is_everybodys_error_and_not_for_ever(
    threads: StoreThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = GradingWriter(threads, Metrics())

    async def fail(*_: object) -> None:
        raise StoreUnavailableError("no space left")

    with monkeypatch.context() as away:
        away.setattr(threads, "write", fail)
        results = await asyncio.gather(
            writer.add(grading(1)), writer.add(grading(2)), return_exceptions=True
        )
        assert [type(each) for each in results] == [StoreUnavailableError] * 2
    assert await writer.add(grading(1)) == grading(1).verdict


async def test_what_cannot_be_stored_is_its_own_error(
    threads: StoreThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_all = Store.add_gradings

    def refuse(store: Store, new: Sequence[NewGrading]) -> list[Verdict | CaptureConflictError]:
        if any(each.verdict.item_id == "R-2" for each in new):
            raise ValueError("a row that cannot be read")
        return store_all(store, new)

    monkeypatch.setattr(Store, "add_gradings", refuse)
    writer = GradingWriter(threads, Metrics())
    results = await asyncio.gather(
        *(writer.add(grading(number)) for number in (1, 2, 3)), return_exceptions=True
    )
    assert isinstance(results[1], ValueError)
    assert [results[0], results[2]] == [grading(1).verdict, grading(3).verdict]


async def test_who_stops_waiting_stops_nobody_else(threads: StoreThreads) -> None:
    writer = GradingWriter(threads, Metrics())
    impatient = asyncio.create_task(writer.add(grading(1)))
    patient = asyncio.create_task(writer.add(grading(2)))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == grading(2).verdict
