"""Every ``regrade`` command in README and docs is one that the command line understands."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from regrade.cli import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands_of(page: Path) -> Iterator[str]:
    """Lines of the code blocks that begin with ``regrade``, continued lines joined."""
    for block in re.findall(
        r"^```\w*\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE
    ):
        for line in block.replace("\\\n", " ").splitlines():
            if match := re.match(r"(?:\.venv/bin/)?regrade (.*)", line.strip()):
                yield match[1].removesuffix("&")


COMMANDS = [(page.name, command) for page in PAGES for command in commands_of(page)]


def parse(group: Any, arguments: list[str]) -> None:
    """Parse as the command line would, and run nothing."""
    context = group.make_context("regrade", arguments)
    name, command, rest = group.resolve_command(context, [*context._protected_args, *context.args])
    assert command is not None
    if hasattr(command, "resolve_command"):
        parse(command, rest)
    else:
        command.make_context(name, rest, parent=context)


def test_the_documentation_shows_commands() -> None:
    assert {page for page, _ in COMMANDS} >= {"README.md", "training.md", "sorter.md"}


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_documented_commands_are_understood(
    page: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("facts.json", "verdict.json", "soak-failure.toml"):
        (tmp_path / name).touch()
    parse(typer.main.get_command(app), shlex.split(command, comments=True))


def test_an_unknown_option_would_be_found() -> None:
    with pytest.raises(Exception, match="No such option"):
        parse(typer.main.get_command(app), ["data", "render", "--out", "x"])
