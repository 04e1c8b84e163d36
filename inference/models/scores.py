"""How models compare with what people said later, and with each other: pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from inference.models.records import Answers, Pairs
from model.contract import GRADES, Grade, ModelRef

_Z = NormalDist().inv_cdf(0.975)


class _Figure(BaseModel):
    model_config = ConfigDict(frozen=True)


class Proportion(_Figure):
    """A share of a number of items, with its 95 % interval."""

    of: int
    share: float | None = Field(description="null: of none.")
    low: float | None
    high: float | None

    @classmethod
    def of_count(cls, count: int, of: int) -> Self:
        """With Wilson's score interval (J. Am. Stat. Assoc. 22, 1927), which holds for few items."""
        if of == 0:
            return cls(of=0, share=None, low=None, high=None)
        share, square = count / of, _Z * _Z
        middle = (share + square / (2 * of)) / (1 + square / of)
        half = _Z / (1 + square / of) * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
        return cls(of=of, share=share, low=max(0.0, middle - half), high=min(1.0, middle + half))


class Score(_Figure):
    """A model against the people who answered later."""

    model: ModelRef
    agreed: Proportion = Field(description="The person gave the model's grade.")
    too_good: Proportion = Field(description="The model's grade was better than the person's.")
    too_bad: Proportion = Field(description="The model's grade was worse than the person's.")
    mean_cost: float | None = Field(
        description="Cost of acting on the model's grade where the person's is true, by the "
        "champion's costs; null: nobody answered, or these are not known."
    )

    @classmethod
    def of_answers(
        cls, model: ModelRef, answers: Answers, costs: Sequence[Sequence[float]] | None
    ) -> Self:
        """Count.

        Args:
            model: Who decided.
            answers: Items by the person's grade and the model's.
            costs: [true][decided], 4 x 4; None: not known.
        """
        of = sum(answers.values())
        agreed = sum(n for (said, decided), n in answers.items() if decided == said)
        too_good = sum(n for (said, decided), n in answers.items() if decided.rank < said.rank)
        return cls(
            model=model,
            agreed=Proportion.of_count(agreed, of),
            too_good=Proportion.of_count(too_good, of),
            too_bad=Proportion.of_count(of - agreed - too_good, of),
            mean_cost=_total(answers, costs) / of if of and costs else None,
        )


def _total(answers: Answers, costs: Sequence[Sequence[float]]) -> float:
    return sum(n * costs[said.rank][decided.rank] for (said, decided), n in answers.items())


class Confusion(_Figure):
    """Captures by the champion's grade (rows) and the shadow's (columns)."""

    grades: tuple[Grade, ...] = GRADES
    counts: tuple[tuple[int, ...], ...]
    disagreed: Proportion

    @classmethod
    def of_captures(cls, captures: Answers) -> Self:
        """Count."""
        of = sum(captures.values())
        same = sum(n for (champion, shadow), n in captures.items() if champion is shadow)
        return cls(
            counts=tuple(
                tuple(captures.get((champion, shadow), 0) for shadow in GRADES)
                for champion in GRADES
            ),
            disagreed=Proportion.of_count(of - same, of),
        )


class ShadowComparison(_Figure):
    """The shadow beside the champion, on the same pictures."""

    confusion: Confusion
    champion: Score = Field(description="On the items of `shadow`.")
    shadow: Score
    pairs: Pairs
    shadow_right: Proportion = Field(
        description="Of the answered items where one of the two was right, those where it was the "
        "shadow. An interval above 0.5 says that the shadow is better."
    )

    @classmethod
    def of_pairs(cls, confusion: Confusion, champion: Score, shadow: Score, pairs: Pairs) -> Self:
        """Only where one of them was right do they differ (McNemar, Psychometrika 12, 1947)."""
        one_right = pairs.only_shadow + pairs.only_champion
        return cls(
            confusion=confusion,
            champion=champion,
            shadow=shadow,
            pairs=pairs,
            shadow_right=Proportion.of_count(pairs.only_shadow, one_right),
        )


class Comparison(_Figure):
    """The models that have a role, against people's later answers and each other."""

    champion: Score = Field(description="On the items that it graded.")
    challenger: Score | None = Field(description="On the items that it graded.")
    shadow: ShadowComparison | None
