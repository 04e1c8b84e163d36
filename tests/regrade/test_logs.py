"""Log lines of several threads and processes share one stream."""

from __future__ import annotations

import io
import json
import sys

import pytest
import structlog

from regrade import logs


class Writes(io.StringIO):
    """Keeps what each call wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[str] = []

    def write(self, text: str) -> int:
        self.kept.append(text)
        return len(text)


def test_a_line_is_written_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write of standard error is a call of the system, between which another line fits."""
    stream = Writes()
    before = structlog.get_config()
    monkeypatch.setattr(sys, "stderr", stream)
    try:
        logs.configure(json_lines=True)
        structlog.get_logger().info("item_graded", item_id="R-1")
    finally:
        structlog.configure(**before)
    (line,) = stream.kept
    assert line.endswith("}\n")
    assert json.loads(line)["item_id"] == "R-1"
