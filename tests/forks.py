"""Commands of the project in forks of a process that has imported it: 0.5 s each in place of 3.

Each command is a process of its own, as in earnest, with its own reactor, logging and caches.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.preloaded"])


def run_module(
    module: str, arguments: Sequence[str], *, environment: Mapping[str, str] | None = None, timeout: float = 60
) -> tuple[int, str]:
    """Run `python -m module arguments` and return its exit code and what it printed.

    Raises subprocess.TimeoutExpired after `timeout` seconds.
    """
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as output:
        values = {**os.environ, **(environment or {})}
        process = CONTEXT.Process(target=_execute, args=(module, list(arguments), values, output.name))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired([module, *arguments], timeout, output.read())
        return process.exitcode, output.read()


def _execute(module: str, arguments: list[str], environment: dict[str, str], output: str) -> None:
    descriptor = os.open(output, os.O_WRONLY | os.O_APPEND)
    for number in (1, 2):
        os.dup2(descriptor, number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(Path(__file__).parents[1])
    sys.argv = [module, *arguments]
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr] # the fork server's own streams
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
