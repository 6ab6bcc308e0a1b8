"""A process that runs statements it is sent, one at a time, and holds nothing else: no key, no setting, no network.

Started as a script of its own, isolated from the environment: it imports the standard library alone.
"""

from __future__ import annotations

import json
import os
import pickle
import re
import resource
import sqlite3
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

FORBIDDEN_TABLES = frozenset(
    {"sqlite_dbpage", "dbstat", "sqlite_stmt", "search_data", "search_questions_data"}
)  # pages of the file as they lie, deleted text among them
INDEX_SHADOW_TABLE = re.compile(r"search(_questions)?_(data|idx|docsize|content)")
FORBIDDEN_FUNCTIONS = frozenset({"load_extension", "fts3_tokenizer", "sqlite_log", "rtreecheck", "optimize"})
ALLOWED_PRAGMAS = frozenset(  # without an argument, or with a table's or an index's name
    (
        *("foreign_key_list", "function_list", "index_info", "index_list", "index_xinfo", "page_count", "page_size"),
        *("schema_version", "table_info", "table_list", "table_xinfo", "data_version"),
    )
)


class ResultTooLargeError(Exception):
    """More than an answer may hold."""


def main(pipe_number: str, uri: str, told: str) -> None:
    """Answer until the other end is closed."""
    limits = json.loads(told)
    with suppress(PermissionError):  # some service managers forbid it; the limits below must not fail
        os.nice(10)  # readers of pages come first
    resource.setrlimit(resource.RLIMIT_AS, (limits["memory"], limits["memory"]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits["file"], limits["file"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pipe = Connection(int(pipe_number))
    gate, escapes = StatementAuthorizer(), EscapeFtsProxy(pipe, limits)
    db = open_restricted_database(uri, limits, gate)
    db.create_function("escape_fts", 1, escapes.escape)
    pipe.send_bytes(b"ready")
    while True:
        try:
            asked = pickle.loads(pipe.recv_bytes())  # noqa: S301 - the server's own words
        except EOFError:
            return
        escapes.calls_left = limits["escapes"]
        kind, told, rows = run_statement(db, gate, asked)
        if kind == "error" and escapes.calls_left < 0:  # SQLite says only that a function raised an exception
            told = escapes.limit_message
        pipe.send_bytes(pickle.dumps((kind, told, rows)))


def open_restricted_database(uri: str, limits: dict[str, Any], authorizer: StatementAuthorizer) -> sqlite3.Connection:
    """Read-only in three ways, with SQLite's own limits drawn in."""
    db = sqlite3.connect(uri, uri=True, isolation_level=None)
    db.text_factory = lambda value: str(value, "utf-8", "replace")  # as Datasette does
    db.execute("pragma query_only = 1")
    for category, most in (
        (sqlite3.SQLITE_LIMIT_LENGTH, limits["value"]),
        (sqlite3.SQLITE_LIMIT_SQL_LENGTH, limits["statement"]),
        (sqlite3.SQLITE_LIMIT_COLUMN, limits["columns"]),
        (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
        (sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0),
        (sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1_000),
        (sqlite3.SQLITE_LIMIT_COMPOUND_SELECT, 100),
    ):
        db.setlimit(category, most)
    db.set_authorizer(authorizer.authorise)
    return db


class StatementAuthorizer:
    """What a statement may do; tables of an index, which may hold words of texts that are gone, only the index reads.

    SQLite asks for a visitor's words and for the index's own statements alike. The former are known before anything
    runs, so they are looked at alone, as `explain` of the same; the latter come up only while it runs.
    """

    def __init__(self) -> None:
        self.strict = False

    def authorise(self, action: int, one: str | None, two: str | None, schema: str | None, trigger: str | None) -> int:
        """Reading, and what describes the schema; nothing that writes, attaches, loads or sets."""
        if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE):
            allowed = True
        elif action == sqlite3.SQLITE_READ:
            name = (one or "").lower()
            allowed = name not in FORBIDDEN_TABLES and not (self.strict and INDEX_SHADOW_TABLE.fullmatch(name))
        elif action == sqlite3.SQLITE_FUNCTION:
            allowed = (two or "").lower() not in FORBIDDEN_FUNCTIONS
        elif action == sqlite3.SQLITE_PRAGMA:
            allowed = (one or "").lower() in ALLOWED_PRAGMAS
        else:
            allowed = False
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY

    def check(self, db: sqlite3.Connection, sql: str, params: Any) -> None:
        """sqlite3.Error where it must not run; that of `explain explain`, which reads nothing, is none."""
        self.strict = True
        try:
            db.execute(f"explain {sql}", params).close()
        except sqlite3.OperationalError as error:
            if str(error).lower() != 'near "explain": syntax error':
                raise
        finally:
            self.strict = False


def run_statement(
    db: sqlite3.Connection,
    authorizer: StatementAuthorizer,
    statement: tuple[str, Any, float, int | None, int, int, bool],
) -> tuple[str, Any, Any]:
    """("rows", column names, rows), or ("error", SQLite's words, None); asked is a Statement of keeper.py."""
    sql, params, seconds, rows, size, cells, escaped = statement
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime + seconds) + 3  # whatever becomes of the server, this process ends
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))
    end = time.perf_counter() + seconds
    db.set_progress_handler(lambda: time.perf_counter() >= end, 1000 if seconds > 0.02 else 1)
    try:
        authorizer.check(db, sql, params)
        cursor = db.execute(sql, params)
        try:
            names = [column[0] for column in cursor.description or ()]
            return "rows", names, collect_rows(cursor, rows, size, cells, as_json=escaped)
        finally:
            cursor.close()
    except MemoryError:
        return "error", "the statement needs more memory than a visitor's may", None
    except (sqlite3.Error, sqlite3.Warning, ResultTooLargeError, OverflowError, ValueError) as error:
        return "error", str(error), None
    finally:
        db.set_progress_handler(None, 0)


