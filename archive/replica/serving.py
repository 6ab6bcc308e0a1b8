"""One Datasette over one snapshot, as its keeper sees it."""

from __future__ import annotations

import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from archive.snapshots import ARCHIVE, INSPECT, Snapshot

PATIENCE = 120.0  # seconds until one that does not answer is given up
LONGEST = 330.0  # seconds for answers under way; the guard gives up each after 300
HURRIED = 10.0  # the same, where what it serves must not be shown any more


@dataclass(slots=True)
class Serving:
    """A process; `pipe` is open as long as it shall live."""

    snapshot: Snapshot
    process: subprocess.Popen[bytes]
    pipe: socket.socket
    kill_at: float = float("inf")

    @classmethod
    def start(cls, snapshot: Snapshot, door: socket.socket, words: Sequence[str]) -> Self:
        """On a socket that is bound already."""
        ours, theirs = socket.socketpair()
        command = [
            *(sys.executable, "-m", "archive.replica.door", str(door.fileno()), str(theirs.fileno())),
            *("serve", "--immutable", str(snapshot.path / ARCHIVE), "--inspect-file", str(snapshot.path / INSPECT)),
            *words,
        ]
        with theirs:
            process = subprocess.Popen(command, pass_fds=[door.fileno(), theirs.fileno()])  # noqa: S603 - our own
        return cls(snapshot, process, ours)

    def await_ready(self, ended: threading.Event) -> bool:
        """Whether it answers; False where it ended, took too long, or is not wanted any more."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not ended.is_set():
            if select.select([self.pipe], [], [], 0.2)[0]:
                return bool(self.pipe.recv(1))
        return False

    def is_dead(self) -> bool:
        """Whether the process is there no more."""
        return self.process.poll() is not None

    def leave(self, seconds: float = LONGEST) -> None:
        """Take nothing new, finish what was asked, end."""
        self.kill_at = time.monotonic() + seconds
        self.process.terminate()

    def is_gone(self) -> bool:
        """Whether one that was told to leave has left; killed where it takes too long."""
        if not self.is_dead() and time.monotonic() > self.kill_at:
            self.process.kill()
            self.process.wait()
        if self.is_dead():
            self.pipe.close()
            return True
        return False

    def wait(self) -> None:
        """Until it is gone."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.0, min(self.kill_at - time.monotonic(), HURRIED)))
        self.kill_at = 0.0
        self.is_gone()
