"""Changes who serves: one change at a time, each loaded beside, recorded, then swapped in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import structlog

from inference.models import names
from inference.models.fetch import SourceError
from inference.models.lineup import Lineup, Served
from inference.models.loading import Loader
from inference.models.metrics import ModelMetrics
from inference.models.records import Challenger, Change, ChangeKind, NewChange, Roles
from inference.models.registry import Entry, Registry, RegistryError
from inference.models.roles import (
    RoleError,
    challenged,
    champion_before,
    differences,
    promoted,
    shadowed,
)
from inference.models.shadow import Shadow
from inference.models.tuning import ThresholdChanges
from inference.store import Store
from inference.threads import StoreThreads
from model.contract import Bundle, BundleError, ModelRef

log = structlog.get_logger(__name__)


class ChangedMeanwhileError(Exception):
    """Somebody changed the models after the caller looked; ``newest`` is what they did."""

    def __init__(self, newest: Change) -> None:
        super().__init__(newest.seq)
        self.newest = newest


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants a change, why, and what they knew."""

    actor: str
    begin: Callable[[str], Awaitable[None]]
    """Called once it is known what is to be changed, before anything is: puts it on record."""
    note: str = ""
    seen_seq: int | None = None
    """Of the newest change that they saw; None: whatever it is."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Models that are loaded and do not serve yet."""

    lineup: Lineup
    shadow: Shadow | None


