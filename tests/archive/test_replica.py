"""Replicas change to newer snapshots one after the other, and serve nothing incomplete or withdrawn."""

from __future__ import annotations

import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from archive import replicas as module
from archive.dates import now
from archive.evidence.manifest import compute_file_sha256
from archive.replicas import DatasetteProcess, Replicas, is_port_free
from archive.snapshots import publish_snapshot, withdraw_snapshots
from tests.archive.sample import Site, fill, served
from tests.harness.replicas.proxy import await_port, free_ports

NAMES = ("2026-03-02T034300", "2026-03-02T035300", "2026-03-02T040300")
PORTS = (8101, 8102)


def write_snapshot(folder: Path, name: str) -> Path:
    """Write a complete snapshot without content."""
    path = folder / name
    path.mkdir()
    for file in ("archive.db", "inspect.json"):
        (path / file).write_text(name)
    lines = [f"{compute_file_sha256(path / file)}  {file}\n" for file in ("archive.db", "inspect.json")]
    (path / "SHA256SUMS").write_text("".join(lines))
    return path


@dataclass
class FakeProcess:
    """Stands in for `subprocess.Popen`."""

    command: list[str]
    returncode: int | None = None
    stdin: None = None

    def poll(self) -> int | None:
        return self.returncode

    def terminate(self) -> None:
        self.returncode = -15


@dataclass
class Machine:
    """Replicas whose processes are fakes; those over a snapshot of `broken` end before they are ready."""

    replicas: Replicas
    log: list[str]
    started: list[tuple[str, int]] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)

    def poll(self, times: int = 1) -> list[str | None]:
        """Poll and return the name of the snapshot that each port serves."""
        for _ in range(times):
            self.replicas.poll()
        running = self.replicas.running
        return [running[port].snapshot.name if port in running else None for port in PORTS]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    log: list[str] = []
    made = Machine(Replicas(folder=tmp_path, host="127.0.0.1", ports=PORTS, arguments=(), log=log.append), log)

    def start(command: list[str], **_: object) -> FakeProcess:
        name, port = Path(command[5]).parent.name, int(command[11])
        made.started.append((name, port))
        return FakeProcess(command, 1 if name in made.broken else None)

    def check_ready(process: DatasetteProcess) -> bool:
        process.is_ready = process.is_ready or not process.has_exited()
        return process.is_ready

    monkeypatch.setattr(subprocess, "Popen", start)
    monkeypatch.setattr(DatasetteProcess, "check_ready", check_ready)
    monkeypatch.setattr(module, "is_port_free", lambda host, port: True)
    return made


def test_replicas_change_to_a_newer_snapshot_one_after_the_other(tmp_path: Path, machine: Machine) -> None:
    assert machine.poll() == [None, None]
    write_snapshot(tmp_path, NAMES[0])
    assert machine.poll(2) == [NAMES[0], NAMES[0]]
    write_snapshot(tmp_path, NAMES[1])
    states = [machine.poll() for _ in range(6)]
    assert states[-1] == [NAMES[1], NAMES[1]]
    assert not any(state == [None, None] for state in states), "one of them always accepts requests"
    assert [NAMES[1], NAMES[0]] in states
    assert len(machine.started) == 4


def test_an_incomplete_snapshot_or_one_that_does_not_start_is_not_served(tmp_path: Path, machine: Machine) -> None:
    write_snapshot(tmp_path, NAMES[0])
    machine.broken.add(NAMES[1])
    machine.poll(2)
    write_snapshot(tmp_path, NAMES[1])
    (write_snapshot(tmp_path, NAMES[2]) / "archive.db").write_text("half")
    assert machine.poll(8) == [NAMES[0], NAMES[0]]
    assert machine.started.count((NAMES[1], PORTS[0])) == 1, "tried once, and not at every poll"
    assert (NAMES[1], PORTS[1]) not in machine.started, "the other replica is left alone"
    assert any("is not complete yet" in line for line in machine.log)
    assert f"{NAMES[1]}: could not be served" in machine.log


def test_a_process_that_was_killed_is_replaced(tmp_path: Path, machine: Machine) -> None:
    write_snapshot(tmp_path, NAMES[0])
    machine.poll(2)
    killed: Any = machine.replicas.running[PORTS[0]].process
    killed.returncode = -9
    assert machine.poll(2) == [NAMES[0], NAMES[0]]
    assert machine.started.count((NAMES[0], PORTS[0])) == 2
    assert f"{NAMES[0]}: Datasette ended with -9" in machine.log


