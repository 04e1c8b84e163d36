"""What survives the controller: all or nothing, and every outcome until the server has it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from model.contract import Ending, Grade, ItemFacts, Outcome
from sorter_control.controller import journal as journals
from sorter_control.controller.journal import Journal
from sorter_control.controller.values import Failure, Item, Sent
from sorter_control.errors import SettingsError
from sorter_control.routing import Decision, FailSafe
from sorter_control.sim.memory_journal import MemoryJournal
from tests.sorter_control.factories import NOW, make_override, make_verdict


def make_outcome(tid: int) -> Outcome:
    return Outcome(
        outcome_id=f"line-1:1:{tid}",
        line_id="line-1",
        tid=tid,
        item_id=f"RET-{tid}",
        ending=Ending.DIVERTED,
        lane="restock",
        assigned_lane="restock",
        rule="grade_new",
        explanation="Because.",
        announced_at=NOW,
        ended_at=NOW,
    )


def test_an_item_comes_back_as_it_was(tmp_path: Path) -> None:
    item = Item(
        plc_boot_id=1,
        tid=2,
        induct_encoder=2**32 - 1,
        length_mm=300,
        announced_at=NOW,
        item_id="RET-2",
        facts=ItemFacts(item_id="RET-2"),
        verdict=make_verdict("RET-2"),
        override=make_override("RET-2", Grade.NEW),
        failure=Failure(FailSafe.NO_VERDICT, "no"),
        decision=Decision("restock", "grade_new", "Because.", Grade.NEW),
        held_lane=1,
        unanswered=(Sent(2, Decision("open-box", "operator", "Because.", Grade.LIGHTLY_USED)),),
        barred=frozenset({"repair"}),
        swept=True,
        nameless=False,
        outcome=make_outcome(2),
    )
    journal = Journal.open(tmp_path)
    journal.commit(remembered=[item], event_seq=9)
    journal.close()
    again = Journal.open(tmp_path)
    assert again.items() == [item]
    assert again.event_seq() == 9
    again.close()


def test_every_start_has_its_own_boot_id() -> None:
    journal = Journal(":memory:")
    ids = [journal.new_host_boot_id() for _ in range(4)]
    assert len(set(ids)) == 4
    assert all(1 <= boot_id <= 65535 for boot_id in ids)
    journal.close()


def test_a_recorded_item_is_no_longer_remembered() -> None:
    journal = Journal(":memory:")
    journal.commit(remembered=[Item(1, 5, 0, 300, NOW)])
    journal.commit(recorded=[make_outcome(5)])
    assert journal.items() == []
    journal.close()


def test_the_first_outcome_of_an_item_stays() -> None:
    journal = Journal(":memory:")
    journal.commit(recorded=[make_outcome(5)])
    journal.commit(recorded=[make_outcome(5).model_copy(update={"lane": "manual"})])
    assert [outcome.lane for outcome in journal.outcomes()] == ["restock"]
    journal.close()


def test_a_commit_that_fails_leaves_nothing_behind() -> None:
    journal = Journal(":memory:")
    broken = make_outcome(6).model_copy(update={"tid": object()})
    with pytest.raises(Exception, match="object"):
        journal.commit(remembered=[Item(1, 5, 0, 300, NOW)], recorded=[broken], event_seq=3)
    assert (journal.items(), journal.outcomes(), journal.event_seq()) == ([], [], 0)
    journal.close()


def test_outcomes_wait_until_the_server_has_answered() -> None:
    journal = Journal(":memory:")
    journal.commit(recorded=[make_outcome(tid) for tid in (1, 2, 3)])
    assert [outcome.tid for outcome in journal.unsent(2)] == [1, 2]
    journal.answered(journal.unsent(2))
    assert [outcome.tid for outcome in journal.unsent(2)] == [3]
    journal.close()


def test_outcomes_that_the_server_has_are_kept_for_a_while_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(journals, "KEPT_OUTCOMES", 3)
    journal = Journal(":memory:")
    journal.commit(recorded=[make_outcome(tid) for tid in range(1, 11)])
    journal.answered([make_outcome(2)], answer="no such line")
    journal.answered([make_outcome(tid) for tid in (1, 3, 4, 5, 6, 8, 9)])
    assert [outcome.tid for outcome in journal.outcomes()] == [2, 7, 8, 9, 10]
    assert [outcome.tid for outcome in journal.unsent(9)] == [7, 10]
    journal.commit(recorded=[make_outcome(9).model_copy(update={"lane": "manual"})])
    assert journal.unsent_count() == 2, "an event that is replayed makes no second outcome"
    journal.close()


def test_a_journal_that_has_grown_long_is_cut_in_bites(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "KEPT_OUTCOMES", 100)
    journal = Journal(":memory:")
    journal.commit(recorded=[make_outcome(tid) for tid in range(1, 101)])
    journal.answered([make_outcome(tid) for tid in range(1, 101)])
    monkeypatch.setattr(journals, "KEPT_OUTCOMES", 10)
    monkeypatch.setattr(journals, "_BITE", 40)
    for left in (61, 22, 10):
        journal.commit(recorded=[make_outcome(1000 + left)])
        journal.answered([make_outcome(1000 + left)])
        assert len(journal.outcomes()) == left
    journal.close()


def test_a_long_run_leaves_the_file_as_large_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "KEPT_OUTCOMES", 50)
    journal = Journal.open(tmp_path)
    sizes = []
    for hundred in range(6):
        tids = range(100 * hundred, 100 * hundred + 100)
        journal.commit(remembered=[Item(1, tid, 0, 300, NOW) for tid in tids])
        journal.commit(recorded=[make_outcome(tid) for tid in tids])
        journal.answered(journal.unsent(200))
        sizes.append(journal.size_bytes())
    assert sizes[-1] <= sizes[1]
    journal.close()


_DIES = """
import os, signal, sys
from pathlib import Path
from sorter_control.controller import journal as journals
journals.KEPT_OUTCOMES = 2
journal = journals.Journal.open(Path(sys.argv[1]))
def die(statement):
    if statement.startswith(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
journal._db.set_trace_callback(die)
journal.answered(journal.unsent(4))
"""


@pytest.mark.parametrize("statement", ["BEGIN", "UPDATE", "DELETE", "COMMIT"])
def test_who_is_killed_while_old_outcomes_are_dropped_has_lost_none_that_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    monkeypatch.setattr(journals, "KEPT_OUTCOMES", 2)
    journal = Journal.open(tmp_path)
    journal.commit(recorded=[make_outcome(tid) for tid in range(1, 7)], event_seq=8)
    journal.close()
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    killed = subprocess.run(
        [sys.executable, "-c", _DIES, str(tmp_path), statement], env=env, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    again = Journal.open(tmp_path)
    assert [outcome.tid for outcome in again.unsent(9)] == [1, 2, 3, 4, 5, 6]
    assert again.event_seq() == 8
    again.answered(again.unsent(9))
    assert [outcome.tid for outcome in again.outcomes()] == [5, 6]
    again.close()


def test_the_journal_without_a_disk_keeps_what_the_one_with_a_disk_keeps() -> None:
    disk, memory = Journal(":memory:"), MemoryJournal()
    assert len({journal.new_host_boot_id() for journal in (memory, memory)}) == 2
    kept = [Item(1, tid, 100 * tid, 300, NOW) for tid in (3, 1, 2)]
    for journal in (disk, memory):
        journal.commit(remembered=kept, event_seq=4)
        journal.commit(recorded=[make_outcome(3)], event_seq=5)
        journal.commit(recorded=[make_outcome(3).model_copy(update={"lane": "repair"})])
    assert memory.items() == disk.items() == [kept[1], kept[2]]
    assert memory.outcomes() == disk.outcomes() == [make_outcome(3)]
    assert memory.event_seq() == disk.event_seq() == 5


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(SettingsError, match="--data"):
        Journal.open(file / "journal")
