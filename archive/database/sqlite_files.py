"""Opens, checks and copies SQLite files; runs queries and processes, and shows progress."""

from __future__ import annotations

import gc
import math
import os
import re
import secrets
import shutil
import signal
import sqlite3
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import click

ARCHIVE_FILE = "archive.db"  # name of the archive in backups and snapshots
UNFINISHED_SUFFIX = ".unfinished"
# tables that Litestream adds to a file it follows
LITESTREAM_TABLES = ("_litestream_seq", "_litestream_lock")
SCHEMA_VERSION = 1  # SQLite's user_version of archive.db, captures.db and withheld.db
# creates archive/database/schema.sql; the last of those that led to it
FIRST_MIGRATION = "edited_releases"
# number of migrations in archive/database/schema.py; a file with more was made by a newer version
MIGRATIONS = 20
WAL_SIZE = 16 * 1024 * 1024  # approximate size in bytes
LOCK_TIMEOUT = 30  # seconds to wait for another process
# new objects; Python's default of 700 (3.11) is less than what a single page creates
GC_THRESHOLD = 10_000

# The process pool
TASKS_PER_PROCESS = 2  # tasks waiting per process, limited to save memory
MAX_PROCESSES = 8  # with more, processes would wait for the one that writes
MIN_PARALLEL_BYTES = 1_000_000  # smaller files, compressed or not, are read by a single process

ProgressCallback = Callable[[str, int, int], None]  # activity, number done, total
CONTINUES = "the same command goes on from here"  # see show_progress
PROGRESS_INTERVAL = 30  # seconds between lines that say how far a command is, in logs
UPDATE_INTERVAL = 0.1  # seconds between updates of a bar
Task = TypeVar("Task")
Payload = TypeVar("Payload")
TaskResult = TypeVar("TaskResult")
CoroutineResult = TypeVar("CoroutineResult")


class ArchiveError(Exception):
    """A file cannot be opened, read or written.

    The message names the file and, if known, the table and key.
    """

    def __init__(
        self, file: Path | str, problem: str, *, table: str | None = None, key: str | None = None
    ) -> None:
        self.file, self.table, self.key, self.problem = str(file), table, key, problem
        super().__init__(": ".join(part for part in (str(file), table, key, problem) if part))


def is_file_fault(error: sqlite3.DatabaseError) -> bool:
    """Return whether an error concerns the file or its disk (such as damage or a lock) and not a
    statement.
    """
    return isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError


def describe_error(error: sqlite3.Error, path: Path) -> str:
    """Return SQLite's message about a file, followed by the reason if the file system prevents
    access.
    """
    reasons = {
        "it is a folder": path.is_dir(),
        "no permission to read it": path.exists() and not os.access(path, os.R_OK),
        f"{path.parent} cannot be written, but SQLite keeps files beside it": not os.access(
            path.parent, os.W_OK
        ),
        "no permission to write it": path.exists() and not os.access(path, os.W_OK),
    }
    is_blocked = re.search("unable to open|readonly|read-only", str(error))
    return ": ".join(
        [str(error), *[reason for reason, applies in reasons.items() if is_blocked and applies][:1]]
    )


@contextmanager
def sqlite_errors(
    file: Path, problem: str = "", *, table: str | None = None, key: object = None
) -> Iterator[None]:
    """Raise SQLite errors in the block as ArchiveError.

    problem: a text to put before SQLite's own message.
    """
    try:
        yield
    except sqlite3.Error as error:
        text = ": ".join(filter(None, (problem, describe_error(error, file))))
        raise ArchiveError(
            file, text, table=table, key=None if key is None else str(key)
        ) from error


def to_archive_error(error: sqlite3.DatabaseError, file: Path | str) -> ArchiveError:
    """Return the ArchiveError for an SQLite error that concerns a file.

    An error that concerns the statement is raised unchanged instead.
    """
    if not is_file_fault(error):
        raise error
    return ArchiveError(file, describe_error(error, Path(file)))


def open_writable(path: Path, *, page_size: int = 4096) -> sqlite3.Connection:
    """Open a file for writing, without implicit transactions.

    The file is created if it does not exist.
    """
    db = sqlite3.connect(path, isolation_level=None, timeout=LOCK_TIMEOUT)
    db.execute(f"pragma page_size = {page_size}")  # bytes; has no effect on an existing file
    enable_wal(db)
    db.execute("pragma synchronous = normal")
    # a release changes about a hundred pages of the index, mostly the same ones, so they are rarely
    # checkpointed
    db.execute(f"pragma wal_autocheckpoint = {WAL_SIZE // page_size}")
    db.execute("pragma foreign_keys = on")
    # so that no taken-down text is left in free pages; the default in many builds of SQLite
    db.execute("pragma secure_delete = on")
    return db


