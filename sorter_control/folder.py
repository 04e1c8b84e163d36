"""A folder of state belongs to one process at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sorter_control.errors import SettingsError


@contextmanager
def owned(folder: Path, option: str) -> Iterator[None]:
    """Make the folder and hold it; the system lets go of it however the process ends.

    Raises:
        SettingsError: It cannot be made, or another process holds it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "lock").open("w")
    except OSError as error:
        raise SettingsError(f"{option} {folder}: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SettingsError(f"{option} {folder} is in use by another process") from error
        yield
