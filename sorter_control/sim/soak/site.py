"""The site around a line in virtual time: what lies on its belt, its grading server, its people."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from model.contract import (
    GRADES,
    Grade,
)
from sorter_control.controller.commands import Notice, RequestGrade
from sorter_control.controller.values import Failure, Settings
from sorter_control.policy import SHIPPED, Policy, load_policy
from sorter_control.routing import FailSafe
from sorter_control.sim.feed import FeedRow
from sorter_control.sim.geometry import DEFAULT, LOOP, load_belt
from sorter_control.sim.memory_journal import MemoryJournal
from sorter_control.sim.rehearsal import Answer, Rehearsal
from sorter_control.sim.soak.faults import Scenario
from sorter_control.sim.soak.policies import InForce, random_facts
from sorter_control.sim.verdicts import verdict

LOOP_POLICY = LOOP.with_name("loop-policy.toml")
_NO_PLATE = 0.03
_SECONDS = (0.1, 0.2, 0.2, 0.4, 1.0)
_PICTURES = (Path("unused.jpg"),)


def true_grade(item_id: str) -> Grade:
    """What an item's grade is, from its plate; nobody on the line may look at this but the server."""
    return GRADES[int(item_id.removeprefix("RET-")) % len(GRADES)]


@dataclass(slots=True)
class GradingServer:
    """Grades every item by its plate, slower or quicker, and badly when told to.

    Attributes:
        rng: Its own chance.
        silent, late, doubtful, wrong: How it fails now.
    """

    rng: random.Random
    silent: bool = False
    late: bool = False
    doubtful: bool = False
    wrong: bool = False

    def answer(self, row: FeedRow, request: RequestGrade) -> Answer:
        """See ``Rehearsal.answer``."""
        item_id = str(row.item_id)
        delay_s = self.rng.choice(_SECONDS)
        if self.silent:
            return delay_s, Failure(FailSafe.NO_VERDICT, "The grading server did not answer")
        if self.late:
            delay_s += 30.0
        about = "RET-999999999" if self.wrong else item_id
        said = verdict(about, true_grade(item_id), request.capture_id, doubtful=self.doubtful)
        return delay_s, said


@dataclass(slots=True)
class Site:
    """A line with everything around it."""

    scenario: Scenario
    line: Rehearsal
    server: GradingServer
    rng: random.Random
    taken: set[int] = field(default_factory=set)
    added: int = 0
    ghosts: list[tuple[float, float]] = field(default_factory=list)
    """(origin, length) of objects that a hand took off: a swap is seen by no photo-eye."""
    answered: dict[str, set[Grade]] = field(default_factory=dict)
    """Grades that people gave, by item id."""
    policies: list[InForce] = field(default_factory=list)
    """Every policy that was in force, in order."""

    def change_policy(self, policy: Policy) -> None:
        """Have the controller decide by another policy from now on, and after a restart too."""
        line = self.line
        self.policies.append(
            InForce(policy, line.machine.plc.next_tid, len(line.journal.outcomes()))
        )
        line.settings = replace(line.settings, policy=policy)
        if line.controller is not None:
            line.controller.change_policy(policy)


def build(scenario: Scenario, notify: Callable[[Notice], None]) -> Site:
    """The site of a scenario, with a feed that its seed makes."""
    rng = random.Random(scenario.seed)  # noqa: S311 - chance, not secrets
    rows = [_row(number, rng) for number in range(scenario.items)]
    more = random.Random(f"facts {scenario.seed}")  # noqa: S311 - chance, not secrets
    facts = {row.item_id: random_facts(row.item_id, rng, more) for row in rows if row.item_id}
    belt = load_belt(LOOP if scenario.loop else DEFAULT)
    policy = load_policy(LOOP_POLICY if scenario.loop else SHIPPED)
    server = GradingServer(random.Random(rng.random()))  # noqa: S311 - chance, not secrets
    line = Rehearsal(
        belt,
        rows,
        Settings("line-1", policy),
        MemoryJournal(),
        facts,
        server.answer,
        notify=notify,
        encoder_start=scenario.encoder_start,
    )
    return Site(scenario, line, server, rng, policies=[InForce(policy)])


def _row(number: int, rng: random.Random) -> FeedRow:
    return FeedRow(
        item_id=None if rng.random() < _NO_PLATE else f"RET-{number}",
        pictures=_PICTURES,
        length_mm=rng.randint(100, 500),
        gap_mm=rng.randint(200, 500),
    )
