"""Starts servers of an archive, and the replicas that serve snapshots.

A replica runs one `datasette serve --immutable` process per port. All of them serve the newest
snapshot in a folder. When there is a newer snapshot, the processes are restarted one after the
other, so that the proxy in front of them (scraper/deploy/nginx.conf) always finds one that accepts
requests. A process that ends is replaced. If there is no snapshot to serve, connections are
refused, and the proxy uses the server of the archive itself.
"""

from __future__ import annotations

import errno
import re
import resource
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlite_utils import Database

import archive
from archive.database.captures import compute_file_sha256
from archive.database.schema import find_metadata, migrations
from archive.database.sqlite_files import ARCHIVE_FILE, check_version, open_readonly
from archive.operations.snapshots import (
    CHECKSUMS_FILE,
    INSPECT_FILE,
    list_all_snapshots,
    read_withdrawn_name,
)
from archive.store.releases import Archive

PACKAGE_FOLDER = Path(archive.__path__[0])
MAX_OPEN_FILES = 16_384  # per server: connections of clients, and SQLite's files


def update_archive(path: Path) -> None:
    """Migrate an archive if its schema is older than the current one.

    Raises ArchiveError if a migration is needed but the file cannot be written.
    """
    with closing(open_readonly(path)) as db:
        # an empty file has no version, and needs no update
        is_outdated = check_version(db, path) and migrations.pending(Database(db))
    if is_outdated:
        Archive(path, rebuild_stale=False).close()


