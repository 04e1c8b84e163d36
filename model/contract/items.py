"""What a line knows about a returned item before anyone has looked at it."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

#: Ids travel in URLs, file names and log lines, so they keep to characters that are safe in all three.
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")]


#: One line of text: no control characters, which some stores and all logs refuse.
Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$")]


class ItemFacts(BaseModel):
    """Facts of one returned item, from the returns system; only ``item_id`` is required."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    item_id: Identifier = Field(description="License plate of the item, unique per return.")
    sku: Line | None = Field(default=None, max_length=64)
    category: Line | None = Field(default=None, max_length=64, description="e.g. 'parcel', 'toy'.")
    list_price: Decimal | None = Field(default=None, ge=0, max_digits=12, decimal_places=2)
    return_reason: Line | None = Field(default=None, max_length=200)
    recalled: bool = Field(default=False, description="Under a safety recall.")
    hazardous: bool = Field(
        default=False, description="Dangerous goods, damaged lithium cells too."
    )
    fraud_hold: bool = Field(default=False, description="Wrong item, serial mismatch or empty box.")
    in_warranty: bool = Field(default=False, description="Its maker or seller takes it back.")
