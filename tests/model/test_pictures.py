"""Decoding: what is a picture gives upright RGB pixels, what is not gives a named problem."""

import io
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from model.pictures import (
    PictureError,
    PictureLimits,
    PictureProblem,
    decode,
    resize,
    squash,
)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(width: int = 64, height: int = 48) -> Image.Image:
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and has hardly any pixels."""
    data = bytearray(encoded(Image.new("RGB", (16, 16))))
    data[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    return bytes(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_formats_give_rgb_of_their_own_size(kind: str) -> None:
    pixels = decode(encoded(noise(), kind))
    assert pixels.shape == (48, 64, 3)
    assert pixels.dtype == np.uint8


def test_lossless_pixels_are_exact() -> None:
    assert np.array_equal(decode(encoded(noise())), np.asarray(noise()))


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK"])
def test_other_modes_become_rgb(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    assert decode(encoded(noise().convert(mode), kind)).shape == (48, 64, 3)


def test_transparent_pixels_are_white() -> None:
    assert (decode(encoded(Image.new("RGBA", (20, 20), (255, 0, 0, 0)))) == 255).all()


def test_exif_orientation_turns_the_picture_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode(encoded(noise(64, 48), "JPEG", exif=exif)).shape == (64, 48, 3)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", PictureProblem.EMPTY),
        (b"\x00" * 1000, PictureProblem.NOT_AN_IMAGE),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", PictureProblem.NOT_AN_IMAGE),
        (encoded(noise(), "GIF"), PictureProblem.NOT_AN_IMAGE),
        (encoded(noise(640, 480), "JPEG")[:3000], PictureProblem.TRUNCATED),
        (encoded(noise(640, 480))[:3000], PictureProblem.TRUNCATED),
        (png_header(40_000, 40_000), PictureProblem.TOO_LARGE),
        (png_header(12_000, 10_000), PictureProblem.TOO_LARGE),
        (encoded(noise(15, 200)), PictureProblem.TOO_SMALL),
        (
            encoded(noise(), save_all=True, append_images=[noise().rotate(9)]),
            PictureProblem.UNSUPPORTED,
        ),
        (
            encoded(Image.fromarray(np.zeros((20, 20), dtype=np.uint16))),
            PictureProblem.UNSUPPORTED,
        ),
    ],
)
def test_what_cannot_be_graded_says_why(data: bytes, problem: PictureProblem) -> None:
    with pytest.raises(PictureError) as caught:
        decode(data)
    assert caught.value.problem is problem


def test_limits_are_the_callers() -> None:
    with pytest.raises(PictureError):
        decode(encoded(noise(64, 48)), PictureLimits(max_pixels=64 * 48 - 1))
    assert decode(encoded(noise(64, 48)), PictureLimits(max_pixels=64 * 48)).any()


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_damaged_bytes_are_decoded_or_refused_never_worse(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP"]))
    raw = bytearray(encoded(noise(), kind))
    for _ in range(data.draw(st.integers(1, 12))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        pixels = decode(bytes(raw), PictureLimits(max_pixels=1_000_000))
    except PictureError:
        return
    assert pixels.ndim == 3


def test_resize_squashes_to_the_square() -> None:
    flat = np.full((30, 70, 3), 9, dtype=np.uint8)
    assert np.array_equal(resize(flat, 16), np.full((16, 16, 3), 9, dtype=np.uint8))


@pytest.mark.parametrize(
    ("kind", "size"), [("PNG", (400, 300)), ("WEBP", (90, 200)), ("JPEG", (127, 300))]
)
def test_what_is_not_reduced_is_squashed_from_all_its_pixels(
    kind: str, size: tuple[int, int]
) -> None:
    data = encoded(noise(*size), kind)
    squashed = squash(data, 32)
    assert np.array_equal(squashed.pixels, resize(decode(data), 32))
    assert squashed.source_size == size


def photograph(width: int, height: int) -> Image.Image:
    """Edges and shades at many scales, as a camera sees them."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    bands = [128 + 100 * np.sin(x * y / (40.0 * width) + phase) for phase in (0, 2, 4)]
    picture = np.stack(bands, axis=-1)
    picture[height // 3 : height // 2, width // 4 : width // 2] = (220, 40, 90)
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("size", [(640, 480), (1280, 960), (960, 1280), (2000, 1500)])
def test_a_large_jpeg_is_reduced_and_looks_the_same(size: tuple[int, int]) -> None:
    data = encoded(photograph(*size), "JPEG", quality=92)
    squashed = squash(data, 56)
    whole = resize(decode(data), 56).astype(int)
    assert squashed.source_size == size
    apart = np.abs(squashed.pixels.astype(int) - whole)
    assert 0 < apart.mean() < 1.0
    assert apart.max() <= 24


def test_a_reduced_jpeg_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(photograph(640, 480), "JPEG", exif=exif)
    squashed = squash(data, 32)
    assert squashed.source_size == (480, 640)
    whole = resize(decode(data), 32).astype(int)
    assert np.abs(squashed.pixels.astype(int) - whole).mean() < 1.0


def test_a_large_jpeg_that_ends_early_is_refused_when_reduced_too() -> None:
    with pytest.raises(PictureError) as caught:
        squash(encoded(photograph(1280, 960), "JPEG")[:20_000], 32)
    assert caught.value.problem is PictureProblem.TRUNCATED
