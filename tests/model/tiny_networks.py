"""A grading network of two convolutions, as an exporter would write it."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 16
TYPES = 2

_TEXT = """
<ir_version: 10, opset_import: ["" : 20], producer_name: "tests", producer_version: "1">
tiny (uint8[batch, 16, 16, 3] images)
  => (float[batch, 3] grade_logits, float[batch, 2] damage_logits,
      float[batch, 2, 8, 8] damage_maps, float[batch] unfamiliarity)
  <float[4, 3, 3, 3] first, float[2, 4, 1, 1] second, float[4, 3] grade, float scale, float low,
   float high, int64[2] area, int64[1] features, float[7] spare>
{
  channels = Transpose <perm = [0, 3, 1, 2]> (images)
  pixels = Cast <to = 1> (channels)
  scaled = Div (pixels, scale)
  edges = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1], strides = [2, 2]> (scaled, first)
  kept = Clip (edges, low, high)
  maps = Conv <kernel_shape = [1, 1]> (kept, second)
  damage_maps = Sigmoid (maps)
  damage_logits = ReduceMax <keepdims = 0> (maps, area)
  mean = ReduceMean <keepdims = 0> (kept, area)
  same = Identity (mean)
  grade_logits = MatMul (same, grade)
  squares = Mul (mean, mean)
  sum = ReduceSum <keepdims = 0> (squares, features)
  unfamiliarity = Sqrt (sum)
}
"""


def write_tiny(path: Path) -> Path:
    """Write the network for SIDE px and TYPES damage types, with one weight that nothing uses."""
    model = onnx.parser.parse_model(_TEXT)
    rng = np.random.default_rng(5)
    weights = {
        "first": rng.normal(size=(4, 3, 3, 3)),
        "second": rng.normal(size=(2, 4, 1, 1)),
        "grade": rng.normal(size=(4, 3)),
        "scale": np.array(64.0),
        "low": np.array(0.0),
        "high": np.array(6.0),
        "spare": np.zeros(7),
    }
    del model.graph.initializer[:]
    for name, values in weights.items():
        model.graph.initializer.append(
            numpy_helper.from_array(np.asarray(values, dtype=np.float32), name)
        )
    for name, axes in (("area", [2, 3]), ("features", [1])):
        model.graph.initializer.append(
            helper.make_tensor(name, TensorProto.INT64, [len(axes)], axes)
        )
    onnx.save(model, path)
    return path
