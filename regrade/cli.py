"""The ``regrade`` command: joins the commands of every package."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Annotated

import typer

import datasets.cli
import inference.cli
import regrade.demo.cli
import sorter_control.cli
import training.cli
from regrade import logs

app = typer.Typer(
    name="regrade",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # what goes into a log is for grep, not for a screen
)
for package in (datasets.cli, training.cli, inference.cli, sorter_control.cli, regrade.demo.cli):
    package.register(app)


@app.callback()
def options(
    *,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log JSON lines.")] = False,
    end_with_stdin: Annotated[
        bool,
        typer.Option(
            "--end-with-stdin",
            envvar="REGRADE_END_WITH_STDIN",
            help="End as on SIGTERM when standard input ends: for a process that starts this one.",
        ),
    ] = False,
) -> None:
    """Grade returned goods from photographs, sort them, and learn from people's answers."""
    logs.configure(json_lines=log_json)
    if end_with_stdin:
        threading.Thread(target=_end_with_stdin, daemon=True).start()


def _end_with_stdin() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Run the command line."""
    app()
