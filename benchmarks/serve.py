"""How fast and how calm the server is, as ratios to the bare limit and to a plain FastAPI endpoint.

    pip install python-multipart                          # the plain endpoint reads forms with it
    python -m benchmarks.serve [--rounds 3] [--seconds 12]
    python -m benchmarks.serve --rounds 1 --seconds 2     # does it work

The bare limit is two threads (one per core), each with a one-thread ONNX Runtime session, doing full JPEG
decoding, resize and run with no HTTP and no store. Contestants take turns in every round and each figure
is the median of the rounds. Each is measured with 1 connection, with 64, and with twice the requests of
its own best throughput, sent at a fixed rate whatever comes back; an answer is of use within a second.
The load generator runs on the same cores: its share of them is printed beside the figures and is not
deducted, so that every ratio is a little lower than with clients elsewhere. Writes serve.json and serve.png.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from PIL import Image

from benchmarks.camera import Request, photographs
from benchmarks.load import Connections, Load, closed_loop, open_loop
from model.contract import SHIPPED, Bundle, BundleError, Precision
from model.runtime import Grader, Network
from training.provenance import processor

_MANY = 64
_START_S = 180.0
_SAMPLES = Path("datasets/samples")
Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server, by the command that starts it."""

    name: str
    command: tuple[str, ...]
    """``{port}`` and ``{data}`` stand for a free port and an empty directory."""


class Server:
    """A running contestant."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, began_s: float) -> None:
        self.port = port
        self._process = process
        self._began_s = began_s

    def until_first_answer(self, requests: list[Request], numbers: Iterator[int]) -> float:
        """Seconds from its start to the first good answer."""
        while time.perf_counter() < self._began_s + _START_S:
            load = asyncio.run(_one(self.port, requests, numbers))
            if load.answered:
                return time.perf_counter() - self._began_s
            if self._process.poll() is not None:
                break
            time.sleep(0.02)
        raise SystemExit("error: a server did not answer; is its command right?")

    def cpu_s(self) -> float:
        """Processor time that it has taken, its own and the system's for it."""
        text = Path(f"/proc/{self._process.pid}/stat").read_text("utf-8")
        user, system = text.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """Most memory that it ever had resident."""
        text = Path(f"/proc/{self._process.pid}/status").read_text("utf-8")
        return int(text.partition("VmHWM:")[2].split()[0]) / 1000


async def _one(port: int, requests: list[Request], numbers: Iterator[int]) -> Load:
    connections, load = Connections(port, requests, numbers), Load()
    await connections.ask(load)
    connections.close()
    return load


