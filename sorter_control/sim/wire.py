"""The connection between controller and PLC in virtual time, and what can go wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sorter_control.protocol import HostImage, PlcImage
from sorter_control.sim.machine import Machine


@dataclass(slots=True)
class Wire:
    """One connection.

    Attributes:
        reads_lost: The PLC does not answer.
        writes_lost: What the controller writes does not arrive.
        frozen: The PLC answers, but always with the same old image.
        repeats: Every write arrives a second time, after the one that follows it.
    """

    reads_lost: bool = False
    writes_lost: bool = False
    frozen: bool = False
    repeats: bool = False
    _image: PlcImage | None = None
    _written: HostImage | None = None

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong with it."""
        return not (self.reads_lost or self.writes_lost or self.frozen or self.repeats)

    def read(self, machine: Machine) -> PlcImage | None:
        """The PLC's image, or None where nobody answers."""
        if self.reads_lost or not machine.powered:
            return None
        if not self.frozen or self._image is None:
            self._image = machine.image()
        return self._image

    def write(self, machine: Machine, image: HostImage) -> None:
        """Bring the controller's image to the PLC."""
        late, self._written = self._written, image
        if self.writes_lost or not machine.powered:
            return
        machine.host = image
        if self.repeats and late is not None:
            machine.advance(1)
            machine.host = replace(late)
            machine.advance(1)
            machine.host = replace(image)
