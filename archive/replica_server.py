"""python -m archive.replica_server SOCKET PIPE serve …: Datasette on a socket that its keeper lends it.

It tells the keeper by the pipe that it answers, and ends when the keeper does.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from functools import partial
from threading import Thread
from typing import Any

import uvicorn
from datasette.cli import cli

ADDRESS_OPTIONS = ("host", "port", "uds", "workers")  # what Datasette says to uvicorn, and the socket says better


class ReplicaServer(uvicorn.Server):
    """Tells once it takes requests."""

    def __init__(self, config: uvicorn.Config, pipe: int) -> None:
        super().__init__(config)
        self.pipe = pipe

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's."""
        await super().startup(sockets)
        os.write(self.pipe, b"!")


def main(arguments: list[str]) -> None:
    """Become Datasette."""
    door, pipe = socket.socket(fileno=int(arguments[0])), int(arguments[1])
    Thread(target=exit_with_supervisor, args=(pipe,), daemon=True).start()
    uvicorn.run = partial(
        run_uvicorn, door, pipe
    )  # the one way in: Datasette's command knows no socket that is open already
    cli(arguments[2:], prog_name="datasette")


def run_uvicorn(listener: socket.socket, pipe: int, app: Any, **options: Any) -> None:
    """What Datasette calls once its start went well."""
    config = uvicorn.Config(app, **{name: value for name, value in options.items() if name not in ADDRESS_OPTIONS})
    ReplicaServer(config, pipe).run(sockets=[listener])


def exit_with_supervisor(pipe: int) -> None:
    """Nobody writes into the pipe from the other side: what can be read is its end."""
    os.read(pipe, 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(sys.argv[1:])