@contextmanager
def started(contestant: Contestant) -> Iterator[Server]:
    """Run it for the block."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as data:
        command = [part.format(port=port, data=data) for part in contestant.command]
        began_s = time.perf_counter()
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)  # noqa: S603
        try:
            yield Server(process, port, began_s)
        finally:
            process.terminate()
            process.wait(30)


def measure(contestant: Contestant, jpegs: Sequence[bytes], seconds: float) -> Figures:
    """One round of one server."""
    requests = [Request.of(jpeg) for jpeg in jpegs]
    numbers = itertools.count(1)
    with started(contestant) as server:
        start_s = server.until_first_answer(requests, numbers)

        async def phases() -> Figures:
            connections = Connections(server.port, requests, numbers)
            one = await closed_loop(connections, 1, seconds)
            before_s = server.cpu_s()
            many = await closed_loop(connections, _MANY, seconds)
            cpu_s = server.cpu_s() - before_s
            capacity = max(len(each.answered) / each.seconds for each in (one, many))
            overload = (await open_loop(connections, 2 * capacity, seconds)).figures()
            connections.close()
            return {
                "one": one.figures(),
                "many": many.figures(),
                "overload": overload,
                "goodput": overload["in_time_per_s"] / capacity,
                "cpu_ms": 1000 * cpu_s / max(1, len(many.answered)),
            }

        found = asyncio.run(phases())
        return {"start_s": start_s, **found, "memory_mb": server.memory_mb()}


def bare_limit(bundle: Bundle, jpegs: Sequence[bytes], seconds: float) -> Figures:
    """Items per second of all cores with nothing around the network, and the time of one item alone."""
    side = bundle.manifest.input_size
    networks = [Network(bundle.network, threads=1) for _ in range(os.cpu_count() or 1)]

    def item(network: Network, jpeg: bytes) -> None:
        small = Image.open(BytesIO(jpeg)).resize((side, side), Image.Resampling.BILINEAR)
        network.run(np.asarray(small)[None])

    def work(network: Network, done: list[float], end_s: float) -> None:
        for jpeg in itertools.cycle(jpegs):
            began_s = time.perf_counter()
            if began_s >= end_s:
                return
            item(network, jpeg)
            done.append(time.perf_counter() - began_s)

    for network in networks:
        item(network, jpegs[0])
    alone: list[float] = []
    work(networks[0], alone, time.perf_counter() + seconds / 2)
    done: list[float] = []
    before_s = time.process_time()
    end_s = time.perf_counter() + seconds
    threads = [threading.Thread(target=work, args=(each, done, end_s)) for each in networks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cpu_s = time.process_time() - before_s
    return {
        "per_s": len(done) / seconds,
        "alone_ms": 1000 * statistics.median(alone),
        "cpu_ms": 1000 * cpu_s / len(done),
    }


def medians(rounds: Sequence[Figures]) -> Figures:
    """Of every figure of the rounds; None where a round has none."""
    together: Figures = {}
    for name, value in rounds[0].items():
        values = [each[name] for each in rounds]
        if isinstance(value, dict):
            together[name] = medians(values)
        elif None in values:
            together[name] = None
        else:
            together[name] = statistics.median(values)
    return together


def summary(bare: Figures, servers: dict[str, Figures]) -> dict[str, Figures]:
    """The ratios that matter."""
    return {
        name: {
            "throughput / bare": max(each["one"]["per_s"], each["many"]["per_s"]) / bare["per_s"],
            "throughput / naive": each["many"]["per_s"] / servers["naive"]["many"]["per_s"],
            "1 connection, p99 / bare item": each["one"]["p99_ms"] / bare["alone_ms"],
            "64 connections, p99 ms": each["many"]["p99_ms"],
            "goodput at twice the capacity": each["goodput"],
            "refused at twice the capacity, p99 ms": each["overload"]["refused_p99_ms"],
            "processor time of an item / bare": each["cpu_ms"] / bare["cpu_ms"],
            "start s": each["start_s"],
            "memory MB": each["memory_mb"],
            "load generator, cores": each["many"]["generator_cores"],
        }
        for name, each in servers.items()
    }


def draw(found: dict[str, Any], path: Path) -> None:
    """Plot throughput, latency and goodput."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415  (after the backend is chosen)

    ratios, servers = found["summary"], found["servers"]
    names = list(servers)
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 4.2))
    colours = ["tab:grey", "tab:blue", "tab:green"][: len(names)]
    bars = left.bar(names, [ratios[name]["throughput / bare"] for name in names], color=colours)
    left.bar_label(bars, fmt="%.2f")
    left.axhline(1, color="black", linewidth=0.8, linestyle=":")
    left.set(ylabel="throughput, bare limit = 1")
    for number, (name, colour) in enumerate(zip(names, colours, strict=True)):
        for connections, marker in (("one", "o"), ("many", "s")):
            times = [servers[name][connections][f"p{share}_ms"] for share in (50, 95, 99)]
            places = [number + shift for shift in (-0.2, 0, 0.2)]
            label = f"{1 if connections == 'one' else _MANY} connection(s)"
            middle.plot(places, times, marker=marker, color=colour, label=None if number else label)
    middle.set(ylabel="p50, p95, p99, ms", yscale="log")
    middle.set_xticks(range(len(names)), names)
    middle.legend()
    bars = right.bar(names, [servers[name]["goodput"] for name in names], color=colours)
    right.bar_label(bars, fmt="%.2f")
    right.axhline(1, color="black", linewidth=0.8, linestyle=":")
    right.set(ylabel="answers within 1 s at twice the capacity")
    figure.tight_layout()
    figure.savefig(path, dpi=130)


def main() -> None:
    """Run the rounds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--bundle", type=Path, default=SHIPPED)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=12, help="of each phase")
    parser.add_argument("--samples", type=Path, default=_SAMPLES)
    parser.add_argument("--pictures", type=int, default=16)
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"))
    chosen = parser.parse_args()
    bundle = Bundle.load(chosen.bundle)
    jpegs = photographs(chosen.samples, chosen.pictures)
    contestants = _contestants(chosen.bundle, bundle)
    bare: list[Figures] = []
    rounds: dict[str, list[Figures]] = {each.name: [] for each in contestants}
    for number in range(chosen.rounds):
        bare.append(bare_limit(bundle, jpegs, chosen.seconds))
        for each in contestants:
            rounds[each.name].append(measure(each, jpegs, chosen.seconds))
            answered = rounds[each.name][-1]["many"]["per_s"] / bare[-1]["per_s"]
            print(f"round {number + 1}, {each.name}: {answered:.2f} of the bare limit")
    middle = medians(bare)
    servers = {name: medians(figures) for name, figures in rounds.items()}
    found: dict[str, Any] = {
        "machine": processor(),
        "picture_bytes": statistics.median(len(jpeg) for jpeg in jpegs),
        "bare": middle,
        "summary": summary(middle, servers),
        "servers": servers,
    }
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "serve.json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    draw(found, chosen.out / "serve.png")
    print(json.dumps({"bare": middle, **found["summary"]}, indent=2))


def _contestants(path: Path, bundle: Bundle) -> list[Contestant]:
    python = (sys.executable, "-m")
    serve = [*python, "regrade", "--log-json", "serve", "--port", "{port}", "--data", "{data}"]
    serve += ["--open-on-loopback", "--bundle", str(path), "--precision"]
    naive = Contestant("naive", (*python, "benchmarks.naive_server", "{port}", str(path)))
    return [
        naive,
        *(
            Contestant(f"regrade, {precision}", (*serve, precision.value))
            for precision in bundle.precisions
            if _holds(bundle, precision)
        ),
    ]


def _holds(bundle: Bundle, precision: Precision) -> bool:
    try:
        Grader(bundle, precision=precision).verify()
    except BundleError as error:
        print(f"left out, {precision}: {error}")
        return False
    return True


if __name__ == "__main__":
    main()
