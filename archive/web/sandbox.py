"""Visitors' SQL in a limited subprocess; delivery to slow readers.

How much a visitor's statement may cost. Times are seconds, sizes bytes.

Starts a worker, asks it, and kills it when it does not answer in time.

Who may ask a worker: one line, first come first served, of a bounded length.

Datasette's database, whose statements run in a worker where a visitor's request asks for them.

Statements that visitors bring run in processes of their own, which can be held to limits and killed.

A progress handler alone does not hold: one call of `replace`, `instr`, `json_patch` or `like`, or one FTS5 prefix, is a
single step of SQLite's machine that may take half a minute, and nothing inside the process can end it.

An answer on its way to its reader, who may be slow, or gone.

A server that takes an answer whole keeps it until it is read. So it is handed over piece by piece, and given up where
its reader has left, takes no piece in time, or takes longer than anybody may.

What is looked at before Datasette reads a question: its length, and that no check of Datasette's runs away.

Datasette tries visitors' SQL with regular expressions in the one thread that answers everybody: `/**/` and many line
breaks took them 20 seconds, comments in a row ages. Ours for the same never go back.
"""

from __future__ import annotations

import asyncio
import io
import json
import pickle
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from multiprocessing import Pipe
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import datasette.utils as checks
from datasette.database import Database, QueryInterrupted, Results
from datasette.utils.asgi import Base400


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What holds for one worker, one statement, one answer and one request."""

    workers: int = 2  # statements at once: one for each core of a small machine
    waiting: int = 20  # requests in line for a worker; the next is refused at once
    patience: float = 10.0  # in line
    streams: int = 4  # CSV streams at once; they go on for minutes, and take their turn page by page
    budget: float = 3.0  # of SQL in one request, however many facets it asks for; a stream's is each page's
    grace: float = 0.5  # beyond Datasette's sql_time_limit_ms, for SQLite to stop by itself before the worker is killed
    memory: int = 200_000_000  # of a worker's address space, with Python's own 40 MB
    file: int = 200_000_000  # of a temporary file, as for a sort
    value: int = 20_000_000  # one text or blob: no page of an agency is larger (scraper/settings.py)
    statement: int = 100_000  # the SQL itself
    columns: int = 200
    answer: int = 4_000_000  # all values of an answer together, as they are written in JSON (å takes six bytes)
    rows: int = 16_000_000  # the same for CSV, which is written row by row, in UTF-8
    parsed: int = 500_000  # as answer, where `_json=` has values read as JSON: while they are, nobody else is answered
    cells: int = 60_000  # the same, as their number
    page: int = 4_000_000  # as answer, for an HTML page: while it is written, nobody else is answered
    page_cells: int = 6_000  # as cells, for an HTML page: Datasette takes some 20 µs for each
    letters: int = 10_000  # of one parameter of a question, such as sql= or _search=
    parameters: int = 200  # of a question; Datasette's work grows with their square
    flight: int = 64_000_000  # large answers that wait for their readers, together; the server needs twice that
    stall: float = 10.0  # for a reader to take 64 kB
    longest: float = 300.0  # for the whole answer
    start: float = 5.0  # of a worker, until it can be asked: its first statement does not pay for that
    escapes: int = 20  # calls of escape_fts in a statement; they are answered by the server's own process
    words: int = 10_000  # letters given to one of them
    uses: int = 500  # statements after which a worker makes way for a fresh one


SCRIPT = Path(__file__).with_name("sandbox_worker.py")
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


__all__ = ["BusyError", "Guarded", "Limits", "Visit", "current_visit"]


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


SPACE = r"(?:\s++|--[^\n]*+(?:\n|\Z)|/\*(?:[^*]|\*(?!/))*+\*/)*+"
SELECT = re.compile(rf"{SPACE}(?:explain\s++(?:query\s++plan\s++)?+)?+(?:select|with)\b")
COMMENT = re.compile(r"/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z)")  # to SQLite, too, one without an end ends with the text


def make_checks_linear() -> None:
    """In place of Datasette's own, for whatever is served by this process."""
    checks.allowed_sql_res[:] = [SELECT]
    checks._multi_line_comment_re = COMMENT


def read_question(query: str, limits: Limits) -> list[tuple[str, str]]:
    """Names and values of a query string, as Datasette reads it; ValueError, with words for the visitor, beyond limits.

    >>> read_question("sql=select+1&_shape=array", Limits())
    [('sql', 'select 1'), ('_shape', 'array')]
    >>> read_question("_where=1&" * 1000, Limits())
    Traceback (most recent call last):
    ValueError: at most 200 parameters can be asked for at once
    """
    if query.count("&") >= limits.parameters:
        raise ValueError(f"at most {limits.parameters} parameters can be asked for at once")
    asked = parse_qsl(query, keep_blank_values=True)
    for name, value in asked:
        if max(len(name), len(value)) > limits.letters:
            raise ValueError(f"{name[:40]}= is too long: at most {limits.letters:,} letters")
    return asked
