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

from archive.backup import ARCHIVE, INSPECT, Snapshot, find_fault, find_snapshots, read_mark

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
            *(sys.executable, "-m", "archive.replica_server", str(door.fileno()), str(theirs.fileno())),
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


PACE = 0.5  # seconds between two looks at the folder
UNTIL_WHOLE = 5.0  # seconds until one that was not whole is looked into again
AGAIN = 60.0  # seconds until one that could not be served is tried again
TAKEN = 10.0  # seconds for a Datasette of a keeper that was killed to leave the address


@dataclass(slots=True, kw_only=True)
class Keeper:
    """Of one address. `words` are the further options of datasette serve."""

    folder: Path
    address: tuple[str, int]
    words: Sequence[str]
    tell: Callable[[str], None]
    ended: threading.Event = field(default_factory=threading.Event)
    door: socket.socket | None = None
    serving: Serving | None = None
    leaving: list[Serving] = field(default_factory=list)
    whole: set[str] = field(default_factory=set)  # names of snapshots that were looked into
    passed_over: dict[str, float] = field(default_factory=dict)  # names, and until when
    told: str = ""

    def run(self) -> None:
        """Until `ended` is set. OSError where the address is taken, or there is no such folder."""
        find_snapshots(self.folder)
        deadline = time.monotonic() + TAKEN
        while not self.open_door():
            if time.monotonic() > deadline:
                raise OSError(errno.EADDRINUSE, f"{self.address[0]}:{self.address[1]} is taken; choose another --port")
            self.ended.wait(0.1)
        try:
            while not self.ended.is_set():
                self.look()
                self.ended.wait(PACE)
        finally:
            self.close_door()
            self.retire(HURRIED)
            for each in self.leaving:
                each.wait()

    def look(self) -> None:
        """Whatever is to be done now. A folder that cannot be read changes nothing."""
        self.leaving = [each for each in self.leaving if not each.is_gone()]
        if self.serving and self.serving.is_dead():
            self.say(f"{self.serving.snapshot.name}: Datasette ended with {self.serving.process.returncode}")
            self.retire()
        try:
            shown, withdrawn = find_snapshots(self.folder), read_mark(self.folder)
        except OSError as error:
            self.say(f"{error}; what is served goes on")
            return
        if self.serving and self.serving.snapshot.name <= withdrawn:
            self.say(f"{self.serving.snapshot.name}: withdrawn")
            self.close_door()  # a proxy then asks whoever may show what there is now
            self.retire(HURRIED)
        for snapshot in shown:
            if self.serving and snapshot.name <= self.serving.snapshot.name:
                return
            if self.may(snapshot) and self.turn_to(snapshot):
                return
        if not self.serving:
            self.close_door()
            self.say(f"{self.folder}: nothing to serve yet; connections are refused")

    def may(self, snapshot: Snapshot) -> bool:
        """Whether a snapshot is whole, and did not fail of late."""
        if self.passed_over.get(snapshot.name, 0.0) > time.monotonic():
            return False
        if snapshot.name not in self.whole:
            fault = find_fault(snapshot)
            if fault:
                self.pass_over(snapshot, UNTIL_WHOLE, f"is not whole yet: {fault}")
                return False
            self.whole.add(snapshot.name)
        return True

    def pass_over(self, snapshot: Snapshot, seconds: float, problem: str) -> None:
        """For a while."""
        self.passed_over[snapshot.name] = time.monotonic() + seconds
        self.say(f"{snapshot.name}: {problem}")

    def turn_to(self, snapshot: Snapshot) -> bool:
        """Another Datasette takes over; False where it cannot, and whatever was served goes on."""
        if not self.open_door() or self.door is None:
            return False
        fresh = Serving.start(snapshot, self.door, self.words)
        if not fresh.await_ready(self.ended):
            self.leaving.append(fresh)
            fresh.leave(HURRIED)
            self.pass_over(snapshot, AGAIN, "could not be served")
            return False
        self.retire()
        self.serving = fresh
        self.say(f"{snapshot.name}: served on {self.address[0]}:{self.address[1]}")
        return True

    def retire(self, seconds: float = LONGEST) -> None:
        """What is served takes no more requests, and ends once it has answered."""
        if self.serving:
            self.serving.leave(seconds)
            self.leaving.append(self.serving)
            self.serving = None

    def open_door(self) -> bool:
        """Bound, so that Datasette can listen; whoever connects before it does is refused. False where it is taken."""
        if self.door:
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
        self.door = door
        return True

    def close_door(self) -> None:
        """Our hold on it: each Datasette has its own, and lets go when it leaves."""
        if self.door:
            self.door.close()
            self.door = None

    def say(self, words: str) -> None:
        """Once, until there is something else to say."""
        if words != self.told:
            self.tell(words)
        self.told = words
