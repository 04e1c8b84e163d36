"""What ``regrade demo`` refuses before it starts anything."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from regrade.demo.cli import register


def test_opcua_without_its_package_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sorter_control.drivers.connect.find_spec", lambda _name: None)
    app = typer.Typer()
    register(app)
    result = CliRunner().invoke(
        app, ["--opcua", "--port", "0", "--modbus-port", "0", "--data", str(tmp_path / "demo")]
    )
    assert result.exit_code == 2
    assert "--opcua: OPC UA needs the package asyncua" in result.stderr
    assert not (tmp_path / "demo").exists()
