"""A week without faults in virtual time: how many items lie in their lane, and what grows meanwhile.

Belt, PLC and controller run as in ``regrade soak``, but nothing goes wrong: every item has a plate, the server grades each by its
plate in 0.2 s, and lanes are emptied in time. The items of a week come in seven working days, with idle nights between them. One
controller lives through all of it, on a real journal (SQLite in memory), from which the server takes the outcomes. Where each item
lies is the physical truth of the simulated belt, not the record; both are compared.

Memory is looked at after every day. What is kept for a while is full after 10,000 items; growth is stated per item from there.

    python -m benchmarks.week [--items N] [--days N] [--idle-hours H]
"""

from __future__ import annotations

import argparse
import gc
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast, overload

from rich.console import Console
from rich.table import Table

from model.contract import GRADES, Ending, Grade, ItemFacts, Outcome
from sorter_control.controller.commands import RequestGrade
from sorter_control.controller.journal import KEPT_OUTCOMES, Journal
from sorter_control.controller.values import ControllerState, Settings
from sorter_control.policy import load_policy
from sorter_control.sim.feed import FeedRow
from sorter_control.sim.geometry import load_belt
from sorter_control.sim.rehearsal import Answer, Rehearsal
from sorter_control.sim.verdicts import verdict

_CHUNK_S = 120.0
_DRAIN_S = 120.0
_BATCH = 200
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_PICTURES = (Path("unused.jpg"),)


def _plate(number: int) -> str:
    return f"RET-{number}"


def _grade(item_id: str) -> Grade:
    return GRADES[int(item_id.removeprefix("RET-")) * 7919 % 31 % len(GRADES)]


class _Rows(Sequence[FeedRow]):
    """A feed without end, of which so many rows have come; nothing of it is kept."""

    def __init__(self) -> None:
        self.come = 0

    def __len__(self) -> int:
        return self.come

    @overload
    def __getitem__(self, number: int) -> FeedRow: ...
    @overload
    def __getitem__(self, number: slice) -> list[FeedRow]: ...
    def __getitem__(self, number: int | slice) -> FeedRow | list[FeedRow]:
        if isinstance(number, slice):
            raise TypeError("rows are taken one by one")
        return FeedRow.model_construct(
            item_id=_plate(number),
            pictures=_PICTURES,
            facts={},
            length_mm=100 + number * 37 % 301,
            gap_mm=200 + number * 53 % 301,
        )


class _Facts(Mapping[str, ItemFacts]):
    """The returns system knows every item, and nothing out of the ordinary of any."""

    def __getitem__(self, item_id: str) -> ItemFacts:
        return ItemFacts(item_id=item_id)

    def __iter__(self) -> Iterator[str]:
        raise TypeError("there is no end of them")

    def __len__(self) -> int:
        raise TypeError("there is no end of them")


def _answer(row: FeedRow, request: RequestGrade) -> Answer:
    item_id = str(row.item_id)
    return 0.2, verdict(item_id, _grade(item_id), request.capture_id)


@dataclass(slots=True)
class Tally:
    """Where items lie, and what the record says of them.

    Attributes:
        lying: Items that came to rest.
        right: Those of them that lie in the lane of their grade.
        recorded: Outcomes that the server has taken.
        as_recorded: Those of them that name the lane of the item's grade, as its own.
    """

    lying: int = 0
    right: int = 0
    recorded: int = 0
    as_recorded: int = 0


