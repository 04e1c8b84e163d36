"""Files that are missing, damaged, changed or odd."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from datasets.checks.entries import Entry
from datasets.checks.facts import Broken, Facts, Measured
from datasets.checks.findings import Finding, Section, Severity, Shown
from datasets.wording import counted

MIN_SIDE_PX = 96
MAX_ASPECT = 3.0
_PLAIN_MODES = frozenset({"RGB", "L"})


def check_files(entries: Sequence[Entry], measured: Sequence[Measured]) -> Iterator[Finding]:
    """Judge every file by itself."""
    broken, changed = [], []
    odd: dict[tuple[str, str, str], list[Shown]] = defaultdict(list)
    for number, (entry, one) in enumerate(zip(entries, measured, strict=True)):
        match one.found:
            case Broken(problem=problem):
                broken.append(Shown(number, problem))
            case Facts() as facts:
                for kind, advice, note in _odd(entry, facts):
                    odd[entry.row.source, kind, advice].append(Shown(number, note))
        if one.sha256 is not None and one.sha256 != entry.row.sha256:
            changed.append(
                Shown(number, f"sha256 is {one.sha256[:12]}, not {entry.row.sha256[:12]}")
            )
    yield from _errors(
        broken,
        "cannot be read",
        "Put the files back where the manifest says, whole, or import again without them.",
    )
    yield from _errors(
        changed,
        "changed since labelled",
        "Labels, caches and splits belong to the old bytes: restore the files or import them again.",
    )
    for (source, kind, advice), shown in sorted(odd.items(), key=lambda found: found[0]):
        title = f"{source}: {counted(len(shown), 'picture')} {kind}"
        yield Finding(Section.FILES, Severity.WARNING, title, advice, tuple(shown))


def _errors(shown: Sequence[Shown], what: str, advice: str) -> Iterable[Finding]:
    if shown:
        title = f"{counted(len(shown), 'file')} {what}"
        yield Finding(Section.FILES, Severity.ERROR, title, advice, tuple(shown))


def _odd(entry: Entry, facts: Facts) -> Iterator[tuple[str, str, str]]:
    size = f"{facts.width} x {facts.height} px"
    if min(facts.width, facts.height) < MIN_SIDE_PX:
        yield (
            f"with a side under {MIN_SIDE_PX} px",
            "Small damage is lost in them; leave them out, or report figures by picture size.",
            size,
        )
    if max(facts.width, facts.height) > MAX_ASPECT * min(facts.width, facts.height):
        yield (
            f"longer than {MAX_ASPECT:g} times their width",
            "Squashed to a square they look like nothing on a line; crop them.",
            size,
        )
    if facts.mode not in _PLAIN_MODES:
        yield (
            f"of pixel format {facts.mode}",
            "Colours or transparency may come out otherwise than you saw them; save them as RGB.",
            facts.mode,
        )
    if facts.turned and entry.row.regions:
        yield (
            "turned by their EXIF orientation",
            "Regions must refer to the upright picture; look at a few with their regions drawn.",
            size,
        )