def collect_rows(
    cursor: Iterable[Sequence[Any]], max_rows: int | None, max_bytes: int, max_values: int, *, as_json: bool
) -> list[Sequence[Any]]:
    """The rows, so many at most, as long as all together are not larger than size, nor more values than cells."""
    found: list[Sequence[Any]] = []
    bytes_left, cells_left = max_bytes, max_values
    for row in cursor:
        found.append(row)
        cells_left -= len(row)
        for value in row:
            bytes_left -= measure_value(value, bytes_left, as_json=as_json)
        if bytes_left < 0 or cells_left < 0:
            raise ResultTooLargeError(
                f"the answer is too large (at most {max_bytes:,} bytes and {max_values:,} values in this format):"
                " ask for fewer rows or columns"
            )
        if len(found) == max_rows:
            break
    return found


def measure_value(value: object, max_bytes: int, *, as_json: bool) -> int:
    """Bytes of a value in an answer; not reckoned to the last one where it is more than most.

    >>> [measure_value(v, 100, as_json=True) for v in ("a", "å", "\\n", b"abc", 7)], measure_value("å", 100, as_json=False)
    ([3, 8, 4, 4, 8], 2)
    """
    if isinstance(value, bytes):
        return len(value) * 4 // 3
    if not isinstance(value, str):
        return 8
    if len(value) > max_bytes:
        return len(value)
    return len(json.dumps(value)) if as_json else len(value.encode("utf-8", "replace"))


class EscapeFtsProxy:
    """escape_fts, which needs dictionaries: the server answers it."""

    def __init__(self, pipe: Connection, limits: dict[str, Any]) -> None:
        self.pipe, self.limits, self.calls_left = pipe, limits, 0
        self.limit_message = (
            f"escape_fts takes {limits['words']:,} letters at most, {limits['escapes']} times a statement"
        )

    def escape(self, text: object) -> str:
        """An FTS5 expression for a reader's words."""
        self.calls_left -= 1
        words = "" if text is None else str(text)
        if len(words) > self.limits["words"]:
            self.calls_left = -1
        if self.calls_left < 0:
            raise ValueError(self.limit_message)
        self.pipe.send_bytes(pickle.dumps(("escape", words, None)))
        return str(pickle.loads(self.pipe.recv_bytes()))  # noqa: S301 - the server's own words


if __name__ == "__main__":
    main(*sys.argv[1:])
