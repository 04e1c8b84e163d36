"""Which pictures go, which stay, and that none goes that a grading has just brought."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from inference.pictures import PictureStore
from inference.records import ItemStatus, OverrideRequest, PictureUse
from inference.store import NewGrading, Store
from inference.upkeep.prune import Pruner
from inference.upkeep.retention import Kind, Retention, RetentionError, read_retention
from model.contract import Grade
from tests.inference.inference_factories import UNSURE, facts, picture, verdict

NOW = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)
POLICY = Retention.model_validate({"keep_days": {"graded": 30, "answered": 100}})


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def use(
    status: ItemStatus, days: float, *, held: bool = False, disagreed: bool = False
) -> PictureUse:
    return PictureUse(status, days_ago(days), held, disagreed)


GRADED, REVIEW, ANSWERED = ItemStatus.GRADED, ItemStatus.REVIEW, ItemStatus.ANSWERED


@pytest.mark.parametrize(
    ("uses", "kind", "goes"),
    [
        ([], Kind.UNNAMED, True),
        ([use(GRADED, 29)], Kind.GRADED, False),
        ([use(GRADED, 31)], Kind.GRADED, True),
        ([use(ANSWERED, 99)], Kind.ANSWERED, False),
        ([use(ANSWERED, 101)], Kind.ANSWERED, True),
        ([use(ANSWERED, 9999, disagreed=True)], Kind.DISAGREED, False),
        ([use(REVIEW, 9999)], Kind.REVIEW, False),
        ([use(GRADED, 9999, held=True)], Kind.HELD, False),
        ([use(GRADED, 31), use(GRADED, 1)], Kind.GRADED, False),
        ([use(GRADED, 31), use(REVIEW, 31)], Kind.REVIEW, False),
    ],
)
def test_a_picture_is_kept_for_the_strongest_reason(
    uses: list[PictureUse], kind: Kind, goes: bool
) -> None:
    fate = POLICY.fate(days_ago(9999), uses, NOW)
    assert fate.kind is kind
    assert (fate.until is not None and fate.until <= NOW) is goes


def test_a_picture_that_was_saved_a_moment_ago_stays() -> None:
    assert POLICY.fate(days_ago(0.9), [], NOW).until is None
    assert POLICY.fate(days_ago(0.9), [use(GRADED, 31)], NOW).until is None


def test_an_empty_policy_keeps_whatever_a_grading_names() -> None:
    assert Retention().fate(days_ago(9999), [use(GRADED, 9999)], NOW).until is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[keep_days]\ngraded = 0", "keep_days.graded"),
        ("[keep_days]\nreview = 3", "keep_days.review"),
        ("limit = 3", "limit"),
        ("[", "cannot be read"),
    ],
)
def test_a_policy_that_cannot_be_followed_is_refused(
    tmp_path: Path, content: str, says: str
) -> None:
    path = tmp_path / "retention.toml"
    path.write_text(content)
    with pytest.raises(RetentionError, match=says):
        read_retention(path)


class Site:
    """A store with pictures whose files are old."""

    def __init__(self, store: Store, root: Path) -> None:
        self.store = store
        self.pictures = PictureStore(root / "pictures")

    def save(self, colour: str, *, days: float = 9) -> str:
        data = picture(colour=colour)
        sha256 = hashlib.sha256(data).hexdigest()
        self.pictures.save(sha256, data)
        self.age(sha256, days)
        return sha256

    def age(self, sha256: str, days: float) -> None:
        time_s = days_ago(days).timestamp()
        os.utime(self.pictures.root / sha256[:2] / sha256, (time_s, time_s))

    def grade(self, item_id: str, images: list[str], *, days: float, sure: bool = True) -> None:
        given = verdict(
            item_id, of=None if sure else UNSURE, graded_at=days_ago(days), images=tuple(images)
        )
        self.store.add_gradings([NewGrading(given, facts(item_id), "print")])

    def prune(self, policy: Retention = POLICY, *, dry_run: bool = False) -> Pruner:
        pruner = Pruner(self.store, self.pictures, policy, NOW)
        for _ in pruner.survey():
            pass
        if not dry_run:
            for _ in pruner.delete():
                pass
        return pruner


@pytest.fixture
def site(store: Store, tmp_path: Path) -> Site:
    return Site(store, tmp_path)


def test_what_the_policy_lets_go_is_deleted_and_noted(site: Site) -> None:
    old, shared, waiting, held, young, unnamed = (
        site.save(colour) for colour in ("red", "green", "blue", "tan", "gold", "pink")
    )
    site.grade("R-1", [old, shared], days=40)
    site.grade("R-2", [shared], days=2)
    site.grade("R-3", [waiting], days=40, sure=False)
    site.grade("R-4", [held], days=40)
    site.grade("R-5", [young], days=2)
    site.store.hold("R-4", held=True, note="claim 7")
    planned = site.prune(dry_run=True).told()
    assert planned["going"].keys() == {"graded", "unnamed"}
    assert site.pictures.has(old)
    done = site.prune().told()
    assert done["going"] == done["deleted"] == planned["going"]
    assert done["kept"] == planned["kept"]
    assert [site.pictures.has(each) for each in (old, unnamed)] == [False, False]
    assert all(site.pictures.has(each) for each in (shared, waiting, held, young))
    noted = site.store.deletions_of([old, shared, waiting, held, young, unnamed])
    assert noted.keys() == {old, unnamed}
    assert noted[old].reason == "graded, its time was over on 2026-11-15"
    assert site.store.item("R-1").gradings[0].images == (old, shared), "facts stay"
    site.store.hold("R-4", held=False, note="closed")
    site.prune()
    assert not site.pictures.has(held)
    assert site.prune().told()["deleted"] == {}


def test_an_answer_that_disagrees_is_kept_for_ever_and_counts_from_the_answer(site: Site) -> None:
    agreed, disagreed = site.save("red"), site.save("green")
    site.grade("R-1", [agreed], days=400)
    site.grade("R-2", [disagreed], days=400)
    for item_id, grade in (("R-1", Grade.LIGHTLY_USED), ("R-2", Grade.SALVAGE)):
        request = OverrideRequest(override_id=f"o-{item_id}", grade=grade, operator="Anna")
        site.store.add_override(item_id, request)
    (first,) = site.store.uses_of([agreed])[agreed]
    assert (first.disagreed, first.since > days_ago(400)) == (False, True)
    assert site.store.uses_of([disagreed])[disagreed][0].disagreed
    assert site.prune().told()["deleted"] == {}, "both were answered now"


def test_the_oldest_go_when_there_is_no_room_and_never_what_waits(site: Site) -> None:
    shas = [site.save(colour) for colour in ("red", "green", "blue", "tan")]
    for number, sha256 in enumerate(shas):
        site.grade(f"R-{number}", [sha256], days=20 - number, sure=number > 0)
    recent = site.save("gold", days=0.5)
    site.grade("R-9", [recent], days=0.5)
    size = len(picture(colour="red"))
    tight = Retention.model_validate(
        {"keep_days": {"graded": 30}, "limit": {"gigabytes": 3.5 * size / 1e9}}
    )
    site.store.add_override(
        "R-0", OverrideRequest(override_id="o", grade=Grade.NEW, operator="Anna")
    )
    planned = site.prune(tight, dry_run=True)
    assert planned.told()["going"]["graded"]["pictures"] == 2
    done = site.prune(tight)
    assert [site.pictures.has(each) for each in shas] == [True, False, False, True]
    assert done.told()["over_limit_bytes"] == 0
    tighter = Retention.model_validate(
        {"keep_days": {"graded": 30}, "limit": {"gigabytes": 0.5 * size / 1e9}}
    )
    done = site.prune(tighter)
    assert [site.pictures.has(each) for each in (shas[0], shas[3], recent)] == [True, False, True]
    assert done.plan.over_bytes > 0, "what must stay is said to be over the limit"


def test_a_picture_that_comes_again_while_it_is_judged_stays(site: Site) -> None:
    sha256 = site.save("red")
    site.grade("R-1", [sha256], days=40)
    pruner = site.prune(dry_run=True)
    (listed,) = next(site.pictures.files())
    site.pictures.save(sha256, picture(colour="red"))  # a grading brings it again
    assert not site.pictures.set_aside(listed)
    assert site.pictures.has(sha256)
    for _ in pruner.delete():
        pass
    assert site.pictures.has(sha256)
    assert site.store.deletions_of([sha256]) == {}


def test_a_picture_that_comes_while_it_is_aside_is_written_anew(site: Site) -> None:
    sha256 = site.save("red")
    (listed,) = next(site.pictures.files())
    assert site.pictures.set_aside(listed)
    assert site.pictures.read(sha256) is not None, "whoever asks for it meanwhile gets it"
    site.pictures.save(sha256, picture(colour="red"))
    site.pictures.remove(listed)
    assert site.pictures.has(sha256)


def test_what_a_crash_left_aside_comes_back(site: Site) -> None:
    sha256 = site.save("red")
    site.grade("R-1", [sha256], days=2)
    (listed,) = next(site.pictures.files())
    site.pictures.set_aside(listed)
    assert not site.pictures.has(sha256)
    site.prune(Retention.model_validate({"keep_days": {"graded": 1}}), dry_run=True)
    PictureStore(site.pictures.root).put_back()
    assert site.pictures.has(sha256)


def test_a_database_that_does_not_take_the_deletion_keeps_the_picture(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = site.save("red")
    site.grade("R-1", [sha256], days=40)

    def fail(*_: object) -> None:
        raise RuntimeError("the database is away")

    with monkeypatch.context() as away:
        away.setattr(Store, "add_deletions", fail)
        with pytest.raises(RuntimeError, match="away"):
            site.prune()
    assert site.pictures.has(sha256)
    assert site.store.deletions_of([sha256]) == {}


def test_pictures_of_another_database_are_left_alone(site: Site) -> None:
    for colour in ("red", "green", "blue"):
        site.save(colour)
    pruner = site.prune()
    assert pruner.plan.strange
    assert pruner.told()["deleted"] == {}
    assert len([file for files in site.pictures.files() for file in files]) == 3
