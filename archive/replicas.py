"""Serve the newest snapshot of a folder, and switch to a newer one without rejecting a connection.

The supervisor holds the listening socket and passes it to Datasette, a process of its own over one snapshot. For a
newer snapshot it starts another Datasette on the same socket; once that one is ready, the older one finishes its
requests and exits. Clients that connect in between, or while a killed Datasette is replaced, wait in the socket's
queue.
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

from archive.database import ARCHIVE_FILE
from archive.snapshots import INSPECT_FILE, Snapshot, find_snapshot_fault, list_snapshots, read_withdrawn_name

# Seconds that a Datasette process gets
START_TIMEOUT = 120.0  # to become ready
SHUTDOWN_TIMEOUT = 330.0  # to finish requests; archive.web ends each after 300 seconds
FAST_SHUTDOWN_TIMEOUT = 10.0  # to finish requests if the snapshot was withdrawn or the supervisor ends

# Seconds between the supervisor's attempts
POLL_INTERVAL = 0.5  # between two reads of the folder
INCOMPLETE_RETRY = 5.0  # for an incomplete snapshot
FAILED_START_RETRY = 60.0  # for a snapshot that could not be served
ADDRESS_TIMEOUT = 10.0  # for the Datasette of a killed supervisor to release the address


@dataclass(slots=True, kw_only=True)
class ReplicaSupervisor:
    """Keeps one Datasette running at an address; `arguments` are further options of `datasette serve`."""

    folder: Path
    address: tuple[str, int]
    arguments: Sequence[str]
    log: Callable[[str], None]
    stop_event: threading.Event = field(default_factory=threading.Event)
    listener: socket.socket | None = None
    current: ServerProcess | None = None
    stopping: list[ServerProcess] = field(default_factory=list)
    complete_snapshots: set[str] = field(default_factory=set)  # names of snapshots whose checksums were right
    retry_at: dict[str, float] = field(default_factory=dict)  # name → time.monotonic()
    last_message: str = ""

    def run(self) -> None:
        """Serve until `stop_event` is set; raise OSError if the address is taken or the folder does not exist."""
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
            for server in self.stopping:
                server.wait_for_exit()

    def poll(self) -> None:
        """Look for ended processes, withdrawals and newer snapshots.

        If the folder cannot be read, nothing changes.
        """
        self.stopping = [server for server in self.stopping if not server.reap()]
        if self.current and self.current.has_exited():
            self.log_once(f"{self.current.snapshot.name}: Datasette ended with {self.current.process.returncode}")
            self.stop_current()
        try:
            snapshots, withdrawn = list_snapshots(self.folder), read_withdrawn_name(self.folder)
        except OSError as error:
            self.log_once(f"{error}; what is served goes on")
            return
        if self.current and self.current.snapshot.name <= withdrawn:
            self.log_once(f"{self.current.snapshot.name}: withdrawn")
            self.close_listener()  # so that a proxy uses another replica
            self.stop_current(FAST_SHUTDOWN_TIMEOUT)
        for snapshot in snapshots:
            if self.current and snapshot.name <= self.current.snapshot.name:
                return
            if self.is_servable(snapshot) and self.switch_to(snapshot):
                return
        if not self.current:
            self.close_listener()
            self.log_once(f"{self.folder}: nothing to serve yet; connections are refused")

    def is_servable(self, snapshot: Snapshot) -> bool:
        """Return whether a snapshot is complete and has not failed recently."""
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
        self.retry_at[snapshot.name] = time.monotonic() + seconds
        self.log_once(f"{snapshot.name}: {problem}")

    def switch_to(self, snapshot: Snapshot) -> bool:
        """Start serving a snapshot; return False if it fails, in which case the current one stays."""
        if not self.open_listener() or self.listener is None:
            return False
        server = ServerProcess.start(snapshot, self.listener, self.arguments)
        if not server.wait_until_ready(self.stop_event):
            self.stopping.append(server)
            server.terminate(FAST_SHUTDOWN_TIMEOUT)
            self.postpone_snapshot(snapshot, FAILED_START_RETRY, "could not be served")
            return False
        self.stop_current()
        self.current = server
        self.log_once(f"{snapshot.name}: served on {self.address[0]}:{self.address[1]}")
        return True

    def stop_current(self, seconds: float = SHUTDOWN_TIMEOUT) -> None:
        """Let the current Datasette finish its requests and exit."""
        if self.current:
            self.current.terminate(seconds)
            self.stopping.append(self.current)
            self.current = None

    def open_listener(self) -> bool:
        """Bind the socket without listening, so that connections are refused until Datasette listens on it.

        Return False if the address is taken.
        """
        if self.listener:
            return True
        family = socket.AF_INET6 if ":" in self.address[0] else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(self.address)
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRINUSE:
                raise
            return False
        self.listener = listener
        return True

    def close_listener(self) -> None:
        """Close this process's copy of the socket; each Datasette closes its own when it exits."""
        if self.listener:
            self.listener.close()
            self.listener = None

    def log_once(self, message: str) -> None:
        """Log a message unless it is the same as the previous one."""
        if message != self.last_message:
            self.log(message)
        self.last_message = message


@dataclass(slots=True)
class ServerProcess:
    """A Datasette process over one snapshot; it exits when `pipe` is closed."""

    snapshot: Snapshot
    process: subprocess.Popen[bytes]
    pipe: socket.socket
    kill_at: float = float("inf")

    @classmethod
    def start(cls, snapshot: Snapshot, listener: socket.socket, arguments: Sequence[str]) -> Self:
        """Start Datasette on a bound socket; `arguments` are further options of `datasette serve`."""
        ours, theirs = socket.socketpair()
        command = [
            *(sys.executable, "-m", "archive.replica_server", str(listener.fileno()), str(theirs.fileno())),
            *("serve", "--immutable", str(snapshot.path / ARCHIVE_FILE)),
            *("--inspect-file", str(snapshot.path / INSPECT_FILE)),
            *arguments,
        ]
        with theirs:
            process = subprocess.Popen(command, pass_fds=[listener.fileno(), theirs.fileno()])  # noqa: S603 - our own command
        return cls(snapshot, process, ours)

    def wait_until_ready(self, stop_event: threading.Event) -> bool:
        """Return whether it accepts requests; False if it exited, took too long or `stop_event` is set."""
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and not stop_event.is_set():
            if select.select([self.pipe], [], [], 0.2)[0]:
                return bool(self.pipe.recv(1))
        return False

    def has_exited(self) -> bool:
        return self.process.poll() is not None

    def terminate(self, seconds: float = SHUTDOWN_TIMEOUT) -> None:
        """Let it finish its requests and exit, within `seconds`."""
        self.kill_at = time.monotonic() + seconds
        self.process.terminate()

    def reap(self) -> bool:
        """Return whether a terminated process has exited; kill it if it takes too long."""
        if not self.has_exited() and time.monotonic() > self.kill_at:
            self.process.kill()
            self.process.wait()
        if self.has_exited():
            self.pipe.close()
            return True
        return False

    def wait_for_exit(self) -> None:
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.0, min(self.kill_at - time.monotonic(), FAST_SHUTDOWN_TIMEOUT)))
        self.kill_at = 0.0
        self.reap()
