"""Open, lock and copy SQLite files; ArchiveError; process pool; the protocol of a function that runs a SELECT.

What can go wrong in the archive.

Opens SQLite files: for writing beside readers and other writers, or for reading alone.

What a process has loaded is not looked through for garbage: it stays, and each look at all of it takes 60 ms.

Pure work in several processes, handed back in the order it came; so much is under way at once, and no more.

What a search runs on, and what it gives: rows in, hits and choices out.
"""

from __future__ import annotations

import gc
import os
import signal
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any, Protocol, TypeVar


class ArchiveError(Exception):
    """A database that cannot be opened, read or written: names the file and, where there is one, the table."""

    def __init__(self, file: Path | str, problem: str, *, table: str | None = None, key: str | None = None) -> None:
        self.file, self.table, self.key, self.problem = str(file), table, key, problem
        super().__init__(": ".join(part for part in (str(file), table, key, problem) if part))


WAL_SIZE = 16 * 1024 * 1024  # bytes of the file beside it, about
LOCK_TIMEOUT = 30  # seconds, for another process to be done
SCHEMA_VERSION = 1  # SQLite's user_version of archive.db, captures.db and withheld.db


def open_writable(path: Path, *, page_size: int = 4096) -> sqlite3.Connection:
    """Made where it is not there yet. Transactions are the caller's alone: isolation_level is None."""
    db = sqlite3.connect(path, isolation_level=None, timeout=LOCK_TIMEOUT)
    db.execute(f"pragma page_size = {page_size}")  # bytes; without effect on a file that is there
    enable_wal(db)
    db.execute("pragma synchronous = normal")
    # a release touches a hundred pages of the index, mostly the same ones: they are put in their place once in a while
    db.execute(f"pragma wal_autocheckpoint = {WAL_SIZE // page_size}")
    db.execute("pragma foreign_keys = on")
    db.execute("pragma secure_delete = on")  # what is taken down is out of the file, too; many builds have it on
    return db


def enable_wal(db: sqlite3.Connection) -> None:
    """Where two processes make a file at once, SQLite refuses one of them without waiting."""
    deadline = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            db.execute("pragma journal_mode = wal")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def open_readonly(path: Path) -> sqlite3.Connection:
    """sqlite3.OperationalError where there is no such file."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=LOCK_TIMEOUT)


def check_version(db: sqlite3.Connection, path: Path) -> bool:
    """Return whether archive.db, captures.db or withheld.db is of this version; False if the file is still empty.

    Raise ArchiveError if it was made by an older or newer version, or by other software.
    """
    (version,) = db.execute("pragma user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise ArchiveError(path, "was made by a newer version of Myndighetsarkivet: update the software to open it")
    if version < SCHEMA_VERSION and db.execute("select 1 from sqlite_master limit 1").fetchone():
        raise ArchiveError(
            path, "was made before version 0.1.0 or by other software, and cannot be opened as an archive"
        )
    return bool(version)


def check_database(path: Path, *, missing_message: str = "no such file") -> None:
    """ArchiveError where there is no file, or it is no SQLite file."""
    if not path.is_file():
        raise ArchiveError(path, missing_message)
    try:
        with closing(open_readonly(path)) as db:
            check_version(db, path)
    except sqlite3.Error as error:
        raise ArchiveError(path, f"cannot be opened as an archive: {error}") from error


def freeze_garbage_collector() -> None:
    """Leave what is there by now out of every later look for garbage. Once a process: later calls do nothing."""
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()


TASKS_PER_PROCESS = 2  # tasks a process, beside the one that is being written: memory stays bounded
MAX_PROCESSES = 8  # more would wait for the one that writes
Task = TypeVar("Task")
Payload = TypeVar("Payload")
TaskResult = TypeVar("TaskResult")


def choose_process_count() -> int:
    """How many processes serve: one a core, for the one that writes is idle at times."""
    return min(MAX_PROCESSES, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def map_in_order(
    tasks: Iterable[Task],
    function: Callable[[Payload], TaskResult],
    *,
    to_payload: Callable[[Task], Payload],
    processes: int,
) -> Generator[tuple[Task, TaskResult], None, None]:
    """Each task with what `work` made of what it sends, in their order; 0 processes: it is done here.

    An error of `work` is raised in its task's turn, an ArchiveError of the tasks themselves after what they gave
    before it. Close the iterator, or read it to its end: the processes end then.
    """
    if processes < 1:
        for task in tasks:
            yield task, function(to_payload(task))
        return
    waiting: deque[tuple[Task, Future[TaskResult]]] = deque()
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=exit_with_parent)
    try:
        fault: ArchiveError | None = None
        coming = iter(tasks)
        while True:
            try:
                task = next(coming)
            except StopIteration:
                break
            except ArchiveError as error:
                fault = error
                break
            waiting.append((task, pool.submit(function, to_payload(task))))
            if len(waiting) > TASKS_PER_PROCESS * processes:
                done, future = waiting.popleft()
                yield done, future.result()
        while waiting:
            done, future = waiting.popleft()
            yield done, future.result()
        if fault:
            raise fault
    finally:
        pool.shutdown(cancel_futures=True)


def exit_with_parent() -> None:
    """Ctrl-C is for the one that writes, which then ends the others; and none outlives it, were it killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=wait_for_parent, daemon=True).start()


def wait_for_parent() -> None:
    """Waits for the end of the process that started this one."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


CoroutineResult = TypeVar("CoroutineResult")


class RunQuery(Protocol):
    """Whatever can run a SELECT with named values and give its rows."""

    async def __call__(self, sql: str, values: dict[str, Any], /) -> Sequence[Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetValue:
    """One value of a facet, with how many releases it would leave."""

    value: str
    count: int
    name: str
    name_en: str | None = None


def build_connection_runner(connection: sqlite3.Connection) -> RunQuery:
    """Runs on a connection, and never has to wait."""

    async def run(sql: str, values: dict[str, Any], /) -> Sequence[Any]:
        cursor = connection.execute(sql, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    return run


def run_without_waiting(coroutine: Coroutine[Any, Any, CoroutineResult]) -> CoroutineResult:
    """The result of a coroutine that never has to wait."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        found: CoroutineResult = done.value
        return found
    raise RuntimeError("it waited")
