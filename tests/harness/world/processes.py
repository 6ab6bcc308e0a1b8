"""Runs commands and servers of the project, measures what they use, and kills them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from math import isnan
from pathlib import Path
from typing import Self

import httpx

from archive.operations.serving import build_datasette_command

ROOT = Path(__file__).parents[3]
PATIENCE = 120  # seconds to wait for a process that does not respond


def run_command(
    *command: object, given: str | None = None, cwd: Path = ROOT, **environment: str
) -> str:
    """Return what a command prints; raise SubprocessError with its last lines if it fails."""
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**os.environ, **environment},
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = " ".join((done.stderr or done.stdout).strip().splitlines()[-3:])
        raise subprocess.SubprocessError(f"exit code {done.returncode}: {last}")
    return done.stdout


def archive_command(*words: object) -> list[str]:
    """Return a command of the project."""
    return [sys.executable, "-m", "archive", *map(str, words)]


def run_archive(*words: object, given: str | None = None) -> str:
    """Run a command of the project, which must succeed."""
    return run_command(*archive_command(*words), given=given)


def children_of(pid: int) -> list[int]:
    """Return the processes that a process and its threads have started."""
    with suppress(OSError):
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(word) for task in tasks for word in (task / "children").read_text().split()]
    return []


def list_tree(pid: int) -> list[int]:
    """Return the ids of a process and all its descendants."""
    return [pid, *(below for child in children_of(pid) for below in list_tree(child))]


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


def cpu_of(pid: int) -> float:
    """Return the CPU seconds of a process with all its threads, or nan if the system is not
    Linux.
    """
    try:
        # as clock_getcpuclockid(3) computes the clock's id
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return float("nan")


def memory_of(pid: int) -> int:
    """Return the bytes that a process uses now; 0 if it has exited."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def peak_of(pid: int | str) -> int:
    """Return the most bytes that a process has used; 0 if the system does not report it."""
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text("ascii").splitlines() if status.is_file() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)


def free_ports(number: int) -> list[int]:
    """Return some free ports."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(number)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def find_port() -> int:
    return free_ports(1)[0]


def await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until a process listens on a port; raise RuntimeError if it does not."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        time.sleep(0.02)
    raise RuntimeError(f"nothing listens on {port}")


@dataclass(slots=True)
class Background:
    """A command that runs beside the harness, with a file for what it prints.

    port: on which it listens once it has started.
    """

    command: Sequence[object]
    log: Path
    port: int | None = None
    cwd: Path = ROOT
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] = field(init=False, repr=False)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def cpu(self) -> float:
        """Return the CPU seconds of the process and its running descendants."""
        return sum(seconds for seconds in map(cpu_of, list_tree(self.pid)) if not isnan(seconds))

    def start(self) -> Self:
        """Start it; raise RuntimeError with its output if it does not listen."""
        command, values = list(map(str, self.command)), {**os.environ, **self.environment}
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                command, cwd=self.cwd, env=values, stdout=out, stderr=out
            )
        if self.port:
            try:
                await_port(self.port, self.process)
            except RuntimeError as error:
                self.kill()
                said = self.log.read_text("utf-8", "replace")[-2000:]
                raise RuntimeError(f"{error}: {said}") from error
        return self

    def stop(self, patience: float = 60) -> int:
        """Stop it as an operator does, or else kill it; return its exit code."""
        self.process.terminate()
        return self.await_end(patience)

    def await_end(self, patience: float = 60) -> int:
        """Wait until it has ended, or else kill it; return its exit code."""
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """Kill it and all its descendants with SIGKILL; return its exit code."""
        kill_tree(self.pid)
        return self.process.wait()


@dataclass(frozen=True, slots=True)
class Answer:
    """Wall seconds of a response, and the server's CPU seconds (nan if unknown)."""

    wall: float
    cpu: float
    size: int
    failed: bool


@dataclass(frozen=True, slots=True)
class Served:
    """A server and one reader, which sends one request after another."""

    process: Background
    port: int
    client: httpx.Client

    def ask(self, path: str) -> Answer:
        """Send a request and measure it."""
        cpu, begun = cpu_of(self.process.pid), time.perf_counter()
        response = self.client.get(path)
        wall, spent = time.perf_counter() - begun, cpu_of(self.process.pid) - cpu
        return Answer(wall, spent, len(response.content), response.status_code != 200)


@contextmanager
def serve(
    command: Sequence[object],
    port: int,
    cwd: Path = ROOT,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Served]:
    """Run a server during the block."""
    base = f"http://127.0.0.1:{port}"
    with (
        tempfile.NamedTemporaryFile() as log,
        Background(command, Path(log.name), port, cwd, environment or {}) as process,
        httpx.Client(base_url=base, timeout=PATIENCE, trust_env=False) as client,
    ):
        yield Served(process, port, client)


@contextmanager
def serve_archive(path: Path) -> Iterator[Served]:
    """Serve an archive with Datasette on a free port, as `python -m archive serve` does."""
    port = find_port()
    with serve(build_datasette_command(path, port), port) as served:
        yield served