class Week:
    """A line that lives through a week."""

    def __init__(self) -> None:
        self.rows = _Rows()
        self.policy = load_policy()
        self.journal = Journal(":memory:")
        self.tally = Tally()
        belt = load_belt().model_copy(update={"lane_capacity": 10_000, "take_away_s": 1.0})
        self.line = Rehearsal(
            belt,
            cast("list[FeedRow]", self.rows),
            Settings("line-1", self.policy),
            self.journal,
            _Facts(),
            _answer,
        )

    def work(self, items: int) -> None:
        """Let so many more items pass."""
        self.rows.come += items
        while not self.line.machine.feed_is_empty:
            self._pass(_CHUNK_S)
        self.line.run_until_empty(_DRAIN_S)
        self._take()

    def rest(self, seconds: float) -> None:
        """Let the belt run on empty."""
        for _ in range(round(seconds / _CHUNK_S)):
            self._pass(_CHUNK_S)

    @property
    def state(self) -> ControllerState:
        """What the controller knows."""
        if self.line.controller is None:
            raise RuntimeError("the controller never ends here")
        return self.line.controller.state

    def _pass(self, seconds: float) -> None:
        until_s = self.line.now_s + seconds
        while self.line.now_s < until_s:
            self.line.leap(until_s)
        self._take()

    def _take(self) -> None:
        """Take what the server and the people at the lanes would have taken by now."""
        line, tally = self.line, self.tally
        for serial, lane in line.deposits:
            tally.lying += 1
            tally.right += lane == self.policy.lanes[self._lane(_plate(serial))]
        line.deposits.clear()
        while outcomes := self.journal.unsent(_BATCH):
            tally.recorded += len(outcomes)
            tally.as_recorded += sum(map(self._is_right, outcomes))
            self.journal.answered(outcomes)
        oldest = line.machine.plc.next_tid - _BATCH
        for tid in [tid for tid in line.photographs if tid < oldest]:
            del line.photographs[tid]

    def _lane(self, item_id: str) -> str:
        return self.policy.grades[_grade(item_id)].lane

    def _is_right(self, outcome: Outcome) -> bool:
        return (
            outcome.ending is Ending.DIVERTED
            and outcome.item_id is not None
            and outcome.lane == self._lane(outcome.item_id)
        )


def _memory_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES


def _held(state: ControllerState) -> int:
    """How many things the controller keeps in memory, all its collections together."""
    kept = (state.items, state.remembered, state.ended, state.asked, state.overrides)
    book = state.book
    more = (state.verdicts, book.orders, book.taken, book.alarms, book.closures)
    return sum(map(len, (*kept, *more)))


def main() -> None:
    """Run a week and print what it was like."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--idle-hours", type=float, default=1.0, help="of each night")
    arguments = parser.parse_args()
    week, console = Week(), Console(width=120)
    started_s = time.process_time()
    table = Table("day", "items", "virtual h", "memory MB", "journal MB", "things held", "CPU s")
    seen: list[tuple[int, int]] = []
    for day in range(1, arguments.days + 1):
        week.work(arguments.items // arguments.days)
        week.rest(arguments.idle_hours * 3600)
        memory_bytes = _memory_bytes()
        seen.append((week.tally.lying, memory_bytes))
        numbers = [
            f"{week.tally.lying:,}",
            f"{week.line.now_s / 3600:.1f}",
            f"{memory_bytes / 1e6:.1f}",
            f"{week.journal.size_bytes() / 1e6:.1f}",
            str(_held(week.state)),
            f"{time.process_time() - started_s:.0f}",
        ]
        table.add_row(str(day), *numbers)
        console.print(f"day {day}: {', '.join(numbers)}", style="dim")
    console.print(table)
    tally = week.tally
    console.print(
        f"{tally.right:,} of {tally.lying:,} items lie in the lane of their grade"
        f" ({tally.right / max(1, tally.lying):.4%}); {tally.as_recorded:,} of {tally.recorded:,}"
        " outcomes say so"
    )
    warm = [each for each in seen if each[0] >= KEPT_OUTCOMES]
    if len(warm) > 1:
        items, grown_bytes = (last - first for first, last in zip(warm[0], warm[-1], strict=True))
        console.print(
            f"after {warm[0][0]:,} items memory grew by {grown_bytes / items:.1f} bytes per item"
        )


if __name__ == "__main__":
    main()
