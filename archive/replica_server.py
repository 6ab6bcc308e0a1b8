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

ADDRESS = ("host", "port", "uds", "workers")  # what Datasette says to uvicorn, and the socket says better


class Server(uvicorn.Server):
    """Tells once it takes requests."""

    def __init__(self, config: uvicorn.Config, pipe: int) -> None:
        super().__init__(config)
        self.pipe = pipe

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's."""
        await super().startup(sockets)
        os.write(self.pipe, b"!")


def main(words: list[str]) -> None:
    """Become Datasette."""
    door, pipe = socket.socket(fileno=int(words[0])), int(words[1])
    Thread(target=leave_with, args=(pipe,), daemon=True).start()
    uvicorn.run = partial(run, door, pipe)  # the one way in: Datasette's command knows no socket that is open already
    cli(words[2:], prog_name="datasette")


def run(door: socket.socket, pipe: int, app: Any, **told: Any) -> None:
    """What Datasette calls once its start went well."""
    config = uvicorn.Config(app, **{name: value for name, value in told.items() if name not in ADDRESS})
    Server(config, pipe).run(sockets=[door])


def leave_with(pipe: int) -> None:
    """Nobody writes into the pipe from the other side: what can be read is its end."""
    os.read(pipe, 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(sys.argv[1:])
