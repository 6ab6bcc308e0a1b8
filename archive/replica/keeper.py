"""Keeps one Datasette over the newest snapshot of a folder, whatever becomes of it and of the older ones."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from archive.replica.serving import HURRIED, LONGEST, Serving
from archive.snapshots import Snapshot, find_fault, find_snapshots, read_mark

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
