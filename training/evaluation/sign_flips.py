"""McNemar's exact test for groups of items: could chance alone have given one side so many?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer[Any]]


def leads(a_right: NDArray[np.bool_], b_right: NDArray[np.bool_], groups: NDArray[np.str_]) -> Ints:
    """(G,) how many items more of each group B gets right than A; all arguments are (N,)."""
    names, place = np.unique(groups, return_inverse=True)
    found = np.zeros(len(names), np.int64)
    np.add.at(found, place, b_right.astype(np.int64) - a_right)
    return found


def p_value(lead: Ints) -> float:
    """Exact two-sided p of a sum of leads that is at least as far from 0.

    If A and B are equally good, each group's lead could as well have been the other side's. So the
    signs of whole groups are flipped (a sign-flip test with whole-block exchangeability, Winkler et
    al., NeuroImage 123, 2015), in all ways at once: the chances of the number that falls to one side
    grow by one convolution a group. With one item a group this is McNemar's exact test (1947).

    Args:
        lead: (G,) of B over A, in items.
    """
    sizes = np.abs(lead)
    total = int(sizes.sum())
    chances = np.zeros(total + 1)  # of 0, 1, .. total falling to B
    chances[0] = 1.0
    for size in sizes[sizes > 0]:
        chances = (chances + np.roll(chances, size)) / 2  # what wraps around is still 0
    apart = np.abs(2 * np.arange(total + 1) - total)
    return min(float(chances[apart >= abs(int(lead.sum()))].sum()), 1.0)
