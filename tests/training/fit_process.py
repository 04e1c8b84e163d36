"""A fit that notes what it draws, also as a process to be killed or started by torchrun.

As a process: configuration, folder, step. It kills itself before that step; 0 lets it end.
"""

import json
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch

from training.config import load_config
from training.devices import launch
from training.examples import load_examples, of_split, taught_damage_types
from training.objective import Batch
from training.run import fitted


def noted_fit(config_file: Path, out: Path, kill_at: int = 0) -> None:
    """Fit; leave weights.pt and, for each rank, the numbers of its pictures, a step a line."""
    out.mkdir(exist_ok=True)
    config = load_config(config_file)
    fabric = launch(config)
    examples = load_examples(config.data)
    types = taught_damage_types(of_split(examples, "train"), config.min_damage_examples)
    place = out / f"drawn-{fabric.global_rank}.jsonl"
    step = 0

    def track(items: Iterable[Any], description: str, total: int, /) -> Iterator[Any]:
        nonlocal step
        for item in items:
            if isinstance(item, Batch):
                step += 1
                if step == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)
                with place.open("a") as file:
                    file.write(json.dumps(item.chosen.tolist()) + "\n")
            yield item

    network, _ = fitted(config, examples, types, out, fabric, track)
    if fabric.is_global_zero:
        torch.save(network.state_dict(), out / "weights.pt")


if __name__ == "__main__":
    noted_fit(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
