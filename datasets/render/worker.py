"""One render process: items in, files out."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import threading
from pathlib import Path

import numpy as np

from datasets.render import RenderError, folder
from datasets.render.exposure import Exposure, Quality
from datasets.render.sampling import sample_item
from datasets.render.spec import ItemSpec

_LIBRARIES = "libxrender1 libxi6 libxfixes3 libxkbcommon0 libsm6 libice6 libgl1"


def start() -> None:
    """Send what Blender prints to nowhere, and end with the process that started this one."""
    _silence()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # a pool's process waits for work for ever


def _silence() -> None:
    """Standard output is for results."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.close(sink)


def render_item(root: Path, settings: folder.Settings, index: int, threads: int) -> str:
    """Render all pictures of one item into the folder and return its id.

    Raises:
        RenderError: Blender's module cannot be loaded.
    """
    item = sample_item(settings.seed, index)
    quality = Quality(settings.width, settings.height, settings.samples)
    folder.store(root, settings, item, photograph(item, quality, threads))
    return item.item_id


def photograph(spec: ItemSpec, quality: Quality, threads: int) -> list[Exposure]:
    """Build an item in an empty scene and photograph it with each of its cameras.

    Raises:
        RenderError: Blender's module cannot be loaded.
    """
    try:
        from datasets.render import camera, item, station  # noqa: PLC0415
    except ImportError as error:
        raise RenderError(
            f"Blender's module does not load ({error}); pip install 'regrade[render]', "
            f"and on Debian: apt-get install {_LIBRARIES}"
        ) from error
    camera.reset(quality, threads)
    item.build(spec, quality.texels)
    station.build(spec, np.random.default_rng([spec.seed, 3]))
    with tempfile.TemporaryDirectory() as scratch:
        return [camera.expose(spec, view, Path(scratch)) for view in range(len(spec.cameras))]
