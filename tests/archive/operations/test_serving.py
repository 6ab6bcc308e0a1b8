"""Replicas change to newer snapshots one after the other, and serve nothing incomplete or
withdrawn.
"""

from __future__ import annotations

import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from archive.database.captures import compute_file_sha256
from archive.operations.serving import DatasetteProcess, Replicas, is_port_free
from archive.operations.snapshots import publish_snapshot, withdraw_snapshots
from archive.times import now
from tests.harness.world.processes import free_ports

NAMES = ("2026-03-02T034300", "2026-03-02T035300", "2026-03-02T040300")
PORTS = (8101, 8102)


def write_snapshot(folder: Path, name: str) -> Path:
    """Write a complete snapshot without content."""
    path = folder / name
    path.mkdir()
    for file in ("archive.db", "inspect.json"):
        (path / file).write_text(name)
    lines = [
        f"{compute_file_sha256(path / file)}  {file}\n" for file in ("archive.db", "inspect.json")
    ]
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
class FakeReplicas:
    """Replicas whose processes are fakes; those over a snapshot of `broken` end before they are
    ready.
    """

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
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeReplicas:
    log: list[str] = []
    made = FakeReplicas(
        Replicas(folder=tmp_path, host="127.0.0.1", ports=PORTS, arguments=(), log=log.append), log
    )

    def start(command: list[str], **_: object) -> FakeProcess:
        name, port = Path(command[5]).parent.name, int(command[11])
        made.started.append((name, port))
        return FakeProcess(command, 1 if name in made.broken else None)

    def check_ready(process: DatasetteProcess) -> bool:
        process.is_ready = process.is_ready or not process.has_exited()
        return process.is_ready

    monkeypatch.setattr(subprocess, "Popen", start)
    monkeypatch.setattr(DatasetteProcess, "check_ready", check_ready)
    monkeypatch.setattr("archive.operations.serving.is_port_free", lambda host, port: True)
    return made


@pytest.fixture
def serving(tmp_path: Path, fake: FakeReplicas) -> FakeReplicas:
    """Replicas that serve a first snapshot on both ports."""
    write_snapshot(tmp_path, NAMES[0])
    assert fake.poll(2) == [NAMES[0], NAMES[0]]
    return fake


def test_replicas_change_to_a_newer_snapshot_one_after_the_other(
    tmp_path: Path, fake: FakeReplicas
) -> None:
    assert fake.poll() == [None, None]
    write_snapshot(tmp_path, NAMES[0])
    assert fake.poll(2) == [NAMES[0], NAMES[0]]
    write_snapshot(tmp_path, NAMES[1])
    states = [fake.poll() for _ in range(6)]
    assert states[-1] == [NAMES[1], NAMES[1]]
    assert not any(state == [None, None] for state in states), "one of them always accepts requests"
    assert [NAMES[1], NAMES[0]] in states
    assert len(fake.started) == 4


def test_incomplete_snapshots_and_those_that_do_not_start_are_not_served(
    tmp_path: Path, serving: FakeReplicas
) -> None:
    serving.broken.add(NAMES[1])
    write_snapshot(tmp_path, NAMES[1])
    (write_snapshot(tmp_path, NAMES[2]) / "archive.db").write_text("half")
    assert serving.poll(8) == [NAMES[0], NAMES[0]]
    assert serving.started.count((NAMES[1], PORTS[0])) == 1, "tried once, and not at every poll"
    assert (NAMES[1], PORTS[1]) not in serving.started, "the other replica is left alone"
    assert any("is not complete yet" in line for line in serving.log)
    assert f"{NAMES[1]}: could not be served" in serving.log


def test_killed_process_is_replaced(serving: FakeReplicas) -> None:
    killed: Any = serving.replicas.running[PORTS[0]].process
    killed.returncode = -9
    assert serving.poll(2) == [NAMES[0], NAMES[0]]
    assert serving.started.count((NAMES[0], PORTS[0])) == 2
    assert f"{NAMES[0]}: Datasette ended with -9" in serving.log


def test_withdrawn_snapshot_is_no_longer_served(tmp_path: Path, serving: FakeReplicas) -> None:
    withdraw_snapshots(tmp_path, NAMES[1])
    write_snapshot(tmp_path, NAMES[1])
    assert serving.poll() == [None, None], "at once, not in turn"
    write_snapshot(tmp_path, NAMES[2])
    assert serving.poll(2) == [NAMES[2], NAMES[2]]


def test_unreadable_folder_changes_nothing(tmp_path: Path, serving: FakeReplicas) -> None:
    serving.replicas.folder = tmp_path / "unmounted"
    assert serving.poll() == [NAMES[0], NAMES[0]]
    assert "stay in use" in serving.log[-1]


def test_snapshot_that_cannot_be_served_is_tried_less_and_less_often(
    tmp_path: Path, fake: FakeReplicas
) -> None:
    write_snapshot(tmp_path, NAMES[0])
    fake.broken.add(NAMES[0])
    waits = []
    for _ in range(8):
        fake.replicas.retry_at.clear()
        fake.poll(2)
        waits.append(round(fake.replicas.retry_at[NAMES[0]] - time.monotonic()))
    assert waits[0] < waits[1] < waits[2]
    assert waits[-1] == 3600


@pytest.mark.slow("starts processes")
def test_real_process_serves_a_snapshot_until_its_parent_ends(
    sample_archive: Path, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    snapshot = publish_snapshot(sample_archive, tmp_path, keep=1, moment=now())
    replicas = Replicas(folder=tmp_path, host="127.0.0.1", ports=[port], arguments=(), log=print)
    try:
        deadline = time.monotonic() + 60
        while not (port in replicas.running and replicas.running[port].is_ready):
            assert time.monotonic() < deadline
            replicas.poll()
            time.sleep(0.1)
        server = replicas.running[port]
        assert server.snapshot == snapshot
        assert (
            httpx.get(f"http://127.0.0.1:{port}/archive/releases/1.json", timeout=60).status_code
            == 200
        )
        assert not is_port_free("127.0.0.1", port)
        assert server.process.stdin
        server.process.stdin.close()  # as when the parent is killed
        assert server.process.wait(30) in (0, -signal.SIGTERM)
    finally:
        replicas.stop(port, 10)
        replicas.stopping[0].process.wait(30)
    assert server.reap()
    assert is_port_free("127.0.0.1", port)
