"""Starts a worker, asks it, and kills it when it does not answer in time."""

from __future__ import annotations

import io
import json
import pickle
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from multiprocessing import Pipe
from pathlib import Path
from typing import Any, NamedTuple

from archive.guard.limits import Limits

SCRIPT = Path(__file__).with_name("worker.py")
OTHERS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)  # sent by an operator, or for want of memory
KIND = 1.0  # seconds for the end of a process whose pipe is closed already, to learn how it ended


class Statement(NamedTuple):
    """What a worker is sent: how long it may take, and the most rows, bytes and values it may give."""

    sql: str
    params: Any
    seconds: float
    rows: int | None
    size: int
    cells: int
    escaped: bool  # whether size is that of JSON


class LostError(Exception):
    """A worker was ended, and not by its statement: another may answer."""


class Worker:
    """A process over one database; `escape` answers its escape_fts."""

    def __init__(self, uri: str, limits: Limits, escape: Callable[[str], str]) -> None:
        self.limits, self.escape, self.uses = limits, escape, 0
        self.received = 0  # bytes of the last answer
        self.pipe, theirs = Pipe()
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own script
                [sys.executable, "-I", "-S", str(SCRIPT), str(theirs.fileno()), uri, json.dumps(asdict(limits))],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={},  # whatever secrets the server was started with are not for a visitor's statements
            )
        finally:
            theirs.close()

    @property
    def spent(self) -> bool:
        """Whether it must make way for a fresh one."""
        return self.uses >= self.limits.uses or self.process.poll() is not None

    def ask(self, statement: Statement) -> tuple[list[str], list[Any]]:
        """Column names and rows; sqlite3.OperationalError("interrupted") where it takes too long."""
        self.uses += 1
        if self.uses == 1:
            self.await_ready()
        try:
            end = time.monotonic() + statement.seconds + self.limits.grace
            self.pipe.send_bytes(pickle.dumps(tuple(statement)))
            while self.pipe.poll(max(0.0, end - time.monotonic())):
                data = self.pipe.recv_bytes()
                self.received = len(data)
                kind, one, other = load_plain(data)
                if kind == "rows":
                    return one, other
                if kind == "error":
                    raise sqlite3.OperationalError(one)
                self.pipe.send_bytes(pickle.dumps(self.escape(one)))
        except (EOFError, OSError) as error:  # it was ended by the system, or ended itself
            self.close(KIND)
            if -self.process.returncode in OTHERS:
                raise LostError from error
            raise sqlite3.OperationalError("the statement was ended, for it needed too much") from error
        self.close()
        raise sqlite3.OperationalError("interrupted")

    def await_ready(self) -> None:
        """Until it can be asked; LostError where it never can."""
        try:
            if self.pipe.poll(self.limits.start):
                self.pipe.recv_bytes()
                return
        except (EOFError, OSError) as error:
            raise LostError from error
        raise LostError

    def close(self, patience: float = 0.0) -> None:
        """Kill it, unless it ends by itself in time; a worker holds nothing that could be lost."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(patience)
        self.process.kill()
        self.process.wait()
        self.pipe.close()


class PlainUnpickler(pickle.Unpickler):
    """Reads numbers, texts, bytes, lists and tuples, and no name of anything that could be called."""

    def find_class(self, module: str, name: str) -> Any:
        """A worker that was taken over must not take over the server."""
        raise pickle.UnpicklingError(f"{module}.{name} has no place in an answer")


def load_plain(data: bytes) -> Any:
    """What a worker sent."""
    return PlainUnpickler(io.BytesIO(data)).load()
