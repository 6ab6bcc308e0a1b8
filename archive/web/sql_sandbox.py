"""Runs visitors' SQL in worker processes, which can be limited and killed.

A progress handler is not enough: one call of `replace`, `instr`, `json_patch` or `like`, or one
prefix search in FTS5, is a single step of SQLite's virtual machine. Such a step may take half a
minute, and cannot be interrupted from inside the process. Only this module and
archive.web.datasette_versions replace parts of Datasette itself.
"""

from __future__ import annotations

import asyncio
import io
import pickle
import re
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import datasette.utils as datasette_utils
from datasette.database import Database, QueryInterrupted, Results
from datasette.plugins import pm

from archive.database.isolated_processes import start_isolated
from archive.web.datasette_versions import IS_NEXT
from archive.web.request_limits import (
    SQL,
    BusyError,
    SandboxLimits,
    Turn,
    current_turn,
)

# Worker processes

WORKER_SCRIPT = Path(__file__).with_name("allowed_sql.py")
# sent by an operator, or because the system ran out of memory
EXTERNAL_SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
EXIT_TIMEOUT = 1.0  # seconds to wait for the exit code of a process whose pipe is already closed
MIN_STATEMENT_SECONDS = 0.001  # seconds that a statement gets if the budget is used up
# in a canned query, filled in by Datasette: :_now_epoch and so on
MAGIC_PARAMETER = re.compile(r":(_\w+)")

# checks of SQL that take linear time
SQL_SPACE = r"(?:\s++|--[^\n]*+(?:\n|\Z)|/\*(?:[^*]|\*(?!/))*+\*/)*+"
SELECT_STATEMENT = re.compile(
    rf"{SQL_SPACE}(?:explain\s++(?:query\s++plan\s++)?+)?+(?:select|with)\b"
)
# as in SQLite, an unterminated comment ends with the text
SQL_COMMENT = re.compile(r"/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z)")


def install_linear_sql_checks() -> None:
    """Replace Datasette's checks of SQL with checks that never backtrack, for the whole process.

    Datasette's own checks run in the thread that serves all requests: `/**/` followed by many line
    breaks took 20 seconds. tests/archive/web/test_request_limits.py fails if Datasette renames the
    replaced functions; one of the names is private.
    """
    datasette_utils.allowed_sql_res[:] = [SELECT_STATEMENT]
    if hasattr(datasette_utils, "_multi_line_comment_re"):  # 1.0 reads comments in linear time
        datasette_utils._multi_line_comment_re = SQL_COMMENT


# column names, rows, and whether these are all rows
StatementResult = tuple[list[str], list[Any], bool]


@dataclass(slots=True, kw_only=True)
class SandboxStatement:
    """A statement for a worker, with limits on its time and on the size of its result."""

    sql: str
    params: Any
    seconds: float
    may_be_cut: bool  # whether the result may be cut to the rows that fit
    max_bytes: int
    max_values: int
    as_json: bool  # whether max_bytes limits the size in JSON
    # so that it can be stopped from another thread
    worker: SandboxWorker | None = None
    stopped: bool = False
    received_bytes: int = 0

    def stop(self) -> None:
        """Kill the worker that runs the statement.

        The thread that waits for the worker gets a WorkerLostError.
        """
        self.stopped = True
        if worker := self.worker:
            worker.process.kill()

    def serialise(self) -> bytes:
        limits = (self.seconds, self.may_be_cut, self.max_bytes, self.max_values, self.as_json)
        return pickle.dumps((self.sql, self.params, *limits))


