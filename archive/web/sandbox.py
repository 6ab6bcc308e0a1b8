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
class SandboxLimits:
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


WORKER_SCRIPT = Path(__file__).with_name("sandbox_worker.py")
EXTERNAL_SIGNALS = (
    signal.SIGKILL,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGINT,
)  # sent by an operator, or for want of memory
EXIT_TIMEOUT = 1.0  # seconds for the end of a process whose pipe is closed already, to learn how it ended


class SandboxStatement(NamedTuple):
    """What a worker is sent: how long it may take, and the most rows, bytes and values it may give."""

    sql: str
    params: Any
    seconds: float
    max_rows: int | None
    max_bytes: int
    max_values: int
    as_json: bool  # whether size is that of JSON


class WorkerLostError(Exception):
    """A worker was ended, and not by its statement: another may answer."""


class SandboxWorker:
    """A process over one database; `escape` answers its escape_fts."""

    def __init__(self, uri: str, limits: SandboxLimits, escape: Callable[[str], str]) -> None:
        self.limits, self.escape, self.uses = limits, escape, 0
        self.received_bytes = 0  # bytes of the last answer
        self.pipe, theirs = Pipe()
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own script
                [sys.executable, "-I", "-S", str(WORKER_SCRIPT), str(theirs.fileno()), uri, json.dumps(asdict(limits))],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={},  # whatever secrets the server was started with are not for a visitor's statements
            )
        finally:
            theirs.close()

    @property
    def is_exhausted(self) -> bool:
        """Whether it must make way for a fresh one."""
        return self.uses >= self.limits.uses or self.process.poll() is not None

    def execute(self, statement: SandboxStatement) -> tuple[list[str], list[Any]]:
        """Column names and rows; sqlite3.OperationalError("interrupted") where it takes too long."""
        self.uses += 1
        if self.uses == 1:
            self.wait_until_ready()
        try:
            end = time.monotonic() + statement.seconds + self.limits.grace
            self.pipe.send_bytes(pickle.dumps(tuple(statement)))
            while self.pipe.poll(max(0.0, end - time.monotonic())):
                data = self.pipe.recv_bytes()
                self.received_bytes = len(data)
                kind, one, other = load_restricted(data)
                if kind == "rows":
                    return one, other
                if kind == "error":
                    raise sqlite3.OperationalError(one)
                self.pipe.send_bytes(pickle.dumps(self.escape(one)))
        except (EOFError, OSError) as error:  # it was ended by the system, or ended itself
            self.close(EXIT_TIMEOUT)
            if -self.process.returncode in EXTERNAL_SIGNALS:
                raise WorkerLostError from error
            raise sqlite3.OperationalError("the statement was ended, for it needed too much") from error
        self.close()
        raise sqlite3.OperationalError("interrupted")

    def wait_until_ready(self) -> None:
        """Until it can be asked; LostError where it never can."""
        try:
            if self.pipe.poll(self.limits.start):
                self.pipe.recv_bytes()
                return
        except (EOFError, OSError) as error:
            raise WorkerLostError from error
        raise WorkerLostError

    def close(self, timeout: float = 0.0) -> None:
        """Kill it, unless it ends by itself in time; a worker holds nothing that could be lost."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout)
        self.process.kill()
        self.process.wait()
        self.pipe.close()


class RestrictedUnpickler(pickle.Unpickler):
    """Reads numbers, texts, bytes, lists and tuples, and no name of anything that could be called."""

    def find_class(self, module: str, name: str) -> Any:
        """A worker that was taken over must not take over the server."""
        raise pickle.UnpicklingError(f"{module}.{name} has no place in an answer")


def load_restricted(data: bytes) -> Any:
    """What a worker sent."""
    return RestrictedUnpickler(io.BytesIO(data)).load()


class BusyError(Base400):  # type: ignore[misc] # Datasette ships no types
    """Too many are in line already, or the wait was too long."""

    status = 503

    def __init__(self) -> None:
        super().__init__("too much is asked of the site at this moment: try again in a while")


class RequestQueue:
    """So many at once as there are workers; the others wait."""

    def __init__(self, limits: SandboxLimits) -> None:
        self.limits = limits
        self.slots = asyncio.Semaphore(limits.workers)
        self.waiting = 0
        self.streams = 0

    async def acquire(self) -> None:
        """Wait for a turn; BusyError where the line or the wait is too long."""
        if self.waiting >= self.limits.waiting:
            raise BusyError
        self.waiting += 1
        try:
            async with asyncio.timeout(self.limits.patience):  # wait_for would lose that the reader is gone
                await self.slots.acquire()
        except TimeoutError as error:
            raise BusyError from error
        finally:
            self.waiting -= 1

    def release(self) -> None:
        """To the next in line."""
        self.slots.release()

    def begin_stream(self) -> None:
        """BusyError where as many CSV streams are running as may."""
        if self.streams >= self.limits.streams:
            raise BusyError
        self.streams += 1


MAGIC_PARAMETER = re.compile(r":(_\w+)")  # parameters of a canned query that Datasette fills in, such as :_now_epoch
MIN_STATEMENT_SECONDS = 0.001  # seconds; what is left of a budget that is spent


class VisitorRequest:
    """One request for data: the turn it holds, and how much SQL it may still ask for."""

    def __init__(
        self, limits: SandboxLimits, queue: RequestQueue, format_name: str = "json", *, streaming: bool = False
    ) -> None:
        """Kind is the format of the answer: csv, html, json, or parsed for JSON with `_json=`."""
        self.queue, self.streaming, self.is_csv = queue, streaming, format_name == "csv"
        sizes = {"csv": limits.rows, "html": limits.page, "parsed": limits.parsed}
        self.max_bytes = sizes.get(format_name, limits.answer)
        self.max_values = limits.page_cells if format_name == "html" else limits.cells
        self.seconds_left, self.has_slot, self.has_stream = limits.budget, False, False
        self.largest_response = 0  # bytes of the largest answer to a statement

    async def acquire_slot(self) -> None:
        """Once a request; once a statement of a stream."""
        if not self.has_slot:
            await self.queue.acquire()
            self.has_slot = True

    def begin_stream(self) -> None:
        """BusyError where there are too many."""
        self.queue.begin_stream()
        self.has_stream = True

    def close(self) -> None:
        """Whatever it still holds."""
        self.release_slot()
        self.queue.streams -= self.has_stream
        self.has_stream = False

    def release_slot(self) -> None:
        """As soon as nothing more is asked: a reader who reads slowly holds nobody up."""
        if self.has_slot:
            self.has_slot = False
            self.queue.release()


current_visitor_request: ContextVar[VisitorRequest | None] = ContextVar("visit", default=None)


class RunningStatement:
    """A statement's worker while it works, so that it can be stopped from outside its thread."""

    def __init__(self) -> None:
        self.worker: SandboxWorker | None = None
        self.stopped, self.received_bytes = False, 0

    def stop(self) -> None:
        """Its thread then finds that the worker is lost."""
        self.stopped = True
        worker = self.worker
        if worker:
            worker.process.kill()


