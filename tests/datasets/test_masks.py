"""Masks keep every pixel through COCO's and Label Studio's run lengths; broken ones are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from pycocotools import mask as coco_mask

from datasets import brush
from datasets.manifest import Rle
from datasets.masks import Mask, MaskError, compress, decode, encode, read_mask

masks = arrays(np.bool_, st.tuples(st.integers(1, 30), st.integers(1, 30)))


@settings(deadline=None)
@given(masks)
def test_runs_keep_every_pixel(mask: Mask) -> None:
    np.testing.assert_array_equal(decode(encode(mask)), mask)


@settings(deadline=None)
@given(masks)
def test_a_brush_keeps_every_pixel(mask: Mask) -> None:
    height, width = mask.shape
    np.testing.assert_array_equal(brush.decode(brush.encode(mask), width, height), mask)


@pytest.mark.parametrize("length", [1, 2, 4, 64, 65, 16_384, 16_385, 40_000])
def test_a_brushs_long_runs_are_split(length: int) -> None:
    """The longest run has 65,536 values, four a pixel."""
    mask = np.zeros((2, length), np.bool_)
    mask[1] = True
    np.testing.assert_array_equal(brush.decode(brush.encode(mask), length, 2), mask)


def test_a_brush_with_values_one_by_one_is_read() -> None:
    """As Label Studio's editor writes short stretches: a 0, then each value."""
    values = [0, 0, 0, 0, 9, 9, 9, 255]
    bits = f"{8:032b}{7:05b}" + "".join(f"{n - 1:04b}" for n in (3, 4, 8, 16))
    bits += "0" + "00" + f"{7:03b}" + "".join(f"{value:08b}" for value in values)
    bits += "0" * (-len(bits) % 8)
    rle = [int(bits[n : n + 8], 2) for n in range(0, len(bits), 8)]
    assert brush.decode(rle, 2, 1).tolist() == [[False, True]]


@settings(deadline=None)
@given(masks)
def test_compressed_runs_are_the_librarys(mask: Mask) -> None:
    height, width = mask.shape
    columns = mask.ravel(order="F").astype(int)
    edges = np.flatnonzero(np.diff(columns)) + 1
    runs = np.diff([0, *edges, columns.size]).tolist()
    runs = [0, *runs] if columns[0] else runs
    assert compress(runs, height, width) == encode(mask)


@settings(deadline=None)
@given(st.text(alphabet=[chr(n) for n in range(48, 112)], min_size=1, max_size=30))
def test_any_text_of_runs_is_a_mask_of_its_size_or_refused(counts: str) -> None:
    """The library itself reads beyond its buffer where the runs are too short."""
    try:
        mask = decode(Rle(size=(7, 5), counts=counts))
    except MaskError:
        return
    assert mask.shape == (7, 5)
    written = coco_mask.decode({"size": [7, 5], "counts": counts.encode()})
    np.testing.assert_array_equal(mask, written)


@settings(deadline=None)
@given(st.lists(st.integers(0, 255), max_size=40))
def test_any_bytes_are_a_brush_or_refused(rle: list[int]) -> None:
    header = [0, 0, 0, 24]
    try:
        mask = brush.decode(header + rle, 3, 2)
    except MaskError:
        return
    assert mask.shape == (2, 3)


def test_a_mask_larger_than_any_picture_is_refused_before_it_is_made() -> None:
    with pytest.raises(MaskError, match="more than"):
        decode(Rle(size=(1_000_000, 1_000_000), counts="0"))


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_a_mask_picture_of_more_than_8_bits_is_refused(tmp_path: Path, kind: type) -> None:
    """What counts as bright in it is not said: Pillow would cut everything over 255 off."""
    Image.fromarray(np.full((4, 4), 200, kind)).save(tmp_path / "m.tif")
    with pytest.raises(MaskError, match="save it with 8"):
        read_mask(tmp_path / "m.tif")
