"""The process of a shadow: reads captures from stdin, writes what it makes of them to stdout.

``python -m inference.models.shadow_child PATH PRECISION PICTURES``: a ``Ready`` first, then for every
``Capture`` one ``Answer``, each a line of JSON. It ends when its input does, so it outlives no server.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import BaseModel

from inference.models import children
from inference.pictures import PictureStore
from model.contract import Assessment, Bundle, BundleError, Precision
from model.pictures import PictureError
from model.runtime import Grader


class Ready(BaseModel):
    """Whether the model can be used."""

    problem: str | None = None


class Capture(BaseModel):
    """What is to be graded."""

    images: tuple[str, ...]
    """SHA-256 of each picture."""


class Answer(BaseModel):
    """What came of a capture: exactly one of the two is there."""

    assessment: Assessment | None = None
    problem: str | None = None


def assess(grader: Grader, pictures: PictureStore, capture: Capture) -> Answer:
    """Grade a capture by its stored pictures."""
    views = []
    for sha256 in capture.images:
        found = pictures.read(sha256)
        if found is None:
            return Answer(problem=f"picture {sha256} is gone")
        try:
            views.append(grader.prepare(found[0]))
        except PictureError as error:
            return Answer(problem=str(error))
    return Answer(assessment=grader.assess(views))


def main(path: str, precision: str, pictures_dir: str) -> None:
    """In the process of the shadow."""
    children.yield_to_others(children.LAST)
    try:
        grader = Grader(Bundle.load(Path(path)), precision=Precision(precision))
        grader.verify()
    except BundleError as error:
        _say(Ready(problem=str(error)))
        return
    _say(Ready())
    pictures = PictureStore(Path(pictures_dir))
    for line in sys.stdin:
        _say(assess(grader, pictures, Capture.model_validate_json(line)))


def _say(what: BaseModel) -> None:
    sys.stdout.write(what.model_dump_json() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