class SandboxedDatabase(Database):  # type: ignore[misc] # Datasette ships no types
    """In place of the Database that Datasette made of a file."""

    def __init__(self, ds: Any, before: Any, limits: SandboxLimits) -> None:
        super().__init__(ds, path=before.path, is_mutable=before.is_mutable)
        self.name, self.route = before.name, before.route
        # threads keep connections by the database's name: what is open already goes on, and is closed by this one
        self._all_file_connections = before._all_file_connections
        self.limits = limits
        self.idle_workers: list[SandboxWorker] = []
        self.threads = ThreadPoolExecutor(limits.workers, thread_name_prefix="visitors")
        self.thread_local = threading.local()

    async def execute(self, sql: str, params: Any = None, **more: Any) -> Any:
        """As Datasette does it, for statements of our own; PRAGMA is never a visitor's word."""
        visit = current_visitor_request.get()
        if visit is None or sql[:6].upper() == "PRAGMA":
            return await super().execute(sql, params, **more)
        most = None
        if more.get("truncate"):
            most = self.ds.max_returned_rows
            most += (more.get("page_size") or self.ds.page_size) == most
        limit = min(self.ds.sql_time_limit_ms, more.get("custom_time_limit") or self.ds.sql_time_limit_ms) / 1000
        seconds = max(MIN_STATEMENT_SECONDS, limit if visit.streaming else min(limit, visit.seconds_left))
        rows = most + 1 if most is not None else None
        values = params if params is not None else {}
        statement = SandboxStatement(
            sql, values, seconds, rows, visit.max_bytes, visit.max_values, as_json=not visit.is_csv
        )
        await visit.acquire_slot()
        begun = time.monotonic()
        try:
            asking = RunningStatement()
            names, found = await self.submit_statement(statement, asking)
            visit.largest_response = max(visit.largest_response, asking.received_bytes)
        except sqlite3.OperationalError as error:
            if error.args == ("interrupted",):
                raise QueryInterrupted(error, sql, params) from error
            raise
        finally:
            visit.seconds_left -= time.monotonic() - begun
            if visit.streaming:
                visit.release_slot()
        return build_results(names, found, most)

    async def submit_statement(
        self, statement: SandboxStatement, running: RunningStatement
    ) -> tuple[list[str], list[Any]]:
        """By a worker that is idle, or a new one."""
        try:
            return await asyncio.wrap_future(
                self.threads.submit(self.execute_with_retry, resolve_magic_parameters(statement), running)
            )
        except asyncio.CancelledError:  # the reader is gone: the thread shall not work on
            running.stop()
            raise

    def execute_with_retry(self, statement: SandboxStatement, running: RunningStatement) -> tuple[list[str], list[Any]]:
        """In a thread; never more at once than there are workers. Whoever is not to blame is asked again, once."""
        try:
            return self.execute_once(statement, running)
        except WorkerLostError:
            if running.stopped:
                raise
        try:
            return self.execute_once(statement, running)
        except WorkerLostError as error:
            raise BusyError from error

    def execute_once(self, statement: SandboxStatement, running: RunningStatement) -> tuple[list[str], list[Any]]:
        """LostError where the worker was ended by somebody else."""
        running.worker = worker = self.acquire_worker()
        try:
            return worker.execute(statement)
        finally:
            running.worker, running.received_bytes = None, worker.received_bytes
            if worker.is_exhausted:
                worker.close()
            else:
                self.idle_workers.append(worker)

    def acquire_worker(self) -> SandboxWorker:
        """One that is idle and alive, or a new one."""
        while self.idle_workers:
            worker = self.idle_workers.pop()
            if not worker.is_exhausted:
                return worker
            worker.close()
        return SandboxWorker(self.uri, self.limits, self.escape)

    @property
    def uri(self) -> str:
        """Read-only, as Datasette opens it."""
        return Path(self.path).resolve().as_uri() + ("?mode=ro" if self.is_mutable else "?immutable=1")

    def escape(self, text: str) -> str:
        """By the function that Datasette's own connections have (archive/plugins/fts.py)."""
        if not hasattr(self.thread_local, "db"):
            self.thread_local.db = self.connect()
            self.ds._prepare_connection(self.thread_local.db, self.name)
        return str(self.thread_local.db.execute("select escape_fts(?)", [text]).fetchone()[0])

    def close(self) -> None:
        """End the workers, too."""
        self.threads.shutdown()
        while self.idle_workers:
            self.idle_workers.pop().close()
        super().close()


