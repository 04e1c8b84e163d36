"""Decoding hostile files: whatever the bytes, there are pixels or a ``PictureError``."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from model.pictures import PictureError, PictureLimits, decode

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # Pillow warns of damage that it repairs
]
LIMITS = PictureLimits(max_pixels=250_000)
SIGNATURES = (
    b"\xff\xd8\xff\xe0",
    b"\xff\xd8\xff\xdb",
    b"\x89PNG\r\n\x1a\n",
    b"RIFF\x40\x00\x00\x00WEBPVP8 ",
    b"RIFF\x40\x00\x00\x00WEBPVP8L",
    b"RIFF\x40\x00\x00\x00WEBPVP8X",
)


def encoded(kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    ramp = np.linspace(0, 255, 40 * 32 * 3, dtype=np.uint8).reshape(32, 40, 3)
    Image.fromarray(ramp).save(out, kind, **options)
    return out.getvalue()


JPEGS = [encoded("JPEG"), encoded("JPEG", progressive=True), encoded("JPEG", subsampling=2)]
PNG = encoded("PNG")
EXIF = Image.Exif()
EXIF[0x0112] = 6


def decodes_or_refuses(data: bytes) -> None:
    try:
        pixels = decode(data, LIMITS)
    except PictureError as error:
        assert str(error)  # noqa: PT017 - both ends are right
        return
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3


def chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)


def chunks_of(png: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        found.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


KINDS = st.sampled_from(
    [
        "IHDR",
        "PLTE",
        "IDAT",
        "IEND",
        "tRNS",
        "gAMA",
        "cHRM",
        "sRGB",
        "iCCP",
        "pHYs",
        "tEXt",
        "zTXt",
        "iTXt",
        "eXIf",
        "acTL",
        "fcTL",
        "fdAT",
    ]
).map(str.encode)
PAYLOADS = st.binary(max_size=60) | st.binary(max_size=60).map(zlib.compress)


@given(st.sampled_from(SIGNATURES), st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_bytes_behind_a_signature(signature: bytes, rest: bytes) -> None:
    decodes_or_refuses(signature + rest)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_png_of_chunks_with_right_checksums(data: st.DataObject) -> None:
    """Bytes that are changed at random end at the checksum; these get behind it."""
    found = chunks_of(PNG)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(found)))
        match data.draw(st.sampled_from(["add", "change", "drop"])):
            case "add":
                found.insert(at, (data.draw(KINDS), data.draw(PAYLOADS)))
            case "change" if at < len(found):
                kind, payload = found[at]
                changed = bytearray(payload or b"\0")
                changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(
                    st.integers(0, 255)
                )
                found[at] = (kind, bytes(changed))
            case _:
                del found[at : at + 1]
    decodes_or_refuses(PNG[:8] + b"".join(chunk(*each) for each in found))


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_jpeg_with_other_segments(data: st.DataObject) -> None:
    jpeg = bytearray(data.draw(st.sampled_from(JPEGS)))
    for _ in range(data.draw(st.integers(1, 3))):
        marker = data.draw(st.integers(0xC0, 0xFE))
        start = data.draw(
            st.sampled_from([b"", b"Exif\0\0", b"Adobe\0", b"ICC_PROFILE\0", b"MPF\0", b"JFIF\0"])
        )
        payload = start + data.draw(st.binary(max_size=60))
        segment = struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload
        at = data.draw(st.sampled_from([2, 20]) | st.integers(2, len(jpeg)))
        jpeg[at:at] = segment
    del jpeg[data.draw(st.integers(len(jpeg) // 2, len(jpeg))) :]
    decodes_or_refuses(bytes(jpeg))


@given(st.binary(max_size=120), st.sampled_from(["JPEG", "PNG", "WEBP"]), st.booleans())
@settings(max_examples=200, deadline=None)
def test_any_exif(tail: bytes, kind: str, valid: bool) -> None:
    """The orientation is read from it, so it is parsed in every picture that has one."""
    head = EXIF.tobytes()[:20] if valid else b"Exif\0\0II*\0\x08\0\0\0"
    decodes_or_refuses(encoded(kind, exif=head + tail))


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_picture_that_is_cut(data: st.DataObject) -> None:
    whole = data.draw(
        st.sampled_from([*JPEGS, PNG, encoded("WEBP"), encoded("WEBP", lossless=True)])
    )
    decodes_or_refuses(whole[: data.draw(st.integers(0, len(whole)))])
