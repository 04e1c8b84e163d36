"""A server that is started on a restored store serves what served, and lets in whom it should."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inference.access import audit, ledger
from inference.access.audit import Act
from inference.access.roles import Role
from inference.access.settings import AccessSettings
from inference.errors import StoreError
from inference.models.records import Challenger, ChangeKind, NewChange, Roles
from inference.models.registry import RegistryError
from inference.models.startup import first_lineup
from inference.upkeep.backup import read_manifest, verify
from model.contract import ModelRef
from regrade.cli import app
from tests.inference.models.conftest import FakeLoader
from tests.inference.test_backup import Site

ONE, TWO, THREE, FOUR = (ModelRef(name="tiny", version=each) for each in "1234")


@pytest.fixture
def served(tmp_path: Path, tiny: Path) -> Iterator[Site]:
    """Version 2 was promoted after version 1, 3 challenges, and 4 has no role."""
    (tmp_path / "data").mkdir()
    site = Site(f"sqlite:///{tmp_path / 'data' / 'regrade.sqlite'}", tmp_path / "data")
    begin(site, tiny)
    for version in "234":
        entry, _ = site.registry.add(str(tiny), version=version)
        change(site, ChangeKind.ADDED, entry.ref, None, entry.manifest_sha256)
    change(site, ChangeKind.PROMOTED, TWO, Roles(champion=TWO))
    change(
        site,
        ChangeKind.CHALLENGED,
        THREE,
        Roles(champion=TWO, challenger=Challenger(model=THREE, share=0.2)),
    )
    yield site
    site.store.close()


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Site]:
    (tmp_path / "new").mkdir()
    site = Site(f"sqlite:///{tmp_path / 'new' / 'regrade.sqlite'}", tmp_path / "new")
    yield site
    site.store.close()


def begin(site: Site, source: Path | None = None) -> tuple[ModelRef, ...]:
    """Start; gives the models that grade."""
    lineup = first_lineup(
        site.registry,
        site.store,
        source=str(source) if source else None,
        precision=None,
        load=FakeLoader(),
    )
    return tuple(grader.model for grader in lineup.graders)


def change(
    site: Site,
    kind: ChangeKind,
    model: ModelRef,
    after: Roles | None,
    manifest_sha256: str | None = None,
    problem: str | None = None,
) -> None:
    newest = site.store.newest_model_change()
    roles = newest.after if newest else None
    site.store.add_model_change(
        NewChange(
            kind=kind,
            model=model,
            actor="Eva",
            manifest_sha256=manifest_sha256,
            problem=problem,
            before=roles,
            after=after or roles,
        )
    )


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["store", *words])
    return result.exit_code, result.output


def test_a_restored_store_starts_with_the_models_that_served(
    served: Site, new: Site, tmp_path: Path
) -> None:
    made = served.back_up(tmp_path / "b")
    assert [each.ref for each in made.bundles] == [TWO, THREE, ONE]
    assert verify(tmp_path / "b") == made
    assert new.restore(tmp_path / "b").lacking == ()
    assert begin(new) == (TWO, THREE)
    assert new.registry.bundle(ONE).manifest.version == "1", "a rollback brings it back"
    assert not (new.registry.root / "tiny" / "4").exists()


def test_a_rollback_that_failed_does_not_change_what_is_needed(
    served: Site, tmp_path: Path
) -> None:
    change(served, ChangeKind.ROLLED_BACK, ONE, None, problem="it is damaged")
    assert [each.ref for each in served.back_up(tmp_path / "b").bundles] == [TWO, THREE, ONE]


def test_bundles_of_an_earlier_backup_are_linked_unless_they_are_damaged(
    served: Site, new: Site, tmp_path: Path
) -> None:
    served.back_up(tmp_path / "b1")
    broken = tmp_path / "b1" / "models" / "tiny" / "1" / "model.onnx"
    broken.chmod(0o644)
    broken.write_bytes(b"?")
    served.back_up(tmp_path / "b2", tmp_path / "b1")
    links = {
        version: (tmp_path / "b2" / "models" / "tiny" / version / "model.onnx").stat().st_nlink
        for version in "12"
    }
    assert links == {"1": 1, "2": 2}
    shutil.rmtree(tmp_path / "b1")
    verify(tmp_path / "b2")


def test_a_damaged_bundle_in_a_backup_is_refused_and_nothing_is_written(
    served: Site, new: Site, tmp_path: Path
) -> None:
    served.back_up(tmp_path / "b")
    (tmp_path / "b" / "models" / "tiny" / "3" / "card.md").unlink()
    with pytest.raises(StoreError, match=r"models/tiny/3 is damaged"):
        new.restore(tmp_path / "b")
    assert new.store.newest_model_change() is None
    assert not new.registry.root.exists()


def test_another_bundle_of_that_version_is_not_overwritten(
    served: Site, new: Site, tiny: Path, tmp_path: Path
) -> None:
    served.back_up(tmp_path / "b")
    other = tmp_path / "other"
    shutil.copytree(tiny, other)
    manifest = json.loads((other / "manifest.json").read_text())
    (other / "manifest.json").write_text(
        json.dumps(manifest | {"version": "2", "git_commit": "another"})
    )
    new.registry.add(str(other))
    with pytest.raises(StoreError, match=r"tiny/2 is there with other content"):
        new.restore(tmp_path / "b")


def test_a_bundle_that_is_lost_is_said_by_backup_restore_and_start(
    served: Site, new: Site, tmp_path: Path
) -> None:
    shutil.rmtree(served.registry.root / "tiny" / "2")
    data, to = str(tmp_path / "data"), str(tmp_path / "b")
    code, said = run("backup", "--to", to, "--data", data)
    assert code == 1
    assert "has lost or damaged tiny/2, which the history needs" in said
    assert read_manifest(tmp_path / "b").missing_bundles == ("tiny/2",)
    code, said = run("restore", "--from", to, "--data", str(tmp_path / "new"))
    assert code == 0
    assert "the history needs tiny/2, which the backup has not" in said
    with pytest.raises(RegistryError, match=r"names tiny/2 as champion.*name another.*--bundle"):
        begin(new)


def test_models_can_be_left_out_and_an_older_backup_has_none(
    served: Site, new: Site, tiny: Path, tmp_path: Path
) -> None:
    data, to = str(tmp_path / "data"), str(tmp_path / "b")
    code, said = run("backup", "--no-models", "--to", to, "--data", data)
    assert (code, said.endswith("0 pictures and 0 models\n")) == (0, True)
    path = tmp_path / "b" / "manifest.json"
    manifest = json.loads(path.read_text()) | {"format": "regrade.backup/1"}
    path.write_text(json.dumps({k: v for k, v in manifest.items() if "bundles" not in k}))
    assert new.restore(tmp_path / "b").lacking == ("tiny/2", "tiny/3", "tiny/1")
    assert begin(new, tiny) == (ONE,), "another model may be named"


def test_a_restore_ends_sessions_and_says_which_keys_open(
    served: Site, new: Site, tmp_path: Path
) -> None:
    absolute = AccessSettings().absolute
    ledger.add_user(served.store, "anna", Role.ADMIN, "twelve or more", "test")
    for name in ("line-1", "line-2"):
        ledger.add_key(served.store, name, Role.LINE, "test")
    ledger.revoke_key(served.store, "line-2", "test")
    anna = ledger.load(served.store, absolute).users["anna"]
    act = Act("anna", "here", "log in", "anna")
    ledger.begin_session(served.store, "d" * 64, anna, act, None, absolute)
    served.back_up(tmp_path / "b")
    code, said = run("restore", "--from", str(tmp_path / "b"), "--data", str(tmp_path / "new"))
    assert code == 0
    assert "revoke again what was revoked since: line-1\n" in said
    known = ledger.load(new.store, absolute)
    assert known.sessions == {}
    assert set(known.users) == {"anna"}
    newest = audit.newest(new.store, limit=1)[0]
    assert (newest.act, newest.origin) == ("restore", "command line")


def test_a_backup_is_for_its_owner_alone(served: Site, tmp_path: Path) -> None:
    served.grade(1)
    before = os.umask(0o022)
    try:
        run("backup", "--to", str(tmp_path / "b"), "--data", str(tmp_path / "data"))
        run("restore", "--from", str(tmp_path / "b"), "--data", str(tmp_path / "there"))
    finally:
        os.umask(before)
    there = tmp_path / "there"
    made = [tmp_path / "b", *(tmp_path / "b").rglob("*"), there, *there.iterdir()]
    assert len(made) > 30
    assert [each for each in made if each.stat().st_mode & 0o077] == []
