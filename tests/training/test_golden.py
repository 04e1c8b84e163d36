"""Golden pictures are the project's own."""

import io
from pathlib import Path

from PIL import Image

from training.golden import golden_pictures


def test_without_samples_a_parcel_is_drawn_the_same_each_time(tmp_path: Path) -> None:
    (name,) = drawn = golden_pictures(tmp_path)
    assert Image.open(io.BytesIO(drawn[name])).size == (320, 320)
    assert drawn == golden_pictures(tmp_path)


def test_samples_are_spread_over_their_manifest(squares: Path) -> None:
    goldens = golden_pictures(squares)
    assert list(goldens) == ["golden-0.png", "golden-1.png", "golden-2.png"]
    names = [f"train-{n}.png" for n in range(16)] + [f"calibration-{n}.png" for n in range(12)]
    names += [f"val-{n}.png" for n in range(8)]
    expected = [(squares / names[index]).read_bytes() for index in (6, 18, 30)]
    assert list(goldens.values()) == expected
