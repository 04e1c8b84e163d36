"""Features of pictures by a frozen network, kept on disk by content hash."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datasets.checks.cache import Cache, cached
from datasets.progress import Track
from model.contract import Bundle, BundleError
from model.contract.bundle import sha256_of
from model.pictures import decode, resize

Features = NDArray[np.float32]
"""(N, D)"""

_BACKBONE = "lite0"
_PRETRAINED_SIDE = 224
_POOLING = ("ReduceMean", "GlobalAveragePool")


@dataclass(frozen=True, slots=True)
class Extractor:
    """A frozen network: (N, side, side, 3) uint8 RGB -> (N, D) float32."""

    name: str
    """Names network, weights and side: features of one name are comparable."""
    side: int
    run: Callable[[NDArray[np.uint8]], Features]


def pretrained() -> Extractor:
    """Pooled features of the backbone that training starts from, with ImageNet weights."""
    import torch  # noqa: PLC0415  (only who asks for features needs torch)

    from model.network import BACKBONES, GradingNetwork  # noqa: PLC0415

    network = GradingNetwork.pretrained(damage_types=1).eval()
    network = network.to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def run(pictures: NDArray[np.uint8]) -> Features:
        found: Features = network(torch.from_numpy(pictures)).features.numpy()
        return found

    return Extractor(
        f"{BACKBONES[_BACKBONE].timm_name}-imagenet-{_PRETRAINED_SIDE}", _PRETRAINED_SIDE, run
    )


def of_bundle(path: Path) -> Extractor:
    """Pooled features of a bundle's network: the mean over a map that gives the most of them.

    Pictures that the bundle was trained on look better labelled than they are.

    Raises:
        BundleError: The bundle cannot be used, or its network pools no map.
    """
    import onnx  # noqa: PLC0415  (only who asks for features needs it)
    import onnxruntime as ort  # noqa: PLC0415

    bundle = Bundle.load(path)
    graph = onnx.load(bundle.network)
    widths = {
        value.name: math.prod(side.dim_value or 1 for side in value.type.tensor_type.shape.dim)
        for value in onnx.shape_inference.infer_shapes(graph).graph.value_info
    }
    pooled = max(
        (node.output[0] for node in graph.graph.node if node.op_type in _POOLING),
        key=lambda name: widths.get(name, 0),
        default=None,
    )
    if pooled is None:
        raise BundleError(
            path, f"its network has none of {', '.join(_POOLING)} to take features from"
        )
    graph.graph.output.append(onnx.ValueInfoProto(name=pooled))
    session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])

    def run(pictures: NDArray[np.uint8]) -> Features:
        (found,) = session.run([pooled], {"images": pictures})
        return np.asarray(found, np.float32).reshape(len(pictures), -1)

    manifest = bundle.manifest
    name = f"{manifest.name}-{manifest.version}-{sha256_of(bundle.network)[:12]}"
    return Extractor(name, manifest.input_size, run)


def features_of(
    files: Sequence[tuple[str, Path]],
    extractor: Extractor,
    cache: Cache,
    threads: int,
    track: Track,
) -> Features:
    """Features of readable pictures; what is cached is not computed again.

    Args:
        files: Content hash and path of each of the N pictures.
        extractor: The network.
        cache: Where features are kept.
        threads: Threads that decode.
        track: Shows progress.

    Returns:
        (N, D)
    """
    with ThreadPoolExecutor(threads) as pool:

        def compute(paths: Sequence[Path]) -> Iterable[bytes]:
            pictures = [*pool.map(lambda path: _picture(path, extractor.side), paths)]
            return (row.astype(np.float32).tobytes() for row in extractor.run(np.stack(pictures)))

        found = cached(cache, f"features {extractor.name}", dict(files), compute, track)
    return np.stack([np.frombuffer(found[sha256], np.float32) for sha256, _ in files])


def _picture(path: Path, side: int) -> NDArray[np.uint8]:
    return resize(decode(path.read_bytes()), side)
