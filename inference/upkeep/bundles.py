"""The bundles that a history still needs: into a backup, and out of it into a registry."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, select

from inference.errors import StoreError
from inference.models import names
from inference.models.fetch import SourceError
from inference.models.records import ChangeKind
from inference.models.registry import Registry, RegistryError, UnknownBundleError
from inference.models.roles import still_needed
from inference.store.model_facts import change_of
from inference.store.model_tables import model_changes
from model.contract import Bundle, BundleError, ModelRef
from model.contract.bundle import MANIFEST, sha256_of


class SavedBundle(BaseModel):
    """A bundle as it is in a backup, below ``name/version``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    manifest_sha256: str
    """Its manifest has the hashes of all other files."""

    @property
    def ref(self) -> ModelRef:
        """Of its float network."""
        return ModelRef(name=self.name, version=self.version)


def needed(connection: Connection) -> dict[ModelRef, str | None]:
    """What a server on this store may have to load, with the hash of the manifest that was added."""
    rows = connection.execute(select(model_changes).order_by(model_changes.c.seq))
    changes = [change_of(row) for row in rows]
    added = {
        each.model: each.manifest_sha256
        for each in changes
        if each.kind in (ChangeKind.ADDED, ChangeKind.TUNED) and each.problem is None
    }
    bundles = (names.split(model)[0] for model in still_needed(changes))
    return {bundle: added.get(bundle) for bundle in dict.fromkeys(bundles)}


def absent(wanted: Mapping[ModelRef, str | None], registry: Registry) -> list[ModelRef]:
    """Those that the registry has not."""

    def is_there(bundle: ModelRef) -> bool:
        try:
            registry.path(bundle)
        except UnknownBundleError:
            return False
        return True

    return [bundle for bundle in wanted if not is_there(bundle)]


def save(
    wanted: Mapping[ModelRef, str | None], registry: Registry, to: Path, previous: Path | None
) -> tuple[list[SavedBundle], list[ModelRef]]:
    """Copy bundles.

    Args:
        wanted: Which, and the hash of each one's manifest; None: any that holds together.
        registry: Where they are.
        to: Root of the copies.
        previous: Root of earlier copies on the same file system: those that are whole are linked.

    Returns:
        Those that were copied, and those that the registry has not or has damaged.
    """
    saved, lost = [], []
    for ref, manifest_sha256 in wanted.items():
        try:
            path = registry.bundle(ref, manifest_sha256).path
        except (RegistryError, BundleError):
            lost.append(ref)
            continue
        made = SavedBundle(
            name=ref.name, version=ref.version, manifest_sha256=sha256_of(path / MANIFEST)
        )
        target = _folder(to, ref)
        target.mkdir(parents=True)
        linked = _folder(previous, ref) if previous and _is_whole(made, previous) else None
        for file in path.iterdir():
            if linked is not None:
                (target / file.name).hardlink_to(linked / file.name)
            else:
                shutil.copyfile(file, target / file.name)
        saved.append(made)
    return saved, lost


def verify(saved: SavedBundle, root: Path) -> None:
    """Read every byte of a copy.

    Raises:
        StoreError: It is not what was copied.
    """
    if not _is_whole(saved, root):
        raise StoreError(f"{_folder(root, saved.ref)} is damaged: it is not the bundle of before")


def put_back(saved: SavedBundle, root: Path, registry: Registry) -> None:
    """Take a copy into a registry; one that is there already is left as it is.

    Raises:
        StoreError: The registry has another bundle of that name and version, or does not take it.
    """
    try:
        registry.add(str(_folder(root, saved.ref)))
    except (SourceError, BundleError, RegistryError) as error:
        raise StoreError(f"a bundle cannot be restored: {error}") from error


def _folder(root: Path, ref: ModelRef) -> Path:
    return root / ref.name / ref.version


def _is_whole(saved: SavedBundle, root: Path) -> bool:
    folder = _folder(root, saved.ref)
    try:
        Bundle.load(folder)
    except BundleError:
        return False
    return sha256_of(folder / MANIFEST) == saved.manifest_sha256
