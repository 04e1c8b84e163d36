"""What the store keeps, over SQLite and PostgreSQL alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from inference.errors import StoreError
from inference.records import ItemStatus, OverrideRequest
from inference.store import (
    AnsweredAlreadyError,
    CaptureConflictError,
    NewGrading,
    OverrideConflictError,
    Store,
    UnknownItemError,
)
from model.contract import Ending, Grade, Verdict
from tests.inference.inference_factories import UNSURE, facts, outcome, verdict


def grading(
    item_id: str = "R-1", capture_id: str | None = None, *, sure: bool = True
) -> NewGrading:
    of = None if sure else UNSURE
    given = verdict(item_id, capture_id, of=of)
    return NewGrading(given, facts(item_id), fingerprint=f"print of {given.capture_id}")


def add(store: Store, new: NewGrading) -> Verdict:
    (stored,) = store.add_gradings([new])
    if isinstance(stored, CaptureConflictError):
        raise stored
    return stored


def answer(
    override_id: str, grade: Grade | None = Grade.SALVAGE, *, seen_seq: int | None = None
) -> OverrideRequest:
    return OverrideRequest(override_id=override_id, grade=grade, operator="Anna", seen_seq=seen_seq)


def test_an_empty_store_answers(store: Store) -> None:
    assert store.review_queue(limit=10) == []
    assert store.newest_items(status=None, limit=10, before=None) == []
    assert store.overrides_after(0) == []
    assert store.newest_outcomes(line_id=None, limit=10) == []
    assert store.pictures_of([]) == {}
    assert store.waiting_among([]) == set()
    summary = store.summary(None)
    assert (summary.outcomes, summary.graded, summary.in_review) == (0, 0, 0)
    with pytest.raises(UnknownItemError):
        store.item("R-1")
    store.check_writable()


def test_a_grading_comes_back_as_it_was_given(store: Store) -> None:
    new = grading()
    assert add(store, new) == new.verdict
    record = store.item("R-1")
    assert record.gradings == (new.verdict,)
    assert record.facts == new.facts
    assert record.current.status is ItemStatus.GRADED


def test_a_repeated_capture_adds_nothing_and_another_one_conflicts(store: Store) -> None:
    first = grading()
    add(store, first)
    assert add(store, first) == first.verdict
    assert store.verdict_for("cap-R-1", first.fingerprint) == first.verdict
    assert store.verdict_for("cap-R-2", "any") is None
    other = NewGrading(first.verdict, first.facts, "another print")
    with pytest.raises(CaptureConflictError):
        add(store, other)
    with pytest.raises(CaptureConflictError):
        store.verdict_for("cap-R-1", "another print")
    assert store.summary(None).graded == 1


def test_gradings_and_lists_are_newest_first(store: Store) -> None:
    for capture in ("a", "b", "c"):
        add(store, grading("R-1", capture))
    assert [each.capture_id for each in store.item("R-1").gradings] == ["c", "b", "a"]


def test_pages_of_items_join_without_gap_or_repeat(store: Store) -> None:
    for number in range(7):
        add(store, grading(f"R-{number}"))
    seen: list[str] = []
    before = None
    while page := store.newest_items(status=None, limit=3, before=before):
        seen += [each.item_id for each in page]
        before = page[-1].seq
    assert seen == [f"R-{number}" for number in reversed(range(7))]


def test_the_queue_holds_items_that_wait_oldest_first(store: Store) -> None:
    for number in range(4):
        add(store, grading(f"R-{number}", sure=number == 1))
    assert [each.item_id for each in store.review_queue(limit=10)] == ["R-0", "R-2", "R-3"]
    store.add_override("R-2", answer("o-1"))
    queue = store.review_queue(limit=10)
    assert [each.item_id for each in queue] == ["R-0", "R-3"]
    assert [each.item_id for each in store.review_queue(limit=10, after=queue[0].seq)] == ["R-3"]
    assert store.waiting_among(["R-0", "R-1", "R-2"]) == {"R-0"}
    assert store.count_in_review() == 2


def test_an_answer_holds_until_it_is_withdrawn(store: Store) -> None:
    add(store, grading(sure=False))
    store.add_override("R-1", answer("o-1", Grade.NEW))
    current = store.item("R-1").current
    assert (current.status, current.grade) == (ItemStatus.ANSWERED, Grade.NEW)
    add(store, grading("R-1", "again", sure=False))
    assert store.item("R-1").current.grade is Grade.NEW, "a person's answer outlives a new grading"
    store.add_override("R-1", answer("o-2", None))
    current = store.item("R-1").current
    assert (current.status, current.grade) == (ItemStatus.REVIEW, Grade.REPAIRABLE)
    assert [each.override_id for each in store.item("R-1").overrides] == ["o-2", "o-1"]


def test_an_answer_is_idempotent_by_its_id(store: Store) -> None:
    add(store, grading())
    first = store.add_override("R-1", answer("o-1"))
    assert store.add_override("R-1", answer("o-1")) == first
    assert store.overrides_after(0) == [first]
    for other in (answer("o-1", Grade.NEW), answer("o-1", None)):
        with pytest.raises(OverrideConflictError):
            store.add_override("R-1", other)


def test_only_known_items_can_be_answered(store: Store) -> None:
    with pytest.raises(UnknownItemError):
        store.add_override("R-1", answer("o-1"))
    store.add_outcomes([outcome("R-1", grade=None)])
    store.add_override("R-1", answer("o-1"))
    assert store.item("R-1").current.status is ItemStatus.ANSWERED


def test_the_second_of_two_blind_answers_is_told(store: Store) -> None:
    add(store, grading(sure=False))
    first = store.add_override("R-1", answer("o-1", seen_seq=0))
    with pytest.raises(AnsweredAlreadyError) as refused:
        store.add_override("R-1", answer("o-2", Grade.NEW, seen_seq=0))
    assert refused.value.newest == first
    store.add_override("R-1", answer("o-2", Grade.NEW, seen_seq=first.seq))
    assert store.item("R-1").current.grade is Grade.NEW


def test_followers_see_each_answer_once_in_order(store: Store) -> None:
    add(store, grading())
    given = [store.add_override("R-1", answer(f"o-{number}")) for number in range(5)]
    assert [each.seq for each in given] == sorted(each.seq for each in given)
    assert store.overrides_after(given[1].seq) == given[2:]
    assert store.overrides_after(0, limit=2) == given[:2]


def test_answers_from_many_threads_lose_nothing(store: Store) -> None:
    """A reader that goes on from the highest seq it saw must not miss one that commits late."""
    add(store, grading())
    seen: list[int] = []
    with ThreadPoolExecutor(4) as pool:
        writing = [
            pool.submit(store.add_override, "R-1", answer(f"o-{number}")) for number in range(20)
        ]
        while not all(each.done() for each in writing):
            seen += [each.seq for each in store.overrides_after(seen[-1] if seen else 0)]
        seen += [each.seq for each in store.overrides_after(seen[-1] if seen else 0)]
    assert seen == sorted(each.result().seq for each in writing)
    assert len(seen) == 20


def test_outcomes_are_stored_once_and_counted(store: Store) -> None:
    add(store, grading())
    batch = [
        outcome("R-1", 1),
        outcome(None, 2, ending=Ending.DEFAULTED, lane="manual", rule="no-read"),
        outcome("R-3", 3, ending=Ending.LOST, lane=None),
        outcome("R-1", 1),
    ]
    assert store.add_outcomes(batch) == 3
    assert store.add_outcomes([*batch, outcome("R-4", 4)]) == 1
    summary = store.summary("line1")
    assert summary.outcomes == 4
    assert summary.by_lane == {"open-box": 2, "manual": 1}
    assert summary.by_ending == {Ending.DIVERTED: 2, Ending.DEFAULTED: 1, Ending.LOST: 1}
    assert summary.by_rule == {"best-value": 3, "no-read": 1}
    assert store.summary("line2").outcomes == 0
    assert [each.tid for each in store.newest_outcomes(line_id=None, limit=10)] == [4, 3, 2, 1]
    current = store.item("R-1").current
    assert (current.lane, current.ending) == ("open-box", Ending.DIVERTED)
    assert store.item("R-3").current.status is ItemStatus.UNGRADED


def test_a_fact_is_never_changed(store: Store) -> None:
    store.add_outcomes([outcome("R-1", 1)])
    store.add_outcomes([outcome("R-1", 1, lane="salvage")])
    assert store.item("R-1").outcomes[0].lane == "open-box"


def test_batches_over_the_same_items_run_side_by_side(store: Store) -> None:
    def batch(number: int) -> int:
        return store.add_outcomes(
            [outcome(f"R-{(number + tid) % 5}", 100 * number + tid) for tid in range(10)]
        )

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(batch, range(6))) == [10] * 6
    assert store.summary(None).outcomes == 60


def test_facts_outlive_the_store_that_took_them(store_url: str) -> None:
    first = Store.open(store_url)
    add(first, grading(sure=False))
    first.close()
    again = Store.open(store_url)
    assert again.item("R-1").gradings[0].capture_id == "cap-R-1"
    assert again.count_in_review() == 1
    again.close()


def test_the_state_kept_for_queries_is_the_state_that_follows_from_the_facts(store: Store) -> None:
    add(store, grading("R-1", sure=False))
    add(store, grading("R-2"))
    store.add_outcomes([outcome("R-1", 1), outcome("R-3", 2, grade=None)])
    store.add_override("R-2", answer("o-1"))
    kept = store.newest_items(status=None, limit=10, before=None)
    assert len(kept) == 3
    for summary in kept:
        assert summary.current == store.item(summary.item_id).current


def test_the_queue_is_found_by_index(tmp_path: Path) -> None:
    """At a million rows a scan would be felt at every answer."""
    url = f"sqlite:///{tmp_path / 'regrade.sqlite'}"
    Store.open(url).close()
    engine = create_engine(url)
    with engine.begin() as connection:
        plan = connection.execute(
            text(
                "EXPLAIN QUERY PLAN SELECT * FROM items WHERE status = 'review' AND seq > 5 "
                "ORDER BY seq LIMIT 10"
            )
        ).all()
    engine.dispose()
    assert [row.detail for row in plan] == [
        "SEARCH items USING INDEX items_by_status (status=? AND seq>?)"
    ]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://localhost/x", "SQLite or PostgreSQL"),
        ("nonsense", "not a database URL"),
        ("sqlite:////nowhere/at/all/x.sqlite", "cannot be opened"),
        ("postgresql://nobody@127.0.0.1:1/none", "cannot be opened"),
    ],
)
def test_a_store_that_cannot_be_opened_says_why(url: str, says: str) -> None:
    with pytest.raises(StoreError, match=says):
        Store.open(url)


def test_a_store_of_a_newer_version_is_refused(store_url: str) -> None:
    Store.open(store_url).close()
    engine = create_engine(store_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(StoreError, match="newer version"):
        Store.open(store_url)


def test_gradings_stored_together_are_each_stored_as_alone(store: Store) -> None:
    known, taken = grading("R-1"), grading("R-2")
    store.add_gradings([known, taken])
    store.add_outcomes([outcome("R-3")])
    other = NewGrading(taken.verdict, taken.facts, "another print")
    new = [grading("R-3"), grading("R-4", "a"), grading("R-4", "b", sure=False)]
    first, second, *rest = store.add_gradings([known, other, *new])
    assert first == known.verdict
    assert isinstance(second, CaptureConflictError)
    assert rest == [each.verdict for each in new]
    assert store.summary(None).graded == 5
    ended = store.item("R-3").current
    assert (ended.status, ended.lane) == (ItemStatus.GRADED, "open-box")
    kept = {
        each.item_id: each.current for each in store.newest_items(status=None, limit=9, before=None)
    }
    assert kept == {item_id: store.item(item_id).current for item_id in kept}
    assert set(kept) == {"R-1", "R-2", "R-3", "R-4"}
