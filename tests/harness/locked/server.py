"""The archive served as `python -m archive serve` does it, with its memory watched; and requests of a stranger."""

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

from archive.__main__ import build_datasette_command
from tests.archive.sample import ROOT
from tests.harness.locked.attacks import Attack

PATIENCE = 90  # seconds, after which an attack has won
PAUSE = 2  # seconds before a slow reader reads


@dataclass(slots=True)
class Server:
    """A process, its port, and the most memory that it and its workers held since `watch` was called."""

    process: subprocess.Popen[bytes]
    port: int
    peak: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Begin anew."""
        self.peak = self.memory()

    def memory(self) -> int:
        """Bytes that the server and its workers hold now, each page counted where it lies."""
        return sum(resident(number) for number in [self.process.pid, *children(self.process.pid)])

    def look(self) -> None:
        """Until ended, fifty times a second."""
        while not self.ended.wait(0.02):
            self.peak = max(self.peak, self.memory())


def resident(process: int) -> int:
    """0 for a process that is gone."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def children(process: int) -> list[int]:
    """Of every thread of it."""
    found: list[int] = []
    try:
        for task in Path(f"/proc/{process}/task").iterdir():
            found += [int(number) for number in (task / "children").read_text().split()]
    except OSError:
        return found
    return found


@contextmanager
def serving(path: Path, rest: list[str] | None = None) -> Iterator[Server]:
    """An archive served on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        build_datasette_command(path, port, rest or ()), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
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
    """Until it answers."""
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
    """Status (0 where the server hung up), seconds, bytes of the answer."""
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
