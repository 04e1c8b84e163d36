"""Sorting logs every item; the tests read values, so the log stays quiet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Protocol

import pytest
import pytest_asyncio

from sorter_control.sim.camera import CameraStation
from sorter_control.sim.feed import FeedRow
from sorter_control.sim.geometry import Belt
from tests.sorter_control.factories import quiet_log
from tests.sorter_control.fake_server import PICTURE, FakeServer
from tests.sorter_control.links import Faults
from tests.sorter_control.stands import PATIENCE_S, OpcUaFace, Stand


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


class MakeStand(Protocol):
    """Builds a machine behind a protocol: 'memory', 'modbus' or 'opcua'."""

    async def __call__(
        self,
        protocol: str,
        *,
        rows: int = 3,
        belt: Belt | None = None,
        faults: Faults | None = None,
        timeout_s: float = PATIENCE_S,
    ) -> Stand: ...


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def opcua_face() -> AsyncIterator[OpcUaFace]:
    face = OpcUaFace()
    yield face
    await face.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def make_stand(opcua_face: OpcUaFace) -> AsyncIterator[MakeStand]:
    stands: list[Stand] = []

    async def make(
        protocol: str,
        *,
        rows: int = 3,
        belt: Belt | None = None,
        faults: Faults | None = None,
        timeout_s: float = PATIENCE_S,
    ) -> Stand:
        stand = Stand(rows, belt)
        stands.append(stand)
        if protocol == "modbus":
            await stand.connect_modbus(faults, timeout_s)
        elif protocol == "opcua":
            await stand.connect_opcua(opcua_face, faults, timeout_s)
        return stand

    yield make
    for stand in stands:
        await stand.close()
