"""The demo's belt is stopped, started and its lanes closed from the live page."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect
from pymodbus.client import ModbusTcpClient

from sorter_control import tags
from sorter_control.packml import State
from sorter_control.protocol import LaneBit, unpack_lanes, unpack_status
from tests.e2e.browser import PATIENCE_MS
from tests.e2e.processes import Regrade, eventually


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Registers:
    """The PLC's own registers, read past the controller and the server."""

    def __init__(self, port: int) -> None:
        self._client = ModbusTcpClient("127.0.0.1", port=port)
        eventually(self._connected, "the PLC's port")

    def _connected(self) -> bool | None:
        return self._client.connect() or None  # type: ignore[no-untyped-call]

    def _words(self) -> list[int]:
        size = tags.LANES.end
        reply = self._client.read_input_registers(0, count=size, device_id=tags.UNIT)
        return list(reply.registers)

    def state(self) -> State:
        return unpack_status(self._words()[: tags.STATUS.size]).state_current

    def lanes(self) -> Any:
        words = self._words()
        count = unpack_status(words[: tags.STATUS.size]).lane_count
        return unpack_lanes(words[tags.LANES.address :], count)

    def close(self) -> None:
        self._client.close()  # type: ignore[no-untyped-call]


def press_and_hold(page: Page, kind: str) -> None:
    button = page.locator(f"[data-command={kind}]")
    expect(button).to_be_enabled(timeout=PATIENCE_MS)
    button.hover()
    page.mouse.down()
    page.wait_for_timeout(1300)
    page.mouse.up()


def test_the_belt_is_stopped_started_and_a_lane_closed_from_the_page(
    regrade: Regrade, tmp_path: Path, page_of_anna: Page
) -> None:
    page = page_of_anna
    port, modbus_port = free_port(), free_port()
    regrade(
        *("demo", "--port", port, "--modbus-port", modbus_port, "--no-browser"),
        *("--data", tmp_path / "demo"),
    )
    plc = Registers(modbus_port)
    told = page.locator("#telling")
    eventually(lambda: plc.state() is State.EXECUTE or None, "the belt to run")
    eventually(lambda: sum(lane.count for lane in plc.lanes()) > 0 or None, "an item in a lane")
    page.goto(f"http://127.0.0.1:{port}/line")

    page.locator("[data-command=stop]").click(timeout=PATIENCE_MS)
    expect(told).to_contain_text("Stop: done", timeout=PATIENCE_MS)
    assert plc.state() is State.STOPPED
    lanes = plc.lanes()
    for number, lane in enumerate(lanes):
        count = page.locator(".lane-count").nth(number)
        expect(count).to_have_text(f"{lane.count:,}", timeout=PATIENCE_MS)
    expect(page.locator(".differs")).to_have_count(0)

    page.locator("[data-lane='1']").click()
    page.get_by_role("button", name="Maintenance").click()
    expect(told).to_contain_text("Disable lane 1: done", timeout=PATIENCE_MS)
    assert LaneBit.ENABLED not in plc.lanes()[0].bits
    expect(page.locator(".lane").first).to_contain_text("Anna")
    expect(page.locator(".lane").first).to_contain_text("Maintenance")

    page.locator("[data-command=reset]").click()
    expect(told).to_contain_text("Reset: done", timeout=PATIENCE_MS)
    assert plc.state() is State.IDLE
    press_and_hold(page, "start")
    expect(told).to_contain_text("Start: done", timeout=PATIENCE_MS)
    assert plc.state() is State.EXECUTE
    assert plc.lanes()[0].count == lanes[0].count
    plc.close()
