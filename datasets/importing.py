"""Importing: what a reader finds becomes rows of the manifest, by the rubric, or is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from datasets.importers.places import Place
from datasets.importers.rows import BrokenRowError, RowMaker
from datasets.importers.sightings import Found, LeftOut, Problem, RefusedError, Sighting
from datasets.manifest import LabelledPicture
from datasets.merging import Key, key_of, said
from datasets.rubric import Rubric

Track = Callable[[Iterable[Found], str], Iterable[Found]]
"""Passes on what a reader found and shows how far it is; the text says what is read."""


def untracked(found: Iterable[Found], description: str) -> Iterable[Found]:  # noqa: ARG001
    """Show nothing."""
    return found


@dataclass(slots=True)
class Imported:
    """Rows, and what gave none."""

    copies: dict[str, Path] = field(default_factory=dict)
    """Files to copy, by their path below the manifest's root."""
    problems: list[Problem] = field(default_factory=list)
    unknown_labels: dict[tuple[str, str], list[Problem]] = field(default_factory=dict)
    """Rows with a label which the rubric lacks, by its section and the label."""
    left_out: dict[str, list[str]] = field(default_factory=dict)
    """What says nothing that a manifest holds: where it was met, by source and reason."""
    missing_sources: list[str] = field(default_factory=list)
    _by_content: dict[Key, LabelledPicture] = field(default_factory=dict)
    _contradicted: set[Key] = field(default_factory=set)
    _added: list[LabelledPicture | None] = field(default_factory=list)
    """None where a row was taken back."""
    _of_content: dict[Key, list[int]] = field(default_factory=dict)
    """Places in `_added`, so that taking back does not search it."""
    _of_listing: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    """The same by picture and item."""

    @property
    def rows(self) -> list[LabelledPicture]:
        """The rows that hold, in the order in which they were added."""
        return [row for row in self._added if row is not None]

    def add(self, row: LabelledPicture) -> bool:
        """Add a row, unless its very picture has other labels too: then neither holds."""
        key = key_of(row)
        other = self._by_content.setdefault(key, row)
        if said(other) != said(row):
            self._contradicted.add(key)
            self._remove(self._of_content.pop(key, []))
            self.problems += [_contradiction(row, other), _contradiction(other, row)]
        elif key in self._contradicted:
            self.problems.append(_contradiction(row, other))
        else:
            self._keep(key, row)
        return key not in self._contradicted

    def withdraw(self, picture: str, item_id: str | None) -> None:
        """Take back the row of a picture that is listed again: neither listing holds."""
        of_items = self._of_listing.get(picture, {})
        for item in [*of_items] if item_id is None else [item_id]:
            self._remove(of_items.pop(item, []))

    def _keep(self, key: Key, row: LabelledPicture) -> None:
        place = len(self._added)
        self._added.append(row)
        self._of_content.setdefault(key, []).append(place)
        self._of_listing.setdefault(row.picture, {}).setdefault(row.item_id, []).append(place)

    def _remove(self, places: Iterable[int]) -> None:
        for place in places:
            self._added[place] = None

    def broken(self) -> list[Problem]:
        """All problems, those of labels too."""
        return [
            *(problem for found in self.unknown_labels.values() for problem in found),
            *self.problems,
        ]

    def require_whole(self) -> None:
        """Refuse broken rows.

        Raises:
            RefusedError: There are some.
        """
        if broken := self.broken():
            raise RefusedError(broken, [*self._label_summary(), *map(str, self.problems)])

    def _label_summary(self) -> Iterator[str]:
        for (section, label), found in self.unknown_labels.items():
            yield (
                f"the rubric's section [{section}] has no label {label!r} "
                f"(rows with it: {len(found)}, e.g. {found[0].place})"
            )


def import_found(
    into: Imported,
    found: Iterable[Found],
    rubric: Rubric,
    place: Place,
    source: str,
    section: str | None = None,
) -> None:
    """Add what a reader finds.

    Args:
        into: Gets rows, problems and what was left out.
        found: By one of `datasets.importers`.
        rubric: Says what native labels mean.
        place: Of the pictures.
        source: Name of the data set.
        section: The rubric's section; the source's own otherwise.

    Raises:
        RubricError: The rubric has no such section.
    """
    maker = RowMaker(rubric, section or source, source, place)
    known = set(maker.meanings.labels)
    listed: dict[object, str] = {}
    for each in found:
        match each:
            case Problem():
                into.problems.append(Problem(place.show(each.file), each.where, each.reason))
            case LeftOut():
                into.left_out.setdefault(f"{source}: {each.reason}", []).append(
                    place.show(each.example)
                )
            case Sighting():
                if problem := _double(maker, each, listed):
                    into.problems.append(problem)
                    into.withdraw(maker.place.name(each.picture), each.facts.item_id)
                elif unknown := set(each.labels) - known:
                    for label in sorted(unknown):
                        found_in = into.unknown_labels.setdefault((maker.section, label), [])
                        reason = ValueError(f"the rubric has no label {label!r}")
                        found_in.append(maker.problem(each, reason))
                else:
                    _add(into, maker, each)


def _add(into: Imported, maker: RowMaker, sighting: Sighting) -> None:
    says_something = sighting.labels or maker.meanings.unlabelled is not None
    if not says_something and not sighting.problems:
        where = maker.place.show(sighting.picture)
        into.left_out.setdefault(f"{maker.source}: no label", []).append(where)
        return
    try:
        row = maker.row(sighting)
    except BrokenRowError as error:
        into.problems += [
            Problem(maker.place.show(each.file), each.where, each.reason) for each in error.problems
        ]
        return
    if into.add(row) and maker.place.copies is not None:
        into.copies.update(maker.files(sighting))


def _double(maker: RowMaker, sighting: Sighting, listed: dict[object, str]) -> Problem | None:
    """A picture may be listed again only for another item, as answers of operators do."""
    key = (sighting.picture, sighting.facts.item_id, sighting.facts.view)
    if key in listed:
        return maker.problem(sighting, ValueError(f"listed twice, first in {listed[key]}"))
    listed[key] = sighting.where or maker.place.show(sighting.listed_in or sighting.picture)
    return None


def _contradiction(row: LabelledPicture, other: LabelledPicture) -> Problem:
    reason = f"labelled {said(row)}; the same picture is labelled in another way ({other.picture})"
    return Problem(row.picture, "", reason)
