"""Which models a server begins with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.models.fetch import SourceError
from inference.models.lineup import Lineup
from inference.models.loading import Loading
from inference.models.records import Challenger, ChangeKind, NewChange, Roles
from inference.models.registry import Registry, RegistryError
from inference.models.startup import first_lineup
from inference.store import Store
from model.contract import BundleError, ModelRef, Precision
from tests.inference.models.conftest import FakeLoader
from tests.inference.models.test_registry import edited

ONE, TWO, THREE = (ModelRef(name="tiny", version=each) for each in "123")


@pytest.fixture
def history(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(f"sqlite:///{tmp_path / 'regrade.sqlite'}")
    yield store
    store.close()


@pytest.fixture
def shipped(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("inference.models.startup.SHIPPED", tiny)
    return tiny


def begin(
    registry: Registry,
    store: Store,
    source: Path | None = None,
    *,
    precision: Precision | None = None,
    loader: FakeLoader | None = None,
) -> Lineup:
    return first_lineup(
        registry,
        store,
        source=str(source) if source else None,
        precision=precision,
        load=loader or FakeLoader(),
    )


def became(store: Store, roles: Roles) -> None:
    store.add_model_change(
        NewChange(
            kind=ChangeKind.PROMOTED,
            model=roles.champion,
            actor="Eva",
            before=None,
            after=roles,
        )
    )


def test_the_first_start_serves_the_bundle_that_ships(
    registry: Registry, history: Store, shipped: Path
) -> None:
    lineup = begin(registry, history)
    assert lineup.champion.model == ONE
    started, added = history.model_changes(limit=9)
    assert (added.kind, added.after, added.manifest_sha256 is None) == ("added", None, False)
    assert (started.kind, started.after) == ("started", Roles(champion=ONE))
    begin(registry, history)
    assert len(history.model_changes(limit=9)) == 2, "a restart changes nothing"


def test_a_restart_serves_what_the_history_says(
    registry: Registry, history: Store, shipped: Path
) -> None:
    begin(registry, history)
    for version in ("2", "3"):
        registry.add(str(shipped), version=version)
    became(history, Roles(champion=TWO, challenger=Challenger(model=THREE, share=0.2), shadow=ONE))
    lineup = begin(registry, history)
    assert lineup.champion.model == TWO
    assert lineup.challenger is not None
    assert (lineup.challenger.model, lineup.share) == (THREE, 0.2)


def test_the_command_overrides_the_history_on_record(
    registry: Registry, history: Store, shipped: Path, tmp_path: Path
) -> None:
    begin(registry, history)
    other = edited(shipped, tmp_path / "other", version="2")
    assert begin(registry, history, other).champion.model == TWO
    newest = history.newest_model_change()
    assert newest is not None
    assert (newest.kind, newest.actor) == ("started", "regrade serve")
    assert newest.before == Roles(champion=ONE)
    assert newest.after == Roles(champion=TWO)
    assert begin(registry, history).champion.model == TWO, "and it stays"


def test_another_bundle_of_the_same_version_is_refused(
    registry: Registry, history: Store, shipped: Path, tmp_path: Path
) -> None:
    begin(registry, history)
    other = edited(shipped, tmp_path / "other", git_commit="another")
    with pytest.raises(RegistryError, match="with other content"):
        begin(registry, history, other)


def test_a_champion_that_cannot_serve_ends_the_start(
    registry: Registry, history: Store, shipped: Path, tmp_path: Path
) -> None:
    begin(registry, history)
    with pytest.raises(BundleError):
        begin(registry, history, loader=FakeLoader(broken={"1"}))
    with pytest.raises(BundleError, match="no int8 network"):
        begin(registry, history, precision=Precision.INT8)
    with pytest.raises(SourceError):
        begin(registry, history, tmp_path / "nowhere")
    assert len(history.model_changes(limit=9)) == 2


def test_a_challenger_or_shadow_that_cannot_serve_is_dropped_on_record(
    registry: Registry, history: Store, shipped: Path
) -> None:
    begin(registry, history)
    registry.add(str(shipped), version="2")
    became(history, Roles(champion=ONE, challenger=Challenger(model=TWO, share=0.2), shadow=THREE))
    lineup = begin(registry, history, loader=FakeLoader(broken={"2"}))
    assert lineup.graders == (lineup.champion,)
    shadow, challenger, *_ = history.model_changes(limit=9)
    assert (challenger.kind, challenger.model) == ("dropped", TWO)
    assert "graded otherwise" in challenger.note
    assert "no tiny/3" in shadow.note
    assert shadow.after == Roles(champion=ONE)


def test_a_real_bundle_is_proved_and_warm(registry: Registry, tiny: Path) -> None:
    registry.add(str(tiny))
    assert Loading().first(registry.bundle(ONE)).model == ONE


def test_what_was_proved_since_the_start_is_not_proved_again(
    registry: Registry, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rollback is quick: what it brings back served a moment ago."""
    for version in "12":
        registry.add(str(tiny), version=version)
    proved = []
    monkeypatch.setattr(
        "inference.models.loading.prove", lambda bundle, _: proved.append(bundle.manifest.version)
    )
    loading = Loading()
    loading.first(registry.bundle(ONE))
    for model in (TWO, ONE, TWO):
        assert loading.beside(registry.bundle(model)).model == model
    assert proved == ["2"]


def test_what_could_not_be_proved_is_proved_again(
    registry: Registry, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.add(str(tiny))
    bundle = registry.bundle(ONE)
    tries = iter((BundleError(bundle.path, "its process was killed"), None))

    def prove(*_: object) -> None:
        if error := next(tries):
            raise error

    monkeypatch.setattr("inference.models.loading.prove", prove)
    loading = Loading()
    with pytest.raises(BundleError, match="was killed"):
        loading.beside(bundle)
    assert loading.beside(bundle).model == ONE
    assert next(tries, "both") == "both"
