"""Label Studio's brush masks: the run-length code of thi.ng's ``rle-pack``, four values a pixel.

A header of 32 bits (number of values), 5 bits (bits of a value, less one) and four times 4 bits
(bits of each of four kinds of run length, less one); then runs: one bit (1: one value repeated,
0: values one by one), 2 bits (kind of length), the length less one, the value or values.
https://github.com/thi-ng/umbrella/tree/develop/packages/rle-pack
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from datasets.masks import Mask, MaskError, require_size

_CHANNELS = 4
_BRIGHT = 127
_LENGTH_BITS = (3, 4, 8, 16)
_VALUE_BITS = 8


class _Bits:
    """Reads numbers from bytes, and never past their end."""

    def __init__(self, data: bytes) -> None:
        self._bits = "".join(f"{byte:08b}" for byte in data)
        self._at = 0

    def read(self, count: int) -> int:
        end = self._at + count
        if end > len(self._bits):
            raise MaskError("the brush's RLE ends too early")
        value = int(self._bits[self._at : end], 2)
        self._at = end
        return value


def decode(rle: Sequence[int], width: int, height: int) -> Mask:
    """A brush's RLE as pixels: damage is where its opacity is over 127.

    Raises:
        MaskError: Not bytes, not of this size, or cut short.
    """
    require_size(width, height)
    try:
        bits = _Bits(bytes(rle))
    except (ValueError, TypeError) as error:
        raise MaskError("the brush's RLE is not a list of bytes") from error
    total = bits.read(32)
    if total != width * height * _CHANNELS:
        raise MaskError(
            f"the brush's RLE has {total} values; {width} x {height} pixels need "
            f"{width * height * _CHANNELS}"
        )
    value_bits = bits.read(5) + 1
    if value_bits != _VALUE_BITS:
        raise MaskError(f"the brush's RLE has values of {value_bits} bits; 8 are read")
    length_bits = [bits.read(4) + 1 for _ in range(4)]
    values = np.zeros(total, np.uint8)
    at = 0
    while at < total:
        repeated = bits.read(1)
        end = at + 1 + bits.read(length_bits[bits.read(2)])
        if end > total:
            raise MaskError("the brush's RLE has a run over the end of the mask")
        if repeated:
            values[at:end] = bits.read(_VALUE_BITS)
        else:
            values[at:end] = [bits.read(_VALUE_BITS) for _ in range(at, end)]
        at = end
    return values.reshape(height, width, _CHANNELS)[..., 3] > _BRIGHT


def encode(mask: Mask) -> list[int]:
    """Pixels as a brush's RLE, 0 or 255 in all four values."""
    parts = [f"{mask.size * _CHANNELS:032b}", f"{_VALUE_BITS - 1:05b}"]
    parts += [f"{bits - 1:04b}" for bits in _LENGTH_BITS]
    for value, run in groupby(mask.ravel().tolist()):
        left = _CHANNELS * sum(1 for _ in run)
        while left:
            kind = next((k for k, b in enumerate(_LENGTH_BITS) if left <= 1 << b), 3)
            length = min(left, 1 << _LENGTH_BITS[kind])
            parts.append(f"1{kind:02b}{length - 1:0{_LENGTH_BITS[kind]}b}{255 * value:08b}")
            left -= length
    bits = "".join(parts)
    bits += "0" * (-len(bits) % 8)
    return [int(bits[n : n + 8], 2) for n in range(0, len(bits), 8)]
