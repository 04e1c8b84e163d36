"""Foreign pictures against the evaluated ones."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets.manifest import write_manifest
from model.pictures import decode
from tests.training.evaluation.factories import HOW, columns, example, picture
from training.errors import DataError
from training.evaluation.bootstrap import draw
from training.evaluation.familiarity import familiarity, read_foreign, synthetic


def test_auroc_and_share_beyond_the_limit_by_hand() -> None:
    items = columns([0] * 4, [0] * 4)  # unfamiliarity 0.5 each
    foreign = {"far": np.array([1.5, 2.0, 0.9]), "near": np.array([0.5, 0.4])}
    found = familiarity(items, foreign, draw(items.source, items.group, HOW), HOW)
    assert found.own_beyond_limit.value == 0.0
    assert found.foreign["far"].auroc.value == 1.0
    assert found.foreign["far"].beyond_limit.value == pytest.approx(2 / 3)
    assert found.foreign["near"].auroc.value == pytest.approx((4 * 0.5 + 0) / 8)
    assert found.foreign["near"].pictures == 2


def test_nothing_evaluated_gives_no_figure() -> None:
    items = columns([], [])
    counts = draw(items.source, items.group, HOW)
    found = familiarity(items, {"far": np.array([1.5])}, counts, HOW)
    assert found.own_beyond_limit.value is None
    assert found.foreign["far"].auroc.value is None


def test_a_folder_and_a_manifest_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "cells"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.png").write_bytes(picture(1))
    (folder / "inner" / "b.JPG").write_bytes(picture(2))
    (folder / "notes.txt").write_text("no picture")
    rows = [example(tmp_path, name).row for name in ("x", "y", "z")]
    write_manifest(tmp_path / "others.jsonl", rows)
    cells, others = read_foreign([folder, tmp_path / "others.jsonl"])
    assert (cells.name, [load() for load in cells.pictures]) == ("cells", [picture(1), picture(2)])
    assert (others.name, len(others.pictures)) == ("others", 3)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty holds no picture"):
        read_foreign([tmp_path / "empty"])
    with pytest.raises(DataError, match="no such folder or manifest"):
        read_foreign([tmp_path / "missing"])
    for side in ("one", "two"):
        (tmp_path / side / "cells").mkdir(parents=True)
        (tmp_path / side / "cells" / "a.png").write_bytes(picture(1))
    with pytest.raises(DataError, match="two foreign sets are called"):
        read_foreign([tmp_path / "one" / "cells", tmp_path / "two" / "cells"])


def test_the_synthetic_pictures_are_what_they_are_called() -> None:
    noise, flat, gradients = (
        [decode(load()).astype(float) for load in foreign.pictures[:5]] for foreign in synthetic()
    )
    assert all(pixels.std(axis=(0, 1)).min() > 50 for pixels in noise)
    assert all(pixels.std(axis=(0, 1)).max() == 0 for pixels in flat)
    for pixels in gradients:
        assert pixels.std(axis=(0, 1)).max() > 0
        assert np.abs(np.diff(pixels, axis=0)).max() <= 3
    assert [f.pictures[0]() for f in synthetic()] == [f.pictures[0]() for f in synthetic()]
    assert Image.fromarray(noise[0].astype(np.uint8)).size == (256, 256)
