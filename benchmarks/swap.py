"""Does the line feel it when models are swapped, or when a shadow grades along?

    python -m benchmarks.swap [--rounds 2] [--seconds 20] [--load 0.5]
    python -m benchmarks.swap --rounds 1 --seconds 5    # does it work

One server. Its capacity is measured first; then requests come at a fixed share of it, whatever becomes of
those before, in three phases that take turns: nothing else happens (calm), two versions of the model are
promoted in turn as fast as the server does it (swaps), or a shadow grades everything along (shadow). The
figures are the ratios of latency to the calm phases of the same run, the median of the rounds, and how many
requests were refused or lost. Writes swap.json.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import statistics
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.camera import Request, photographs
from benchmarks.load import Connections, closed_loop, open_loop
from benchmarks.serve import Contestant, Figures, started
from training.provenance import processor

_MANY = 64
_TIMEOUT_S = 120.0
_SERVE = (
    "regrade",
    "--log-json",
    "serve",
    "--open-on-loopback",
    "--port",
    "{port}",
    "--data",
    "{data}",
)


class Models:
    """The server's models, as an engineer changes them."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self.swaps = 0

    async def change(self, path: str, **body: object) -> Any:
        reply = await self._client.post(f"/v1/models{path}", json=body)
        reply.raise_for_status()
        return reply.json()

    async def versions(self) -> list[dict[str, str]]:
        """The model that serves, and the same with other thresholds."""
        first = (await self._client.get("/v1/models")).json()["roles"]["champion"]
        tuned = await self.change("/tune", base=first, thresholds={"review_cost": 0.9})
        return [first, {"name": tuned["name"], "version": tuned["version"]}]

    @asynccontextmanager
    async def swapping(self, versions: list[dict[str, str]]) -> AsyncIterator[None]:
        """Promote in turn for as long as the block lasts."""

        async def swap() -> None:
            for version in itertools.cycle(reversed(versions)):
                await self.change("/promote", model=version)
                self.swaps += 1

        task = asyncio.create_task(swap())
        yield
        if task.done():
            task.result()
        task.cancel()
        await asyncio.wait({task})
        await self.change("/promote", model=versions[0])

    @asynccontextmanager
    async def shadowing(self, version: dict[str, str]) -> AsyncIterator[None]:
        """Have it grade along for as long as the block lasts."""
        await self.change("/shadow", model=version)
        yield
        await self.change("/shadow", model=None)


async def rounds(
    connections: Connections, models: Models, chosen: argparse.Namespace
) -> Iterator[dict[str, Figures]]:
    """Measure every phase in each round."""
    versions = await models.versions()
    most = await closed_loop(connections, _MANY, chosen.seconds / 2)
    per_s = chosen.load * len(most.answered) / most.seconds

    async def phase() -> Figures:
        return (await open_loop(connections, per_s, chosen.seconds)).figures()

    found = []
    for _ in range(chosen.rounds):
        calm = await phase()
        async with models.swapping(versions):
            swaps = await phase()
        async with models.shadowing(versions[1]):
            shadow = await phase()
        found.append({"calm": calm, "swaps": swaps, "shadow": shadow})
    return iter(found)


def summary(found: list[dict[str, Figures]], swaps: int) -> Figures:
    """Ratios to the calm phases, and what was not answered."""
    told: Figures = {"swaps": swaps}
    for name in ("swaps", "shadow"):
        for share in (50, 95, 99):
            ratios = [each[name][f"p{share}_ms"] / each["calm"][f"p{share}_ms"] for each in found]
            told[f"{name}, p{share} / calm"] = statistics.median(ratios)
    for name in ("calm", "swaps", "shadow"):
        told[f"{name}, sent"] = sum(each[name]["sent"] for each in found)
        told[f"{name}, refused"] = sum(each[name]["refused"] for each in found)
        told[f"{name}, lost"] = sum(each[name]["failed"] for each in found)
    return told


async def measure(port: int, requests: list[Request], chosen: argparse.Namespace) -> Figures:
    """All rounds."""
    connections = Connections(port, requests, itertools.count(10**6))
    url, who = f"http://127.0.0.1:{port}", {"X-Actor": "benchmark"}
    async with httpx.AsyncClient(base_url=url, headers=who, timeout=_TIMEOUT_S) as client:
        models = Models(client)
        found = list(await rounds(connections, models, chosen))
        text = (await client.get("/metrics")).text
    connections.close()
    shadow = [
        line for line in text.splitlines() if line.startswith("regrade_shadow_captures_total")
    ]
    return {
        "summary": summary(found, models.swaps),
        "shadow": {line.split('"')[1]: float(line.split()[-1]) for line in shadow},
        "rounds": found,
    }


def main() -> None:
    """Run the rounds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20, help="of each phase")
    parser.add_argument("--load", type=float, default=0.5, help="share of the capacity")
    parser.add_argument("--samples", type=Path, default=Path("datasets/samples"))
    parser.add_argument("--pictures", type=int, default=16)
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"))
    chosen = parser.parse_args()
    requests = [Request.of(jpeg) for jpeg in photographs(chosen.samples, chosen.pictures)]
    with started(Contestant("regrade", (sys.executable, "-m", *_SERVE))) as server:
        server.until_first_answer(requests, itertools.count(1))
        found = asyncio.run(measure(server.port, requests, chosen))
    chosen.out.mkdir(parents=True, exist_ok=True)
    whole = {"machine": processor(), "load": chosen.load, **found}
    (chosen.out / "swap.json").write_text(json.dumps(whole, indent=2) + "\n", "utf-8")
    print(json.dumps({"summary": found["summary"], "shadow": found["shadow"]}, indent=2))


if __name__ == "__main__":
    main()
