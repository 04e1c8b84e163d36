"""How fast a bundle's networks answer on one core, as ratios within one run.

Machines are shared and differ: read the ratios, which come from alternating rounds of the same run.

    python -m benchmarks.network [--bundle DIRECTORY] [--rounds N]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime as ort
from rich.console import Console
from rich.table import Table

from model.contract import SHIPPED, Bundle
from model.pictures import resize
from model.runtime import Network
from training.provenance import processor

_BATCHES = (1, 8)
_CAMERA = (960, 1280)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--bundle", type=Path, default=SHIPPED)
    parser.add_argument("--rounds", type=int, default=60, help="rounds of each batch size")
    arguments = parser.parse_args()
    bundle = Bundle.load(arguments.bundle)
    networks = {each: Network(bundle.at(each).network) for each in bundle.precisions}
    reference = networks[bundle.precision]
    side = bundle.manifest.input_size
    generator = np.random.default_rng(0)
    table = Table("what", "pictures", "median ms", "times as fast as fp32")
    for batch in _BATCHES:
        pictures = generator.integers(0, 256, (batch, side, side, 3), dtype=np.uint8)
        of_each: dict[str, Callable[[], object]] = {
            str(each): partial(network.run, pictures) for each, network in networks.items()
        }
        add_rows(table, measure(of_each, max(arguments.rounds // batch, 10)), batch)
    camera = generator.integers(0, 256, (*_CAMERA, 3), dtype=np.uint8)
    ways: dict[str, Callable[[], object]] = {
        "fp32, 1280 x 960 squashed before it": lambda: reference.run(resize(camera, side)[None]),
        "fp32, 1280 x 960 squashed by the graph": lambda: reference.run(camera[None]),
    }
    add_rows(table, measure(ways, arguments.rounds), 1)
    console = Console()
    console.print(
        f"{bundle.manifest.name} {bundle.manifest.version}, {side} px, one thread, "
        f"ONNX Runtime {ort.__version__}, {processor()}"
    )
    console.print(table)


def measure(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each call; every round makes each of them once."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            taken[name].append(time.perf_counter() - began)
    return {name: statistics.median(times) for name, times in taken.items()}


def add_rows(table: Table, medians: Mapping[str, float], pictures: int) -> None:
    """One row for each call; the first is what the others are compared with."""
    first = next(iter(medians.values()))
    for name, median in medians.items():
        table.add_row(name, str(pictures), f"{1000 * median:.1f}", f"{first / median:.2f}")


if __name__ == "__main__":
    main()
