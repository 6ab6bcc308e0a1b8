"""Isolated processes: what they can see, and their limits."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from archive.database.isolated_processes import start_isolated

LIMITS = {"AS": 300_000_000, "FSIZE": 5_000, "NOFILE": 20}
SCRIPT = """
import json, os, resource, sys

def read_limit(name):
    return resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))

def prepare(word):
    return word, read_limit("FSIZE")

def run(prepared, settings):
    word, before = prepared
    modules = [name for name in sys.modules if name.split(".")[0] in ("archive", "site")]
    limits = {name: read_limit(name) for name in ("AS", "FSIZE", "NOFILE", "CORE")}
    print(json.dumps([word, settings, limits, read_limit("FSIZE") == before, os.nice(0), modules,
        sorted(os.environ), sys.path]))
"""


@pytest.mark.parametrize("has_packages", [False, True])
def test_process_sees_nothing_and_is_limited_after_it_is_prepared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_packages: bool
) -> None:
    monkeypatch.setenv("SECRET", "s")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    with start_isolated(
        script,
        "word",
        limits=LIMITS,
        settings={"pages": 2},
        has_packages=has_packages,
        stdout=subprocess.PIPE,
    ) as process:
        output, _ = process.communicate()
    word, settings, limits, is_unlimited, priority, modules, variables, paths = json.loads(output)
    expected: dict[str, Any] = {name: [value, value] for name, value in LIMITS.items()}
    assert (word, settings, limits) == ("word", {"pages": 2}, {**expected, "CORE": [0, 0]})
    assert (is_unlimited, priority >= 10) == (False, True)
    assert modules == (["site"] if has_packages else [])
    assert set(variables) <= {"LC_CTYPE"}  # which Python sets itself
    assert any("site-packages" in path for path in paths) is has_packages
