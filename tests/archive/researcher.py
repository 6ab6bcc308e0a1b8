"""Python as a researcher has it, with pandas, in a process of its own.

pandas is no part of the tests' environment: sqlite-utils imports it wherever it finds it, which would add 80 MB and a
quarter of a second to every process that opens an archive.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.archive.sample import ROOT

PANDAS = ROOT / ".venv/pandas"  # not on the path; make test puts it there


def run_python(*arguments: str, folder: Path = ROOT) -> str:
    """What Python prints, given these arguments in a folder.

    The test is left out where there is no pandas; with PANDAS_REQUIRED=1 it fails.
    """
    if not (PANDAS / "installed").is_file():
        reason = "NO PANDAS WAS FOUND: what reads with it is left out (make .venv/pandas/installed)"
        if os.environ.get("PANDAS_REQUIRED") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PANDAS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
