"""Runs Datasette in its own process on loopback, and measures wall and CPU time of its
responses.
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from tests.scraper.crawling import ROOT

PATIENCE = 120  # seconds to wait for a process that does not respond


@dataclass(frozen=True, slots=True)
class Answer:
    """Wall seconds of a response, and the server's CPU seconds (nan if unknown)."""

    wall: float
    cpu: float
    size: int
    failed: bool


class Served:
    """A server and one reader, which sends one request after another."""

    def __init__(self, process: subprocess.Popen[bytes], client: httpx.Client) -> None:
        self.process, self.client = process, client

    def ask(self, path: str) -> Answer:
        """Send a request and measure it."""
        cpu, begun = cpu_of(self.process.pid), time.perf_counter()
        response = self.client.get(path)
        wall = time.perf_counter() - begun
        return Answer(
            wall, cpu_of(self.process.pid) - cpu, len(response.content), response.status_code != 200
        )


def cpu_of(pid: int) -> float:
    """Return the CPU seconds of a process with all its threads, or nan if the system is not
    Linux.
    """
    try:
        # as clock_getcpuclockid(3) computes the clock's id
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return float("nan")


@contextmanager
def serve(command: list[str], port: int) -> Iterator[Served]:
    """Start a server and wait until it responds; raise SystemExit if it does not."""
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said) as process,
        httpx.Client(
            base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE, trust_env=False
        ) as client,
    ):
        try:
            if not answers(client, process):
                said.seek(0)
                raise SystemExit(f"a server does not answer: {said.read().decode()}")
            yield Served(process, client)
        finally:
            process.terminate()


def answers(client: httpx.Client, process: subprocess.Popen[bytes]) -> bool:
    """Wait until the server responds; return False if it does not."""
    given_up = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < given_up:
        try:
            client.get("/-/versions.json")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return True
    return False


def find_port() -> int:
    """Return a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
