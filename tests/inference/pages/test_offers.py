"""What may be changed of the models, and what each change would do: pure."""

from __future__ import annotations

from inference.models.records import Challenger, Roles
from inference.pages.offers import offers_of
from model.contract import ModelRef

ONE, TWO, THREE = (ModelRef(name="tiny", version=version) for version in "123")


def test_each_offer_says_what_it_would_change() -> None:
    roles = Roles(champion=ONE, challenger=Challenger(model=TWO, share=0.2), shadow=THREE)
    offers = offers_of(roles, TWO, (ONE, TWO, THREE))
    assert offers.roll_back is not None
    assert offers.end_challenger is not None
    assert offers.end_shadow is not None
    assert offers.roll_back.rows == [
        ("champion", "tiny/1", "tiny/2"),
        ("challenger", "tiny/2 for 20 %", "none"),
    ]
    assert offers.end_challenger.rows == [("challenger", "tiny/2 for 20 %", "none")]
    assert offers.end_shadow.rows == [("shadow", "tiny/3", "none")]
    assert ONE not in offers.of_models
    assert [each.label for each in offers.of_models[TWO]] == ["Promote", "Change share", "Shadow"]
    assert [each.label for each in offers.of_models[THREE]] == ["Promote", "Challenge"]
    assert offers.of_models[THREE][0].rows == [
        ("champion", "tiny/1", "tiny/3"),
        ("shadow", "tiny/3", "none"),
    ]
    alone = offers_of(Roles(champion=ONE), None, (ONE,))
    assert (alone.roll_back, alone.end_challenger, alone.end_shadow) == (None, None, None)
