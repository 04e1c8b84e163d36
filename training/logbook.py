"""Logbook: a run's figures by step, always in metrics.jsonl and, by choice, in a tracking tool."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

from training.errors import ConfigError

METRICS = "metrics.jsonl"
Logger = Literal["none", "tensorboard", "mlflow"]


class Logbook(Protocol):
    """Keeps figures."""

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Keep named figures of one step."""

    def close(self) -> None:
        """Write what is still held back."""


class Nothing:
    """Keeps nothing: for the processes that do not write."""

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Forget them."""

    def close(self) -> None:
        """Have nothing to write."""


class JsonLines:
    """One JSON object a line."""

    def __init__(self, path: Path, done: int) -> None:
        """Open the file and drop what a killed run wrote after the `done` steps that it saved."""
        kept = _lines_up_to(path, done)
        partial = path.with_suffix(".partial")
        partial.write_text("".join(kept), "utf-8")
        partial.replace(path)
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Append one line."""
        self._file.write(json.dumps({"step": step, **figures}) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class TensorBoard:
    """Event files for `tensorboard --logdir`."""

    def __init__(self, folder: Path, done: int) -> None:
        """Open a writer.

        Raises:
            ConfigError: The package is not installed.
        """
        try:
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415  (optional)
        except ModuleNotFoundError as error:
            raise ConfigError("logger tensorboard: pip install tensorboard") from error
        self._writer: Any = SummaryWriter(folder, purge_step=done + 1)

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Add one scalar for each figure."""
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Flush the event file."""
        self._writer.close()


class Mlflow:
    """A run of an MLflow server, MLFLOW_TRACKING_URI, or of a database in the run's folder."""

    def __init__(self, folder: Path, name: str) -> None:
        """Open the run, the same one again when training goes on.

        Raises:
            ConfigError: The package is not installed.
        """
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # nothing leaves the site
        try:
            from mlflow.tracking import MlflowClient  # noqa: PLC0415  (optional)
        except ModuleNotFoundError as error:
            raise ConfigError("logger mlflow: pip install mlflow-skinny") from error
        database = f"sqlite:///{(folder / 'mlflow.db').resolve()}"
        self._client: Any = MlflowClient(os.environ.get("MLFLOW_TRACKING_URI", database))
        place = folder / "mlflow-run"
        if not place.exists():
            known = self._client.get_experiment_by_name("regrade")
            experiment = known.experiment_id if known else self._client.create_experiment("regrade")
            place.write_text(self._client.create_run(experiment, run_name=name).info.run_id)
        self._run = place.read_text()

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Log one metric for each figure."""
        from mlflow.entities import Metric  # noqa: PLC0415  (optional)

        now = int(time.time() * 1000)
        self._client.log_batch(
            self._run, [Metric(name, value, now, step) for name, value in figures.items()]
        )

    def close(self) -> None:
        """Mark the run as finished."""
        self._client.set_terminated(self._run)


class Several:
    """Keeps figures in several places."""

    def __init__(self, *places: Logbook) -> None:
        self._places = places

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Keep them in each place."""
        for place in self._places:
            place.write(step, figures)

    def close(self) -> None:
        """Close each place."""
        for place in self._places:
            place.close()


def open_logbook(folder: Path, name: str, logger: Logger, done: int) -> Logbook:
    """The logbook of a run that has saved `done` steps.

    Raises:
        ConfigError: The logger's package is not installed.
    """
    chosen = tuple(_chosen(folder, name, logger, done))
    return Several(JsonLines(folder / METRICS, done), *chosen)


def _chosen(folder: Path, name: str, logger: Logger, done: int) -> Iterator[Logbook]:
    match logger:
        case "none":
            pass
        case "tensorboard":
            yield TensorBoard(folder / "tensorboard", done)
        case "mlflow":
            yield Mlflow(folder, name)


def _lines_up_to(path: Path, step: int) -> list[str]:
    if not path.exists():
        return []
    kept = []
    for line in path.read_text("utf-8").splitlines(keepends=True):
        if not line.endswith("\n") or json.loads(line)["step"] > step:
            break  # cut off by a kill, or done again from here
        kept.append(line)
    return kept
