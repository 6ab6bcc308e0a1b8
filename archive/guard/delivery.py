"""An answer on its way to its reader, who may be slow, or gone.

A server that takes an answer whole keeps it until it is read. So it is handed over piece by piece, and given up where
its reader has left, takes no piece in time, or takes longer than anybody may.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from archive.guard.database import Visit
from archive.guard.limits import Limits
from archive.guard.turns import BusyError

PIECE = 65_536  # bytes; as much as asyncio takes before it lets a sender wait


class Flight:
    """Bytes of large answers that wait for their readers, all visitors together."""

    def __init__(self, limits: Limits) -> None:
        self.left = limits.flight

    def take(self, size: int) -> int:
        """BusyError where there is no room for so many."""
        if size > self.left:
            raise BusyError
        self.left -= size
        return size


class Delivery:
    """Of one request: runs the application until the answer is sent or nobody wants it any more."""

    def __init__(self, limits: Limits, flight: Flight, send: Any, turn: Visit | None, *, killable: bool) -> None:
        self.limits, self.flight, self.hand, self.turn, self.killable = limits, flight, send, turn, killable
        self.start: dict[str, Any] | None = None
        self.begun = self.complete = self.gone = False
        self.held = 0
        self.ended = asyncio.Event()

    async def run(self, app: Any, scope: dict[str, Any], receive: Any) -> None:
        """Nothing is raised for a reader who is gone."""
        task = asyncio.create_task(app(scope, receive_nothing, self.send))
        task.add_done_callback(lambda _: self.ended.set())
        listening = asyncio.create_task(self.listen(receive))
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.limits.longest):
                    await self.ended.wait()
            if self.complete:  # what follows the last byte is ours, and short
                await asyncio.wait({task}, timeout=self.limits.stall)
        finally:
            stopped = task.cancel()
            listening.cancel()
            await asyncio.wait({task, listening})
            self.flight.left += self.held
        if not (stopped and task.cancelled()):
            task.result()

    async def listen(self, receive: Any) -> None:
        """Until the reader leaves; a thread that reads pages or searches cannot be stopped, and keeps its turn."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        if not self.complete and (self.killable or self.begun or (self.turn and not self.turn.holds)):
            self.ended.set()

    async def send(self, message: dict[str, Any]) -> None:
        """The beginning waits for the first bytes: until then, the answer can still be that there is no room."""
        if message["type"] == "http.response.start":
            self.start = message
            if self.turn and not self.turn.streaming:
                self.turn.give_back()  # all SQL is done; the reader may be slow
                if self.turn.by_rows:
                    self.hold(self.turn.found)
            return
        body = message.get("body", b"")
        if self.start:
            self.hold(len(body))
            begin, self.start, self.begun = self.start, None, True
            await self.hand_over(begin)
        ends = range(PIECE, len(body), PIECE)
        for end in ends:
            await self.hand_over({"type": message["type"], "body": body[end - PIECE : end], "more_body": True})
        await self.hand_over({**message, "body": body[ends[-1] :] if ends else body})
        self.complete = not message.get("more_body", False)

    def hold(self, size: int) -> None:
        """Once an answer; small ones find room always."""
        if not self.held and size > PIECE:
            self.held = self.flight.take(size)

    async def hand_over(self, message: dict[str, Any]) -> None:
        """One piece; where it is not taken, wait for the end: what was raised here, Datasette would write into it."""
        if not self.gone:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.limits.stall):
                    await self.hand(message)
                return
        self.ended.set()
        await asyncio.Event().wait()


async def receive_nothing() -> dict[str, Any]:
    """What is only read has no body."""
    return {"type": "http.request", "body": b"", "more_body": False}
