"""Loads a bundle in a process of its own and proves it, before the server touches it.

``python -m inference.models.trial PATH PRECISION VIEWS``: 0 where hashes and golden answers hold and an
item of VIEWS views is graded; else the last line of stderr says why. What takes a process down,
a network that exhausts the memory say, takes down this one.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from inference.models import children
from model.contract import Bundle, BundleError, Precision
from model.runtime import Grader

_TIMEOUT_S: Final = 600.0


def prove(bundle: Bundle, most_views: int) -> None:
    """Run the trial. Blocking.

    Raises:
        BundleError: It failed.
    """
    arguments = (str(bundle.path), bundle.precision.value, str(most_views))
    try:
        done = subprocess.run(  # noqa: S603 - this interpreter, our module
            children.command("trial", *arguments),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
            **children.options(),
        )
    except subprocess.TimeoutExpired as error:
        raise BundleError(bundle.path, f"its trial took over {_TIMEOUT_S:.0f} s") from error
    if done.returncode == 0:
        return
    said = done.stderr.strip().splitlines()
    why = said[-1] if said and done.returncode > 0 else "its process was killed; is it too large?"
    raise BundleError(bundle.path, why.removeprefix(f"bundle {bundle.path}: "))


def main(path: str, precision: str, most_views: str) -> int:
    """In the process of the trial; gives its exit code."""
    children.yield_to_others(children.BESIDE)
    try:
        grader = Grader(Bundle.load(Path(path)), precision=Precision(precision))
        grader.verify()
        grader.warm(int(most_views))
    except BundleError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
