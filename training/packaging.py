"""Packaging: completes a bundle directory and verifies it."""

from __future__ import annotations

from pathlib import Path

from model.contract import Bundle, Manifest
from model.contract.bundle import CARD, MANIFEST, Golden, sha256_of
from model.runtime import Grader
from training.golden import golden_pictures


def with_goldens(draft: Manifest, folder: Path) -> Manifest:
    """Put the golden pictures and the card's place into `folder`, and their answers in the manifest.

    Args:
        draft: Manifest whose goldens carry no answers yet; the ONNX file is already in `folder`.
        folder: The bundle under construction.
    """
    (folder / CARD).touch()
    pictures = golden_pictures()
    for name, data in pictures.items():
        (folder / name).write_bytes(data)
    grader = Grader(_seal(draft, folder), threads=1)
    goldens = []
    for name, data in pictures.items():
        answer = grader.assess([grader.prepare(data)])
        goldens.append(Golden(image=name, grade=answer.grade, probabilities=answer.probabilities))
    return draft.model_copy(update={"golden": tuple(goldens)})


def finish(manifest: Manifest, card: str, folder: Path) -> Bundle:
    """Write card and manifest, then verify the bundle as a server would.

    Raises:
        BundleError: The bundle does not hold together.
    """
    (folder / CARD).write_text(card, "utf-8")
    bundle = _seal(manifest, folder)
    Grader(bundle, threads=1).verify()
    return bundle


def _seal(manifest: Manifest, folder: Path) -> Bundle:
    hashed = {
        path.name: sha256_of(path) for path in sorted(folder.iterdir()) if path.name != MANIFEST
    }
    sealed = manifest.model_copy(update={"files": hashed})
    (folder / MANIFEST).write_text(sealed.model_dump_json(indent=2) + "\n", "utf-8")
    return Bundle.load(folder)
