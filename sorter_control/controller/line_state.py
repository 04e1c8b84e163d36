"""The picture of the line that people see."""

from __future__ import annotations

from datetime import datetime

from model.contract import BeltItem, LaneStatus, LineState
from sorter_control.controller import orders
from sorter_control.controller.answers import steerable_s
from sorter_control.controller.values import ControllerState, Item, Settings
from sorter_control.protocol import LaneBit

_UNKNOWN = "UNKNOWN"


def line_state(state: ControllerState, settings: Settings, now: datetime) -> LineState:
    """The line as the controller sees it."""
    status = state.status
    alarms = state.book.alarms
    return LineState(
        line_id=settings.line_id,
        at=now,
        plc_connected=state.plc_problem is None,
        packml_state=status.state_current.name if status else _UNKNOWN,
        speed_mm_s=status.speed_mm_per_s if status else 0,
        belt_mm=state.geometry[-1].divert_mm if state.geometry else 0,
        lanes=_lanes(state, settings),
        items=tuple(_item(state, item, settings) for item in state.items.values()),
        alarms=tuple(alarm.text for alarm in alarms if alarm.state.is_active),
        annunciated=alarms,
        allowed=orders.allowed(state),
    )


def _lanes(state: ControllerState, settings: Settings) -> tuple[LaneStatus, ...]:
    pairs = zip(state.lanes, state.geometry, strict=True)
    return tuple(
        LaneStatus(
            number=number,
            name=settings.policy.lane_name(number),
            divert_mm=geometry.divert_mm,
            enabled=LaneBit.ENABLED in report.bits,
            full=LaneBit.FULL in report.bits,
            jammed=LaneBit.JAM in report.bits,
            fault=LaneBit.DIVERT_FAULT in report.bits,
            count=report.count,
            unrecorded=state.unrecorded.get(number, 0),
            is_default=orders.is_default(state, number, settings),
            closed=state.book.closures.get(number),
        )
        for number, (report, geometry) in enumerate(pairs, start=1)
    )


def _item(state: ControllerState, item: Item, settings: Settings) -> BeltItem:
    verdict = item.verdict
    return BeltItem(
        tid=item.tid,
        item_id=item.item_id,
        position_mm=state.position_mm(item),
        length_mm=item.length_mm,
        lane=item.decision.lane if item.decision else None,
        grade=item.decision.grade if item.decision else None,
        needs_review=verdict is not None and verdict.needs_review,
        image=verdict.images[0] if verdict else None,
        steerable_s=steerable_s(state, item, settings),
    )
