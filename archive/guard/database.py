"""Datasette's database, whose statements run in a worker where a visitor's request asks for them."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from datasette.database import Database, QueryInterrupted, Results

from archive.guard.keeper import LostError, Statement, Worker
from archive.guard.limits import Limits
from archive.guard.turns import BusyError, Turns

MAGIC = re.compile(r":(_\w+)")  # parameters of a canned query that Datasette fills in, such as :_now_epoch
LEAST = 0.001  # seconds; what is left of a budget that is spent


class Visit:
    """One request for data: the turn it holds, and how much SQL it may still ask for."""

    def __init__(self, limits: Limits, turns: Turns, kind: str = "json", *, streaming: bool = False) -> None:
        """Kind is the format of the answer: csv, html, json, or parsed for JSON with `_json=`."""
        self.turns, self.streaming, self.by_rows = turns, streaming, kind == "csv"
        sizes = {"csv": limits.rows, "html": limits.page, "parsed": limits.parsed}
        self.size = sizes.get(kind, limits.answer)
        self.cells = limits.page_cells if kind == "html" else limits.cells
        self.left, self.holds, self.streams = limits.budget, False, False
        self.found = 0  # bytes of the largest answer to a statement

    async def take_turn(self) -> None:
        """Once a request; once a statement of a stream."""
        if not self.holds:
            await self.turns.take()
            self.holds = True

    def begin_stream(self) -> None:
        """BusyError where there are too many."""
        self.turns.begin_stream()
        self.streams = True

    def end(self) -> None:
        """Whatever it still holds."""
        self.give_back()
        self.turns.streams -= self.streams
        self.streams = False

    def give_back(self) -> None:
        """As soon as nothing more is asked: a reader who reads slowly holds nobody up."""
        if self.holds:
            self.holds = False
            self.turns.give_back()


current_visit: ContextVar[Visit | None] = ContextVar("visit", default=None)


class Asking:
    """A statement's worker while it works, so that it can be stopped from outside its thread."""

    def __init__(self) -> None:
        self.worker: Worker | None = None
        self.stopped, self.received = False, 0

    def stop(self) -> None:
        """Its thread then finds that the worker is lost."""
        self.stopped = True
        worker = self.worker
        if worker:
            worker.process.kill()


class Guarded(Database):  # type: ignore[misc] # Datasette ships no types
    """In place of the Database that Datasette made of a file."""

    def __init__(self, ds: Any, before: Any, limits: Limits) -> None:
        super().__init__(ds, path=before.path, is_mutable=before.is_mutable)
        self.name, self.route = before.name, before.route
        # threads keep connections by the database's name: what is open already goes on, and is closed by this one
        self._all_file_connections = before._all_file_connections
        self.limits = limits
        self.idle: list[Worker] = []
        self.threads = ThreadPoolExecutor(limits.workers, thread_name_prefix="visitors")
        self.local = threading.local()

    async def execute(self, sql: str, params: Any = None, **more: Any) -> Any:
        """As Datasette does it, for statements of our own; PRAGMA is never a visitor's word."""
        visit = current_visit.get()
        if visit is None or sql[:6].upper() == "PRAGMA":
            return await super().execute(sql, params, **more)
        most = None
        if more.get("truncate"):
            most = self.ds.max_returned_rows
            most += (more.get("page_size") or self.ds.page_size) == most
        limit = min(self.ds.sql_time_limit_ms, more.get("custom_time_limit") or self.ds.sql_time_limit_ms) / 1000
        seconds = max(LEAST, limit if visit.streaming else min(limit, visit.left))
        rows = most + 1 if most is not None else None
        values = params if params is not None else {}
        statement = Statement(sql, values, seconds, rows, visit.size, visit.cells, escaped=not visit.by_rows)
        await visit.take_turn()
        begun = time.monotonic()
        try:
            asking = Asking()
            names, found = await self.ask(statement, asking)
            visit.found = max(visit.found, asking.received)
        except sqlite3.OperationalError as error:
            if error.args == ("interrupted",):
                raise QueryInterrupted(error, sql, params) from error
            raise
        finally:
            visit.left -= time.monotonic() - begun
            if visit.streaming:
                visit.give_back()
        return to_results(names, found, most)

    async def ask(self, statement: Statement, asking: Asking) -> tuple[list[str], list[Any]]:
        """By a worker that is idle, or a new one."""
        try:
            return await asyncio.wrap_future(self.threads.submit(self.ask_worker, to_plain(statement), asking))
        except asyncio.CancelledError:  # the reader is gone: the thread shall not work on
            asking.stop()
            raise

    def ask_worker(self, statement: Statement, asking: Asking) -> tuple[list[str], list[Any]]:
        """In a thread; never more at once than there are workers. Whoever is not to blame is asked again, once."""
        try:
            return self.ask_one(statement, asking)
        except LostError:
            if asking.stopped:
                raise
        try:
            return self.ask_one(statement, asking)
        except LostError as error:
            raise BusyError from error

    def ask_one(self, statement: Statement, asking: Asking) -> tuple[list[str], list[Any]]:
        """LostError where the worker was ended by somebody else."""
        asking.worker = worker = self.take_worker()
        try:
            return worker.ask(statement)
        finally:
            asking.worker, asking.received = None, worker.received
            if worker.spent:
                worker.close()
            else:
                self.idle.append(worker)

    def take_worker(self) -> Worker:
        """One that is idle and alive, or a new one."""
        while self.idle:
            worker = self.idle.pop()
            if not worker.spent:
                return worker
            worker.close()
        return Worker(self.uri, self.limits, self.escape)

    @property
    def uri(self) -> str:
        """Read-only, as Datasette opens it."""
        return Path(self.path).resolve().as_uri() + ("?mode=ro" if self.is_mutable else "?immutable=1")

    def escape(self, text: str) -> str:
        """By the function that Datasette's own connections have (archive/plugins/fts.py)."""
        if not hasattr(self.local, "db"):
            self.local.db = self.connect()
            self.ds._prepare_connection(self.local.db, self.name)
        return str(self.local.db.execute("select escape_fts(?)", [text]).fetchone()[0])

    def close(self) -> None:
        """End the workers, too."""
        self.threads.shutdown()
        while self.idle:
            self.idle.pop().close()
        super().close()


def to_plain(statement: Statement) -> Statement:
    """Parameters as a worker can be sent them: Datasette's canned queries bring a mapping of its own."""
    params = statement.params
    if isinstance(params, dict):
        found = dict(params)
        for name in MAGIC.findall(statement.sql):
            with suppress(KeyError):
                found[name] = params[name]
        params = found
    return statement._replace(params=params)


def to_results(names: Sequence[str], rows: list[Any], most: int | None) -> Any:
    """As Datasette's own: rows that can be asked by place and by name."""
    db = sqlite3.connect(":memory:")
    columns = ", ".join('null as "' + name.replace('"', '""') + '"' for name in names)
    cursor = db.execute(f"select {columns} limit 0")
    description = cursor.description
    found = [sqlite3.Row(cursor, tuple(row)) for row in rows]
    db.close()
    truncated = most is not None and len(found) > most
    return Results(found[:most] if truncated else found, truncated, description)
