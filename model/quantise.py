"""Static INT8: the float network's convolutions with 8-bit weights and activations (QDQ)."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from model.contract.bundle import Graph
from model.graph import INPUT, facts, read

_OPERATORS = ("Conv", "Clip", "Add")
_AT_ONCE = 8
"""Pictures whose activations are held at once; each takes some 30 MB."""


class RangeMethod(StrEnum):
    """How the range of each activation follows from what it was on the calibration pictures."""

    MIN_MAX = "min-max"
    PERCENTILE = "percentile 99.99"
    ENTROPY = "entropy"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to quantise."""

    ranges: RangeMethod
    float_to_stride: int
    """Convolutions whose output has this stride or a smaller one stay float; 0: none. The early ones
    see the finest differences and are few, so they cost the most precision for the least speed."""

    def __str__(self) -> str:
        kept = f", float to stride {self.float_to_stride}" if self.float_to_stride else ""
        return f"{self.ranges}{kept}"


@dataclass(frozen=True, slots=True)
class _Settings:
    method: CalibrationMethod
    options: dict[str, float]


_SETTINGS = {
    RangeMethod.MIN_MAX: _Settings(CalibrationMethod.MinMax, {}),
    RangeMethod.PERCENTILE: _Settings(CalibrationMethod.Percentile, {"CalibPercentile": 99.99}),
    RangeMethod.ENTROPY: _Settings(CalibrationMethod.Entropy, {}),
}


def quantise(network: Path, pictures: NDArray[np.uint8], recipe: Recipe, out: Path) -> Graph:
    """Write the INT8 network.

    Weights are per channel in 7 of 8 bits, activations unsigned: two products of 8 by 8 bits would saturate
    the 16-bit sums of processors without VNNI, which would then answer otherwise than those with it. What follows the last convolution
    (pooling, ordinal logits, distances) stays in float: it is a thousandth of the work and all of
    the precision.

    Args:
        network: The bundle's float network.
        pictures: (N, H, W, 3) uint8 calibration pictures, 8 or more; a rest of N / 8 is left out.
        recipe: How ranges are chosen and what stays float.
        out: File to write.
    """
    with tempfile.TemporaryDirectory() as folder, _quietly():
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(network, prepared, skip_symbolic_shape=True)
        settings = _SETTINGS[recipe.ranges]
        quantize_static(
            prepared,
            out,
            _Pictures(pictures),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(_OPERATORS),
            nodes_to_quantize=convolutional(read(prepared), recipe.float_to_stride),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            reduce_range=True,
            calibrate_method=settings.method,
            extra_options={"CalibStridedMinMax": _AT_ONCE, **settings.options},
        )
    model = read(out)
    onnx.checker.check_model(model, full_check=True)
    return facts(model)


def convolutional(model: onnx.ModelProto, float_to_stride: int) -> list[str]:
    """Names of the convolutions past a stride, and of the clips and additions around them.

    Args:
        model: A finished graph, every operator with a name.
        float_to_stride: See ``Recipe``.
    """
    producer = {name: node for node in model.graph.node for name in node.output}
    strides = _strides(model)
    feeding = _feeding(model, producer)
    return [
        node.name
        for node in model.graph.node
        if node.op_type in _OPERATORS
        and strides[node.output[0]] > float_to_stride
        and (
            node.op_type == "Conv"
            or node.name in feeding
            or any(producer[name].op_type == "Conv" for name in node.input if name in producer)
        )
    ]


def _feeding(model: onnx.ModelProto, producer: dict[str, onnx.NodeProto]) -> set[str]:
    """Operators that a convolution depends on."""
    found: set[str] = set()
    left = [name for node in model.graph.node if node.op_type == "Conv" for name in node.input]
    while left:
        node = producer.get(left.pop())
        if node is not None and node.name not in found:
            found.add(node.name)
            left.extend(node.input)
    return found


def _strides(model: onnx.ModelProto) -> dict[str, int]:
    """Stride of each value: by what the convolutions before it have reduced the picture."""
    strides: dict[str, int] = {}
    for node in model.graph.node:
        stride = max((strides.get(name, 1) for name in node.input), default=1)
        if node.op_type == "Conv":
            steps = [entry.ints[0] for entry in node.attribute if entry.name == "strides"]
            stride *= steps[0] if steps else 1
        strides.update(dict.fromkeys(node.output, stride))
    return strides


class _Pictures(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """Feeds pictures one by one; ONNX Runtime asks for them in ranges."""

    def __init__(self, pictures: NDArray[np.uint8]) -> None:
        self._pictures = pictures[: len(pictures) - len(pictures) % _AT_ONCE]
        self._range = iter(range(len(self._pictures)))

    def __len__(self) -> int:
        return len(self._pictures)

    def set_range(self, start_index: int, end_index: int) -> None:
        self._range = iter(range(start_index, end_index))

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        n = next(self._range, None)
        return None if n is None else {INPUT: np.asarray(self._pictures[n])[None]}


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """ONNX Runtime's tools print and log at the root what a user can do nothing about."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        root.setLevel(level)
