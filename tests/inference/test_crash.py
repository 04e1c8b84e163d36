"""``kill -9`` under load, in short; ``python -m benchmarks.crash`` does it a hundred times."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.crash import Ledger, compare_all, crash, server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_nothing_that_was_acknowledged_is_lost(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    store = None if kind == "sqlite" else request.getfixturevalue("fresh_postgres")
    found = crash(2, tmp_path, store)
    assert found.wrong == ()
    assert min(found.graded, found.answered, found.reported) > 0


def test_a_loss_would_be_seen(tmp_path: Path) -> None:
    found = Ledger(answers={"o-1": {"seq": 1, "override_id": "o-1"}}, outcomes={"line1:b1:1"})
    with server(tmp_path, None) as (_, url):
        compare_all(url, found)
    assert found.wrong == [
        "the answers are not those that were acknowledged",
        "the record counts (0, 0) gradings and outcomes",
    ]
