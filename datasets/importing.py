"""Importing: folders of labelled pictures become rows of the manifest, by the rubric."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from datasets.manifest import LabelledPicture, Region
from datasets.rubric import Rubric
from datasets.sources import SOURCES, Sighting, Source, SourceError
from datasets.splits import split_of


@dataclass(slots=True)
class Imported:
    """Rows, and what gave none."""

    rows: list[LabelledPicture] = field(default_factory=list)
    missing_sources: list[str] = field(default_factory=list)
    unmapped: Counter[str] = field(default_factory=Counter)
    """Pictures left out, counted by source and reason."""


def import_sources(root: Path, rubric: Rubric, sources: Iterable[Source] = SOURCES) -> Imported:
    """Read every source that stands under `root`.

    Raises:
        SourceError: `root` is missing or holds none of the sources, or a source is damaged.
        RubricError: A source uses a label that the rubric does not know.
    """
    if not root.is_dir():
        raise SourceError(
            f"{root} is not a folder; give --from the folder that holds the labelled photographs"
        )
    imported = Imported()
    for source in sources:
        folder = root / source.folder
        if not folder.is_dir():
            imported.missing_sources.append(source.name)
            continue
        for sighting in source.list(folder):
            _add(imported, root, rubric, source, sighting)
    if not imported.rows:
        raise SourceError(
            f"{root} holds none of {[source.folder for source in sources]}; nothing was imported"
        )
    return imported


def _add(
    imported: Imported, root: Path, rubric: Rubric, source: Source, sighting: Sighting
) -> None:
    if not sighting.labels:
        imported.unmapped[f"{source.name}: no label"] += 1
        return
    try:
        sha256 = hashlib.sha256(sighting.picture.read_bytes()).hexdigest()
    except OSError as error:
        raise SourceError(f"{sighting.picture}: {error.strerror}") from error
    judgement = rubric.judge(source.name, sighting.labels)
    known = rubric.source(source.name)
    group = f"{source.name}:{sighting.group or sha256[:16]}"
    split = sighting.split or split_of(group, sighting.shares or {})
    regions = tuple(_regions(root, rubric, source.name, sighting))
    imported.rows.append(
        LabelledPicture(
            picture=sighting.picture.relative_to(root).as_posix(),
            sha256=sha256,
            item_id=f"{source.name}.{sha256[:16]}",
            source=source.name,
            category=known.category,
            group=group,
            split=split,
            grade=judgement.grade,
            present=judgement.present,
            absent=judgement.absent,
            regions=regions,
            regions_complete=bool(regions),
            licence=known.licence,
            labelled_by=known.labelled_by,
        )
    )


def _regions(root: Path, rubric: Rubric, source: str, sighting: Sighting) -> Iterable[Region]:
    for mark in sighting.marks:
        mask = mark.mask.relative_to(root).as_posix() if mark.mask else None
        for kind in rubric.source(source).labels[mark.label].present:
            yield Region(type=kind, polygon=mark.polygon, mask=mask)
