"""A worker process of archive.web.sql_sandbox: runs the statements that it receives, one at a time.

It is an isolated process (archive.database.isolated_processes) and imports only the standard
library, so it holds no key, setting or network connection that a statement could misuse.
"""

from __future__ import annotations

import json
import pickle
import re
import resource
import sqlite3
import time
from collections.abc import Iterable, Sequence
from multiprocessing.connection import Connection
from typing import Any

# they show raw pages of the file, which may contain deleted text
FORBIDDEN_TABLES = frozenset(
    (
        *("sqlite_dbpage", "dbstat", "sqlite_stmt"),
        *("search_data", "search_questions_data", "search_versions_data", "search_diff_data"),
        *("search_attachments_data", "search_quotes_data"),
    )
)
INDEX_SHADOW_TABLE = re.compile(
    r"search(_questions|_quotes|_versions|_diff|_attachments)?_(data|idx|docsize|content)"
)
FORBIDDEN_FUNCTIONS = frozenset(
    {"load_extension", "fts3_tokenizer", "sqlite_log", "rtreecheck", "optimize"}
)
ALLOWED_PRAGMAS = frozenset(  # allowed without an argument, or with the name of a table or index
    (
        *(
            "foreign_key_list",
            "function_list",
            "index_info",
            "index_list",
            "index_xinfo",
            "page_count",
            "page_size",
        ),
        *("schema_version", "table_info", "table_list", "table_xinfo", "data_version"),
    )
)


def prepare(pipe_number: str, uri: str) -> tuple[Connection, str]:
    """Return the pipe to the server, and the URI of the database."""
    return Connection(int(pipe_number)), uri


def run(prepared: tuple[Connection, str], limits: dict[str, Any]) -> None:
    """Run statements until the other end of the pipe is closed."""
    pipe, uri = prepared
    authorizer, escape_fts = StatementAuthorizer(), EscapeFtsProxy(pipe, limits)
    db = _open_restricted_database(uri, limits, authorizer)
    db.create_function("escape_fts", 1, escape_fts.escape)
    pipe.send_bytes(b"ready")
    while True:
        try:
            statement = pickle.loads(pipe.recv_bytes())  # noqa: S301 - sent by the server
        except EOFError:
            return
        escape_fts.calls_left = limits["max_escape_calls"]
        kind, content, rows = _run_statement(db, authorizer, statement, limits["starved_share"])
        # SQLite itself only reports that a function raised an exception
        if kind == "error" and escape_fts.calls_left < 0:
            content = escape_fts.limit_message
        pipe.send_bytes(pickle.dumps((kind, content, rows)))


def _open_restricted_database(
    uri: str, limits: dict[str, Any], authorizer: StatementAuthorizer
) -> sqlite3.Connection:
    """Open a read-only connection to a database, with low SQLite limits.

    Three things make it read-only: its URI, the pragma query_only and the authorizer.
    """
    db = sqlite3.connect(uri, uri=True, isolation_level=None)
    db.text_factory = lambda value: str(value, "utf-8", "replace")  # as Datasette does
    db.execute("pragma query_only = 1")
    for category, limit in (
        (sqlite3.SQLITE_LIMIT_LENGTH, limits["max_value_bytes"]),
        (sqlite3.SQLITE_LIMIT_SQL_LENGTH, limits["max_sql_length"]),
        (sqlite3.SQLITE_LIMIT_COLUMN, limits["max_columns"]),
        (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
        (sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0),
        (sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1_000),
        (sqlite3.SQLITE_LIMIT_COMPOUND_SELECT, 100),
    ):
        db.setlimit(category, limit)
    db.set_authorizer(authorizer.authorise)
    return db


class StatementAuthorizer:
    """Decides what a statement may do.

    Only the full-text index itself may read its internal tables, because they may contain words of
    deleted texts. SQLite calls the authorizer for the visitor's statement and for the index's
    internal statements alike. The visitor's statement is therefore first checked in strict mode
    with `explain`, which does not run the index's statements.
    """

    def __init__(self) -> None:
        self.strict = False

    def authorise(
        self,
        action: int,
        name: str | None,
        function: str | None,
        schema: str | None,
        trigger: str | None,
    ) -> int:
        """Return SQLITE_OK if an action only reads allowed data, otherwise SQLITE_DENY."""
        if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE):
            allowed = True
        elif action == sqlite3.SQLITE_READ:
            table = (name or "").lower()
            allowed = table not in FORBIDDEN_TABLES and not (
                self.strict and INDEX_SHADOW_TABLE.fullmatch(table)
            )
        elif action == sqlite3.SQLITE_FUNCTION:
            allowed = (function or "").lower() not in FORBIDDEN_FUNCTIONS
        elif action == sqlite3.SQLITE_PRAGMA:
            allowed = (name or "").lower() in ALLOWED_PRAGMAS
        else:
            allowed = False
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY

    def check(self, db: sqlite3.Connection, sql: str, params: Any) -> None:
        """Raise sqlite3.Error if a visitor's statement is not allowed."""
        self.strict = True
        try:
            db.execute(f"explain {sql}", params).close()
        except sqlite3.OperationalError as error:
            # raised by `explain explain`, which reads nothing
            if str(error).lower() != 'near "explain": syntax error':
                raise
        finally:
            self.strict = False


