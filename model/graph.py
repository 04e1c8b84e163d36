"""The ONNX graph of a bundle: any picture size in, simplified, checked and named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import onnxslim
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from model.contract.bundle import Graph
from model.runtime import OUTPUTS

INPUT = "images"
_SQUASH = "squash"
_ALIKE = 1e-4
_PICTURES = 4
#: Ends the name of a weight that the file keeps in 16 bits.
HALF = ".half"
_WORTH_HALVING = 1024


class GraphError(Exception):
    """An ONNX file is not what a bundle needs."""


def finish(path: Path, side: int, *, name: str, version: str) -> Graph:
    """Make an exported network the one that a bundle carries; the file is written anew.

    It takes pictures of any size, is simplified (constants folded, what nothing uses removed, checked
    to answer as before), keeps weights in 16 bits where that loses nothing, and says which bundle it
    belongs to.

    Args:
        path: ONNX file that takes (N, side, side, 3) uint8, or any size already.
        side: Side of the network's square input, px.
        name: The bundle's name.
        version: The bundle's version.

    Raises:
        GraphError: The file is no valid network, or answers otherwise once simplified.
    """
    before = read(path)
    after: onnx.ModelProto = onnxslim.slim(onnx.ModelProto.FromString(before.SerializeToString()))
    if not any(node.name == _SQUASH for node in after.graph.node):
        _squash_first(after, side)
    _drop_exporter_notes(after)
    _halve(after)
    _name_all(after)
    helper.set_model_props(after, {"name": name, "version": version})
    _check(after, path)
    _require_same_answers(before, after, side)
    onnx.save(after, path)
    return facts(after)


def read(path: Path) -> onnx.ModelProto:
    """Load an ONNX file.

    Raises:
        GraphError: It is not one.
    """
    try:
        return onnx.load(path)
    except Exception as error:  # protobuf's errors share no public base
        raise GraphError(f"{path} is no ONNX file: {error}") from error


def facts(model: onnx.ModelProto) -> Graph:
    """Opset of the standard operators, number of operators, and what wrote the file."""
    (opset,) = (entry.version for entry in model.opset_import if entry.domain in {"", "ai.onnx"})
    producer = f"{model.producer_name} {model.producer_version}".strip()
    return Graph(opset=opset, operators=len(model.graph.node), producer=producer)


def _squash_first(model: onnx.ModelProto, side: int) -> None:
    """Put the resize in front of everything.

    On uint8 and with weights clipped at the border (`exclude_outside`), ONNX Runtime's kernel is
    Pillow's bilinear filter, to one grey level; on the network's own size it only copies.
    """
    graph = model.graph
    for node in graph.node:
        node.input[:] = [f"{_SQUASH}ed" if name == INPUT else name for name in node.input]
    squash = (
        helper.make_node("Shape", [INPUT], ["count"], name="count", start=0, end=1),
        helper.make_node("Concat", ["count", "network_size"], ["wanted"], name="wanted", axis=0),
        helper.make_node(
            "Resize",
            [INPUT, "", "", "wanted"],
            [f"{_SQUASH}ed"],
            name=_SQUASH,
            mode="linear",
            antialias=1,
            exclude_outside=1,
        ),
    )
    nodes = [*squash, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    size = np.array([side, side, 3], dtype=np.int64)
    graph.initializer.append(numpy_helper.from_array(size, "network_size"))
    (images,) = (value for value in graph.input if value.name == INPUT)
    _, height, width, _ = images.type.tensor_type.shape.dim
    height.dim_param, width.dim_param = "height", "width"


def _drop_exporter_notes(model: onnx.ModelProto) -> None:
    """Source lines and module names of the exporting machine are of no use to a bundle."""
    for part in (*model.graph.node, *model.graph.input, *model.graph.output):
        part.doc_string = ""
        del part.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.graph.value_info[:]


def _halve(model: onnx.ModelProto) -> None:
    """Keep large weights in 16 bits where that loses nothing; they are cast once, at loading."""
    casts = []
    for entry in model.graph.initializer:
        weights = numpy_helper.to_array(entry)
        if weights.dtype != np.float32 or weights.size < _WORTH_HALVING:
            continue
        half = weights.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), weights):
            continue
        name = entry.name
        casts.append(helper.make_node("Cast", [f"{name}{HALF}"], [name], to=TensorProto.FLOAT))
        entry.CopyFrom(numpy_helper.from_array(half, f"{name}{HALF}"))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _name_all(model: onnx.ModelProto) -> None:
    """Quantising picks operators by name, so each needs one of its own."""
    taken: set[str] = set()
    for number, node in enumerate(model.graph.node):
        if not node.name or node.name in taken:
            node.name = f"{node.op_type}_{number}"
        taken.add(node.name)


def _check(model: onnx.ModelProto, path: Path) -> None:
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise GraphError(f"{path}: the graph is not valid ONNX: {error}") from error
    used = {name for node in model.graph.node for name in node.input}
    if unused := {entry.name for entry in model.graph.initializer} - used:
        raise GraphError(f"{path}: nothing uses the weights {sorted(unused)}")


def _require_same_answers(before: onnx.ModelProto, after: onnx.ModelProto, side: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (_PICTURES, side, side, 3), dtype=np.uint8)
    pairs = zip(OUTPUTS, _answers(before, noise), _answers(after, noise), strict=True)
    for name, expected, answered in pairs:
        apart = float(np.abs(expected - answered).max(initial=0.0))
        if not apart <= _ALIKE:
            raise GraphError(f"simplifying changed {name} by {apart:.1e}; nothing was written")


def _answers(model: onnx.ModelProto, images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    answers: list[NDArray[np.float32]] = session.run(list(OUTPUTS), {INPUT: images})
    return answers
