"""INT8: convolutions in 8 bits, what follows them in float, answers close to the float network's."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from model.graph import finish
from model.quantise import RangeMethod, Recipe, convolutional, quantise
from model.runtime import Network
from tests.model.tiny_networks import SIDE, write_tiny


@pytest.fixture(scope="module")
def floats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_tiny(tmp_path_factory.mktemp("floats") / "model.onnx")
    finish(path, SIDE, name="tiny", version="1")
    return path


@pytest.mark.parametrize("method", list(RangeMethod))
def test_it_answers_nearly_as_the_float_network(
    floats: Path, tmp_path: Path, method: RangeMethod
) -> None:
    images = np.random.default_rng(1).integers(0, 256, (16, SIDE, SIDE, 3), dtype=np.uint8)
    path = tmp_path / "int8.onnx"
    quantise(floats, images, Recipe(method, 0), path)
    expected, answered = (Network(each).run(images) for each in (floats, path))
    spread = float(expected.grade_logits.std())
    error = np.abs(expected.grade_logits - answered.grade_logits)
    assert 0.0 < error.mean() < 0.1 * spread


def test_weights_are_8_bit_per_channel_and_heads_stay_float(floats: Path, tmp_path: Path) -> None:
    images = np.zeros((8, SIDE, SIDE, 3), dtype=np.uint8)
    path = tmp_path / "int8.onnx"
    facts = quantise(floats, images, Recipe(RangeMethod.MIN_MAX, 0), path)
    model = onnx.load(path)
    weights = {weight.name: weight for weight in model.graph.initializer}
    assert weights["first_quantized"].data_type == onnx.TensorProto.INT8
    assert list(weights["first_scale"].dims) == [4]
    assert weights["grade"].data_type == onnx.TensorProto.FLOAT
    assert facts.operators == len(model.graph.node)


@pytest.mark.parametrize(("float_to_stride", "expected"), [(0, {"Conv", "Clip"}), (2, set())])
def test_convolutions_and_what_lies_between_them_past_the_stride_are_chosen(
    floats: Path, float_to_stride: int, expected: set[str]
) -> None:
    model = onnx.load(floats)
    chosen = set(convolutional(model, float_to_stride))
    assert {node.op_type for node in model.graph.node if node.name in chosen} == expected
