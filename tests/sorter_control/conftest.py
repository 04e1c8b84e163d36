"""Sorting logs every item; the tests read values, so the log stays quiet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sorter_control.sim.camera import CameraStation
from sorter_control.sim.feed import FeedRow
from tests.sorter_control.factories import quiet_log
from tests.sorter_control.fake_server import PICTURE, FakeServer


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet_log():
        yield


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    fake = FakeServer()
    yield fake
    await fake.client.aclose()


@pytest.fixture
def station(tmp_path: Path) -> CameraStation:
    picture = tmp_path / "a.jpg"
    picture.write_bytes(PICTURE)
    station = CameraStation()
    station.photograph(4, FeedRow(item_id="RET-0", pictures=(picture, picture)))
    station.photograph(5, FeedRow(item_id=None, pictures=(picture,)))
    station.photograph(6, FeedRow(item_id="RET-6", pictures=(picture,)))
    return station
