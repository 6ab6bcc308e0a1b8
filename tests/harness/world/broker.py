"""Starts a broker on a loopback port: Debian's valkey-server, or redis-server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis

from tests.harness.world.processes import Background, find_port

SERVERS = ("valkey-server", "redis-server")
ABSENT = "there is neither valkey-server nor redis-server (Debian: apt-get install valkey-server)"
DURABLE = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")


class BrokerServer(Background):
    """A server that logs each command before it responds (AOF), and can be killed."""

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def redis(self) -> Redis:
        return Redis(port=self.port or 0)


def find_server() -> str | None:
    """Return the path of an installed server, or None."""
    return next(filter(None, map(shutil.which, SERVERS)), None)


@contextmanager
def run_broker(folder: Path) -> Iterator[BrokerServer]:
    """Run a server without data during the block; raise RuntimeError if none is installed."""
    program, port = find_server(), find_port()
    if program is None:
        raise RuntimeError(ABSENT)
    command = (program, "--bind", "127.0.0.1", "--port", port, "--dir", folder, *DURABLE)
    with BrokerServer(command, folder / "server.log", port) as server:
        yield server
