"""Progress on the terminal, as ``datasets`` shows it."""

from datasets.progress import Track, on_terminal, silently

__all__ = ["Track", "on_terminal", "silently"]
