"""What the store keeps of models, over SQLite and PostgreSQL alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from inference.models.records import ChangeKind, NewChange, Pairs, Roles, ShadowGrading
from inference.records import OverrideRequest
from inference.store import NewGrading, Store
from model.contract import Grade, ModelRef, Verdict
from tests.inference.inference_factories import assessment, facts, verdict

FAKE = ModelRef(name="fake", version="1")
SHADOW = ModelRef(name="tiny", version="2")
NEW, USED, BROKEN = Grade.NEW, Grade.LIGHTLY_USED, Grade.REPAIRABLE


def change(kind: ChangeKind, version: str, *, problem: str | None = None) -> NewChange:
    model = ModelRef(name="tiny", version=version)
    return NewChange(
        kind=kind,
        model=model,
        actor="Eva",
        note="why",
        problem=problem,
        before=None,
        after=Roles(champion=model),
        manifest_sha256=f"hash of {version}" if kind is ChangeKind.ADDED else None,
    )


def graded(store: Store, item_id: str, decided: Grade, capture_id: str | None = None) -> Verdict:
    at = datetime.now(UTC) - timedelta(minutes=1)
    given = verdict(item_id, capture_id, of=assessment(decided), graded_at=at)
    store.add_gradings([NewGrading(given, facts(item_id), given.capture_id)])
    return given


def answered(store: Store, item_id: str, grade: Grade | None, number: int = 1) -> None:
    request = OverrideRequest(override_id=f"{item_id}-{number}", grade=grade, operator="Anna")
    store.add_override(item_id, request)


def shadowed(given: Verdict, grade: Grade) -> ShadowGrading:
    return ShadowGrading(verdict=given, model=SHADOW, assessment=assessment(grade))


def test_the_history_comes_back_in_order(store: Store) -> None:
    assert store.newest_model_change() is None
    first = store.add_model_change(change(ChangeKind.ADDED, "1"))
    failed = store.add_model_change(change(ChangeKind.PROMOTED, "2", problem="broken"))
    done = store.add_model_change(change(ChangeKind.PROMOTED, "3"))
    assert store.newest_model_change() == done
    assert store.model_changes(limit=9) == [done, failed, first]
    assert store.model_changes(limit=9, before=done.seq) == [failed, first]
    assert store.champion_changes() == [done]
    assert store.bundle_hashes() == {("tiny", "1"): "hash of 1"}


def test_a_shadow_grades_a_capture_once_and_moves_nothing(store: Store) -> None:
    given = graded(store, "R-1", NEW)
    before = store.item("R-1")
    assert store.add_shadow_gradings([shadowed(given, BROKEN)]) == 1
    again = [shadowed(given, USED), shadowed(graded(store, "R-2", NEW), NEW)]
    assert store.add_shadow_gradings(again) == 1
    assert store.shadow_confusion(SHADOW, FAKE) == {(NEW, BROKEN): 1, (NEW, NEW): 1}
    assert store.shadow_confusion(SHADOW, SHADOW) == {}
    assert store.item("R-1") == before
    assert store.review_queue(limit=9) == []


def test_only_answers_that_hold_and_came_later_count(store: Store) -> None:
    graded(store, "R-1", NEW)
    answered(store, "R-1", BROKEN)
    answered(store, "R-1", USED, 2)
    graded(store, "R-2", NEW)
    answered(store, "R-2", BROKEN)
    answered(store, "R-2", None, 2)
    graded(store, "R-3", NEW)
    graded(store, "R-4", NEW)
    answered(store, "R-4", NEW)
    later = verdict("R-4", "again", of=assessment(BROKEN), graded_at=datetime.now(UTC))
    store.add_gradings([NewGrading(later, facts("R-4"), "again")])
    assert store.answers_of(FAKE) == {(USED, NEW): 1, (NEW, NEW): 1}
    assert store.answers_of(SHADOW) == {}


def test_an_item_that_was_graded_twice_counts_once(store: Store) -> None:
    graded(store, "R-1", NEW, "a")
    newest = graded(store, "R-1", BROKEN, "b")
    store.add_shadow_gradings([shadowed(newest, USED)])
    answered(store, "R-1", BROKEN)
    assert store.answers_of(FAKE) == {(BROKEN, BROKEN): 1}
    assert store.shadow_answers(SHADOW, FAKE) == (
        {(BROKEN, USED): 1},
        {(BROKEN, BROKEN): 1},
        Pairs(only_champion=1),
    )


def test_both_models_are_scored_on_the_same_items(store: Store) -> None:
    for item_id, decided, shadow, said in (
        ("R-1", NEW, NEW, NEW),
        ("R-2", NEW, BROKEN, BROKEN),
        ("R-3", NEW, USED, NEW),
        ("R-4", NEW, USED, BROKEN),
    ):
        store.add_shadow_gradings([shadowed(graded(store, item_id, decided), shadow)])
        answered(store, item_id, said)
    graded(store, "R-5", NEW)
    answered(store, "R-5", NEW)
    ours, theirs, pairs = store.shadow_answers(SHADOW, FAKE)
    assert pairs == Pairs(both=1, only_shadow=1, only_champion=1, neither=1)
    assert ours == {(NEW, NEW): 1, (BROKEN, BROKEN): 1, (NEW, USED): 1, (BROKEN, USED): 1}
    assert theirs == {(NEW, NEW): 2, (BROKEN, NEW): 2}
    assert sum(store.answers_of(FAKE).values()) == 5
