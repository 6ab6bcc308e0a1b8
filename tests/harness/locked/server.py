"""Serves the archive as `python -m archive serve` does, watches its memory, and sends requests as a
visitor.
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from archive.operations.serving import build_datasette_command
from tests.archive.sample import ROOT
from tests.harness.locked.attacks import Attack

PATIENCE = 90  # seconds after which an attack has succeeded
PAUSE = 2  # seconds before a slow reader reads


@dataclass(slots=True)
class Server:
    """A process, its port, and the peak memory of it and its workers since `watch` was called."""

    process: subprocess.Popen[bytes]
    port: int
    peak: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Start measuring again."""
        self.peak = self.memory()

    def memory(self) -> int:
        """Return the bytes that the server and its workers use now; shared pages count once."""
        return sum(resident(number) for number in [self.process.pid, *children(self.process.pid)])

    def look(self) -> None:
        """Measure fifty times per second until stopped."""
        while not self.ended.wait(0.02):
            self.peak = max(self.peak, self.memory())


def resident(process: int) -> int:
    """Return the memory of a process; 0 if it has exited."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf(
            "SC_PAGE_SIZE"
        )
    except (OSError, IndexError):
        return 0


def children(process: int) -> list[int]:
    """Return the child processes of all its threads."""
    found: list[int] = []
    try:
        for task in Path(f"/proc/{process}/task").iterdir():
            found += [int(number) for number in (task / "children").read_text().split()]
    except OSError:
        return found
    return found


@contextmanager
def serving(path: Path, rest: list[str] | None = None) -> Iterator[Server]:
    """Serve an archive on a free port during the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        build_datasette_command(path, port, rest or ()),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    server = Server(process=process, port=port)
    looking = threading.Thread(target=server.look)
    looking.start()
    try:
        wait_for(server)
        yield server
    finally:
        server.ended.set()
        looking.join()
        process.terminate()
        process.wait(timeout=20)


def wait_for(server: Server) -> None:
    """Wait until the server responds."""
    for _ in range(300):
        try:
            ask(server.port, Attack(name="", path="/", statuses=(200,)))
        except OSError:
            if server.process.poll() is not None:
                sys.exit(f"datasette ended with {server.process.returncode}")
            time.sleep(0.1)
        else:
            return
    sys.exit("datasette did not answer")


def ask(port: int, attack: Attack) -> tuple[int, float, int]:
    """Return status (0 if the server closed the connection), seconds, and bytes of the response."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    begun = time.perf_counter()
    try:
        connection.request(attack.method, attack.path, body=b"x" * attack.body or None)
        answer = connection.getresponse()
        if attack.slow:
            time.sleep(PAUSE)
        size = len(answer.read())
        return answer.status, time.perf_counter() - begun - PAUSE * attack.slow, size
    except (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected):
        return 0, time.perf_counter() - begun, 0
    finally:
        connection.close()
