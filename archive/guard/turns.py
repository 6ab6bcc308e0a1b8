"""Who may ask a worker: one line, first come first served, of a bounded length."""

from __future__ import annotations

import asyncio

from datasette.utils.asgi import Base400

from archive.guard.limits import Limits


class BusyError(Base400):  # type: ignore[misc] # Datasette ships no types
    """Too many are in line already, or the wait was too long."""

    status = 503

    def __init__(self) -> None:
        super().__init__("too much is asked of the site at this moment: try again in a while")


class Turns:
    """So many at once as there are workers; the others wait."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.free = asyncio.Semaphore(limits.workers)
        self.waiting = 0
        self.streams = 0

    async def take(self) -> None:
        """Wait for a turn; BusyError where the line or the wait is too long."""
        if self.waiting >= self.limits.waiting:
            raise BusyError
        self.waiting += 1
        try:
            async with asyncio.timeout(self.limits.patience):  # wait_for would lose that the reader is gone
                await self.free.acquire()
        except TimeoutError as error:
            raise BusyError from error
        finally:
            self.waiting -= 1

    def give_back(self) -> None:
        """To the next in line."""
        self.free.release()

    def begin_stream(self) -> None:
        """BusyError where as many CSV streams are running as may."""
        if self.streams >= self.limits.streams:
            raise BusyError
        self.streams += 1