class SandboxedDatabase(Database):  # type: ignore[misc] # Datasette ships no types
    """Runs visitors' statements in workers.

    It replaces `original`, the Database that Datasette opened.
    """

    def __init__(self, ds: Any, original: Any, limits: SandboxLimits) -> None:
        super().__init__(ds, path=original.path, is_mutable=original.is_mutable)
        self.name, self.route = original.name, original.route
        self.original, self.limits = original, limits
        self.idle_workers: list[SandboxWorker] = []
        self.threads = ThreadPoolExecutor(limits.work[SQL].running, thread_name_prefix="visitors")
        self.thread_local = threading.local()

    async def execute(self, sql: str, params: Any = None, **more: Any) -> Any:
        """Run a visitor's statement in a worker, and all other statements as Datasette does."""
        turn = current_turn.get()
        if turn is None or sql[:6].upper() == "PRAGMA":  # only Datasette itself sends PRAGMA
            return await super().execute(sql, params, **more)
        # the rows of a table or of a visitor's SQL, not of a facet or a count
        may_be_cut = bool(more.get("truncate"))
        page = turn.page if may_be_cut else None
        if page:
            sql, params = page.rewrite(sql, params)
        statement = SandboxStatement(
            sql=sql,
            params=_resolve_magic_parameters(sql, params if params is not None else {}),
            seconds=self.choose_time_limit(turn, more.get("custom_time_limit")),
            may_be_cut=may_be_cut,
            max_bytes=turn.max_bytes,
            max_values=turn.max_values,
            as_json=not turn.is_csv,
        )
        await turn.acquire_slot()
        started = time.monotonic()
        try:
            result = self.threads.submit(self.execute_with_retry, statement)
            names, rows, is_complete = await asyncio.wrap_future(result)
            turn.largest_response = max(turn.largest_response, statement.received_bytes)
        except asyncio.CancelledError:  # the client has disconnected: the thread must not continue
            statement.stop()
            raise
        except sqlite3.OperationalError as error:
            if error.args == ("interrupted",):
                interrupted = (
                    StarvedQueryError if isinstance(error, StarvedError) else QueryInterrupted
                )
                raise interrupted(error, sql, params) from error
            raise
        finally:
            turn.seconds_left -= time.monotonic() - started
            if turn.streaming:
                turn.release_slot()
        if page:
            names, rows = page.take(names, rows, is_complete=is_complete)
        elif not is_complete:
            _record_cut(turn, len(rows))
        return _build_results(names, rows, truncated=not is_complete and not page)

    def choose_time_limit(self, turn: Turn, custom_limit: float | None) -> float:
        """Return the number of seconds that a statement may take.

        This is the shortest of Datasette's limit, the caller's limit and the remaining time of the
        request (except in a stream), but at least MIN_STATEMENT_SECONDS.
        """
        usual: float = self.ds.sql_time_limit_ms
        limit = min(usual, custom_limit or usual) / 1000
        if not turn.streaming:
            limit = min(limit, turn.seconds_left)
        return max(MIN_STATEMENT_SECONDS, limit)

    def execute_with_retry(self, statement: SandboxStatement) -> StatementResult:
        """Run a statement. Retry once if its worker died for a reason other than the statement.

        This is called in a thread. There are as many threads as workers.
        """
        # the same cause may have ended the idle workers, too
        for get_worker in (self.acquire_worker, self.start_worker):
            statement.worker = worker = get_worker()
            try:
                return worker.execute(statement)
            except WorkerLostError:
                if statement.stopped:
                    raise
            finally:
                statement.worker, statement.received_bytes = None, worker.received_bytes
                if worker.is_exhausted:
                    worker.close()
                else:
                    self.idle_workers.append(worker)
        raise BusyError

    def acquire_worker(self) -> SandboxWorker:
        """Return an idle worker. If no worker is idle, start one."""
        while self.idle_workers:
            worker = self.idle_workers.pop()
            if not worker.is_exhausted:
                return worker
            worker.close()
        return self.start_worker()

    def start_worker(self) -> SandboxWorker:
        uri = Path(self.path).resolve().as_uri() + (
            "?mode=ro" if self.is_mutable else "?immutable=1"
        )
        return SandboxWorker(uri, self.limits, self.escape)

    def escape(self, text: str) -> str:
        """Return a search text as an FTS5 expression.

        The SQL function that does this is defined in archive/views/search.py. A plugin
        (archive/plugins/archive_site.py) registers it on connections.
        """
        if not hasattr(self.thread_local, "db"):
            self.thread_local.db = db = self.connect()
            db.row_factory = sqlite3.Row
            pm.hook.prepare_connection(conn=db, database=self.name, datasette=self.ds)
        return str(self.thread_local.db.execute("select escape_fts(?)", [text]).fetchone()[0])

    def connect(self, write: bool = False) -> sqlite3.Connection:
        """Return a read-only connection. Raises OperationalError if `write` is true.

        Datasette asks for a writable connection whenever it writes to a database or analyses SQL.
        """
        if write:
            raise sqlite3.OperationalError("the site never writes to its databases")
        connection: sqlite3.Connection = super().connect()
        return connection

    async def execute_isolated_fn(self, fn: Callable[[sqlite3.Connection], Any]) -> Any:
        raise sqlite3.OperationalError("the site runs no statement in a connection of its own")

    def close(self) -> None:
        self.threads.shutdown()
        while self.idle_workers:
            self.idle_workers.pop().close()
        super().close()
        # Datasette finds connections by database name: some may be the original's
        self.original.close()


def _record_cut(turn: Turn, row_count: int) -> None:
    """Record that the result contains more rows than are returned.

    Raises OperationalError if Datasette 1.0 would send the returned rows as if they were the whole
    result.
    """
    if IS_NEXT and turn.streaming:
        most = f"{turn.max_bytes:,} bytes or {turn.max_values:,} values"
        raise sqlite3.OperationalError(
            f"_stream=on means all rows, but the result has more than {most}"
        )
    turn.rows_before_limit = row_count


