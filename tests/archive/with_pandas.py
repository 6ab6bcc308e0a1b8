"""Runs Python with pandas, in a separate process.

pandas is not on the path of the tests, because sqlite-utils imports it wherever it finds it, which
would add 80 MB and a quarter of a second to every process that opens an archive.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.archive.sample import ROOT

PANDAS = ROOT / ".venv/pandas"  # `make test` installs it there


def run_python(*arguments: str, folder: Path = ROOT) -> str:
    """Return what Python prints, with pandas on its path.

    Without pandas, the test is skipped; with PANDAS_REQUIRED=1 it fails.
    """
    if not (PANDAS / "installed").is_file():
        reason = "pandas is not installed (make .venv/pandas/installed)"
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
