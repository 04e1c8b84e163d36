"""Announce to acknowledged assignment over real sockets, and the cost of a decision.

The simulated PLC runs as a process of its own, the controller in this one, with its journal on disk; once over Modbus TCP and once
over OPC UA. Items are graded at once, so that it is the way between PLC and controller that is timed: by the PLC's own encoder, from
the scan that announces an item to the scan that takes its lane. 30 items a second, 32 lanes, some 500 items in flight once the belt
is full, which takes 17 seconds.

    python -m benchmarks.plc [--seconds N] [--poll-ms N] [--timeout-ms N] [--only modbus|opcua]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import structlog
from rich.console import Console
from rich.table import Table

from model.contract import GRADES, ItemFacts
from sorter_control.controller.controller import Controller
from sorter_control.controller.decide import decide
from sorter_control.controller.journal import Journal
from sorter_control.controller.observations import (
    Graded,
    Identified,
    Observation,
    PlcLost,
    PlcReported,
)
from sorter_control.controller.values import ControllerState, Item, Settings
from sorter_control.drivers import Plc
from sorter_control.drivers.modbus import ModbusPlc
from sorter_control.drivers.opcua import OpcUaPlc
from sorter_control.errors import PlcError
from sorter_control.policy import Policy
from sorter_control.protocol import Event, EventType, PlcImage
from sorter_control.sequence import EVENT_NUMBERS, encoder_travel
from sorter_control.sim.verdicts import verdict

_ITEMS_PER_S = 30
_LANES = 32
_LENGTH_MM, _GAP_MM = 50, 68
_FIRST_DIVERT_MM, _DIVERT_PITCH_MM = 56_800, 95
_BELT = {
    "speed_mm_s": (_LENGTH_MM + _GAP_MM) * _ITEMS_PER_S,
    "pulses_per_m": 1000,
    "infeed_mm": 300,
    "diverts_mm": [_FIRST_DIVERT_MM + _DIVERT_PITCH_MM * lane for lane in range(_LANES - 1)],
    "run_out_mm": 60_000,
    "check_mm": 800,
    "confirm_mm": 60,
    "actuator_response_ms": 5,
    "no_return_margin_mm": 5,
    "window_mm": 50,
    "debounce_mm": 5,
    "min_gap_mm": 24,
    "max_failures": 1000,
    "lane_capacity": 10_000,
    "take_away_s": 1,
    "scan_ms": 5,
    "host_timeout_ms": 1000,
}
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_READY = re.compile(r"modbus=(\S+)(?: opcua=(\S+))?")


@dataclass(slots=True)
class Measured:
    """What one run saw.

    Attributes:
        announced: Encoder at the scan that announced each item, by tid.
        taken_ms: From there to the scan that took its lane, by tid.
        refused: Answers that were refusals.
        polls_ms: Time that each poll took: read, decide, commit, write.
        in_flight: The most items that the PLC tracked at once.
        errors: Polls that failed.
    """

    announced: dict[int, int] = field(default_factory=dict)
    taken_ms: dict[int, float] = field(default_factory=dict)
    refused: int = 0
    polls_ms: list[float] = field(default_factory=list)
    in_flight: int = 0
    errors: int = 0

    def note(self, event: Event) -> None:
        """Take in an event of the PLC; one that is replayed changes nothing."""
        if event.type is EventType.ANNOUNCE:
            self.announced.setdefault(event.tid, event.encoder + event.aux)
        elif event.type is EventType.ASSIGN_ACK and event.tid in self.announced:
            pulses = encoder_travel(self.announced[event.tid], event.encoder)
            self.taken_ms.setdefault(event.tid, pulses / int(str(_BELT["speed_mm_s"])) * 1000)
        elif event.type is EventType.ASSIGN_NAK:
            self.refused += 1

    def lost(self) -> int:
        """Items that were announced and have no lane; the last second's may still get one."""
        newest = max(self.announced, default=0)
        return sum(
            tid not in self.taken_ms for tid in self.announced if tid <= newest - _ITEMS_PER_S
        )


