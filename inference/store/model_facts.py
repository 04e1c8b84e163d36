"""Writes and reads the history of models, and compares what they said with people's answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, Engine, Row, Select, cast, func, select, type_coerce

from inference.models.records import Answers, Change, ChangeKind, NewChange, Pairs, ShadowGrading
from inference.store.model_tables import model_changes, shadow_gradings
from inference.store.rows import insert
from inference.store.tables import gradings, overrides
from model.contract import Grade, ModelRef

#: So many of the newest answers are compared: a page costs the same after years.
NEWEST_ANSWERS = 10_000
_CHANGES_THE_CHAMPION = (ChangeKind.STARTED, ChangeKind.PROMOTED, ChangeKind.ROLLED_BACK)
_BRINGS_A_BUNDLE = (ChangeKind.ADDED, ChangeKind.TUNED)


class ModelFacts:
    """The part of the store that is about models. Each method is one transaction."""

    _engine: Engine
    _writes: Engine

    def add_model_change(self, new: NewChange) -> Change:
        """Append to the history."""
        at = datetime.now(UTC)
        with self._writes.begin() as connection:
            seq = connection.scalars(
                insert(connection, model_changes)
                .values(
                    at=at,
                    kind=new.kind,
                    done=new.problem is None,
                    change=new.model_dump_json(),
                )
                .returning(model_changes.c.seq)
            ).one()
        return Change(**dict(new), seq=seq, at=at)

    def newest_model_change(self) -> Change | None:
        """The newest row of the history: the roles after it are those that hold."""
        found = self.model_changes(limit=1)
        return found[0] if found else None

    def model_changes(self, *, limit: int, before: int | None = None) -> list[Change]:
        """The history, newest first; ``before`` is the seq of the last one on the page before."""
        query = select(model_changes).order_by(model_changes.c.seq.desc()).limit(limit)
        if before is not None:
            query = query.where(model_changes.c.seq < before)
        with self._engine.begin() as connection:
            return [change_of(row) for row in connection.execute(query)]

    def champion_changes(self) -> list[Change]:
        """All changes of the champion, oldest first."""
        query = (
            select(model_changes)
            .where(model_changes.c.done, model_changes.c.kind.in_(_CHANGES_THE_CHAMPION))
            .order_by(model_changes.c.seq)
        )
        with self._engine.begin() as connection:
            return [change_of(row) for row in connection.execute(query)]

    def bundle_hashes(self) -> dict[tuple[str, str], str]:
        """SHA-256 of the manifest of each bundle that was added, by name and version."""
        query = select(model_changes).where(
            model_changes.c.done, model_changes.c.kind.in_(_BRINGS_A_BUNDLE)
        )
        with self._engine.begin() as connection:
            changes = [change_of(row) for row in connection.execute(query)]
        return {
            (change.model.name, change.model.version): change.manifest_sha256
            for change in changes
            if change.model and change.manifest_sha256
        }

    def add_shadow_gradings(self, new: Sequence[ShadowGrading]) -> int:
        """Store what a shadow said of captures that it had not graded before; gives how many."""
        with self._writes.begin() as connection:
            added = connection.scalars(
                insert(connection, shadow_gradings)
                .on_conflict_do_nothing(
                    index_elements=["capture_id", "model_name", "model_version"]
                )
                .returning(shadow_gradings.c.seq),
                [_shadow_row(each) for each in new],
            ).all()
        return len(added)

    def shadow_confusion(self, shadow: ModelRef, champion: ModelRef) -> Answers:
        """Captures by the champion's grade and the shadow's."""
        table = shadow_gradings.c
        query = (
            select(table.acting_grade, table.grade, func.count())
            .where(*_of(shadow), *_acted(champion))
            .group_by(table.acting_grade, table.grade)
        )
        with self._engine.begin() as connection:
            return _counted(connection.execute(query).all())

    def answers_of(self, model: ModelRef) -> Answers:
        """Items by the person's grade and the model's, where it acted and a person answered later."""
        answered = _newest_answers()
        graded_name, graded_version, grade = (
            self._of_verdict(*path)
            for path in (("model", "name"), ("model", "version"), ("grade",))
        )
        each = (
            select(
                answered.c.grade.label("said"),
                grade.label("decided"),
                _place(gradings.c.item_id, gradings.c.seq),
            )
            .join_from(answered, gradings, answered.c.item_id == gradings.c.item_id)
            .where(
                gradings.c.graded_at <= answered.c.created_at,
                graded_name == model.name,
                graded_version == model.version,
            )
            .subquery()
        )
        with self._engine.begin() as connection:
            return _counted(connection.execute(_count(each)).all())

    def shadow_answers(
        self, shadow: ModelRef, champion: ModelRef
    ) -> tuple[Answers, Answers, Pairs]:
        """Items that the champion graded, the shadow too, and a person answered later.

        Returns:
            The shadow's answers and the champion's to the same items, and who was right of which.
        """
        answered, table = _newest_answers(), shadow_gradings.c
        each = (
            select(
                answered.c.grade.label("said"),
                table.grade.label("decided"),
                table.acting_grade.label("acted"),
                _place(table.item_id, table.seq),
            )
            .join_from(answered, shadow_gradings, answered.c.item_id == table.item_id)
            .where(table.acted_at <= answered.c.created_at, *_of(shadow), *_acted(champion))
            .subquery()
        )
        query = (
            select(each.c.said, each.c.decided, each.c.acted, func.count())
            .where(each.c.place == 1)
            .group_by(each.c.said, each.c.decided, each.c.acted)
        )
        with self._engine.begin() as connection:
            rows = connection.execute(query).all()
        ours: Answers = {}
        theirs: Answers = {}
        pairs = dict.fromkeys(Pairs.model_fields, 0)
        for said, decided, acted, count in rows:
            _add(ours, said, decided, count)
            _add(theirs, said, acted, count)
            pairs[_RIGHT[decided == said, acted == said]] += count
        return ours, theirs, Pairs(**pairs)

    def _of_verdict(self, *path: str) -> ColumnElement[str]:
        """A text in the JSON of a grading's verdict."""
        verdict: ColumnElement[Any] = (
            cast(gradings.c.verdict, JSON)
            if self._engine.dialect.name == "postgresql"
            else type_coerce(gradings.c.verdict, JSON)
        )
        text: ColumnElement[str] = verdict[path].as_string()
        return text


