"""Writes an existing bundle anew: in the present format, and with an INT8 network if asked."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from datasets.progress import Track
from model.contract import GRADES, Bundle, BundleError, Manifest
from model.contract.bundle import (
    CARD,
    FORMAT_VERSION,
    MANIFEST,
    NETWORK,
    read_manifest_bytes,
    verify_files,
)
from model.graph import finish as finish_graph
from training.examples import Example, of_split
from training.int8 import add_int8
from training.network_card import with_network_section
from training.packaging import finish, put_in_place


def refresh(path: Path, examples: Sequence[Example] | None, track: Track) -> Bundle:
    """Bring a bundle to the present format; with labelled pictures, give it an INT8 network too.

    The float network keeps its weights and its answers; the bundle at `path` is replaced only once
    the new one has been verified whole.

    Args:
        path: A bundle of this format or of the one before.
        examples: Pictures with the splits calibration and val; None leaves out the INT8 trial and
            keeps the INT8 network that the bundle has.
        track: Shows progress.

    Raises:
        BundleError: The bundle is damaged, or of a format that cannot be read.
        GraphError: Its network cannot be written anew.
        DataError: The pictures cannot be used.
    """
    raw = _read(path)
    folder = path.with_name(f"{path.name}.partial")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        shutil.copytree(path, folder)
        _complete(raw, folder, examples, track)
        return put_in_place(folder, path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _complete(
    raw: dict[str, Any], folder: Path, examples: Sequence[Example] | None, track: Track
) -> None:
    graph = finish_graph(
        folder / NETWORK,
        int(raw["input_size"]),
        name=str(raw["name"]),
        version=str(raw["version"]),
    )
    present = raw | {
        "format_version": FORMAT_VERSION,
        "graph": graph.model_dump(),
        "conformal": _conformal(raw["conformal"]),
    }
    try:
        manifest = Manifest.model_validate(present)
    except ValidationError as error:
        raise BundleError(folder, f"{MANIFEST} is not valid: {error}") from error
    if examples is not None:
        calibration, held_out = of_split(examples, "calibration"), of_split(examples, "val")
        manifest = add_int8(manifest, folder, calibration, held_out, track)
    card = with_network_section((folder / CARD).read_text("utf-8"), manifest)
    finish(manifest, card, folder)


def _conformal(raw: dict[str, Any]) -> dict[str, Any]:
    """Format 1 had one quantile for all grades."""
    if "quantile" not in raw:
        return raw
    return {"coverage": raw["coverage"], "quantiles": dict.fromkeys(GRADES, raw["quantile"])}


def _read(path: Path) -> dict[str, Any]:
    data = read_manifest_bytes(path)
    try:
        raw = json.loads(data)
        version, files = raw["format_version"], raw["files"]
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(path, f"{MANIFEST} is not valid: {error!r}") from error
    if version == FORMAT_VERSION:
        Bundle.load(path)
    elif version == FORMAT_VERSION - 1:
        verify_files(path, files, {NETWORK, CARD})
    else:
        raise BundleError(path, f"{MANIFEST} has format {version!r}, which cannot be brought up")
    return dict(raw)
