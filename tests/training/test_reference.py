"""The documentation lists every key, with the default that the code has."""

from dataclasses import fields
from pathlib import Path

import pytest

from training import config
from training.reference import reference

_DOCS = Path(__file__).parents[2] / "docs" / "training.md"


def test_the_documentation_has_the_reference_as_it_is_made() -> None:
    assert _DOCS.read_text("utf-8").endswith("\n" + reference())


@pytest.mark.parametrize(
    "table",
    [
        config.TrainingConfig,
        config.Data,
        config.Fit,
        config.LossWeights,
        config.Augmentation,
        config.FeatureCache,
        config.CalibrationSettings,
        config.Decision,
    ],
)
def test_every_key_is_listed_with_what_it_is(table: type) -> None:
    tables = {"data", "fit", "loss", "augment", "features", "calibration", "decision", "quality"}
    for field in fields(table):
        if field.name in tables:
            assert f"{field.name}]" in reference()
            continue
        (row, *_) = [line for line in reference().splitlines() if f"| `{field.name}` |" in line]
        assert row.rsplit("|", 2)[1].strip()
