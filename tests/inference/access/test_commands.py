"""``regrade serve`` from its first start on, and the commands beside it, as processes."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from inference.access.first_start import FILE_NAME
from tests.inference.test_serve_process import Process, grade

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def regrade(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "regrade", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Process]:
    process = Process(tmp_path, access=())
    yield process
    process.stop()


def test_from_the_first_start_to_a_line_that_grades(server: Process, tmp_path: Path) -> None:
    data = ("--data", str(tmp_path))
    first = json.loads(server.lines[0])
    secret = Path(first["password_is_in"])
    assert secret == tmp_path / FILE_NAME
    assert secret.stat().st_mode & 0o777 == 0o600
    password = secret.read_text().strip()
    assert password not in "".join(server.lines)
    assert (tmp_path / "regrade.sqlite").stat().st_mode & 0o077 == 0

    with httpx.Client(base_url=server.url, headers={"Origin": server.url}) as site:
        form = {"name": "admin", "password": password}
        assert site.post("/login", data=form).status_code == 303
        assert site.get("/v1/me").json()["role"] == "admin"

    assert grade(server.url).status_code == 401
    made = regrade("keys", "add", "line-1", *data)
    key = made.stdout.strip()
    assert key not in made.stderr
    assert grade(server.url, headers={"X-API-Key": key}).status_code == 200

    changed = regrade("users", "passwd", "admin", "--password-stdin", *data, stdin="another one!\n")
    assert changed.returncode == 0
    assert not secret.exists()
    regrade("users", "add", "anna", "--password-stdin", *data, stdin="quite long enough\n")
    assert "anna\toperator\tactive" in regrade("users", "list", *data).stdout
    assert regrade("keys", "add", "line-2", "--line", "dock-2", *data).returncode == 0
    listed = regrade("keys", "list", *data).stdout
    assert "line-1\tline\tany line\tid " in listed
    assert "line-2\tline\tline dock-2\tid " in listed
    assert regrade("users", "badge", "anna", *data).stdout.strip().isdecimal()
    assert regrade("users", "role", "anna", "engineer", *data).returncode == 0
    assert regrade("users", "disable", "anna", *data).returncode == 0
    assert regrade("users", "enable", "anna", *data).returncode == 0
    assert regrade("keys", "revoke", "line-1", *data).returncode == 0
    refused = regrade("keys", "revoke", "line-1", *data)
    assert (refused.returncode, refused.stderr) == (
        2,
        "error: no key is named 'line-1'; regrade keys list shows them\n",
    )
    acts = [json.loads(line)["act"] for line in regrade("audit", *data).stdout.splitlines()]
    assert acts[:4] == ["add user", "log in", "add key", "set password"]
    assert acts[-1] == "revoke key"
    assert password not in "".join(server.lines)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--open-on-loopback", "--host", "0.0.0.0"], "not this machine alone"),  # noqa: S104
        (["--tls-cert", "nothing.pem"], "--tls-cert and --tls-key together"),
        (["--tls-cert", "no.pem", "--tls-key", "no.pem"], "cannot be used"),
    ],
)
def test_what_would_not_be_safe_does_not_start(
    tmp_path: Path, options: list[str], said: str
) -> None:
    done = regrade("serve", "--port", "0", "--data", str(tmp_path), *options)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_certificate_makes_it_https(tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate), "-days", "2"),
        ],
        check=True,
        capture_output=True,
        env={**os.environ, "RANDFILE": str(tmp_path / "rnd")},
    )
    server = Process(tmp_path / "data", "--tls-cert", str(certificate), "--tls-key", str(key))
    try:
        assert server.url.startswith("https://")
        live = httpx.get(
            f"{server.url}/health/live", verify=ssl.create_default_context(cafile=str(certificate))
        )
        assert live.headers["strict-transport-security"] == "max-age=31536000"
    finally:
        server.stop()