def resolve_magic_parameters(statement: SandboxStatement) -> SandboxStatement:
    """Parameters as a worker can be sent them: Datasette's canned queries bring a mapping of its own."""
    params = statement.params
    if isinstance(params, dict):
        found = dict(params)
        for name in MAGIC_PARAMETER.findall(statement.sql):
            with suppress(KeyError):
                found[name] = params[name]
        params = found
    return statement._replace(params=params)


def build_results(names: Sequence[str], rows: list[Any], max_rows: int | None) -> Any:
    """As Datasette's own: rows that can be asked by place and by name."""
    db = sqlite3.connect(":memory:")
    columns = ", ".join('null as "' + name.replace('"', '""') + '"' for name in names)
    cursor = db.execute(f"select {columns} limit 0")
    description = cursor.description
    found = [sqlite3.Row(cursor, tuple(row)) for row in rows]
    db.close()
    truncated = max_rows is not None and len(found) > max_rows
    return Results(found[:max_rows] if truncated else found, truncated, description)


CHUNK_BYTES = 65_536  # bytes; as much as asyncio takes before it lets a sender wait


class BufferBudget:
    """Bytes of large answers that wait for their readers, all visitors together."""

    def __init__(self, limits: SandboxLimits) -> None:
        self.bytes_left = limits.flight

    def reserve(self, size: int) -> int:
        """BusyError where there is no room for so many."""
        if size > self.bytes_left:
            raise BusyError
        self.bytes_left -= size
        return size