@contextmanager
def write_transaction(db: Any) -> Iterator[None]:
    """Commit everything written in the block, or roll it back if the block raises.

    Only the start of the transaction waits for other writers.

    db: a connection without implicit transactions, or a sqlite-utils Database with such a
    connection.
    """
    db.execute("begin immediate")
    try:
        yield
    except BaseException:
        db.execute("rollback")
        raise
    db.execute("commit")


@contextmanager
def savepoint(db: Any) -> Iterator[None]:
    """Undo what the block wrote if the block raises. The enclosing transaction continues."""
    db.execute("savepoint part")
    try:
        yield
    except BaseException:
        if db.in_transaction:  # SQLite has not rolled back the whole transaction itself
            db.execute("rollback to part")
            db.execute("release part")
        raise
    db.execute("release part")


def is_write_failure(error: Exception) -> bool:
    """Return whether an error means that a file is locked or read-only, or that the disk is
    full.
    """
    return any(isinstance(cause, sqlite3.OperationalError) for cause in (error, error.__cause__))


def enable_wal(db: sqlite3.Connection) -> None:
    """Switch to WAL mode, with retries.

    Retries are needed because SQLite itself does not wait if another process creates the file at
    the same time.
    """
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
    """Open a file for reading. Raises sqlite3.OperationalError if it does not exist."""
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=LOCK_TIMEOUT
    )


def check_version(db: sqlite3.Connection, path: Path) -> bool:
    """Check that this version of the software can use a file of the archive.

    Returns False if the file is empty, and otherwise True. Raises ArchiveError if the file was made
    by a newer version, by a version before 0.1.0, or by other software.
    """
    (version,) = db.execute("pragma user_version").fetchone()
    if version > SCHEMA_VERSION or _count_migrations(db, path) > MIGRATIONS:
        raise ArchiveError(
            path, "was made by a newer version of Myndighetsarkivet: update the software to open it"
        )
    if version < SCHEMA_VERSION and db.execute("select 1 from sqlite_master limit 1").fetchone():
        raise ArchiveError(
            path,
            "was made before version 0.1.0 or by other software,"
            " and cannot be opened as an archive",
        )
    return bool(version)


def _count_migrations(db: sqlite3.Connection, path: Path) -> int:
    """Return how many migrations, counted from FIRST_MIGRATION, were applied to an archive.db.

    Returns 0 for other files. Raises ArchiveError if the last migration that was applied precedes
    FIRST_MIGRATION.
    """
    if not db.execute("select 1 from sqlite_master where name = '_sqlite_migrations'").fetchone():
        return 0
    (first,) = db.execute(
        "select max(id) filter (where name = ?) from _sqlite_migrations", [FIRST_MIGRATION]
    ).fetchone()
    (applied,) = db.execute(
        "select count(*) from _sqlite_migrations where id >= ifnull(?, 0)", [first]
    ).fetchone()
    if applied and first is None:
        raise ArchiveError(
            path, "has an earlier schema: open it once with the version before this one, then again"
        )
    return int(applied)


def create_file_id() -> int:
    """Return a random application_id, which an archive.db and its captures.db share."""
    return 1 + secrets.randbelow(2**31 - 1)


def read_file_id(db: sqlite3.Connection) -> int:
    """Return a file's application_id, or 0 if it has none."""
    return int(db.execute("pragma application_id").fetchone()[0])


def check_database(path: Path, *, missing_message: str = "no such file") -> None:
    """Raise ArchiveError if a file does not exist or is not an archive of this version."""
    if not path.is_file():
        raise ArchiveError(path, "is not a file" if path.exists() else missing_message)
    with sqlite_errors(path, "cannot be opened as an archive"), closing(open_readonly(path)) as db:
        is_archive = check_version(db, path)
    if not is_archive:
        raise ArchiveError(path, "is empty: nothing has been crawled or imported yet")


