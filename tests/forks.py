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
from typing import Self

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.preloaded"])


class ForkedModule:
    """`python -m module arguments` in a fork, with those methods of subprocess.Popen that tests
    need.

    It prints to `pipe` if there is one, else to a file that `communicate` reads and closes.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        environment: Mapping[str, str] | None = None,
        pipe: Path | None = None,
    ) -> None:
        self.command = [module, *arguments]
        self._output = None if pipe else tempfile.NamedTemporaryFile("r", encoding="utf-8")  # noqa: SIM115
        output = self._output.name if self._output else str(pipe)
        values = {**os.environ, **(environment or {})}
        self._process = CONTEXT.Process(
            target=_execute, args=(module, list(arguments), values, output)
        )
        self._process.start()
        self.pid = int(self._process.pid or 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.communicate()

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self.command, timeout or 0)
        return self._process.exitcode

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """Wait for the end, and return what was printed, standard output and errors together."""
        self.wait(timeout)
        if self._output is None:
            return "", None
        with self._output:
            return self._output.read(), None

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()


def run_module(
    module: str,
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    timeout: float = 60,
) -> tuple[int, str]:
    """Run `python -m module arguments` and return its exit code and what it printed.

    Raises subprocess.TimeoutExpired after `timeout` seconds.
    """
    process = ForkedModule(module, arguments, environment)
    try:
        printed, _ = process.communicate(timeout)
    except subprocess.TimeoutExpired as error:
        process.kill()
        error.output, _ = process.communicate()
        raise
    return process.returncode or 0, printed


def _execute(module: str, arguments: list[str], environment: dict[str, str], output: str) -> None:
    descriptor = os.open(output, os.O_WRONLY | os.O_APPEND)
    for number in (1, 2):
        os.dup2(descriptor, number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(Path(__file__).parents[1])
    sys.argv = [module, *arguments]
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - the fork server's is no pipe
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