class ResponseDelivery:
    """Of one request: runs the application until the answer is sent or nobody wants it any more."""

    def __init__(
        self,
        limits: SandboxLimits,
        buffer_budget: BufferBudget,
        send: Any,
        visitor_request: VisitorRequest | None,
        *,
        killable: bool,
    ) -> None:
        self.limits, self.buffer_budget, self.send_message, self.visitor_request, self.killable = (
            limits,
            buffer_budget,
            send,
            visitor_request,
            killable,
        )
        self.start_message: dict[str, Any] | None = None
        self.started = self.complete = self.disconnected = False
        self.reserved_bytes = 0
        self.finished = asyncio.Event()

    async def run(self, app: Any, scope: dict[str, Any], receive: Any) -> None:
        """Nothing is raised for a reader who is gone."""
        task = asyncio.create_task(app(scope, receive_empty_body, self.send))
        task.add_done_callback(lambda _: self.finished.set())
        listening = asyncio.create_task(self.wait_for_disconnect(receive))
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.limits.longest):
                    await self.finished.wait()
            if self.complete:  # what follows the last byte is ours, and short
                await asyncio.wait({task}, timeout=self.limits.stall)
        finally:
            stopped = task.cancel()
            listening.cancel()
            await asyncio.wait({task, listening})
            self.buffer_budget.bytes_left += self.reserved_bytes
        if not (stopped and task.cancelled()):
            task.result()

    async def wait_for_disconnect(self, receive: Any) -> None:
        """Until the reader leaves; a thread that reads pages or searches cannot be stopped, and keeps its turn."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self.disconnected = True
        if not self.complete and (
            self.killable or self.started or (self.visitor_request and not self.visitor_request.has_slot)
        ):
            self.finished.set()

    async def send(self, message: dict[str, Any]) -> None:
        """The beginning waits for the first bytes: until then, the answer can still be that there is no room."""
        if message["type"] == "http.response.start":
            self.start_message = message
            if self.visitor_request and not self.visitor_request.streaming:
                self.visitor_request.release_slot()  # all SQL is done; the reader may be slow
                if self.visitor_request.is_csv:
                    self.reserve_buffer(self.visitor_request.largest_response)
            return
        body = message.get("body", b"")
        if self.start_message:
            self.reserve_buffer(len(body))
            begin, self.start_message, self.started = self.start_message, None, True
            await self.send_chunk(begin)
        ends = range(CHUNK_BYTES, len(body), CHUNK_BYTES)
        for end in ends:
            await self.send_chunk({"type": message["type"], "body": body[end - CHUNK_BYTES : end], "more_body": True})
        await self.send_chunk({**message, "body": body[ends[-1] :] if ends else body})
        self.complete = not message.get("more_body", False)

    def reserve_buffer(self, size: int) -> None:
        """Once an answer; small ones find room always."""
        if not self.reserved_bytes and size > CHUNK_BYTES:
            self.reserved_bytes = self.buffer_budget.reserve(size)

    async def send_chunk(self, message: dict[str, Any]) -> None:
        """One piece; where it is not taken, wait for the end: what was raised here, Datasette would write into it."""
        if not self.disconnected:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.limits.stall):
                    await self.send_message(message)
                return
        self.finished.set()
        await asyncio.Event().wait()


async def receive_empty_body() -> dict[str, Any]:
    """What is only read has no body."""
    return {"type": "http.request", "body": b"", "more_body": False}


SQL_SPACE = r"(?:\s++|--[^\n]*+(?:\n|\Z)|/\*(?:[^*]|\*(?!/))*+\*/)*+"
SELECT_STATEMENT = re.compile(rf"{SQL_SPACE}(?:explain\s++(?:query\s++plan\s++)?+)?+(?:select|with)\b")
SQL_COMMENT = re.compile(r"/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z)")  # to SQLite, too, one without an end ends with the text


def install_linear_sql_checks() -> None:
    """In place of Datasette's own, for whatever is served by this process."""
    checks.allowed_sql_res[:] = [SELECT_STATEMENT]
    checks._multi_line_comment_re = SQL_COMMENT


def parse_query_string(query_string: str, limits: SandboxLimits) -> list[tuple[str, str]]:
    """Names and values of a query string, as Datasette reads it; ValueError, with words for the visitor, beyond limits.

    >>> parse_query_string("sql=select+1&_shape=array", SandboxLimits())
    [('sql', 'select 1'), ('_shape', 'array')]
    >>> parse_query_string("_where=1&" * 1000, SandboxLimits())
    Traceback (most recent call last):
    ValueError: at most 200 parameters can be asked for at once
    """
    if query_string.count("&") >= limits.parameters:
        raise ValueError(f"at most {limits.parameters} parameters can be asked for at once")
    asked = parse_qsl(query_string, keep_blank_values=True)
    for name, value in asked:
        if max(len(name), len(value)) > limits.letters:
            raise ValueError(f"{name[:40]}= is too long: at most {limits.letters:,} letters")
    return asked
