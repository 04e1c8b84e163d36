"""Where pictures lie, and how the manifest and messages name them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Place:
    """Folders of one import."""

    base: Path
    """Folder that no picture may lie outside of."""
    root: Path
    """Folder that the manifest's paths are relative to."""
    copies: str | None = None
    """Folder below `root` that files are copied to; None: they stay, and `base` is below `root`."""

    def name(self, file: Path) -> str:
        """The manifest's path of a file."""
        if self.copies is None:
            return file.relative_to(self.root).as_posix()
        return f"{self.copies}/{file.relative_to(self.base).as_posix()}"

    def show(self, file: str | Path) -> str:
        """A file as messages name it: relative to `base` where it lies in there."""
        path = Path(file)
        inner = path.is_relative_to(self.base)
        return path.relative_to(self.base).as_posix() if inner else str(file)
