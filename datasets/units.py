"""Units: pictures that must not be parted, because one tells what the others show."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from scipy.cluster.hierarchy import DisjointSet

from datasets.manifest import LabelledPicture


def units_of(rows: Sequence[LabelledPicture], pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Join pictures of one item, of one group and of one photograph, directly or through others.

    Args:
        rows: N rows.
        pairs: Numbers of rows that show one photograph.

    Returns:
        For each row the unit that it belongs to, named by the number of the unit's first row.
    """
    joined = DisjointSet(range(len(rows)))
    first: dict[Hashable, int] = {}
    for number, row in enumerate(rows):
        for key in (("item", row.source, row.item_id), ("group", row.group)):
            joined.merge(first.setdefault(key, number), number)
    for one, other in pairs:
        joined.merge(one, other)
    units = [0] * len(rows)
    for members in joined.subsets():
        name = min(members)
        for number in members:
            units[number] = name
    return units
