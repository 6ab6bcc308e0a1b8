"""python -m archive.replica_server SOCKET PIPE serve …: Datasette on a socket of archive.replicas.

It reports through the pipe that it is ready, and exits when the supervisor does.
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

ADDRESS_OPTIONS = ("host", "port", "uds", "workers")  # options of Datasette that the socket replaces


class ReplicaServer(uvicorn.Server):
    """A uvicorn server that reports when it is ready for requests."""

    def __init__(self, config: uvicorn.Config, pipe: int) -> None:
        super().__init__(config)
        self.pipe = pipe

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        os.write(self.pipe, b"!")


def main(arguments: list[str]) -> None:
    """Run `datasette serve` in this process, on a socket that is bound already."""
    listener, pipe = socket.socket(fileno=int(arguments[0])), int(arguments[1])
    Thread(target=exit_with_supervisor, args=(pipe,), daemon=True).start()
    # Datasette has no option for an open socket
    uvicorn.run = partial(run_uvicorn, listener, pipe)
    cli(arguments[2:], prog_name="datasette")


def run_uvicorn(listener: socket.socket, pipe: int, app: Any, **options: Any) -> None:
    """Run uvicorn with the options that Datasette passes, but on `listener`."""
    config = uvicorn.Config(app, **{name: value for name, value in options.items() if name not in ADDRESS_OPTIONS})
    ReplicaServer(config, pipe).run(sockets=[listener])


def exit_with_supervisor(pipe: int) -> None:
    """Wait until the supervisor's end of the pipe is closed, then end this process."""
    os.read(pipe, 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(sys.argv[1:])
