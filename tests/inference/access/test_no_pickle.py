"""Nothing that serves, sorts or trains reads what can run code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = ("model", "datasets", "training", "inference", "sorter_control", "regrade")
# torch.load(weights_only=True) makes tensors and nothing else; a run reads its own state so, and
# needs the name of the error.
_FORBIDDEN = re.compile(
    r"^\s*(?:import|from) (?!pickle import UnpicklingError$)(?:pickle|cPickle|dill|cloudpickle|joblib|shelve|marshal)\b"
    r"|allow_pickle\s*=\s*True|weights_only\s*=\s*False|yaml\.(?:unsafe_)?load\(|\bread_pickle\b",
    re.MULTILINE,
)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_source_reads_pickles(package: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0].strip()}"
        for path in (ROOT / package).rglob("*.py")
        for match in _FORBIDDEN.finditer(path.read_text("utf-8"))
    ]
    assert not found