def copy_database(source: Path, target: Path) -> None:
    """Copy a consistent state of a database, even while the database is being written.

    Free pages are left out.
    """
    target.touch(mode=source.stat().st_mode & 0o777)
    with (
        sqlite_errors(source, f"cannot be copied to {target}"),
        closing(open_readonly(source)) as db,
    ):
        db.execute("vacuum into ?", [str(target)])


def drop_litestream_tables(copy: Path) -> None:
    """Delete Litestream's tables from a copy, because Litestream follows only the original."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as db:
        for table in LITESTREAM_TABLES:
            db.execute(f"drop table if exists {table}")


def create_target_folder(folder: Path, mode: int = 0o777) -> None:
    """Create the folder for copies. Raises ArchiveError if the path is a file."""
    if folder.exists() and not folder.is_dir():
        raise ArchiveError(folder, "is not a folder; --to must name the folder for the copies")
    folder.mkdir(parents=True, exist_ok=True, mode=mode)


@contextmanager
def unfinished_folder(folder: Path, mode: int = 0o777) -> Iterator[Path]:
    """Yield a new folder beside `folder` for writing files.

    The folder is deleted at the end, unless it was renamed.
    """
    unfinished = folder.with_name(f"{folder.name}{UNFINISHED_SUFFIX}")
    shutil.rmtree(unfinished, ignore_errors=True)  # left over from an interrupted run
    unfinished.mkdir(mode=mode, parents=True)
    try:
        yield unfinished
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


class RunQuery(Protocol):
    """A function that runs a SELECT with named values and returns its rows."""

    async def __call__(self, sql: str, values: dict[str, Any], /) -> Sequence[Any]: ...


class ListPage(NamedTuple):
    """A page of a list. `next_cursor` is the key of its last row, or None on the last page."""

    rows: list[dict[str, Any]]
    next_cursor: int | None


def take_page(rows: Sequence[Any], size: int) -> ListPage:
    """Return a page of a list.

    `rows` must contain one row more than `size` if there is a next page.
    """
    page = [dict(row) for row in rows[:size]]
    return ListPage(page, page[-1]["id"] if len(rows) > size else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetValue:
    """A value of a facet, with its number of results."""

    value: str
    count: int
    name: str
    name_en: str | None = None
    # for a year: the number of searched releases, or None if they were not counted
    total: int | None = None


def build_connection_runner(connection: sqlite3.Connection) -> RunQuery:
    """Return a RunQuery that runs statements directly on a connection, without waiting."""

    async def run(sql: str, values: dict[str, Any], /) -> Sequence[Any]:
        cursor = connection.execute(sql, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    return run


@contextmanager
def limit_cpu_time(
    db: sqlite3.Connection, seconds: float, opcodes_per_check: int
) -> Iterator[None]:
    """Interrupt the statements of a connection once this thread has used `seconds` of CPU time."""
    end = time.thread_time() + seconds
    db.set_progress_handler(lambda: time.thread_time() > end, opcodes_per_check)
    try:
        yield
    finally:
        db.set_progress_handler(None, 0)


def run_without_waiting(coroutine: Coroutine[Any, Any, CoroutineResult]) -> CoroutineResult:
    """Run a coroutine that never has to wait, and return its result.

    Raises RuntimeError if the coroutine waits.
    """
    try:
        coroutine.send(None)
    except StopIteration as done:
        found: CoroutineResult = done.value
        return found
    raise RuntimeError("it waited")


def map_in_order(
    tasks: Iterable[Task],
    function: Callable[[Payload], TaskResult],
    *,
    to_payload: Callable[[Task], Payload],
    processes: int,
    threads: bool = False,
) -> Generator[tuple[Task, TaskResult], None, None]:
    """Yield each task with the result of `function`, in the order of the tasks.

    A limited number of tasks are in progress at a time. Close or exhaust the iterator to stop the
    processes. Raises ArchiveError if a process dies. If `tasks` raises an ArchiveError, the results
    of the preceding tasks are yielded before the error is passed on.

    processes: the number of worker processes. If it is 0, `function` runs in this process.
    to_payload: returns the part of a task that is sent to another process.
    threads: whether to use threads instead of processes. They suit a `function` that waits or
        releases the GIL.
    """
    if processes < 1:
        for task in tasks:
            yield task, function(to_payload(task))
        return
    waiting: deque[tuple[Task, Future[TaskResult]]] = deque()
    task_error: ArchiveError | None = None
    pool: Executor = (
        ThreadPoolExecutor(processes)
        if threads
        # no fork server: then the workers' CPU time would not count for this process
        else ProcessPoolExecutor(
            processes, mp_context=get_context("spawn"), initializer=_start_worker
        )
    )
    try:
        try:
            for task in tasks:
                waiting.append((task, pool.submit(function, to_payload(task))))
                if len(waiting) > TASKS_PER_PROCESS * processes:
                    done, future = waiting.popleft()
                    yield done, future.result()
        except ArchiveError as error:
            task_error = error
        for done, future in waiting:
            yield done, future.result()
        if task_error:
            raise task_error
    except BrokenProcessPool as error:
        raise ArchiveError(
            "another process of this command", "ended early; perhaps the memory is full"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def choose_process_count(size: float = math.inf) -> int:
    """Return the number of worker processes to use: one per core, or 0 if there is little work.

    The writing process needs no core of its own, because it is often idle. A small amount of work
    is done faster without worker processes.

    size: the number of bytes to process.
    """
    if size < MIN_PARALLEL_BYTES:
        return 0
    return min(
        MAX_PROCESSES,
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
    )


def _start_worker() -> None:
    """Ignore Ctrl-C and SIGTERM, which the parent handles, and exit when the parent exits.

    The worker also exits if the parent is killed.
    """
    relieve_garbage_collector()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def relieve_garbage_collector() -> None:
    """Exclude all existing objects from garbage collection, and run the collector less often.

    Nearly all objects are freed without the collector, because they are not part of a reference
    cycle. At its usual frequency, the collector took a tenth of a crawl's time, and a third of the
    time to read a long history of a wording.
    """
    gc.set_threshold(GC_THRESHOLD, *gc.get_threshold()[1:])
    _freeze_objects()


@cache  # once a process; gc.get_freeze_count() would take 20 ms, because it counts the objects
def _freeze_objects() -> None:
    gc.collect()
    gc.freeze()


@contextmanager
def show_progress(*, if_stopped: str = "") -> Iterator[ProgressCallback]:
    """Yield a callback that shows the progress of some work and the remaining time.

    On a terminal, the callback shows a bar. Otherwise, it prints a line every PROGRESS_INTERVAL
    seconds.

    if_stopped: what to print after Ctrl-C or SIGTERM. Unless it is empty, SIGTERM has the same
        effect as Ctrl-C.
    """
    from rich.console import Console  # noqa: PLC0415 - commands without progress start faster
    from rich.progress import Progress, TaskID  # noqa: PLC0415

    console, shown_at, updated_at = Console(stderr=True), time.monotonic(), 0.0
    is_terminal = console.is_terminal  # looked up once: rich reads the environment for it
    with Progress(
        console=console,
        transient=True,
        disable=not is_terminal,
        redirect_stdout=sys.stdout.isatty(),
    ) as progress:
        bars: dict[str, TaskID] = {}
        begun: dict[str, tuple[float, int]] = {}

        def report(what: str, done: int, total: int) -> None:
            nonlocal shown_at, updated_at
            moment = time.monotonic()
            if what in bars and done < total and moment < updated_at + UPDATE_INTERVAL:
                return
            updated_at = moment
            if what not in bars:
                for bar in bars.values():
                    progress.update(bar, visible=False)  # one line at a time
                bars[what] = progress.add_task(what, total=total)
                begun[what] = moment, done
            progress.update(bars[what], completed=done, total=total)
            if not is_terminal and moment >= shown_at + PROGRESS_INTERVAL:
                shown_at = moment
                left = _format_time_left(
                    moment - begun[what][0], done - begun[what][1], total - done
                )
                click.echo(f"{what}: {done / max(total, 1):.0%}{left}", err=True)

        with _say_if_stopped(if_stopped) if if_stopped else nullcontext():
            yield report


def _format_time_left(seconds: float, done: int, left: int) -> str:
    """Format the remaining time of some work, estimated from the work done in `seconds`.

    >>> _format_time_left(60, 10, 20), _format_time_left(60, 600, 20), _format_time_left(9, 0, 9)
    (', about 2 minutes left', ', less than a minute left', '')
    """
    if done <= 0:
        return ""
    minutes = round(seconds * left / done / 60)
    return f", about {minutes} minutes left" if minutes > 1 else ", less than a minute left"


@contextmanager
def _say_if_stopped(message: str) -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        click.echo(f"stopped; {message}", err=True)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
