"""What survives the controller: all or nothing, and every outcome until the server has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.contract import Ending, Grade, ItemFacts, Outcome
from sorter_control.controller.journal import Journal
from sorter_control.controller.values import Failure, Item
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
        sent_lane=1,
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
