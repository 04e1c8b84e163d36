"""What the routes work with: built by the application's lifespan, one per server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Path, Query, Request

from inference.access.gate import Gate
from inference.access.log_in import LogIns
from inference.golden import GoldenWatch
from inference.grader import Grader
from inference.grading import GradingService
from inference.line_metrics import LineMetrics
from inference.lines import LineBoard
from inference.metrics import Metrics
from inference.models.service import ModelService
from inference.pages.desk import ReviewDesk
from inference.pictures import PictureStore
from inference.readiness import ReadinessWatch
from inference.settings import ServerSettings
from inference.signals import Signal
from inference.threads import StoreThreads
from inference.uploads import Intake
from inference.v2.statistics import AllStatistics
from model.contract import Identifier


@dataclass(frozen=True, slots=True)
class Services:
    """The server's parts."""

    settings: ServerSettings
    models: ModelService
    store: StoreThreads
    pictures: PictureStore
    grading: GradingService
    golden: GoldenWatch
    readiness: ReadinessWatch
    intake: Intake
    metrics: Metrics
    gate: Gate
    log_ins: LogIns
    board: LineBoard
    line_metrics: LineMetrics
    desk: ReviewDesk = field(default_factory=ReviewDesk)
    inferred: AllStatistics = field(default_factory=AllStatistics)
    """Of requests under ``/v2``."""
    answered: Signal = field(default_factory=Signal)
    """Notified after each stored override."""
    commanded: Signal = field(default_factory=Signal)
    """Notified after each stored command."""

    @property
    def grader(self) -> Grader:
        """The champion of the moment."""
        return self.models.lineup.champion

    def stop_waiting(self) -> None:
        """End long polls and event streams, so that a graceful stop does not wait for them."""
        self.readiness.stopping = True
        self.board.close()
        self.answered.close()
        self.commanded.close()


async def _services(request: Request) -> Services:  # a plain function would cost a thread
    services: Services = request.state.services
    return services


Parts = Annotated[Services, Depends(_services)]
ItemId = Annotated[Identifier, Path(description="License plate of the item.")]
LineId = Annotated[Identifier, Path(description="Name of the line.")]
LineFilter = Annotated[Identifier | None, Query(description="Only this line; left out: all.")]
