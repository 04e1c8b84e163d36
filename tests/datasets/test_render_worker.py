"""Render processes end with the one that started them, however it ends."""

import subprocess
import sys
from pathlib import Path

_POOL = """
import multiprocessing, os, signal
from concurrent.futures import ProcessPoolExecutor
from datasets.render import worker

if __name__ == "__main__":
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn, initializer=worker.start) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        signal.pause()
"""


def test_a_killed_command_leaves_no_process(tmp_path: Path) -> None:
    """Standard error comes to an end only when every process that holds it has ended."""
    script = tmp_path / "pool.py"
    script.write_text(_POOL)
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        assert int(process.stdout.readline()) != process.pid
        process.kill()
        process.communicate(timeout=40)
    assert process.returncode == -9
