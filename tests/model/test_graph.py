"""A finished graph takes any picture, squashes like the server, and answers as it did before."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from model.decision import RawOutputs
from model.graph import HALF, GraphError, finish
from model.pictures import resize
from model.runtime import OUTPUTS, Network
from tests.model.tiny_networks import SIDE, write_tiny


def pictures(count: int, height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(2).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def apart(one: RawOutputs, other: RawOutputs) -> float:
    return max(float(np.abs(getattr(one, n) - getattr(other, n)).max()) for n in OUTPUTS)


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    path = write_tiny(tmp_path / "model.onnx")
    finish(path, SIDE, name="tiny", version="7")
    return path


def test_it_answers_as_before_for_any_number_of_pictures(tmp_path: Path, finished: Path) -> None:
    before = Network(write_tiny(tmp_path / "before.onnx"))
    after = Network(finished)
    for count in (1, 5):
        images = pictures(count, SIDE, SIDE)
        assert apart(before.run(images), after.run(images)) < 1e-5


@pytest.mark.parametrize(("height", "width"), [(120, 90), (33, 47), (9, 300), (8, 8), (16, 40)])
def test_the_graph_squashes_as_the_server_does(finished: Path, height: int, width: int) -> None:
    """Within one grey level in any cell, at the borders too."""
    squash = onnx.load(finished)
    squash.graph.output.append(
        onnx.helper.make_tensor_value_info("squashed", onnx.TensorProto.UINT8, None)
    )
    onnx.save(squash, finished)
    session = ort.InferenceSession(finished, providers=["CPUExecutionProvider"])
    images = pictures(2, height, width)
    (squashed,) = session.run(["squashed"], {"images": images})
    expected = np.stack([resize(image, SIDE) for image in images])
    assert squashed.shape == expected.shape
    assert np.abs(squashed.astype(int) - expected.astype(int)).max() <= 1


def test_what_nothing_uses_is_gone_and_the_file_says_what_it_is(finished: Path) -> None:
    model = onnx.load(finished)
    assert "spare" not in {weight.name for weight in model.graph.initializer}
    assert "Identity" not in {node.op_type for node in model.graph.node}
    assert {entry.key: entry.value for entry in model.metadata_props} == {
        "name": "tiny",
        "version": "7",
    }


def test_the_facts_are_those_of_the_file(tmp_path: Path) -> None:
    path = write_tiny(tmp_path / "model.onnx")
    found = finish(path, SIDE, name="tiny", version="7")
    model = onnx.load(path)
    assert found.opset == model.opset_import[0].version == 20
    assert found.operators == len(model.graph.node)
    assert found.producer == "tests 1"


def test_large_weights_that_16_bits_hold_are_kept_in_them(tmp_path: Path) -> None:
    path = write_tiny(tmp_path / "model.onnx")
    model = onnx.load(path)
    rng = np.random.default_rng(3)
    held = rng.normal(size=(2, 3, 1, 1)).astype(np.float16).astype(np.float32)
    large = {
        "held": np.tile(held, (600, 1, 1, 1)),
        "not_held": rng.normal(size=(4, 1200, 3, 3)).astype(np.float32),
    }
    (first,) = (node for node in model.graph.node if "edges" in node.output)
    widen = onnx.helper.make_node("Conv", ["scaled", "held"], ["wide"], kernel_shape=[1, 1])
    first.input[:] = ["wide", "not_held"]
    model.graph.node.insert(list(model.graph.node).index(first), widen)
    for name, weights in large.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(weights, name))
    onnx.save(model, path)
    before = Network(path).run(pictures(2, SIDE, SIDE))
    finish(path, SIDE, name="tiny", version="7")
    types = {weight.name: weight.data_type for weight in onnx.load(path).graph.initializer}
    assert types["held" + HALF] == onnx.TensorProto.FLOAT16
    assert types["not_held"] == onnx.TensorProto.FLOAT
    assert apart(before, Network(path).run(pictures(2, SIDE, SIDE))) < 1e-3


def test_finishing_twice_changes_nothing_more(finished: Path) -> None:
    once = Network(finished)
    facts = finish(finished, SIDE, name="tiny", version="7")
    images = pictures(1, 50, 20)
    assert apart(once.run(images), Network(finished).run(images)) == 0.0
    assert sum(node.op_type == "Resize" for node in onnx.load(finished).graph.node) == 1
    assert facts.operators == len(onnx.load(finished).graph.node)


def test_a_truncated_file_is_refused(finished: Path) -> None:
    finished.write_bytes(finished.read_bytes()[:200])
    with pytest.raises(GraphError, match=r"model\.onnx"):
        finish(finished, SIDE, name="tiny", version="7")
