"""Tensors on the wire: JSON data and little-endian bytes, to and from numpy. Pure."""

from __future__ import annotations

import base64
import binascii
import math
import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.errors import ApiError, ErrorCode

Shape = tuple[int, ...]
_LENGTH = struct.Struct("<I")


class Datatype(StrEnum):
    """Element types of the protocol."""

    BOOL = "BOOL"
    UINT8 = "UINT8"
    UINT16 = "UINT16"
    UINT32 = "UINT32"
    UINT64 = "UINT64"
    INT8 = "INT8"
    INT16 = "INT16"
    INT32 = "INT32"
    INT64 = "INT64"
    FP16 = "FP16"
    FP32 = "FP32"
    FP64 = "FP64"
    BYTES = "BYTES"

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the array; elements of BYTES are ``bytes`` objects."""
        return _DTYPES[self]


_DTYPES = {
    kind: np.dtype(code)
    for kind, code in (
        (Datatype.BOOL, "?"),
        (Datatype.UINT8, "<u1"),
        (Datatype.UINT16, "<u2"),
        (Datatype.UINT32, "<u4"),
        (Datatype.UINT64, "<u8"),
        (Datatype.INT8, "<i1"),
        (Datatype.INT16, "<i2"),
        (Datatype.INT32, "<i4"),
        (Datatype.INT64, "<i8"),
        (Datatype.FP16, "<f2"),
        (Datatype.FP32, "<f4"),
        (Datatype.FP64, "<f8"),
        (Datatype.BYTES, "O"),
    )
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named array; its dtype is that of the datatype."""

    name: str
    datatype: Datatype
    array: NDArray[Any]


def malformed(message: str, *, field: str | None = None) -> ApiError:
    """The error for whatever is not the protocol."""
    return ApiError(ErrorCode.MALFORMED_INFERENCE, message, field=field)


def from_json(
    name: str, datatype: Datatype, shape: Shape, data: object, *, is_base64: bool
) -> Tensor:
    """Read the member ``data``: flat, or nested as the shape says; row-major.

    Args:
        name: Of the tensor.
        datatype: Of its elements.
        shape: Its dimensions, at least one, each at least 1.
        data: As the JSON parser gave it.
        is_base64: The strings of BYTES are base64, otherwise they are UTF-8.

    Raises:
        ApiError: Other elements, or more or fewer of them, than datatype and shape say.
    """
    flat = _flat(name, shape, data)
    if datatype is Datatype.BYTES:
        elements = [_bytes(name, element, is_base64=is_base64) for element in flat]
        return Tensor(name, datatype, _objects(elements, shape))
    _require_kind(name, datatype, flat)
    if datatype.dtype.kind in "iu":
        limits = np.iinfo(datatype.dtype)
        if min(flat) < limits.min or max(flat) > limits.max:
            raise malformed(f"{datatype} holds {limits.min} to {limits.max}", field=name)
    elif datatype.dtype.kind == "f":
        largest = float(np.finfo(datatype.dtype).max)
        if max(flat) > largest or min(flat) < -largest:
            raise malformed(f"{datatype} holds -{largest:g} to {largest:g}", field=name)
    return Tensor(name, datatype, np.array(flat, datatype.dtype).reshape(shape))


def from_binary(name: str, datatype: Datatype, shape: Shape, data: memoryview) -> Tensor:
    """Read the bytes of one tensor, without a copy where elements have a fixed size.

    Raises:
        ApiError: The bytes are not those of such a tensor.
    """
    if datatype is Datatype.BYTES:
        return Tensor(name, datatype, _objects(_split(name, math.prod(shape), data), shape))
    expected = math.prod(shape) * datatype.dtype.itemsize
    if len(data) != expected:
        raise malformed(
            f"{datatype} of shape {list(shape)} takes {expected} bytes and {len(data)} were sent",
            field=name,
        )
    if datatype is Datatype.BOOL and np.frombuffer(data, np.uint8).max() > 1:
        raise malformed("a BOOL is one byte, 0 or 1", field=name)
    return Tensor(name, datatype, np.frombuffer(data, datatype.dtype).reshape(shape))


def to_json(tensor: Tensor) -> list[Any]:
    """The elements, flat and row-major; BYTES as UTF-8 text.

    Raises:
        UnicodeDecodeError: BYTES that are no text have no JSON form.
    """
    flat = tensor.array.ravel().tolist()
    return [element.decode() for element in flat] if tensor.datatype is Datatype.BYTES else flat


def to_binary(tensor: Tensor) -> bytes:
    """The elements as the binary extension sends them."""
    if tensor.datatype is Datatype.BYTES:
        return b"".join(_LENGTH.pack(len(each)) + each for each in tensor.array.ravel())
    return tensor.array.astype(tensor.datatype.dtype).tobytes()


def _flat(name: str, shape: Shape, data: object) -> list[Any]:
    if not isinstance(data, list):
        raise malformed("data must be a list", field=name)
    level = data
    if data and isinstance(data[0], list):
        level = [data]
        for length in shape:
            if any(not isinstance(row, list) or len(row) != length for row in level):
                raise malformed(
                    f"data is nested otherwise than the shape {list(shape)} says", field=name
                )
            level = [element for row in level for element in row]
    if len(level) != math.prod(shape):
        raise malformed(
            f"shape {list(shape)} takes {math.prod(shape)} elements and data has {len(level)}",
            field=name,
        )
    return level


def _require_kind(name: str, datatype: Datatype, flat: list[Any]) -> None:
    kinds: tuple[type, ...] = {"b": (bool,), "f": (float, int)}.get(datatype.dtype.kind, (int,))
    if any(type(element) not in kinds for element in flat):
        raise malformed(f"data has elements that are no {datatype}", field=name)


def _bytes(name: str, element: object, *, is_base64: bool) -> bytes:
    if not isinstance(element, str):
        raise malformed("the elements of BYTES are strings in JSON", field=name)
    return _from_base64(name, element) if is_base64 else element.encode()


def _from_base64(name: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise malformed(f"data is not base64: {error}", field=name) from error


def _split(name: str, count: int, data: memoryview) -> list[bytes]:
    """Elements of BYTES: each is its length, 4 bytes, and its bytes."""
    elements: list[bytes] = []
    at = 0
    while at < len(data):
        start = at + _LENGTH.size
        if start > len(data) or (at := start + _LENGTH.unpack_from(data, start - 4)[0]) > len(data):
            raise malformed("an element of BYTES is longer than the tensor's bytes", field=name)
        elements.append(bytes(data[start:at]))
    if len(elements) != count:
        raise malformed(
            f"the shape takes {count} elements and the bytes have {len(elements)}", field=name
        )
    return elements


def _objects(elements: list[bytes], shape: Shape) -> NDArray[np.object_]:
    array = np.empty(len(elements), np.object_)
    array[:] = elements
    return array.reshape(shape)
