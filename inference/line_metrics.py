"""Figures of the lines, for ``/metrics``: how they stand now, and where their items went."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from inference.lines import LineBoard
from inference.records import Ended
from model.contract import LineState

_GAUGES: tuple[tuple[str, str, Callable[[LineState], float]], ...] = (
    ("plc_connected", "Whether the controller is connected to its PLC.", lambda s: s.plc_connected),
    ("speed_mm_per_second", "Speed of the belt.", lambda state: state.speed_mm_s),
    ("belt_items", "Items on the belt.", lambda state: len(state.items)),
    ("lanes_full", "Lanes that are full.", lambda state: sum(lane.full for lane in state.lanes)),
    ("alarms", "Alarms that stand.", lambda state: len(state.alarms)),
)


class LineMetrics(Collector):
    """Reads the board when it is asked; the outcomes are put there before, as they are in the store."""

    def __init__(self, board: LineBoard, registry: CollectorRegistry) -> None:
        self.ended: Sequence[Ended] = ()
        self._board = board
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """One value for each line, and for each of its lanes."""
        lines = [line.line_id for line in self._board.lines()]
        silent = GaugeMetricFamily(
            "regrade_line_silent_seconds", "Time since the line's last report.", labels=["line"]
        )
        for line_id in lines:
            silent.add_metric([line_id], self._board.silent_s(line_id))
        yield silent
        for name, meaning, value in _GAUGES:
            gauge = GaugeMetricFamily(f"regrade_line_{name}", meaning, labels=["line"])
            for line_id in lines:
                gauge.add_metric([line_id], float(value(self._board.state(line_id))))
            yield gauge
        outcomes = CounterMetricFamily(
            "regrade_outcomes",
            "Where items went, by line, lane and ending; from the store.",
            labels=["line", "lane", "ending"],
        )
        for each in self.ended:
            outcomes.add_metric([each.line_id, each.lane, each.ending.value], each.number)
        yield outcomes
