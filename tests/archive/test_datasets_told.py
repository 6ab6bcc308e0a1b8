"""docs/datasets.md is held true: its commands and scripts run, one after the other, in a folder with an archive."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from archive.__main__ import main
from archive.datasets.tables import DATASET_TABLES, OPTIONAL_TABLES
from tests.archive.researcher import run_python
from tests.archive.sample import ROOT, fill
from tests.archive.sample_history import add_history

GUIDE = (ROOT / "docs/datasets.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(sh|python)\n(.+?)^```", GUIDE, re.MULTILINE | re.DOTALL)


def run(language: str, block: str, folder: Path) -> None:
    """A block as its reader would run it; the archive's own commands in this process, which is faster."""
    command = shlex.split(block, comments=True)
    if language == "python":
        sys.stdout.write(run_python("-c", block, folder=folder))
    elif command[:3] == [".venv/bin/python", "-m", "archive"]:
        assert main(command[3:]) == 0, block
    else:
        subprocess.run(["sh", "-ec", block], check=True)


def test_what_it_tells_can_be_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    add_history(fill(tmp_path / "archive.db"))
    monkeypatch.chdir(tmp_path)
    for language, block in BLOCKS:
        run(language, block, tmp_path)
    told = capfd.readouterr().out
    for line in ("fyrar: 1 release\n", "roads: 45 releases\n", "weighty: ", "everything: 63 releases\n"):
        assert line in told
    assert "Vilka fyrar tänds?" in told
    assert told.rstrip().endswith("True")
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"fyrar", "roads", "weighty", "everything"}


def test_tables_it_names_are_those_there_are() -> None:
    named = set(re.findall(r"`(?:data/)?([a-z_]+)`", "".join(re.findall(r"^\| `data/.+$", GUIDE, re.MULTILINE))))
    assert {table.name for table in DATASET_TABLES} <= named
    assert f"any of {', '.join(OPTIONAL_TABLES)}" in GUIDE
