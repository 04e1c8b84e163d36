"""Progress on the terminal: a bar with the time that is left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

T = TypeVar("T")


class Track(Protocol):
    """Passes items through and shows how far it is."""

    def __call__(self, items: Iterable[T], description: str, total: int, /) -> Iterator[T]:
        """Yield the `total` items in turn."""


def on_terminal(items: Iterable[T], description: str, total: int, /) -> Iterator[T]:
    """Show a bar with elapsed and remaining time on standard error."""
    columns = (
        TextColumn("{task.description:28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield from progress.track(items, total=total, description=description)


def silently(items: Iterable[T], description: str, total: int, /) -> Iterator[T]:  # noqa: ARG001
    """Show nothing."""
    yield from items