def test_a_withdrawn_snapshot_is_no_longer_served(tmp_path: Path, machine: Machine) -> None:
    write_snapshot(tmp_path, NAMES[0])
    machine.poll(2)
    withdraw_snapshots(tmp_path, NAMES[1])
    write_snapshot(tmp_path, NAMES[1])
    assert machine.poll() == [None, None], "at once, not in turn"
    write_snapshot(tmp_path, NAMES[2])
    assert machine.poll(2) == [NAMES[2], NAMES[2]]


def test_a_folder_that_cannot_be_read_changes_nothing(tmp_path: Path, machine: Machine) -> None:
    write_snapshot(tmp_path, NAMES[0])
    machine.poll(2)
    machine.replicas.folder = tmp_path / "unmounted"
    assert machine.poll() == [NAMES[0], NAMES[0]]
    assert "stay in use" in machine.log[-1]


def test_datasette_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    archive, (port,) = fill(tmp_path / "archive.db"), free_ports(1)
    snapshot = publish_snapshot(archive, tmp_path / "snapshots", keep=1, moment=now())
    replicas = Replicas(folder=snapshot.path.parent, host="127.0.0.1", ports=[port], arguments=(), log=print)
    process = replicas.start(snapshot, port)
    await_port(port, process.process)
    assert process.process.stdin
    process.process.stdin.close()  # as when the parent is killed
    assert process.process.wait(30) in (0, -signal.SIGTERM)


def test_a_snapshot_that_cannot_be_served_is_tried_ever_more_rarely(tmp_path: Path, machine: Machine) -> None:
    write_snapshot(tmp_path, NAMES[0])
    machine.broken.add(NAMES[0])
    waits = []
    for _ in range(8):
        machine.replicas.retry_at.clear()
        machine.poll(2)
        waits.append(round(machine.replicas.retry_at[NAMES[0]] - time.monotonic()))
    assert waits[0] < waits[1] < waits[2]
    assert waits[-1] == 3600


def test_a_port_is_free_once_its_server_listens_no_more(tmp_path: Path) -> None:
    archive, (port,) = fill(tmp_path / "archive.db"), free_ports(1)
    snapshot = publish_snapshot(archive, tmp_path / "snapshots", keep=1, moment=now())
    replicas = Replicas(folder=snapshot.path.parent, host="127.0.0.1", ports=[port], arguments=(), log=print)
    try:
        deadline = time.monotonic() + 60
        while not (port in replicas.running and replicas.running[port].is_ready):
            assert time.monotonic() < deadline
            replicas.poll()
            time.sleep(0.1)
        assert httpx.get(f"http://127.0.0.1:{port}/archive/releases/1.json", timeout=60).status_code == 200
        assert not is_port_free("127.0.0.1", port)
    finally:
        server = replicas.running[port]
        replicas.stop(port, 10)
        server.process.wait(30)
        assert server.reap()
    assert is_port_free("127.0.0.1", port)


async def test_over_a_snapshot_who_has_a_page_already_is_told_so(tmp_path: Path) -> None:
    path = fill(tmp_path / "archive.db")
    with served(path, immutable=True) as datasette:
        site = Site(datasette)
        first = await site.get("/", accept_language="sv")
        tag = first.headers["etag"]
        assert abs(time.time() - path.stat().st_mtime) < 60
        assert first.headers["last-modified"].endswith("GMT")
        again = await site.get("/", accept_language="sv", if_none_match=f'"x", {tag}')
        assert (again.status_code, again.content) == (304, b"")
        assert not {"content-security-policy", "content-type"} & {*again.headers}, "a browser would take them over"
        assert (await site.get("/", accept_language="en", if_none_match=tag)).status_code == 200
        sql = await site.get("/archive.json?sql=select+random()", if_none_match=tag)
        assert (sql.status_code, "etag" in sql.headers) == (200, False)


async def test_what_a_cache_may_keep(site: Site) -> None:
    for path in ("/", "/search?q=skog", "/new.json", "/archive/releases/1", "/archive.json?sql=select+1"):
        headers = (await site.get(path)).headers
        assert headers["cache-control"] in ("max-age=5", "no-cache"), path
        assert "Accept-Language" in headers["vary"], path
    assert "etag" not in (await site.get("/")).headers, "a crawl may change it at any moment"