def raise_file_limit() -> None:
    """Raise this process's limit on open files to MAX_OPEN_FILES, or to the system's maximum.

    With the usual limit of 1,024, idle clients could use up the file descriptors that SQLite needs.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(MAX_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def build_datasette_command(
    file: Path, port: int, extra_options: Sequence[str] = (), *, sql: bool = True, cors: bool = True
) -> list[str]:
    """Build the command that serves an archive.

    sql: allow visitors to run SQL, within the limits set in archive/web/security.py.
    cors: allow pages of other sites to read the data.
    """
    words = [sys.executable, "-m", "datasette", "serve", str(file), "--port", str(port)]
    return [*words, *build_datasette_options(sql=sql, cors=cors), *extra_options]


def build_datasette_options(*, sql: bool, cors: bool) -> list[str]:
    """Return the options of `datasette serve` that all servers of an archive share."""
    return [
        *("--metadata", str(find_metadata())),
        *("--plugins-dir", str(PACKAGE_FOLDER / "plugins")),
        *("--template-dir", str(PACKAGE_FOLDER / "templates")),
        *("--static", f"static:{PACKAGE_FOLDER / 'static'}"),
        *("--setting", "suggest_facets", "off"),
        # more than the number of searches allowed at once (archive/web/security.py)
        *("--setting", "num_sql_threads", "6"),
        # free pages of the file may contain taken-down text
        *("--setting", "allow_download", "off"),
        *("--setting", "default_allow_sql", "on" if sql else "off"),
        *(["--cors"] if cors else []),  # the data is public, so pages of other sites may read it
    ]


CHECKSUM_LINE = re.compile(r"([0-9a-f]{64})  ([a-z]+\.[a-z]+)")


def list_snapshots(folder: Path) -> list[Path]:
    """Return the folders of the snapshots that are not withdrawn, newest first.

    The files in the folders are not checked.
    """
    withdrawn = read_withdrawn_name(folder)
    return [snapshot for snapshot in list_all_snapshots(folder) if snapshot.name > withdrawn]


def find_snapshot_fault(snapshot: Path) -> str | None:
    """Return why a snapshot is incomplete or damaged, or None if every file matches its SHA-256."""
    try:
        lines = (snapshot / CHECKSUMS_FILE).read_text("ascii").splitlines()
    except FileNotFoundError:
        return f"{CHECKSUMS_FILE} is missing"
    sums = [found.groups() for line in lines if (found := CHECKSUM_LINE.fullmatch(line))]
    if len(sums) != len(lines) or not {ARCHIVE_FILE, INSPECT_FILE} <= {name for _, name in sums}:
        return f"{CHECKSUMS_FILE} is incomplete or invalid"
    for sha256, name in sums:
        if not (snapshot / name).is_file():
            return f"{name} is missing"
        if compute_file_sha256(snapshot / name) != sha256:
            return f"the SHA-256 of {name} differs from {CHECKSUMS_FILE}"
    return None


# Replicas

# Seconds allowed for a Datasette process
START_TIMEOUT = 120.0  # seconds to become ready for requests
SHUTDOWN_TIMEOUT = 330.0  # seconds to finish requests; archive.web ends each after 300 seconds
FAST_SHUTDOWN_TIMEOUT = 10.0  # the same if the snapshot was withdrawn or the replicas end

# Seconds between attempts
POLL_INTERVAL = 0.5  # between checks of the folder and the processes
INCOMPLETE_RETRY = 5.0  # after an incomplete snapshot
# after a snapshot that could not be served; doubled by each further failure
FAILED_START_RETRY = 60.0
MAX_FAILED_START_RETRY = 3600.0
PORT_TIMEOUT = 10.0  # while waiting for ports to become free at the start


@dataclass(slots=True)
class DatasetteProcess:
    """A `datasette serve` process that serves one snapshot."""

    snapshot: Path
    address: tuple[str, int]
    process: subprocess.Popen[bytes]
    is_ready: bool = False
    started_at: float = field(default_factory=time.monotonic)
    kill_at: float = float("inf")

    def has_exited(self) -> bool:
        return self.process.poll() is not None

    def check_ready(self) -> bool:
        """Return whether Datasette has started and is accepting requests."""
        if not self.is_ready and not self.has_exited():
            with suppress(OSError), socket.create_connection(self.address, timeout=1):
                self.is_ready = True
        return self.is_ready

    def has_failed(self) -> bool:
        """Return whether the process ended, or timed out, before it accepted requests."""
        return not self.is_ready and (
            self.has_exited() or time.monotonic() > self.started_at + START_TIMEOUT
        )

    def terminate(self, seconds: float) -> None:
        """Tell the process to finish its requests and exit. `reap` kills it if it has not exited
        within `seconds`.
        """
        self.kill_at = min(self.kill_at, time.monotonic() + seconds)
        self.process.terminate()

    def reap(self) -> bool:
        """Return whether a process that was told to terminate has exited. Kill it if it has not
        done so in time.
        """
        if not self.has_exited() and time.monotonic() > self.kill_at:
            self.process.kill()
            self.process.wait()
        if self.has_exited() and self.process.stdin:
            self.process.stdin.close()
        return self.has_exited()


@dataclass(slots=True, kw_only=True)
class Replicas:
    """Keeps a Datasette process running on each port of a host.

    `arguments` are options for `datasette serve`. With a single port, connections are refused for a
    few seconds whenever the snapshot changes.
    """

    folder: Path
    host: str
    ports: Sequence[int]
    arguments: Sequence[str]
    log: Callable[[str], None]
    stop_event: threading.Event = field(default_factory=threading.Event)
    running: dict[int, DatasetteProcess] = field(default_factory=dict)  # by port
    stopping: list[DatasetteProcess] = field(default_factory=list)
    # names of snapshots whose checksums matched
    complete_snapshots: set[str] = field(default_factory=set)
    retry_at: dict[str, float] = field(default_factory=dict)  # name → time.monotonic()
    failed_starts: Counter[str] = field(default_factory=Counter)  # by name
    last_message: str = ""

    def run(self) -> None:
        """Serve snapshots until `stop_event` is set.

        Raises OSError if a port is taken or the folder does not exist.
        """
        list_snapshots(self.folder)
        deadline = time.monotonic() + PORT_TIMEOUT
        for port in self.ports:
            while not is_port_free(self.host, port):
                if time.monotonic() > deadline:
                    raise OSError(
                        errno.EADDRINUSE, f"{self.host}:{port} is taken; choose another --port"
                    )
                self.stop_event.wait(0.1)
        try:
            while not self.stop_event.is_set():
                self.poll()
                self.stop_event.wait(POLL_INTERVAL)
        finally:
            for port in list(self.running):
                self.stop(port, FAST_SHUTDOWN_TIMEOUT)
            for server in self.stopping:
                server.kill_at = min(server.kill_at, time.monotonic() + FAST_SHUTDOWN_TIMEOUT)
            while not all(server.reap() for server in self.stopping):
                time.sleep(0.1)

    def poll(self) -> None:
        """React to newer snapshots, withdrawn snapshots and processes that ended.

        If the folder cannot be read, the processes continue to serve their snapshots.
        """
        self.stopping = [server for server in self.stopping if not server.reap()]
        self.check_processes()
        try:
            withdrawn, snapshots = read_withdrawn_name(self.folder), list_snapshots(self.folder)
        except OSError as error:
            self.log_once(f"{error}; the snapshots in use stay in use")
            return
        for port, server in list(self.running.items()):
            if server.snapshot.name <= withdrawn:
                self.log_once(f"{server.snapshot.name}: withdrawn")
                self.stop(port, FAST_SHUTDOWN_TIMEOUT)
        snapshot = next(filter(self.is_servable, snapshots), None)
        if snapshot:
            self.serve(snapshot)
        elif not self.running:
            self.log_once(f"{self.folder}: nothing to serve yet; connections are refused")

    def check_processes(self) -> None:
        """Check which processes are ready.

        Processes that ended, or that could not serve their snapshot, are stopped.
        """
        for port, server in list(self.running.items()):
            was_ready = server.is_ready
            if server.check_ready() and not was_ready:
                self.log_once(f"{server.snapshot.name}: served on {self.host}:{port}")
            if server.has_failed():
                seconds = FAILED_START_RETRY * 2 ** self.failed_starts[server.snapshot.name]
                self.failed_starts[server.snapshot.name] += 1
                self.postpone(
                    server.snapshot, min(seconds, MAX_FAILED_START_RETRY), "could not be served"
                )
                self.stop(port, FAST_SHUTDOWN_TIMEOUT)
            elif server.has_exited():
                self.log_once(
                    f"{server.snapshot.name}: Datasette ended with {server.process.returncode}"
                )
                self.stop(port)

    def serve(self, snapshot: Path) -> None:
        """Start a process that serves the snapshot on each free port that has none.

        If all processes are ready, stop one that serves an older snapshot, so that it is replaced.
        """
        for port in self.ports:
            if port not in self.running and is_port_free(self.host, port):
                self.running[port] = self.start(snapshot, port)
        if len(self.running) == len(self.ports) and all(
            server.is_ready for server in self.running.values()
        ):
            outdated = [
                port
                for port, server in self.running.items()
                if server.snapshot.name < snapshot.name
            ]
            if outdated:
                self.stop(outdated[0])

    def start(self, snapshot: Path, port: int) -> DatasetteProcess:
        command = [
            *(
                sys.executable,
                "-m",
                "archive.operations.snapshots",
                "serve",
                "--immutable",
                str(snapshot / ARCHIVE_FILE),
            ),
            *(
                "--inspect-file",
                str(snapshot / INSPECT_FILE),
                "--host",
                self.host,
                "--port",
                str(port),
            ),
            *self.arguments,
        ]
        process = subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603 - our own command
        return DatasetteProcess(snapshot, (self.host, port), process)

    def stop(self, port: int, seconds: float = SHUTDOWN_TIMEOUT) -> None:
        """Tell the process on a port to finish its requests and exit within `seconds`.

        A new process may use the port immediately.
        """
        server = self.running.pop(port)
        server.terminate(seconds)
        self.stopping.append(server)

    def is_servable(self, snapshot: Path) -> bool:
        """Return whether a snapshot is complete, and no process has recently failed to serve it."""
        if self.retry_at.get(snapshot.name, 0.0) > time.monotonic():
            return False
        if snapshot.name not in self.complete_snapshots:
            if fault := find_snapshot_fault(snapshot):
                self.postpone(snapshot, INCOMPLETE_RETRY, f"is not complete yet: {fault}")
                return False
            self.complete_snapshots.add(snapshot.name)
        return True

    def postpone(self, snapshot: Path, seconds: float, problem: str) -> None:
        self.retry_at[snapshot.name] = time.monotonic() + seconds
        self.log_once(f"{snapshot.name}: {problem}")

    def log_once(self, message: str) -> None:
        """Log a message, unless it is the same as the previous one."""
        if message != self.last_message:
            self.log(message)
        self.last_message = message


def is_port_free(host: str, port: int) -> bool:
    """Return whether a new server can listen on a port.

    A port also counts as free if its old server no longer accepts requests and is only finishing
    earlier ones.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True
