"""Starts a broker on a loopback port: Debian's valkey-server, or redis-server."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from tests.harness.world.processes import find_port

SERVERS = ("valkey-server", "redis-server")
ABSENT = "there is neither valkey-server nor redis-server (Debian: apt-get install valkey-server)"
PATIENCE = 20  # seconds until it must respond


def find_server() -> str | None:
    """Return the path of an installed server, or None."""
    return next(filter(None, map(shutil.which, SERVERS)), None)


@dataclass
class Server:
    """A server that logs each command before it responds (AOF), and can be killed."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def redis(self) -> Redis:
        return Redis(port=self.port)

    def start(self) -> None:
        """Start the server with the data in its folder; raise RuntimeError if none is installed."""
        command = find_server()
        if command is None:
            raise RuntimeError(ABSENT)
        durable = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")
        address = ("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder))
        self.process = subprocess.Popen([command, *address, *durable], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.redis.ping()
            except RedisError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        """Kill the server with SIGKILL."""
        if self.process:
            self.process.kill()
            self.process.wait()


@contextmanager
def run_broker(folder: Path) -> Iterator[Server]:
    """Run a server without data during the block."""
    server = Server(folder, find_port())
    server.start()
    try:
        yield server
    finally:
        server.kill()
