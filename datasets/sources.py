"""The shipped sources: which importer reads each, and how it is split."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from datasets.importers import coco, folders, tables
from datasets.importers.places import Place
from datasets.importers.sightings import NO_OPTIONS, Found, Options, Sighting, SourceError
from datasets.importing import Imported, Track, import_found, untracked
from datasets.rubric import Rubric
from datasets.splits import OWN_SPLITS

Read = Callable[[Path, Options], Iterator[Found]]


@dataclass(frozen=True, slots=True)
class Source:
    """A source: its folder under the data root and how to read it."""

    name: str
    folder: str
    read: Read
    options: Options = NO_OPTIONS

    def found(self, folder: Path) -> Iterator[Found]:
        """What is there; a source that says no splits gets all of them."""
        for each in self.read(folder, self.options):
            if isinstance(each, Sighting) and each.split is None and each.shares is None:
                yield replace(each, shares=OWN_SPLITS)
            else:
                yield each


SOURCES: tuple[Source, ...] = (
    Source("vehicle_damage", "vehicle_damage", coco.read),
    Source("vehicle_severity", "vehicle_severity", folders.read),
    Source("parcels", "parcels", tables.read, Options(columns={"group": "near_duplicate_group"})),
    Source("toys", "toys", folders.read),
    Source("cookies", "cookies", folders.read, Options(masks="masks")),
    Source("packages", "clean_items/packages", folders.read, Options(label="undamaged")),
    Source("clothing", "clean_items/clothing", folders.read, Options(label="worn")),
)


def import_sources(
    place: Place,
    rubric: Rubric,
    sources: Iterable[Source] = SOURCES,
    track: Track = untracked,
) -> Imported:
    """Read every source that stands under the place's base.

    Raises:
        SourceError: The base is missing or holds none of the sources, or a source is damaged.
        RubricError: The rubric does not know a source.
    """
    if not place.base.is_dir():
        raise SourceError(
            f"{place.base} is not a folder; give --from the folder that holds the labelled "
            "photographs"
        )
    imported = Imported()
    for source in sources:
        folder = place.base / source.folder
        if folder.is_dir():
            found = track([*source.found(folder)], source.name)
            import_found(imported, found, rubric, place, source.name)
        else:
            imported.missing_sources.append(source.name)
    if not (imported.rows or imported.broken()):
        raise SourceError(
            f"{place.base} holds none of {[source.folder for source in sources]}; nothing was "
            "imported. For data of your own name its format (regrade data import --help)"
        )
    return imported
