"""Reads facts and the state that follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Select, case, func, select

from inference.records import (
    Current,
    Deletion,
    Ended,
    ItemRecord,
    ItemStatus,
    ItemSummary,
    PictureUse,
    Summary,
    derive,
)
from inference.store.refusals import UnknownItemError
from inference.store.rows import grade_given, history, outcome_of, override_of, verdict_of
from inference.store.tables import (
    deletions,
    grading_pictures,
    gradings,
    holds,
    items,
    outcomes,
    overrides,
    totals,
)
from model.contract import Ending, ItemFacts, Outcome, Override


class StoreReads:
    """Each method is one transaction that only reads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def item(self, item_id: str) -> ItemRecord:
        """Everything about one item.

        Raises:
            UnknownItemError: No fact names it.
        """
        with self._engine.begin() as connection:
            graded = connection.execute(history(gradings, item_id)).all()
            answered = connection.execute(history(overrides, item_id)).all()
            ended = connection.execute(history(outcomes, item_id)).all()
        if not (graded or ended):
            raise UnknownItemError(item_id)
        verdicts = tuple(verdict_of(row) for row in graded)
        answers = tuple(override_of(row) for row in answered)
        endings = tuple(outcome_of(row) for row in ended)
        return ItemRecord(
            item_id=item_id,
            facts=ItemFacts.model_validate_json(graded[0].facts) if graded else None,
            current=derive(
                verdicts[0] if verdicts else None,
                answers[0] if answers else None,
                endings[0] if endings else None,
            ),
            gradings=verdicts,
            overrides=answers,
            outcomes=endings,
        )

    def newest_items(
        self, *, status: ItemStatus | None, limit: int, before: int | None
    ) -> list[ItemSummary]:
        """Items, newest first; ``before`` is the seq of the last one on the page before."""
        query = select(items).order_by(items.c.seq.desc()).limit(limit)
        if status is not None:
            query = query.where(items.c.status == status)
        if before is not None:
            query = query.where(items.c.seq < before)
        return self._summaries(query)

    def review_queue(self, *, limit: int, after: int = 0) -> list[ItemSummary]:
        """Items that wait for a person, oldest first."""
        return self._summaries(
            select(items)
            .where(items.c.status == ItemStatus.REVIEW, items.c.seq > after)
            .order_by(items.c.seq)
            .limit(limit)
        )

    def waiting_among(self, item_ids: Sequence[str]) -> set[str]:
        """Those of the items that wait for a person."""
        query = select(items).where(
            items.c.item_id.in_(item_ids), items.c.status == ItemStatus.REVIEW
        )
        return {summary.item_id for summary in self._summaries(query)}

    def _summaries(self, query: Select[Any]) -> list[ItemSummary]:
        with self._engine.begin() as connection:
            rows = connection.execute(query).all()
        return [
            ItemSummary(
                seq=row.seq,
                item_id=row.item_id,
                current=Current(
                    status=row.status, grade=row.grade, lane=row.lane, ending=row.ending
                ),
            )
            for row in rows
        ]

    def overrides_after(self, seq: int, *, limit: int = 500) -> list[Override]:
        """Answers with a higher seq, oldest first."""
        query = select(overrides).where(overrides.c.seq > seq).order_by(overrides.c.seq)
        with self._engine.begin() as connection:
            return [override_of(row) for row in connection.execute(query.limit(limit))]

    def newest_outcomes(self, *, line_id: str | None, limit: int) -> list[Outcome]:
        """Outcomes in the order they were stored, newest first."""
        query = select(outcomes).order_by(outcomes.c.seq.desc()).limit(limit)
        if line_id is not None:
            query = query.where(outcomes.c.line_id == line_id)
        with self._engine.begin() as connection:
            return [outcome_of(row) for row in connection.execute(query)]

    def pictures_of(self, item_ids: Sequence[str]) -> dict[str, str]:
        """SHA-256 of the first picture of the newest grading, by item."""
        newest = select(func.max(gradings.c.seq)).where(gradings.c.item_id.in_(item_ids))
        query = select(gradings).where(gradings.c.seq.in_(newest.group_by(gradings.c.item_id)))
        with self._engine.begin() as connection:
            verdicts = [verdict_of(row) for row in connection.execute(query)]
        return {verdict.item_id: verdict.images[0] for verdict in verdicts}

    def deletions_of(self, pictures: Sequence[str]) -> dict[str, Deletion]:
        """Newest deletion of each of the pictures that has one, by SHA-256."""
        query = select(deletions).where(deletions.c.sha256.in_(pictures))
        with self._engine.begin() as connection:
            rows = connection.execute(query.order_by(deletions.c.seq)).all()
        return {
            row.sha256: Deletion(row.sha256, row.bytes, row.reason, row.deleted_at) for row in rows
        }

    def uses_of(self, pictures: Sequence[str]) -> dict[str, list[PictureUse]]:
        """What each of the pictures is good for; one that no grading names has no entry."""
        answered_at = (
            select(func.max(overrides.c.created_at))
            .where(overrides.c.item_id == gradings.c.item_id)
            .scalar_subquery()
        )
        newest_hold = (
            select(holds.c.held)
            .where(holds.c.item_id == gradings.c.item_id)
            .order_by(holds.c.seq.desc())
            .limit(1)
            .scalar_subquery()
        )
        # The verdict is read only where its grade matters: most items are never answered.
        answered = case((items.c.status == ItemStatus.ANSWERED, gradings.c.verdict))
        query = (
            select(
                grading_pictures.c.sha256,
                gradings.c.graded_at,
                items.c.status,
                items.c.grade,
                answered_at.label("answered_at"),
                newest_hold.label("held"),
                answered.label("verdict"),
            )
            .join(gradings, gradings.c.seq == grading_pictures.c.grading_seq)
            .join(items, items.c.item_id == gradings.c.item_id)
            .where(grading_pictures.c.sha256.in_(pictures))
        )
        uses: dict[str, list[PictureUse]] = {}
        with self._engine.begin() as connection:
            for row in connection.execute(query):
                use = PictureUse(
                    status=ItemStatus(row.status),
                    since=max(row.graded_at, row.answered_at or row.graded_at),
                    held=bool(row.held),
                    disagreed=row.verdict is not None and grade_given(row.verdict) != row.grade,
                )
                uses.setdefault(row.sha256, []).append(use)
        return uses

    def count_in_review(self) -> int:
        """Items that wait for a person."""
        with self._engine.begin() as connection:
            return _count_items(connection, ItemStatus.REVIEW)

    def ended(self) -> list[Ended]:
        """How many items of each line ended in each lane, and how."""
        number = func.sum(totals.c.number)
        columns = (totals.c.line_id, totals.c.lane, totals.c.ending)
        with self._engine.begin() as connection:
            rows = connection.execute(select(*columns, number).group_by(*columns)).all()
        return [
            Ended(line_id=line_id, lane=lane, ending=Ending(ending), number=int(number))
            for line_id, lane, ending, number in rows
        ]

    def summary(self, line_id: str | None) -> Summary:
        """Counts of outcomes of one line, or of all."""
        query = select(totals)
        if line_id is not None:
            query = query.where(totals.c.line_id == line_id)
        with self._engine.begin() as connection:
            rows = connection.execute(query).all()
            graded = connection.scalar(select(func.count()).select_from(gradings)) or 0
            in_review = _count_items(connection, ItemStatus.REVIEW)
            overridden = _count_items(connection, ItemStatus.ANSWERED)
        by_lane: dict[str, int] = {}
        by_ending: dict[Ending, int] = {}
        by_rule: dict[str, int] = {}
        for row in rows:
            if row.lane:
                by_lane[row.lane] = by_lane.get(row.lane, 0) + row.number
            ending = Ending(row.ending)
            by_ending[ending] = by_ending.get(ending, 0) + row.number
            by_rule[row.rule] = by_rule.get(row.rule, 0) + row.number
        return Summary(
            line_id=line_id,
            outcomes=sum(by_ending.values()),
            by_lane=by_lane,
            by_ending=by_ending,
            by_rule=by_rule,
            graded=graded,
            in_review=in_review,
            overridden=overridden,
        )


def _count_items(connection: Connection, status: ItemStatus) -> int:
    query = select(func.count()).select_from(items).where(items.c.status == status)
    return connection.scalar(query) or 0