def main() -> None:
    """Measure and print tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="of each run")
    parser.add_argument("--poll-ms", type=float, default=20.0)
    parser.add_argument(
        "--timeout-ms", type=float, default=200.0, help="of one answer; more on a busy machine"
    )
    parser.add_argument("--only", choices=("modbus", "opcua"))
    arguments = parser.parse_args()
    for library in ("pymodbus", "asyncua"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    table = Table("protocol", "items", "lost", "refused", "p50 ms", "p99 ms", "max ms")
    for title in ("poll p50 ms", "poll p99 ms", "in flight", "failed polls"):
        table.add_column(title)
    costs: Mapping[str, float] = {}
    for protocol in (arguments.only,) if arguments.only else ("modbus", "opcua"):
        with tempfile.TemporaryDirectory() as folder, _plc(Path(folder), protocol) as address:
            plc = _driver(protocol, address, arguments.timeout_ms / 1000)
            measured, costs = asyncio.run(
                _run(plc, Path(folder), arguments.seconds, arguments.poll_ms / 1000)
            )
        table.add_row(protocol, *_row(measured))
    console = Console(width=140)
    console.print(table)
    for what, microseconds in costs.items():
        console.print(f"decide, {what}: median {microseconds:.1f} us")


def _driver(protocol: str, address: str, timeout_s: float) -> Plc:
    host, _, port = address.rpartition(":")
    if protocol == "opcua":
        return OpcUaPlc(f"opc.tcp://{address}", timeout_s=timeout_s)
    return ModbusPlc(host, int(port), timeout_s=timeout_s)


def _row(measured: Measured) -> list[str]:
    taken = list(measured.taken_ms.values())
    return [
        str(len(measured.announced)),
        str(measured.lost()),
        str(measured.refused),
        *(f"{_quantile(taken, share):.1f}" for share in (0.5, 0.99, 1.0)),
        *(f"{_quantile(measured.polls_ms, share):.1f}" for share in (0.5, 0.99)),
        str(measured.in_flight),
        str(measured.errors),
    ]


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


@contextmanager
def _plc(folder: Path, protocol: str) -> Iterator[str]:
    """``regrade plc`` with an endless feed; gives the address to connect to."""
    (folder / "a.jpg").write_bytes(b"never looked at")
    row = {"pictures": ["a.jpg"], "length_mm": _LENGTH_MM, "gap_mm": _GAP_MM}
    rows = ({"item_id": f"RET-{number}", **row} for number in range(20_000))
    (folder / "feed.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "belt.toml").write_text("\n".join(f"{key} = {_BELT[key]}" for key in _BELT))
    command = [sys.executable, "-m", "regrade", "plc", "--modbus-port", "0", "--camera-port", "0"]
    command += ["--feed", f"{folder}/feed.jsonl", "--belt", f"{folder}/belt.toml"]
    command += ["--state", f"{folder}/plc", *(["--opcua-port", "0"] if protocol == "opcua" else [])]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603
    try:
        said = process.stderr.readline() if process.stderr else ""
        ready = _READY.search(said)
        if ready is None:
            raise SystemExit(f"the PLC does not start: {said}")
        yield ready[2] if protocol == "opcua" else ready[1]
    finally:
        process.terminate()
        process.communicate()


async def _run(
    plc: Plc, folder: Path, seconds: float, poll_s: float
) -> tuple[Measured, Mapping[str, float]]:
    journal = Journal.open(folder / "controller")
    controller = Controller(Settings("line-1", _policy()), journal)
    measured = Measured()
    seen = 0
    end_s = time.monotonic() + seconds
    try:
        while (started_s := time.monotonic()) < end_s:
            try:
                image = await plc.read()
                seen = _note(measured, image, seen)
                for request in controller.hear(image, _NOW, time.monotonic()):
                    for observation in _graded(request.tid):
                        controller.observe(observation, _NOW)
                await plc.write(controller.host_image())
            except PlcError as error:
                measured.errors += 1
                controller.observe(PlcLost(str(error)), _NOW)
            took_s = time.monotonic() - started_s
            measured.polls_ms.append(took_s * 1000)
            await asyncio.sleep(max(0.0, poll_s - took_s))
        return measured, _costs(controller)
    finally:
        await plc.close()
        journal.close()


def _note(measured: Measured, image: PlcImage, seen: int) -> int:
    """Take in the events that are new; gives the seq of the last."""
    measured.in_flight = max(measured.in_flight, image.status.in_flight)
    for event in image.events:
        if not seen or EVENT_NUMBERS.steps(seen, event.seq) > 0:
            measured.note(event)
            seen = event.seq
    return seen


def _policy() -> Policy:
    """Each grade in a lane of its own, spread over all 32."""
    lanes = {f"lane-{number}": number for number in range(1, _LANES + 1)}
    manual = f"lane-{_LANES}"
    grades = {grade: {"lane": f"lane-{8 * grade.rank + 1}"} for grade in GRADES}
    holds = dict.fromkeys(("hazardous", "recalled", "fraud_hold"), manual)
    return Policy.model_validate(
        {
            "lanes": lanes,
            "fail_safe": {"lane": manual},
            "holds": holds,
            "review": {"lane": manual},
            "grades": grades,
        }
    )


def _graded(tid: int, list_price: Decimal | None = None) -> tuple[Observation, Observation]:
    """What camera and server would say of an item."""
    item_id = f"RET-{tid}"
    graded = verdict(item_id, GRADES[tid % len(GRADES)], f"c:{item_id}")
    facts = ItemFacts(item_id=item_id, list_price=list_price)
    return Identified(tid, item_id, facts), Graded(tid, graded)


def _costs(controller: Controller) -> Mapping[str, float]:
    """Median microseconds of a decision on the state that the run has left, by what is seen."""
    state, settings = controller.state, controller.settings
    status = state.status
    if status is None:
        return {}
    tid = max(state.items, default=0) + 1
    new = Event(status.event_head + 1, EventType.ANNOUNCE, tid, encoder=status.encoder, aux=60)
    announced = PlcReported(status, state.lanes, state.geometry, (new,))
    identified, graded = _graded(tid)
    waiting, _ = decide(_with_one_more(state, tid), identified, _NOW, settings)
    priced, _ = _graded(tid, list_price=Decimal(90))
    by_value = replace(settings, policy=_value_policy(settings.policy))
    dear, _ = decide(_with_one_more(state, tid), priced, _NOW, by_value)
    items = f"with {len(state.items)} items"
    return {
        f"a poll without events, {items}": _median_us(
            state, replace(announced, events=()), settings
        ),
        f"a poll with one announcement, {items}": _median_us(state, announced, settings),
        f"a verdict, {items}": _median_us(waiting, graded, settings),
        f"a verdict by value over {_LANES - 1} lanes, {items}": _median_us(dear, graded, by_value),
    }


def _with_one_more(state: ControllerState, tid: int) -> ControllerState:
    """The state with one more item, at the induct photo-eye."""
    status = state.status
    if status is None:
        raise ValueError("the PLC has not been read yet")
    state = state.copy()
    state.items.put(Item(status.plc_boot_id, tid, status.encoder, 60, _NOW))
    return state


def _value_policy(policy: Policy) -> Policy:
    """The same lanes, each with a price of its own for every grade."""
    lanes = {
        name: {
            "resale": {grade: 0.9 - 0.2 * grade.rank - 0.005 * number for grade in GRADES},
            "handling_cost": number / 10,
        }
        for name, number in policy.lanes.items()
        if name != policy.fail_safe.lane
    }
    value = {"review_cost": 4, "lanes": lanes}
    return Policy.model_validate(policy.model_dump() | {"value": value})


def _median_us(state: ControllerState, observation: Observation, settings: Settings) -> float:
    took_s = []
    for _ in range(500):
        started_s = time.perf_counter()
        decide(state, observation, _NOW, settings)
        took_s.append(time.perf_counter() - started_s)
    return statistics.median(took_s) * 1e6


if __name__ == "__main__":
    main()
