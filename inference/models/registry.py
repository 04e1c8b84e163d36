"""Bundles on disk that never change: ``<root>/<name>/<version>/``."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog
from pydantic import ValidationError

from inference.models import names
from inference.models.fetch import fetch
from inference.models.tuning import ThresholdChanges, tuned
from inference.pictures import sync_directory
from model.contract import Bundle, BundleError, Manifest, ModelRef, Precision
from model.contract.bundle import MANIFEST, read_manifest_bytes, sha256_of

log = structlog.get_logger(__name__)
_INCOMING: Final = ".incoming"


class RegistryError(Exception):
    """The registry cannot do it; the message says why and what to do."""


class UnknownBundleError(RegistryError):
    """The registry has no such bundle."""


class NameTakenError(RegistryError):
    """The version stands for another bundle."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A bundle in the registry."""

    ref: ModelRef
    """Of its float network."""
    manifest: Manifest
    manifest_sha256: str

    @property
    def models(self) -> tuple[ModelRef, ...]:
        """What can serve from it: one for each network that it has."""
        precisions = Bundle(Path(), self.manifest).precisions
        return tuple(names.at(self.ref.name, self.ref.version, each) for each in precisions)


@dataclass(frozen=True, slots=True)
class Registry:
    """A directory of bundles. Blocking; one writer at a time."""

    root: Path
    _known: dict[Path, Entry] = field(default_factory=dict, compare=False, repr=False)
    """What never changes need not be read twice."""

    def entries(self) -> tuple[Entry, ...]:
        """All bundles, by name and version; one whose manifest is damaged is left out, and logged."""
        found = []
        for path in sorted(self.root.glob(f"[!.]*/*/{MANIFEST}")):
            try:
                found.append(self._entry(path.parent))
            except BundleError as error:
                log.error("bundle_damaged", problem=str(error))  # noqa: TRY400
        return tuple(found)

    def entry(self, bundle: ModelRef) -> Entry:
        """One bundle.

        Raises:
            UnknownBundleError: There is none of that name and version.
            BundleError: Its manifest is damaged.
        """
        return self._entry(self.path(bundle))

    def path(self, bundle: ModelRef) -> Path:
        """Where a bundle is.

        Raises:
            UnknownBundleError: There is none of that name and version.
        """
        folder = self.root / bundle.name / bundle.version
        safe = names.is_safe(bundle.name) and names.is_safe(bundle.version)
        if not safe or not (folder / MANIFEST).is_file():
            raise UnknownBundleError(
                f"the registry has no {names.shown(bundle)}; `regrade models list` shows what it has"
            )
        return folder

    def bundle(self, model: ModelRef, manifest_sha256: str | None = None) -> Bundle:
        """Read and verify every file of a model's bundle.

        Args:
            model: Which, and which of its networks.
            manifest_sha256: What its manifest must be; None: any that holds together.

        Raises:
            UnknownBundleError: There is none of that name and version.
            BundleError: It is damaged, not what was added, or has no network of that precision.
        """
        ref, precision = names.split(model)
        path = self.path(ref)
        if manifest_sha256 not in (None, sha256_of(path / MANIFEST)):
            raise BundleError(
                path,
                f"{MANIFEST} was changed since the bundle was added; `regrade models tune` makes a "
                "version with other thresholds",
            )
        return Bundle.load(path).at(precision)

    def add(self, source: str, *, version: str | None = None) -> tuple[Entry, bool]:
        """Take in a bundle from a folder or URL; once it is in, all of it is.

        Args:
            source: See ``fetch``.
            version: Another version than the manifest's.

        Returns:
            The bundle, and whether it is new: one that is there already is left as it is.

        Raises:
            SourceError: It cannot be fetched.
            BundleError: It is no bundle, or damaged.
            NameTakenError: Another bundle has its name and version.
            RegistryError: Its name or version cannot be that of a folder.
        """
        with self._incoming() as folder:
            fetch(source, folder)
            bundle = Bundle.load(folder)
            if version is not None:
                changed = bundle.manifest.model_copy(update={"version": version})
                _write_manifest(folder, changed)
            return self._put_in_place(folder)

    def tune(self, base: ModelRef, changes: ThresholdChanges, version: str | None) -> Entry:
        """Add a version of a bundle with other thresholds; one that there is already is given back.

        Args:
            base: The bundle, by either of its networks.
            changes: What is other.
            version: By default the base's with ``.t1``, ``.t2``, ...

        Raises:
            UnknownBundleError: There is no such base.
            BundleError: The base is damaged.
            TuningError: The thresholds are not valid, or the same as before.
            NameTakenError: Another bundle has that version.
        """
        bundle = Bundle.load(self.path(names.split(base)[0]))
        name = bundle.manifest.name
        for entry in self.entries():
            known = entry.ref.name == name and version in (None, entry.ref.version)
            if known and entry.manifest == tuned(bundle.manifest, changes, entry.ref.version):
                return entry
        version = version or self._free_version(name, bundle.manifest.version)
        manifest = tuned(bundle.manifest, changes, version)
        with self._incoming() as folder:
            for file in bundle.manifest.files:
                shutil.copyfile(bundle.path / file, folder / file)
            _write_manifest(folder, manifest)
            return self._put_in_place(folder)[0]

    def clean(self) -> None:
        """Remove what an interrupted addition left."""
        shutil.rmtree(self.root / _INCOMING, ignore_errors=True)

    def _put_in_place(self, folder: Path) -> tuple[Entry, bool]:
        Bundle.load(folder)
        entry = _read_entry(folder)
        for part in (entry.ref.name, entry.ref.version):
            if not names.is_safe(part):
                raise RegistryError(
                    f"{part[:100]!r} cannot be a folder; names and versions are 1 to 64 letters, "
                    "digits, `.`, `_` or `-`; `--version` gives another version"
                )
        for other in self.entries():
            if other.ref == entry.ref:
                if other.manifest_sha256 == entry.manifest_sha256:
                    return other, False
                raise NameTakenError(
                    f"{names.shown(entry.ref)} is there with other content, and versions do not "
                    "change; give it another with `--version`"
                )
            self._refuse_same_number(entry, other)
        target = self.root / entry.ref.name / entry.ref.version
        for file in folder.iterdir():
            _settle(file)
        sync_directory(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(target)
        sync_directory(target.parent)
        sync_directory(self.root)
        return self._entry(target), True

    @staticmethod
    def _refuse_same_number(entry: Entry, other: Entry) -> None:
        if entry.ref.name != other.ref.name:
            return
        taken = {names.number(model.version): model for model in other.models}
        for model in entry.models:
            if clash := taken.get(names.number(model.version)):
                raise NameTakenError(
                    f"{names.shown(model)} has the digits of {names.shown(clash)}, and clients of "
                    "/v2 see digits only; give it another version with `--version`"
                )

    def _free_version(self, name: str, version: str) -> str:
        taken = {
            names.number(model.version)
            for entry in self.entries()
            if entry.ref.name == name
            for model in entry.models
        }
        tries = 1
        while {
            names.number(names.at(name, names.tuned_version(version, tries), each).version)
            for each in Precision
        } & taken:
            tries += 1
        return names.tuned_version(version, tries)

    def _entry(self, path: Path) -> Entry:
        if path not in self._known:
            self._known[path] = _read_entry(path)
        return self._known[path]

    @contextmanager
    def _incoming(self) -> Iterator[Path]:
        folder = self.root / _INCOMING / secrets.token_hex(8)
        try:
            folder.mkdir(parents=True)
            yield folder
        except OSError as error:
            raise RegistryError(f"{self.root} does not take the bundle: {error}") from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _read_entry(path: Path) -> Entry:
    data = read_manifest_bytes(path)
    try:
        manifest = Manifest.model_validate_json(data)
    except ValidationError as error:
        raise BundleError(path, f"{MANIFEST} is not valid: {error}") from error
    ref = ModelRef(name=manifest.name, version=manifest.version)
    return Entry(ref, manifest, hashlib.sha256(data).hexdigest())


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", "utf-8")


def _settle(path: Path) -> None:
    """On the disk, and not to be edited by mistake."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
    path.chmod(0o444)
