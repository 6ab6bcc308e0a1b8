"""Serve the newest snapshot of a folder, replacing the server process when a newer one appears.

A server that reads snapshots (archive/snapshots) and goes over to a newer one without turning anybody away.

The keeper holds the listening socket and lends it to Datasette, a process of its own over one snapshot. A newer
snapshot gets another Datasette on the same socket; once that one answers, the older is told to finish what it was
asked and leave. Whoever connects meanwhile, or while one that was killed is being replaced, waits in the socket.

One Datasette over one snapshot, as its keeper sees it.

Keeps one Datasette over the newest snapshot of a folder, whatever becomes of it and of the older ones.
"""

from __future__ import annotations

import errno
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from archive.backup import (
    ARCHIVE_FILE,
    INSPECT_FILE,
    Snapshot,
    find_snapshot_fault,
    list_snapshots,
    read_withdrawn_name,
)

START_TIMEOUT = 120.0  # seconds until one that does not answer is given up
SHUTDOWN_TIMEOUT = 330.0  # seconds for answers under way; the guard gives up each after 300
FAST_SHUTDOWN_TIMEOUT = 10.0  # the same, where what it serves must not be shown any more


@dataclass(slots=True)
class ServerProcess:
    """A process; `pipe` is open as long as it shall live."""

    snapshot: Snapshot
    process: subprocess.Popen[bytes]
    pipe: socket.socket
    kill_at: float = float("inf")

    @classmethod
    def start(cls, snapshot: Snapshot, listener: socket.socket, arguments: Sequence[str]) -> Self:
        """On a socket that is bound already."""
        ours, theirs = socket.socketpair()
        command = [
            *(sys.executable, "-m", "archive.replica_server", str(listener.fileno()), str(theirs.fileno())),
            *(
                "serve",
                "--immutable",
                str(snapshot.path / ARCHIVE_FILE),
                "--inspect-file",
                str(snapshot.path / INSPECT_FILE),
            ),
            *arguments,
        ]
        with theirs:
            process = subprocess.Popen(command, pass_fds=[listener.fileno(), theirs.fileno()])  # noqa: S603 - our own
        return cls(snapshot, process, ours)

    def wait_until_ready(self, stop_event: threading.Event) -> bool:
        """Whether it answers; False where it ended, took too long, or is not wanted any more."""
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and not stop_event.is_set():
            if select.select([self.pipe], [], [], 0.2)[0]:
                return bool(self.pipe.recv(1))
        return False

    def has_exited(self) -> bool:
        """Whether the process is there no more."""
        return self.process.poll() is not None

    def terminate(self, seconds: float = SHUTDOWN_TIMEOUT) -> None:
        """Take nothing new, finish what was asked, end."""
        self.kill_at = time.monotonic() + seconds
        self.process.terminate()

    def reap(self) -> bool:
        """Whether one that was told to leave has left; killed where it takes too long."""
        if not self.has_exited() and time.monotonic() > self.kill_at:
            self.process.kill()
            self.process.wait()
        if self.has_exited():
            self.pipe.close()
            return True
        return False

    def wait_for_exit(self) -> None:
        """Until it is gone."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.0, min(self.kill_at - time.monotonic(), FAST_SHUTDOWN_TIMEOUT)))
        self.kill_at = 0.0
        self.reap()


POLL_INTERVAL = 0.5  # seconds between two looks at the folder
INCOMPLETE_RETRY = 5.0  # seconds until one that was not whole is looked into again
FAILED_START_RETRY = 60.0  # seconds until one that could not be served is tried again
ADDRESS_TIMEOUT = 10.0  # seconds for a Datasette of a keeper that was killed to leave the address


@dataclass(slots=True, kw_only=True)
class ReplicaSupervisor:
    """Of one address. `words` are the further options of datasette serve."""

    folder: Path
    address: tuple[str, int]
    arguments: Sequence[str]
    log: Callable[[str], None]
    stop_event: threading.Event = field(default_factory=threading.Event)
    listener: socket.socket | None = None
    current: ServerProcess | None = None
    stopping: list[ServerProcess] = field(default_factory=list)
    complete_snapshots: set[str] = field(default_factory=set)  # names of snapshots that were looked into
    retry_at: dict[str, float] = field(default_factory=dict)  # names, and until when
    last_message: str = ""

    def run(self) -> None:
        """Until `ended` is set. OSError where the address is taken, or there is no such folder."""
        list_snapshots(self.folder)
        deadline = time.monotonic() + ADDRESS_TIMEOUT
        while not self.open_listener():
            if time.monotonic() > deadline:
                raise OSError(errno.EADDRINUSE, f"{self.address[0]}:{self.address[1]} is taken; choose another --port")
            self.stop_event.wait(0.1)
        try:
            while not self.stop_event.is_set():
                self.poll()
                self.stop_event.wait(POLL_INTERVAL)
        finally:
            self.close_listener()
            self.stop_current(FAST_SHUTDOWN_TIMEOUT)
            for each in self.stopping:
                each.wait_for_exit()

    def poll(self) -> None:
        """Whatever is to be done now. A folder that cannot be read changes nothing."""
        self.stopping = [each for each in self.stopping if not each.reap()]
        if self.current and self.current.has_exited():
            self.log_once(f"{self.current.snapshot.name}: Datasette ended with {self.current.process.returncode}")
            self.stop_current()
        try:
            shown, withdrawn = list_snapshots(self.folder), read_withdrawn_name(self.folder)
        except OSError as error:
            self.log_once(f"{error}; what is served goes on")
            return
        if self.current and self.current.snapshot.name <= withdrawn:
            self.log_once(f"{self.current.snapshot.name}: withdrawn")
            self.close_listener()  # a proxy then asks whoever may show what there is now
            self.stop_current(FAST_SHUTDOWN_TIMEOUT)
        for snapshot in shown:
            if self.current and snapshot.name <= self.current.snapshot.name:
                return
            if self.is_servable(snapshot) and self.switch_to(snapshot):
                return
        if not self.current:
            self.close_listener()
            self.log_once(f"{self.folder}: nothing to serve yet; connections are refused")

    def is_servable(self, snapshot: Snapshot) -> bool:
        """Whether a snapshot is whole, and did not fail of late."""
        if self.retry_at.get(snapshot.name, 0.0) > time.monotonic():
            return False
        if snapshot.name not in self.complete_snapshots:
            fault = find_snapshot_fault(snapshot)
            if fault:
                self.postpone_snapshot(snapshot, INCOMPLETE_RETRY, f"is not whole yet: {fault}")
                return False
            self.complete_snapshots.add(snapshot.name)
        return True

    def postpone_snapshot(self, snapshot: Snapshot, seconds: float, problem: str) -> None:
        """For a while."""
        self.retry_at[snapshot.name] = time.monotonic() + seconds
        self.log_once(f"{snapshot.name}: {problem}")

    def switch_to(self, snapshot: Snapshot) -> bool:
        """Another Datasette takes over; False where it cannot, and whatever was served goes on."""
        if not self.open_listener() or self.listener is None:
            return False
        fresh = ServerProcess.start(snapshot, self.listener, self.arguments)
        if not fresh.wait_until_ready(self.stop_event):
            self.stopping.append(fresh)
            fresh.terminate(FAST_SHUTDOWN_TIMEOUT)
            self.postpone_snapshot(snapshot, FAILED_START_RETRY, "could not be served")
            return False
        self.stop_current()
        self.current = fresh
        self.log_once(f"{snapshot.name}: served on {self.address[0]}:{self.address[1]}")
        return True

    def stop_current(self, seconds: float = SHUTDOWN_TIMEOUT) -> None:
        """What is served takes no more requests, and ends once it has answered."""
        if self.current:
            self.current.terminate(seconds)
            self.stopping.append(self.current)
            self.current = None

    def open_listener(self) -> bool:
        """Bound, so that Datasette can listen; whoever connects before it does is refused. False where it is taken."""
        if self.listener:
            return True
        family = socket.AF_INET6 if ":" in self.address[0] else socket.AF_INET
        door = socket.socket(family, socket.SOCK_STREAM)
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(self.address)
        except OSError as error:
            door.close()
            if error.errno != errno.EADDRINUSE:
                raise
            return False
        self.listener = door
        return True

    def close_listener(self) -> None:
        """Our hold on it: each Datasette has its own, and lets go when it leaves."""
        if self.listener:
            self.listener.close()
            self.listener = None

    def log_once(self, message: str) -> None:
        """Once, until there is something else to say."""
        if message != self.last_message:
            self.log(message)
        self.last_message = message
