"""How long a body may take, with literal times."""

from __future__ import annotations

import pytest

from inference.settings import UploadLimits
from inference.uploads.intake import latest_s

LIMITS = UploadLimits(timeout_s=15, grace_s=3, min_bytes_per_s=1000)


@pytest.mark.parametrize(
    ("size", "expected_s"),
    [(0, 103), (1000, 104), (5000, 108), (12_000, 115), (10_000_000, 115)],
    ids=["nothing yet", "a second's worth", "five", "up to the end", "never longer"],
)
def test_bytes_earn_time_up_to_the_end(size: int, expected_s: float) -> None:
    assert latest_s(size, 100, LIMITS) == pytest.approx(expected_s)
