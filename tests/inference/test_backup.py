"""Backups are whole, of one moment, and go into either database; the check finds what is wrong."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from inference.errors import StoreError
from inference.models.registry import Registry
from inference.pictures import PictureStore
from inference.records import Deletion, ItemStatus, OverrideRequest
from inference.store import NewGrading, Store
from inference.store.engine import connect, writing
from inference.upkeep import backup as backups
from inference.upkeep.backup import back_up, read_manifest, restore, verify
from inference.upkeep.check import Report, check
from model.contract import Grade
from regrade.cli import app
from tests.inference.inference_factories import NOON, UNSURE, facts, outcome, picture, verdict


@dataclass
class Site:
    """A store that is in use."""

    url: str
    root: Path

    def __post_init__(self) -> None:
        self.store = Store.open(self.url)
        self.pictures = PictureStore(self.root / "pictures")
        self.registry = Registry(self.root / "models")

    def grade(self, number: int) -> str:
        data = picture(width=64 + number % 500, height=48 + number // 500)
        sha256 = hashlib.sha256(data).hexdigest()
        self.pictures.save(sha256, data)
        item_id = f"R-{number}"
        given = verdict(item_id, of=UNSURE if number % 2 else None, images=(sha256,))
        self.store.add_gradings([NewGrading(given, facts(item_id), "print")])
        return sha256

    def fill(self) -> list[str]:
        shas = [self.grade(number) for number in range(6)]
        request = OverrideRequest(
            override_id="o-1", grade=Grade.NEW, operator="Änne", note='"so"; ☃'
        )
        self.store.add_override("R-1", request)
        self.store.add_outcomes([outcome("R-1", 1), outcome(None, 2), outcome("R-9", 3)])
        self.store.hold("R-2", held=True, note="claim 7")
        return shas

    def back_up(self, to: Path, previous: Path | None = None) -> backups.Manifest:
        with engine_of(self.url) as engine:
            return back_up(engine, self.pictures.root, self.registry, to, previous)

    def restore(self, backup: Path) -> backups.Restored:
        with engine_of(self.url) as engine:
            return restore(backup, engine, self.pictures.root, self.registry, "test")

    def check(self) -> Report:
        with engine_of(self.url) as engine:
            return check(engine, self.pictures, hashes=True)


@contextmanager
def engine_of(url: str) -> Iterator[Engine]:
    engine = connect(url, create=True)
    try:
        yield engine
    finally:
        engine.dispose()


@pytest.fixture
def site(store_url: str, tmp_path: Path) -> Iterator[Site]:
    made = Site(store_url, tmp_path / "data")
    yield made
    made.store.close()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Site]:
    """A second site, whose database is SQLite and empty."""
    (tmp_path / "other").mkdir()
    made = Site(f"sqlite:///{tmp_path / 'other' / 'regrade.sqlite'}", tmp_path / "other")
    yield made
    made.store.close()


def records(store: Store) -> object:
    items = store.newest_items(status=None, limit=500, before=None)
    return (
        items,
        [store.item(each.item_id) for each in items],
        store.overrides_after(0),
        store.summary(None),
        store.newest_outcomes(line_id=None, limit=500),
    )


def test_a_backup_restores_the_same_store_into_the_other_database(
    site: Site, other: Site, tmp_path: Path
) -> None:
    shas = site.fill()
    made = site.back_up(tmp_path / "b")
    assert (made.pictures, made.missing) == (6, ())
    other.restore(tmp_path / "b")
    assert records(other.store) == records(site.store)
    assert all(other.pictures.read(each) == site.pictures.read(each) for each in shas)
    assert other.check().problems == []
    assert other.store.uses_of(shas) == site.store.uses_of(shas)


def test_a_backup_of_sqlite_restores_into_postgresql_and_counts_on(
    other: Site, fresh_postgres: str, tmp_path: Path
) -> None:
    other.fill()
    other.back_up(tmp_path / "b")
    pictures = PictureStore(tmp_path / "there")
    with engine_of(fresh_postgres) as engine:
        restore(tmp_path / "b", engine, pictures.root, Registry(tmp_path / "models"), "test")
        assert check(engine, pictures, hashes=True).problems == []
    store = Store.open(fresh_postgres)
    assert records(store) == records(other.store)
    request = OverrideRequest(override_id="o-2", grade=Grade.NEW, operator="Anna")
    assert store.add_override("R-2", request).seq == 2
    assert store.item("R-2").current.status is ItemStatus.ANSWERED
    store.close()


def test_a_backup_under_load_is_of_one_moment_with_all_its_pictures(
    site: Site, other: Site, tmp_path: Path
) -> None:
    stop, numbers = threading.Event(), iter(range(10_000))
    site.fill()
    next_numbers = (number + 100 for number in numbers)

    def load() -> None:
        while not stop.is_set():
            number = next(next_numbers)
            site.grade(number)
            site.store.add_outcomes([outcome(f"R-{number}", number)])

    loading = threading.Thread(target=load)
    loading.start()
    try:
        for name in ("b1", "b2"):
            site.back_up(tmp_path / name, tmp_path / "b1" if name == "b2" else None)
    finally:
        stop.set()
        loading.join()
    other.restore(tmp_path / "b2")
    assert other.check().problems == []
    assert 6 <= other.store.summary(None).graded <= site.store.summary(None).graded
    assert site.check().problems == []


def test_pictures_of_an_earlier_backup_are_linked_and_each_backup_stands_alone(
    site: Site, other: Site, tmp_path: Path
) -> None:
    first = site.grade(1)
    site.back_up(tmp_path / "b1")
    second = site.grade(2)
    site.back_up(tmp_path / "b2", tmp_path / "b1")
    links = {
        sha256: (tmp_path / "b2" / "pictures" / sha256[:2] / sha256).stat().st_nlink
        for sha256 in (first, second)
    }
    assert links == {first: 2, second: 1}
    shutil.rmtree(tmp_path / "b1")
    other.restore(tmp_path / "b2")
    assert other.check().problems == []


def test_a_backup_that_did_not_end_has_not_its_name(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.fill()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backups, "_copy_pictures", full)
    with pytest.raises(StoreError, match="No space left"):
        site.back_up(tmp_path / "b")
    assert [each.name for each in tmp_path.iterdir() if "b" in each.name.split(".")] == []


def test_what_retention_deletes_meanwhile_is_in_the_backup_as_deleted(
    site: Site, other: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *_ = site.fill()
    copy = backups._copy_pictures

    def delete_one_first(*arguments: object) -> object:
        site.store.add_deletions([Deletion(first, 1, "graded, its time was over", NOON)])
        (site.pictures.root / first[:2] / first).unlink()
        return copy(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(backups, "_copy_pictures", delete_one_first)
    made = site.back_up(tmp_path / "b")
    assert (made.pictures, made.missing) == (5, ())
    other.restore(tmp_path / "b")
    assert other.check().problems == []
    assert other.store.deletions_of([first]).keys() == {first}


def test_a_store_that_is_not_empty_is_not_overwritten(
    site: Site, other: Site, tmp_path: Path
) -> None:
    site.fill()
    site.back_up(tmp_path / "b")
    before = records(site.store)
    with pytest.raises(StoreError, match="not empty: it has gradings"):
        site.restore(tmp_path / "b")
    assert records(site.store) == before
    with pytest.raises(StoreError, match="there already"):
        site.back_up(tmp_path / "b")


def damage_rows(backup: Path) -> None:
    path = backup / "tables" / "gradings.jsonl.gz"
    rows = gzip.decompress(path.read_bytes()).replace(b"R-1", b"R-7")
    path.write_bytes(gzip.compress(rows))


def damage_picture(backup: Path) -> None:
    path = next((backup / "pictures").glob("*/*"))
    path.write_bytes(path.read_bytes()[:-1])


def lose_picture(backup: Path) -> None:
    next((backup / "pictures").glob("*/*")).unlink()


def shorten_list(backup: Path) -> None:
    (backup / "pictures.txt").write_text("")


def lose_manifest(backup: Path) -> None:
    (backup / "manifest.json").unlink()


def change_manifest(**values: str) -> object:
    def change(backup: Path) -> None:
        path = backup / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return change


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (damage_rows, "gradings.jsonl.gz is damaged"),
        (damage_picture, "is damaged: its bytes"),
        (lose_picture, "lacks the picture"),
        (shorten_list, "pictures.txt is damaged"),
        (lose_manifest, "is no backup"),
        (change_manifest(format="regrade.backup/3"), "newer version"),
        (change_manifest(revision="9999"), "schema 9999, which this version does not know"),
        (change_manifest(more="x"), "is damaged"),
    ],
)
def test_a_damaged_or_newer_backup_is_refused_and_nothing_is_written(
    other: Site, tmp_path: Path, damage: object, says: str
) -> None:
    (tmp_path / "origin").mkdir()
    origin = Site(f"sqlite:///{tmp_path / 'origin' / 'regrade.sqlite'}", tmp_path / "origin")
    origin.fill()
    origin.back_up(tmp_path / "b")
    origin.store.close()
    damage(tmp_path / "b")  # type: ignore[operator]
    with pytest.raises(StoreError, match=says):
        other.restore(tmp_path / "b")
    assert other.store.summary(None).graded == 0
    assert list(other.pictures.files()) == []


def test_a_backup_of_an_older_schema_is_brought_up_to_date(other: Site, tmp_path: Path) -> None:
    """As a version made it that had neither holds nor deletions."""
    other.fill()
    other.back_up(tmp_path / "b")
    path = tmp_path / "b" / "manifest.json"
    manifest = json.loads(path.read_text())
    old = {"gradings", "overrides", "outcomes", "items", "totals"}
    manifest["tables"] = [each for each in manifest["tables"] if each["name"] in old]
    manifest["revision"] = "0001"
    path.write_text(json.dumps(manifest))
    (tmp_path / "new").mkdir()
    url = f"sqlite:///{tmp_path / 'new' / 'regrade.sqlite'}"
    with engine_of(url) as engine:
        restore(
            tmp_path / "b",
            engine,
            tmp_path / "new" / "pictures",
            Registry(tmp_path / "new" / "models"),
            "test",
        )
        report = check(engine, PictureStore(tmp_path / "new" / "pictures"), hashes=True)
    assert report.problems == []
    assert report.counts["pictures"] == 6


def test_a_whole_store_has_no_problems_and_is_counted(site: Site) -> None:
    shas = site.fill()
    (site.pictures.root / shas[0][:2] / ("0" * 64)).write_bytes(b"nobody's")
    report = site.check()
    assert report.problems == []
    assert report.counts["gradings"] == report.counts["pictures"] == 6
    assert (report.counts["items"], report.counts["pictures that no grading names"]) == (7, 1)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("UPDATE items SET status = 'graded' WHERE item_id = 'R-1'", "state .* R-1"),
        ("DELETE FROM items WHERE item_id = 'R-3'", "gradings of items that are not listed: R-3"),
        ("UPDATE totals SET number = 7", "totals"),
        ("DELETE FROM grading_pictures WHERE grading_seq = 1", "not listed as in the gradings"),
    ],
)
def test_the_check_finds_what_does_not_follow_from_the_facts(
    site: Site, change: str, says: str
) -> None:
    site.fill()
    with engine_of(site.url) as engine, writing(engine) as connection:
        connection.execute(text(change))
    report = site.check()
    assert len(report.problems) == 1
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(report.problems[0])


def test_the_check_finds_pictures_that_are_lost_or_damaged(site: Site) -> None:
    first, second, *_ = site.fill()
    (site.pictures.root / first[:2] / first).unlink()
    path = site.pictures.root / second[:2] / second
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert site.check().problems == [
        f"pictures that gradings name are not there: {first}",
        f"pictures whose bytes are not those of their name: {second}",
    ]


def test_the_commands_say_what_they_did(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    site = Site(f"sqlite:///{tmp_path / 'data' / 'regrade.sqlite'}", tmp_path / "data")
    site.fill()
    site.store.close()
    (tmp_path / "retention.toml").write_text("[keep_days]\ngraded = 30\n")
    data, new, to = (str(tmp_path / name) for name in ("data", "new", "b"))

    def run(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["store", *words])
        return result.exit_code, result.output

    code, said = run("backup", "--to", to, "--data", data)
    assert (code, said) == (0, f"{to}: {said.split()[1]} rows, 6 pictures and 0 models\n")
    assert run("verify", to)[0] == 0
    assert run("restore", "--from", to, "--data", new)[0] == 0
    code, said = run("restore", "--from", to, "--data", new)
    assert code == 4
    assert "not empty" in said
    code, said = run("check", "--data", new)
    assert code == 0
    assert "6 pictures\n" in said
    assert run("hold", "R-1", "--note", "claim 8", "--data", new)[0] == 0
    code, said = run("hold", "nobody", "--note", "claim 8", "--data", new)
    assert (code, said) == (4, "regrade store: nothing is known of item nobody\n")
    policy = ("--retention", str(tmp_path / "retention.toml"))
    code, said = run("prune", *policy, "--dry-run", "--data", new)
    assert (code, json.loads(said)["kept"]) == (0, {"recent": json.loads(said)["kept"]["recent"]})
    next((tmp_path / "new" / "pictures").glob("*/*")).unlink()
    code, said = run("check", "--data", new)
    assert code == 1
    assert "problem: pictures that gradings name are not there" in said
    assert run("check", "--data", str(tmp_path / "nowhere"))[0] == 4
    assert not (tmp_path / "nowhere").exists()


def test_a_manifest_tells_what_a_backup_holds(site: Site, tmp_path: Path) -> None:
    site.fill()
    made = site.back_up(tmp_path / "b")
    assert read_manifest(tmp_path / "b") == verify(tmp_path / "b") == made
    rows = {table.name: table.rows for table in made.tables}
    assert (rows["gradings"], rows["overrides"], rows["outcomes"], rows["holds"]) == (6, 1, 3, 1)