def _resolve_magic_parameters(sql: str, params: Any) -> Any:
    """Return the parameters as a plain dict.

    The mapping that Datasette passes for canned queries cannot be pickled.
    """
    if not isinstance(params, dict):
        return params
    resolved = dict(params)
    for name in MAGIC_PARAMETER.findall(sql):
        with suppress(KeyError):
            resolved[name] = params[name]
    return resolved


def _build_results(names: Sequence[str], rows: list[Any], *, truncated: bool) -> Any:
    """Return results of Datasette's type. The rows can be indexed by position and by name."""
    db = sqlite3.connect(":memory:")
    columns = ", ".join('null as "' + name.replace('"', '""') + '"' for name in names)
    cursor = db.execute(f"select {columns} limit 0")
    description = cursor.description
    sqlite_rows = [sqlite3.Row(cursor, tuple(row)) for row in rows]
    db.close()
    return Results(sqlite_rows, truncated, description)


class WorkerLostError(Exception):
    """A worker died for a reason other than its statement. Another worker may succeed."""


class StarvedError(sqlite3.OperationalError):
    """A statement's time ran out while the machine was busy with other work."""


class StarvedQueryError(QueryInterrupted):  # type: ignore[misc] # Datasette ships no types
    """A query was interrupted because the machine was busy with other work.

    The query may succeed later.
    """


class SandboxWorker:
    """A process that runs statements on one database.

    escape: the function that executes the worker's calls to escape_fts.
    """

    def __init__(self, uri: str, limits: SandboxLimits, escape: Callable[[str], str]) -> None:
        self.limits, self.escape, self.uses = limits, escape, 0
        self.received_bytes = 0  # size of the last result
        self.pipe, worker_end = Pipe()
        try:
            # a visitor's statements must not see the server's secrets
            self.process = start_isolated(
                WORKER_SCRIPT,
                str(worker_end.fileno()),
                uri,
                limits={"AS": limits.worker_memory, "FSIZE": limits.temp_file_bytes},
                settings=asdict(limits),
                pass_fds=[worker_end.fileno()],
                stdin=subprocess.DEVNULL,
            )
        finally:
            worker_end.close()

    @property
    def is_exhausted(self) -> bool:
        """Return whether the worker is dead, or has run as many statements as a worker may."""
        return self.uses >= self.limits.worker_statements or self.process.poll() is not None

    def execute(self, statement: SandboxStatement) -> StatementResult:
        """Run a statement, and return its column names and rows.

        Raises sqlite3.OperationalError("interrupted") after the time limit, or StarvedError if the
        machine was too busy.
        """
        self.uses += 1
        if self.uses == 1:
            self.wait_until_ready()
        if statement.stopped:  # before it had a worker that could be killed
            raise WorkerLostError
        try:
            end = time.monotonic() + statement.seconds + self.limits.kill_delay
            self.pipe.send_bytes(statement.serialise())
            while self.pipe.poll(max(0.0, end - time.monotonic())):
                data = self.pipe.recv_bytes()
                self.received_bytes = len(data)
                kind, content, rows = load_restricted(data)
                if kind in ("rows", "cut"):
                    return content, rows, kind == "rows"
                if kind == "starved":
                    raise StarvedError(content)
                if kind == "error":
                    raise sqlite3.OperationalError(content)
                self.pipe.send_bytes(pickle.dumps(self.escape(content)))
        except (EOFError, OSError) as error:  # the system or the worker itself ended it
            self.close(EXIT_TIMEOUT)
            if -self.process.returncode in EXTERNAL_SIGNALS:
                raise WorkerLostError from error
            raise sqlite3.OperationalError(
                "the statement was stopped because it needed too many resources"
            ) from error
        self.close()
        raise sqlite3.OperationalError("interrupted")

    def wait_until_ready(self) -> None:
        """Wait until the worker has started.

        If it does not start in time, kill it and raise WorkerLostError.
        """
        try:
            if self.pipe.poll(self.limits.worker_start_timeout):
                self.pipe.recv_bytes()
                return
        except (EOFError, OSError) as error:
            raise WorkerLostError from error
        # otherwise its late message would be taken for the result of a later statement
        self.close()
        raise WorkerLostError

    def close(self, timeout: float = 0.0) -> None:
        """Kill the worker unless it ends by itself within the timeout (in seconds).

        No data can be lost, because a worker stores none.
        """
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout)
        self.process.kill()
        self.process.wait()
        self.pipe.close()


class RestrictedUnpickler(pickle.Unpickler):
    """Unpickles only numbers, texts, bytes, lists and tuples.

    References to callables are rejected.
    """

    # a compromised worker must not compromise the server
    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a worker's result")


def load_restricted(data: bytes) -> Any:
    return RestrictedUnpickler(io.BytesIO(data)).load()
