"""All kinds of goods that the generator makes: a new one is a module and an entry here."""

from __future__ import annotations

from datasets.render import boxes, mailers, phones, shells, toasters, toys, vessels
from datasets.render.kinds import Kind
from datasets.render.spec import Style

KINDS: dict[Style, Kind] = {
    **boxes.KINDS,
    **shells.KINDS,
    **phones.KINDS,
    **vessels.KINDS,
    **toys.KINDS,
    **toasters.KINDS,
    **mailers.KINDS,
}
