"""Evaluation of a bundle from its ONNX file: figures with intervals, a report, a comparison."""
