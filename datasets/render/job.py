"""Render many items over several processes, and resume where an earlier run stopped."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from datasets.render import RenderError, folder, worker
from datasets.render.spec import item_id_of

_ITEMS_OF_A_PROCESS = 50
"""Blender keeps some memory of every scene; new processes begin without. The pool's own limit of tasks
is no use for it: Python 3.11 may wait for ever there (its issue 115634)."""


def render(root: Path, settings: folder.Settings, indices: Sequence[int], *, workers: int) -> Path:
    """Render the items with these indices that are not complete yet; returns the manifest's path.

    Raises:
        RenderError: Blender's module is missing, the folder belongs to other settings, or a render
            process died.
    """
    if importlib.util.find_spec("bpy") is None:
        raise RenderError(
            "Blender's module is not installed: pip install 'regrade[render]' (with Python 3.11)"
        )
    folder.open_folder(root, settings)
    names = {index: item_id_of(settings.seed, index) for index in indices}
    missing = [index for index in indices if not folder.is_complete(root, names[index])]
    columns = (TextColumn("rendering"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task(
            "rendering", total=len(indices), completed=len(indices) - len(missing)
        )
        at_once = workers * _ITEMS_OF_A_PROCESS
        for first in range(0, len(missing), at_once):
            some = missing[first : first + at_once]
            for item_id in _render_some(root, settings, some, workers):
                progress.update(bar, advance=1)
                if not progress.console.is_terminal:
                    progress.console.print(f"{item_id} rendered")
    return folder.join_rows(root, list(names.values()))


def _render_some(
    root: Path, settings: folder.Settings, indices: Sequence[int], workers: int
) -> Iterator[str]:
    threads = max(1, (os.cpu_count() or 1) // workers)
    with ProcessPoolExecutor(
        min(workers, len(indices)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=worker.start,
    ) as pool:
        tasks = [
            pool.submit(worker.render_item, root, settings, index, threads) for index in indices
        ]
        try:
            for task in as_completed(tasks):
                yield task.result()
        except BrokenProcessPool as error:
            raise RenderError(
                "a render process died (out of memory?); the same command resumes"
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
