"""Figures are kept by step, once, also by a run that was killed and went on."""

import json
import sys
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from training.errors import ConfigError
from training.logbook import METRICS, open_logbook


def _lines(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]


def test_what_was_written_after_the_saved_step_is_written_again(tmp_path: Path) -> None:
    killed = open_logbook(tmp_path, "n", "none", 0)
    for step in (1, 2, 3):
        killed.write(step, {"total": step / 10})
    killed.close()
    with (tmp_path / METRICS).open("a") as file:
        file.write('{"step": 4, "tot')  # the kill came within a line
    resumed = open_logbook(tmp_path, "n", "none", 2)
    resumed.write(3, {"total": 0.5})
    resumed.close()
    assert _lines(tmp_path) == [
        {"step": 1, "total": 0.1},
        {"step": 2, "total": 0.2},
        {"step": 3, "total": 0.5},
    ]


def test_tensorboard_gets_every_figure(tmp_path: Path) -> None:
    logbook = open_logbook(tmp_path, "n", "tensorboard", 0)
    for step in (1, 2):
        logbook.write(step, {"total": step / 2, "rate": 0.25})
    logbook.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    found = [(event.step, event.value) for event in events.Scalars("total")]
    assert found == [(1, 0.5), (2, 1.0)]
    assert len(_lines(tmp_path)) == 2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # MLflow's own use of SQLAlchemy
def test_mlflow_goes_on_in_the_same_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for done in (0, 1):
        logbook = open_logbook(tmp_path, "boxes", "mlflow", done)
        logbook.write(done + 1, {"total": 0.5, "epoch/grade": 0.25})
        logbook.close()
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    (experiment,) = client.search_experiments(filter_string="name = 'regrade'")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.run_name == "boxes"
    history = client.get_metric_history(run.info.run_id, "total")
    assert [(metric.step, metric.value) for metric in history] == [(1, 0.5), (2, 0.5)]


@pytest.mark.parametrize(
    ("logger", "module", "package"),
    [
        ("tensorboard", "torch.utils.tensorboard", "tensorboard"),
        ("mlflow", "mlflow.tracking", "mlflow-skinny"),
    ],
)
def test_a_logger_that_is_not_installed_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logger: str, module: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=f"pip install {package}"):
        open_logbook(tmp_path, "n", logger, 0)  # type: ignore[arg-type]
