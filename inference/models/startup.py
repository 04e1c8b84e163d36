"""Which models a server begins with: what the history says, or what the command was told. Blocking."""

from __future__ import annotations

from typing import Final

import structlog

from inference.models import names
from inference.models.lineup import Lineup
from inference.models.loading import Loader
from inference.models.records import ChangeKind, NewChange, Roles
from inference.models.registry import (
    Entry,
    NameTakenError,
    Registry,
    RegistryError,
    UnknownBundleError,
)
from inference.models.roles import promoted, without
from inference.store import Store
from model.contract import SHIPPED, Bundle, BundleError, ModelRef, Precision

log = structlog.get_logger(__name__)
_ACTOR: Final = "regrade serve"


class _History:
    """The roles, and the rows that the start adds."""

    def __init__(self, store: Store) -> None:
        self._store = store
        newest = store.newest_model_change()
        self.roles = newest.after if newest is not None else None

    def add(
        self,
        kind: ChangeKind,
        model: ModelRef,
        after: Roles | None,
        *,
        source: str | None = None,
        manifest_sha256: str | None = None,
        note: str = "",
    ) -> None:
        self._store.add_model_change(
            NewChange(
                kind=kind,
                model=model,
                actor=_ACTOR,
                source=source,
                manifest_sha256=manifest_sha256,
                note=note,
                before=self.roles,
                after=after,
            )
        )
        self.roles = after


def first_lineup(
    registry: Registry,
    store: Store,
    *,
    source: str | None,
    precision: Precision | None,
    load: Loader,
) -> Lineup:
    """Load the models that the server begins with, and put on record what is new.

    Args:
        registry: Takes the bundle in, where it is not there yet.
        store: Has the history.
        source: The bundle of the champion: a folder or a URL. None: the history's champion; where there
            is no history, the bundle that ships.
        precision: Which of its networks. None: the history's, else the float one.
        load: Makes graders.

    Raises:
        SourceError, RegistryError, BundleError: The champion cannot serve.
    """
    registry.clean()
    history = _History(store)
    hashes = store.bundle_hashes()
    champion = _champion(registry, history, hashes, source, precision)
    grader = load(_bundle_of_champion(registry, hashes, champion))
    roles = history.roles
    if roles is None or roles.champion != champion:
        after = promoted(roles, champion) if roles else Roles(champion=champion)
        history.add(ChangeKind.STARTED, champion, after)
        roles = after
    lineup = Lineup(grader)
    if (challenger := roles.challenger) is not None:
        try:
            other = load(registry.bundle(challenger.model, _hash(hashes, challenger.model)))
            lineup = Lineup(grader, other, challenger.share)
        except (BundleError, RegistryError) as error:
            roles = _drop(history, challenger.model, roles, error)
    if (shadow := roles.shadow) is not None:
        try:
            registry.bundle(shadow, _hash(hashes, shadow))
        except (BundleError, RegistryError) as error:
            _drop(history, shadow, roles, error)
    return lineup


def _champion(
    registry: Registry,
    history: _History,
    hashes: dict[tuple[str, str], str],
    source: str | None,
    precision: Precision | None,
) -> ModelRef:
    if source is None and history.roles is not None:
        bundle, before = names.split(history.roles.champion)
        return names.at(bundle.name, bundle.version, precision or before)
    entry = _added(registry, source or str(SHIPPED))
    if (entry.ref.name, entry.ref.version) not in hashes:
        history.add(
            ChangeKind.ADDED,
            entry.ref,
            history.roles,
            source=source or "the bundle that ships with Regrade",
            manifest_sha256=entry.manifest_sha256,
        )
        hashes[entry.ref.name, entry.ref.version] = entry.manifest_sha256
    return names.at(entry.ref.name, entry.ref.version, precision or Precision.FP32)


def _bundle_of_champion(
    registry: Registry, hashes: dict[tuple[str, str], str], champion: ModelRef
) -> Bundle:
    try:
        return registry.bundle(champion, _hash(hashes, champion))
    except UnknownBundleError as error:
        raise RegistryError(
            f"the history names {names.shown(champion)} as champion, and {registry.root} has no such "
            "bundle: copy it there from a backup or from where it served before, or name another "
            "model with --bundle, which is put on record"
        ) from error


def _added(registry: Registry, source: str) -> Entry:
    try:
        return registry.add(source)[0]
    except NameTakenError as error:
        raise RegistryError(
            f"{source}: {error} (`regrade models add` while a server runs)"
        ) from error


def _drop(history: _History, model: ModelRef, roles: Roles, error: Exception) -> Roles:
    """The line goes on without a model that does not act, or acts for a part of the items only."""
    after = without(roles, model)
    log.error("model_dropped", model=names.shown(model), problem=str(error))
    history.add(ChangeKind.DROPPED, model, after, note=str(error))
    return after


def _hash(hashes: dict[tuple[str, str], str], model: ModelRef) -> str | None:
    bundle, _ = names.split(model)
    return hashes.get((bundle.name, bundle.version))
