"""Starts a command, and kills it at a random moment, as if memory or power ran out."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

PATIENCE = 120  # seconds until a command that does not end is a fault
EARLY = 0.15  # share of kills before the first request


class Process(Protocol):
    """A process of subprocess.Popen, or a fork of tests.forks.ForkedModule."""

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> Any: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def communicate(self, *, timeout: float | None = None) -> tuple[Any, Any]: ...


class Span:
    """How long a command of a kind works, from its first sign of life to its end: as last seen
    whole.
    """

    def __init__(self, seconds: float = 1.5) -> None:
        self.seconds = seconds


def kill_at(process: Process, alive: Callable[[], bool], moment: float) -> bool:
    """Kill a process and its children so long after its first sign of life; False where it had
    ended by itself.
    """
    deadline = time.monotonic() + PATIENCE
    while not alive() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    with suppress(subprocess.TimeoutExpired):
        process.wait(moment)
    killed = process.poll() is None
    kill_tree(process.pid)
    process.communicate()
    return killed


def kill_tree(pid: int) -> None:
    """Kill a process and its descendants with SIGKILL, parents first, so that none starts
    another.
    """
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)  # it cannot start another while its children are looked for
    below = children_of(pid)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    for child in below:
        kill_tree(child)


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    try:
        return [
            int(word)
            for word in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
        ]
    except (FileNotFoundError, ProcessLookupError):
        return []
