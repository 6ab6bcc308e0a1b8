"""Runs commands of ours one after another, and stops cleanly: a signal is handed on to the one that runs."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from types import FrameType
from typing import Any, Self

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Running:
    """While it is entered, SIGTERM and SIGINT stop what runs, and nothing further is begun.

    Each command is a process in a group of its own, so that Ctrl-C reaches it once, through us: told twice,
    Scrapy would break off what is on its way.
    """

    def __init__(self) -> None:
        self.child: subprocess.Popen[bytes] | None = None
        self.told = threading.Event()
        self.handlers: dict[signal.Signals, Any] = {}

    @property
    def stopped(self) -> bool:
        """Whether we were told to stop."""
        return self.told.is_set()

    def __enter__(self) -> Self:
        self.handlers = {number: signal.signal(number, self.stop) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.handlers.items():
            signal.signal(number, handler)

    def stop(self, signum: int, frame: FrameType | None) -> None:
        """What a signal does; a second one is handed on as well, and Scrapy then hurries."""
        self.told.set()
        if self.child and self.child.poll() is None:
            self.child.terminate()

    def scrapy(self, *arguments: str) -> int:
        """One of Scrapy's commands to its end; its exit code, or less than 0 where a signal ended it."""
        return self.run([sys.executable, "-m", "scrapy", *arguments])

    def run(self, command: Sequence[str]) -> int:
        """The same of any command. Nothing is begun once we were told to stop: 0."""
        if self.stopped:
            return 0
        with subprocess.Popen(command, process_group=0) as self.child:  # noqa: S603 - our own commands
            if self.stopped:  # told while it was being started
                self.child.terminate()
            return self.child.wait()

    def wait(self, seconds: float) -> None:
        """Until then, or until we are told to stop."""
        self.told.wait(max(0.0, seconds))