_RIGHT = {
    (True, True): "both",
    (True, False): "only_shadow",
    (False, True): "only_champion",
    (False, False): "neither",
}


def change_of(row: Row[Any]) -> Change:
    """From a row of ``model_changes``."""
    return Change(**dict(NewChange.model_validate_json(row.change)), seq=row.seq, at=row.at)


def _shadow_row(new: ShadowGrading) -> dict[str, object]:
    verdict = new.verdict
    return {
        "capture_id": verdict.capture_id,
        "item_id": verdict.item_id,
        "model_name": new.model.name,
        "model_version": new.model.version,
        "grade": new.assessment.grade,
        "acting_name": verdict.model.name,
        "acting_version": verdict.model.version,
        "acting_grade": verdict.grade,
        "acted_at": verdict.graded_at,
        "assessment": new.assessment.model_dump_json(),
    }


def _of(shadow: ModelRef) -> tuple[ColumnElement[bool], ...]:
    table = shadow_gradings.c
    return table.model_name == shadow.name, table.model_version == shadow.version


def _acted(model: ModelRef) -> tuple[ColumnElement[bool], ...]:
    table = shadow_gradings.c
    return table.acting_name == model.name, table.acting_version == model.version


def _newest_answers() -> Any:
    """The answers that hold, of the newest so many."""
    recent = select(overrides).order_by(overrides.c.seq.desc()).limit(NEWEST_ANSWERS).subquery()
    placed = select(recent, _place(recent.c.item_id, recent.c.seq)).subquery()
    return select(placed).where(placed.c.place == 1, placed.c.grade.is_not(None)).subquery()


def _place(item_id: ColumnElement[str], seq: ColumnElement[int]) -> Any:
    """1 for the newest of each item."""
    return func.row_number().over(partition_by=item_id, order_by=seq.desc()).label("place")


def _count(each: Any) -> Select[Any]:
    return (
        select(each.c.said, each.c.decided, func.count())
        .where(each.c.place == 1)
        .group_by(each.c.said, each.c.decided)
    )


def _counted(rows: Any) -> Answers:
    found: Answers = {}
    for said, decided, count in rows:
        _add(found, said, decided, count)
    return found


def _add(found: Answers, said: str, decided: str, count: int) -> None:
    key = Grade(said), Grade(decided)
    found[key] = found.get(key, 0) + count
