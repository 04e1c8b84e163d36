"""Packaging: completes a bundle directory, verifies it and puts it in its place."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from model.contract import Bundle, Manifest
from model.contract.bundle import CARD, MANIFEST, Golden, sha256_of
from model.runtime import Grader


def with_goldens(draft: Manifest, folder: Path, pictures: Mapping[str, bytes]) -> Manifest:
    """Put the golden pictures and the card's place into `folder`, and their answers in the manifest.

    Args:
        draft: Manifest whose goldens carry no answers yet; the ONNX file is already in `folder`.
        folder: The bundle under construction.
        pictures: The golden pictures that the draft names: file name -> bytes.
    """
    (folder / CARD).touch()
    for name, data in pictures.items():
        (folder / name).write_bytes(data)
    return draft.model_copy(update={"golden": golden_answers(Grader(seal(draft, folder)))})


def golden_answers(grader: Grader) -> tuple[Golden, ...]:
    """The bundle's golden pictures, with what `grader` makes of them."""
    answers = []
    for golden in grader.bundle.manifest.golden:
        view = grader.prepare((grader.bundle.path / golden.image).read_bytes())
        answer = grader.assess([view])
        answers.append(
            golden.model_copy(update={"grade": answer.grade, "probabilities": answer.probabilities})
        )
    return tuple(answers)


def finish(manifest: Manifest, card: str, folder: Path) -> Bundle:
    """Write card and manifest, then verify the bundle as a server would, at each precision it has.

    Raises:
        BundleError: The bundle does not hold together.
    """
    (folder / CARD).write_text(card, "utf-8")
    bundle = seal(manifest, folder)
    for precision in bundle.precisions:
        Grader(bundle, precision=precision).verify()
    return bundle


def seal(manifest: Manifest, folder: Path) -> Bundle:
    """Write the manifest with the hashes of all files in `folder`, and load the bundle."""
    hashed = {
        path.name: sha256_of(path) for path in sorted(folder.iterdir()) if path.name != MANIFEST
    }
    sealed = manifest.model_copy(update={"files": hashed})
    (folder / MANIFEST).write_text(sealed.model_dump_json(indent=2) + "\n", "utf-8")
    return Bundle.load(folder)


def put_in_place(folder: Path, target: Path) -> Bundle:
    """Make the finished `folder` the bundle at `target`; one that is there is replaced whole."""
    replaced = target.with_name(f"{target.name}.replaced")
    shutil.rmtree(replaced, ignore_errors=True)
    if target.exists():
        target.rename(replaced)
    folder.rename(target)
    shutil.rmtree(replaced, ignore_errors=True)
    return Bundle.load(target)
