"""``regrade route``, ``plc`` and ``sort`` on the command line."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from model.contract import Grade, ItemFacts
from sorter_control.cli import register
from tests.sorter_control.factories import make_verdict

_ROOT = Path(__file__).parents[2]  # this tree, whichever one is installed


def run(*words: object) -> Result:
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    path = tmp_path / "facts.json"
    path.write_text(ItemFacts(item_id="RET-1").model_dump_json())
    return path


@pytest.fixture
def verdict(tmp_path: Path) -> Path:
    path = tmp_path / "verdict.json"
    path.write_text(make_verdict(grade=Grade.NEW).model_dump_json())
    return path


def test_route_says_the_lane_and_nothing_else(facts: Path, verdict: Path) -> None:
    result = run("route", "--item", facts, "--verdict", verdict)
    assert (result.exit_code, result.stdout) == (0, "restock\n")


def test_route_explains(facts: Path, verdict: Path) -> None:
    result = run("route", "--item", facts, "--verdict", verdict, "--closed", "restock", "--explain")
    assert result.stdout == (
        "open-box\n"
        "rule: grade_new\n"
        "The model says new at 94%, expected cost 0.10: open-box (restock is disabled).\n"
    )


def test_route_without_a_verdict_is_the_fail_safe(facts: Path) -> None:
    assert run("route", "--item", facts).stdout == "manual\n"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--closed", "roof"], "roof"),
        (["--policy", "nowhere.toml"], "nowhere.toml"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(facts: Path, words: list[str], problem: str) -> None:
    result = run("route", "--item", facts, *words)
    assert result.exit_code == 2
    assert problem in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("here", "give HOST:PORT"),
        ("127.0.0.1:0", "give HOST:PORT"),
        ("http://127.0.0.1:5020", "give HOST:PORT"),
        ("opc.tcp://plc", "give opc.tcp://HOST:PORT"),
        ("opc.tcp://:4840", "give opc.tcp://HOST:PORT"),
    ],
)
def test_sort_wants_an_address_of_the_plc(
    facts: Path, tmp_path: Path, address: str, problem: str
) -> None:
    result = run(
        "sort", "--plc", address, "--camera", "http://c", "--server", "http://s",
        "--data", tmp_path / "data", "--facts", facts,
    )  # fmt: skip
    assert result.exit_code == 2
    assert problem in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("plc", "--feed", "feed.jsonl", "--state", "state", "--opcua-port", "0"),
        ("sort", "--plc", "opc.tcp://plc:4840", "--camera", "http://c", "--server", "http://s",
         "--data", "data", "--facts", "feed.jsonl"),
    ],
)  # fmt: skip
def test_opcua_without_its_package_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "feed.jsonl").write_text("")
    monkeypatch.setattr("sorter_control.drivers.connect.find_spec", lambda _name: None)
    result = run(*words)
    assert result.exit_code == 2
    assert "pip install 'regrade[opcua]'" in result.stderr


def test_plc_names_the_line_of_a_wrong_feed(tmp_path: Path) -> None:
    feed = tmp_path / "feed.jsonl"
    feed.write_text('{"item_id": "A"}')
    result = run("plc", "--feed", feed, "--state", tmp_path / "state")
    assert result.exit_code == 2
    assert "line 1" in result.stderr


def test_plc_says_its_ports_and_ends_cleanly_on_a_signal(tmp_path: Path) -> None:
    (tmp_path / "feed.jsonl").write_text("")
    process = subprocess.Popen(
        [sys.executable, "-m", "regrade", "plc", "--feed", "feed.jsonl", "--state", "state",
         "--modbus-port", "0", "--camera-port", "0"],
        stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(_ROOT), "COLUMNS": "160"},
    )  # fmt: skip
    assert process.stderr is not None
    line = process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    rest = process.stderr.read()
    assert process.wait() == 0
    process.stderr.close()
    assert re.fullmatch(r"plc ready modbus=127\.0\.0\.1:\d+ camera=127\.0\.0\.1:\d+\n", line)
    assert "Traceback" not in rest


@pytest.mark.parametrize(
    "words",
    [
        "plc --feed feed.jsonl --state state --modbus-port 0 --camera-port 0",
        "sort --plc 127.0.0.1:1 --camera http://127.0.0.1:1 --server http://127.0.0.1:1"
        " --data data --facts feed.jsonl",
    ],
    ids=["plc", "sort"],
)
def test_what_was_built_at_the_start_is_in_no_later_garbage_collection(
    tmp_path: Path, words: str
) -> None:
    (tmp_path / "feed.jsonl").write_text("")
    code = (
        "import atexit, gc, sys; from regrade.cli import main;"
        " atexit.register(lambda: print('frozen', gc.get_freeze_count())); main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(_ROOT)},
    )  # fmt: skip
    assert process.stderr is not None
    assert " ready " in process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate()
    frozen = re.search(r"frozen (\d+)", said)
    assert frozen is not None
    assert int(frozen[1]) > 10_000


def test_sorting_over_modbus_loads_neither_torch_nor_asyncua() -> None:
    code = (
        "import sys, sorter_control.sim.service, sorter_control.controller.service,"
        " sorter_control.drivers.modbus, sorter_control.drivers.connect;"
        " sys.exit('torch' in sys.modules or 'asyncua' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
