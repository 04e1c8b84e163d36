"""Duplicates: one photograph that occurs several times, as the same file or altered.

Found are copies that were re-encoded, resized, squashed, recoloured, slightly retouched or mirrored.
Not found are crops, turned pictures, and further photographs of one item: name those by
``item_id`` or ``group``.

Candidates lie within ``MAX_HASH_DISTANCE`` of 64 bits by perceptual hash (DCT of the luminance,
``imagehash.phash``). Photographs of different items in one studio do so too; so a candidate counts
only if what a Gaussian blur removes correlates: that is edges, grain and print, which a second
photograph never repeats.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import NearestNeighbors

from datasets.checks.cache import Cache, cached
from datasets.checks.facts import Facts
from datasets.progress import Track
from model.pictures import decode

MAX_HASH_DISTANCE = 12
MIN_CORRELATION = 0.9
_SIDE = 96
_BLUR = 3.0


class Likeness(StrEnum):
    """In what way two pictures are one, the surest first."""

    SAME_FILE = "same file"
    SAME_PIXELS = "same pixels"
    ALTERED = "altered copy"
    MIRRORED = "mirrored copy"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures that show one photograph."""

    first: int
    second: int
    likeness: Likeness
    correlation: float
    """Of the fine detail, -1..1."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A readable picture that is looked at."""

    number: int
    sha256: str
    path: Path
    facts: Facts


def find_pairs(pictures: Sequence[Picture], cache: Cache, threads: int, track: Track) -> list[Pair]:
    """Pairs that join all duplicates; of n identical pictures n - 1 pairs, not all."""
    pairs = [*_equal(pictures, Likeness.SAME_FILE)]
    distinct = [*{picture.sha256: picture for picture in reversed(pictures)}.values()][::-1]
    pairs += _equal(distinct, Likeness.SAME_PIXELS)
    distinct = [*{picture.facts.pixels: picture for picture in reversed(distinct)}.values()][::-1]
    return [*pairs, *_near(distinct, cache, threads, track)]


def groups_of(pairs: Iterable[Pair], count: int) -> list[tuple[int, ...]]:
    """Pictures that pairs join, directly or through others: numbers in order, groups in order."""
    links = [(pair.first, pair.second) for pair in pairs]
    if not links:
        return []
    rows, columns = zip(*links, strict=True)
    graph = coo_array((np.ones(len(links)), (rows, columns)), shape=(count, count))
    _, names = connected_components(graph, directed=False)
    members: dict[int, list[int]] = defaultdict(list)
    for number in sorted({*rows, *columns}):
        members[int(names[number])].append(number)
    return [tuple(group) for group in members.values()]


def _equal(pictures: Iterable[Picture], likeness: Likeness) -> Iterator[Pair]:
    first: dict[str, int] = {}
    for picture in pictures:
        same_file = likeness is Likeness.SAME_FILE
        key = picture.sha256 if same_file else picture.facts.pixels
        if key in first:
            yield Pair(first[key], picture.number, likeness, 1.0)
        else:
            first[key] = picture.number


def _near(pictures: Sequence[Picture], cache: Cache, threads: int, track: Track) -> Iterator[Pair]:
    straight = _bits([picture.facts.phash for picture in pictures])
    mirrored = _bits([picture.facts.phash_mirrored for picture in pictures])
    candidates = {
        Likeness.ALTERED: _within(straight, straight),
        Likeness.MIRRORED: _within(straight, mirrored),
    }
    asked = sorted({n for found in candidates.values() for pair in found for n in pair})
    details = _details([pictures[n] for n in asked], cache, threads, track)
    joined = set()
    for likeness, found in candidates.items():
        for a, b in found:
            one, other = details[pictures[a].sha256], details[pictures[b].sha256]
            if likeness is Likeness.MIRRORED:
                other = other[:, ::-1]
            correlation = float((one * other).sum())
            if correlation >= MIN_CORRELATION and (a, b) not in joined:
                joined.add((a, b))
                yield Pair(pictures[a].number, pictures[b].number, likeness, correlation)


def _bits(hashes: Sequence[str]) -> NDArray[np.float32]:
    """(N, 64) of -1 and 1."""
    raw = np.frombuffer(bytes.fromhex("".join(hashes)), np.uint8).reshape(len(hashes), -1)
    return np.unpackbits(raw, axis=1).astype(np.float32) * 2 - 1


def _within(hashes: NDArray[np.float32], others: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Pairs (a, b), a < b, whose hashes differ in few bits."""
    if not len(hashes):
        return []
    radius = 2 * (MAX_HASH_DISTANCE + 0.5) ** 0.5  # a bit that differs is 2 away
    index = NearestNeighbors(radius=radius, algorithm="brute").fit(others)
    graph = index.radius_neighbors_graph(hashes).tocoo()
    return sorted({(int(a), int(b)) for a, b in zip(graph.row, graph.col, strict=True) if a < b})


def _details(
    pictures: Sequence[Picture], cache: Cache, threads: int, track: Track
) -> dict[str, NDArray[np.float32]]:
    """Fine detail by content hash, (_SIDE, _SIDE), of length 1."""
    files = {picture.sha256: picture.path for picture in pictures}
    with ThreadPoolExecutor(threads) as pool:
        greys = cached(cache, f"detail-{_SIDE}", files, lambda paths: pool.map(_grey, paths), track)
    return {sha256: _detail(grey) for sha256, grey in greys.items()}


def _grey(path: Path) -> bytes:
    grey = Image.fromarray(decode(path.read_bytes())).convert("L")
    return grey.resize((_SIDE, _SIDE), Image.Resampling.BOX).tobytes()


def _detail(grey: bytes) -> NDArray[np.float32]:
    values = np.frombuffer(grey, np.uint8).reshape(_SIDE, _SIDE).astype(np.float32)
    detail: NDArray[np.float32] = values - gaussian_filter(values, _BLUR)
    length = float(np.linalg.norm(detail))
    return detail / length if length else detail