def _run_statement(
    db: sqlite3.Connection,
    authorizer: StatementAuthorizer,
    statement: tuple[str, Any, float, bool, int, int, bool],
    starved_share: float,
) -> tuple[str, Any, Any]:
    """Run a statement, and return the outcome, column names and rows.

    The outcome is "rows", or "cut" if only some of the rows are returned. If it is "error" or
    "starved", a message and None are returned instead of names and rows. A statement is starved if
    its time ran out while the machine was busy with other work.
    """
    sql, params, seconds, may_be_cut, max_bytes, max_values, as_json = statement
    used = resource.getrusage(resource.RUSAGE_SELF)
    # ends this process even if the server has died
    cpu_limit = int(used.ru_utime + used.ru_stime + seconds) + 3
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_limit, resource.RLIM_INFINITY))
    end = time.perf_counter() + seconds
    db.set_progress_handler(lambda: time.perf_counter() >= end, 1000 if seconds > 0.02 else 1)
    try:
        authorizer.check(db, sql, params)
        cursor = db.execute(sql, params)
        try:
            names = [column[0] for column in cursor.description or ()]
            rows, is_complete = _collect_rows(cursor, max_bytes, max_values, as_json=as_json)
            if not is_complete and not (may_be_cut and rows):
                raise ResultTooLargeError(
                    f"the result is too large (at most {max_bytes:,}"
                    f" bytes and {max_values:,}"
                    f" values in this format):"
                    " select fewer rows or columns"
                )
            return "rows" if is_complete else "cut", names, rows
        finally:
            cursor.close()
    except MemoryError:
        return "error", "the statement needs more memory than visitors may use", None
    except (
        sqlite3.Error,
        sqlite3.Warning,
        ResultTooLargeError,
        OverflowError,
        ValueError,
    ) as error:
        is_starved = str(error) == "interrupted" and _measure_cpu(used) < seconds * starved_share
        return "starved" if is_starved else "error", str(error), None
    finally:
        db.set_progress_handler(None, 0)


def _measure_cpu(before: resource.struct_rusage) -> float:
    """Return the CPU time (in seconds) that this process has used since `before`."""
    now = resource.getrusage(resource.RUSAGE_SELF)
    return now.ru_utime - before.ru_utime + now.ru_stime - before.ru_stime


def _collect_rows(
    cursor: Iterable[Sequence[Any]], max_bytes: int, max_values: int, *, as_json: bool
) -> tuple[list[Sequence[Any]], bool]:
    """Return the rows that fit in a response, and whether these are all rows of the result.

    >>> _collect_rows([(1, "a"), (2, "b")], 100, 3, as_json=True)
    ([(1, 'a')], False)
    """
    rows: list[Sequence[Any]] = []
    bytes_left, values_left = max_bytes, max_values
    for row in cursor:
        values_left -= len(row)
        for value in row:
            bytes_left -= _measure_value(value, bytes_left, as_json=as_json)
        if bytes_left < 0 or values_left < 0:
            return rows, False
        rows.append(row)
    return rows, True


def _measure_value(value: object, max_bytes: int, *, as_json: bool) -> int:
    """Return a value's size in a response, in bytes. Above `max_bytes`, the size is approximate.

    >>> [_measure_value(value, 100, as_json=True) for value in ("a", "å", "\\n", b"abc", 7)]
    [3, 8, 4, 4, 8]
    >>> _measure_value("å", 100, as_json=False)
    2
    """
    if isinstance(value, bytes):
        return len(value) * 4 // 3
    if not isinstance(value, str):
        return 8
    if len(value) > max_bytes:
        return len(value)
    return len(json.dumps(value)) if as_json else len(value.encode("utf-8", "replace"))


class EscapeFtsProxy:
    """The SQL function escape_fts. It is executed by the server, because it needs dictionaries."""

    def __init__(self, pipe: Connection, limits: dict[str, Any]) -> None:
        self.pipe, self.limits, self.calls_left = pipe, limits, 0
        max_calls, max_length = limits["max_escape_calls"], limits["max_escape_length"]
        self.limit_message = (
            f"escape_fts takes at most {max_length:,} characters, {max_calls} times in a statement"
        )

    def escape(self, text: object) -> str:
        self.calls_left -= 1
        query = "" if text is None else str(text)
        if len(query) > self.limits["max_escape_length"]:
            self.calls_left = -1
        if self.calls_left < 0:
            raise ValueError(self.limit_message)
        self.pipe.send_bytes(pickle.dumps(("escape", query, None)))
        return str(pickle.loads(self.pipe.recv_bytes()))  # noqa: S301 - sent by the server


class ResultTooLargeError(Exception):
    """The result contains more bytes or values than a response may contain."""