class ModelService:
    """The models of one server. Used on one event loop.

    Args:
        served: What grades; this is its only writer.
        registry: Where bundles are.
        store: Takes the history.
        pictures: Directory of the stored pictures, for the shadow.
        metrics: Shows who serves.
        line_is_busy: Whether items wait; then the shadow does too.
        load: Makes graders.
    """

    def __init__(
        self,
        served: Served,
        registry: Registry,
        store: StoreThreads,
        pictures: Path,
        metrics: ModelMetrics,
        line_is_busy: Callable[[], bool],
        load: Loader,
    ) -> None:
        self.registry = registry
        self._served = served
        self._store = store
        self._pictures = pictures
        self._metrics = metrics
        self._line_is_busy = line_is_busy
        self._load = load
        self._shadow: Shadow | None = None
        self._changing = asyncio.Lock()
        self._roles = roles_of(served.lineup)

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.registry.clean)
        newest = await self._store.read(Store.newest_model_change)
        if newest is not None and newest.after is not None:
            self._roles = newest.after
        if self._roles.shadow is not None:
            self._shadow = await self._new_shadow(self._roles.shadow)
            self._shadow.resume()
            self._served.shadow = self._shadow
        self._metrics.show_roles(self._roles)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._served.shadow = None
        if self._shadow is not None:
            await self._shadow.stop()

    @property
    def roles(self) -> Roles:
        """Who does what."""
        return self._roles

    @property
    def lineup(self) -> Lineup:
        """Who grades."""
        return self._served.lineup

    async def entries(self) -> tuple[Entry, ...]:
        """The bundles of the registry."""
        return await asyncio.to_thread(self.registry.entries)

    async def entry(self, bundle: ModelRef) -> Entry:
        """One of them.

        Raises:
            UnknownBundleError: It is not there.
            BundleError: Its manifest is damaged.
        """
        return await asyncio.to_thread(self.registry.entry, bundle)

    async def add(self, source: str, version: str | None, wish: Wish) -> Entry:
        """Take a bundle into the registry; it gets no role. A repeat adds nothing.

        Raises:
            SourceError, RegistryError, BundleError: It cannot be taken in.
        """
        async with self._changing:
            await wish.begin(source if version is None else f"{source} as version {version}")
            try:
                entry, _ = await asyncio.to_thread(self.registry.add, source, version=version)
            except (SourceError, BundleError, RegistryError) as error:
                await self._record(ChangeKind.ADDED, None, wish, source=source, problem=str(error))
                raise
            return await self._recorded(ChangeKind.ADDED, entry, wish, source)

    async def tune(
        self, base: ModelRef, changes: ThresholdChanges, version: str | None, wish: Wish
    ) -> Entry:
        """Take a version with other thresholds into the registry; it gets no role.

        Raises:
            TuningError, RegistryError, BundleError: It cannot be made.
        """
        async with self._changing:
            source = f"{names.shown(base)} with {changes.model_dump_json(exclude_defaults=True)}"
            await wish.begin(source)
            entry = await asyncio.to_thread(self.registry.tune, base, changes, version)
            return await self._recorded(ChangeKind.TUNED, entry, wish, source)

    async def promote(self, model: ModelRef, wish: Wish) -> None:
        """Make a model champion.

        Raises:
            ChangedMeanwhileError, RegistryError, BundleError: It did not become it.
        """
        async with self._changing:
            await self._check_seen(wish)
            await self._change(ChangeKind.PROMOTED, model, promoted(self._roles, model), wish)

    async def roll_back(self, wish: Wish) -> None:
        """Bring back the champion before this one.

        Raises:
            RoleError: There was none.
            ChangedMeanwhileError, RegistryError, BundleError: It did not come back.
        """
        async with self._changing:
            await self._check_seen(wish)
            model = champion_before(await self._store.read(Store.champion_changes))
            if model is None:
                raise RoleError("there was no champion before this one; promote another model")
            await self._change(ChangeKind.ROLLED_BACK, model, promoted(self._roles, model), wish)

    async def challenge(self, challenger: Challenger | None, wish: Wish) -> None:
        """Give a share of the items to a challenger, or to none.

        Raises:
            RoleError: It is the champion.
            ChangedMeanwhileError, RegistryError, BundleError: It did not become it.
        """
        async with self._changing:
            await self._check_seen(wish)
            model = challenger.model if challenger else None
            await self._change(
                ChangeKind.CHALLENGED, model, challenged(self._roles, challenger), wish
            )

    async def shadow(self, model: ModelRef | None, wish: Wish) -> None:
        """Have a model grade what was graded, or none.

        Raises:
            RoleError: It is the champion.
            ChangedMeanwhileError, RegistryError, BundleError: It did not become it.
        """
        async with self._changing:
            await self._check_seen(wish)
            await self._change(ChangeKind.SHADOWED, model, shadowed(self._roles, model), wish)

    async def _recorded(self, kind: ChangeKind, entry: Entry, wish: Wish, source: str) -> Entry:
        """Put a bundle on record, unless it is there from an earlier request."""
        if _key(entry.ref) not in await self._store.read(Store.bundle_hashes):
            sha256 = entry.manifest_sha256
            await self._record(kind, entry.ref, wish, source=source, manifest_sha256=sha256)
        return entry

    async def _check_seen(self, wish: Wish) -> None:
        newest = await self._store.read(Store.newest_model_change)
        if wish.seen_seq is not None and newest is not None and newest.seq > wish.seen_seq:
            raise ChangedMeanwhileError(newest)

    async def _change(
        self, kind: ChangeKind, model: ModelRef | None, after: Roles, wish: Wish
    ) -> None:
        changes = "; ".join(map(str, differences(self._roles, after)))
        await wish.begin(changes or "what holds already")
        if after == self._roles:
            return
        try:
            prepared = await self._prepare(after)
        except BundleError as error:
            await self._record(kind, model, wish, problem=str(error))
            raise
        try:
            await self._record(kind, model, wish, after=after)
        except BaseException:
            if prepared.shadow is not None and prepared.shadow is not self._shadow:
                await prepared.shadow.stop()
            raise
        before, self._shadow = self._shadow, prepared.shadow
        self._served.lineup, self._served.shadow = prepared.lineup, prepared.shadow
        self._roles = after
        self._metrics.show_roles(after)
        if before is not None and before is not prepared.shadow:
            await before.stop()

    async def _prepare(self, roles: Roles) -> _Prepared:
        """Load what is not loaded yet."""
        loaded = {_key(grader.model): grader for grader in self._served.lineup.graders}
        challenger = roles.challenger
        for model in (roles.champion, *((challenger.model,) if challenger else ())):
            if _key(model) not in loaded:
                bundle = await self._bundle(model)
                loaded[_key(model)] = await asyncio.to_thread(self._load, bundle)
        lineup = Lineup(loaded[_key(roles.champion)])
        if challenger is not None:
            lineup = Lineup(lineup.champion, loaded[_key(challenger.model)], challenger.share)
        shadow = self._shadow
        if roles.shadow is None:
            shadow = None
        elif shadow is None or shadow.model != roles.shadow:
            shadow = await self._new_shadow(roles.shadow)
            await shadow.start()
        return _Prepared(lineup, shadow)

    async def _new_shadow(self, model: ModelRef) -> Shadow:
        bundle = await self._bundle(model)
        return Shadow(bundle, model, self._pictures, self._store, self._metrics, self._line_is_busy)

    async def _bundle(self, model: ModelRef) -> Bundle:
        hashes = await self._store.read(Store.bundle_hashes)
        return await asyncio.to_thread(
            self.registry.bundle, model, hashes.get(_key(names.split(model)[0]))
        )

    async def _record(
        self,
        kind: ChangeKind,
        model: ModelRef | None,
        wish: Wish,
        *,
        after: Roles | None = None,
        source: str | None = None,
        manifest_sha256: str | None = None,
        problem: str | None = None,
    ) -> None:
        change = await self._store.write(
            Store.add_model_change,
            NewChange(
                kind=kind,
                model=model,
                actor=wish.actor,
                note=wish.note,
                source=source,
                manifest_sha256=manifest_sha256,
                problem=problem,
                before=self._roles,
                after=after or self._roles,
            ),
        )
        self._metrics.count(change)
        log.info(
            "models_changed" if problem is None else "models_not_changed",
            kind=kind.value,
            model=names.shown(model) if model else None,
            actor=wish.actor,
            problem=problem,
        )


def roles_of(lineup: Lineup) -> Roles:
    """The roles of what is loaded."""
    challenger = lineup.challenger
    return Roles(
        champion=lineup.champion.model,
        challenger=Challenger(model=challenger.model, share=lineup.share) if challenger else None,
    )


def _key(model: ModelRef) -> tuple[str, str]:
    return model.name, model.version
