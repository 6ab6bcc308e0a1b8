"""A replica goes over to what is newer, whole and not withdrawn, and never leaves its readers without need."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from archive import replicas as keeping
from archive.replicas import ReplicaSupervisor
from archive.snapshots import Snapshot, compute_file_sha256, withdraw_snapshots
from tests.archive.sample import ROOT, Site, fill, served

NAMES = ("2026-03-02T034300", "2026-03-02T035300", "2026-03-02T040300")


def put(folder: Path, name: str) -> Path:
    """A snapshot that is whole, with nothing in it."""
    path = folder / name
    path.mkdir()
    for file in ("archive.db", "inspect.json"):
        (path / file).write_text(name)
    lines = [f"{compute_file_sha256(path / file)}  {file}\n" for file in ("archive.db", "inspect.json")]
    (path / "SHA256SUMS").write_text("".join(lines))
    return path


@dataclass
class Stub:
    """In a Datasette's place."""

    snapshot: Snapshot
    starts: bool = True
    dead: bool = False
    left: bool = False
    process: Any = field(default_factory=lambda: subprocess.CompletedProcess("datasette", -9))

    def wait_until_ready(self, _: threading.Event) -> bool:
        return self.starts

    def has_exited(self) -> bool:
        return self.dead

    def terminate(self, _: float) -> None:
        self.left = True

    def reap(self) -> bool:
        return self.left

    def wait_for_exit(self) -> None:
        """It is gone."""


@dataclass
class Bench:
    """A keeper over stubs, what it said and what it started."""

    keeper: ReplicaSupervisor
    said: list[str]
    started: list[Stub]
    broken: set[str]

    def look(self) -> str | None:
        self.keeper.poll()
        return self.keeper.current.snapshot.name if self.keeper.current else None


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    said: list[str] = []
    made = Bench(
        ReplicaSupervisor(folder=tmp_path, address=("127.0.0.1", 0), arguments=(), log=said.append), said, [], set()
    )

    class Starting:
        @staticmethod
        def start(snapshot: Snapshot, door: socket.socket, words: object) -> Stub:
            assert door.getsockname()[0] == "127.0.0.1"
            made.started.append(Stub(snapshot, starts=snapshot.name not in made.broken))
            return made.started[-1]

    monkeypatch.setattr(keeping, "ServerProcess", Starting)
    yield made
    made.keeper.close_listener()


def test_it_goes_over_to_a_newer_snapshot_and_lets_the_older_finish(tmp_path: Path, bench: Bench) -> None:
    assert bench.look() is None
    assert bench.keeper.listener is None, "a proxy is refused at once, and asks another"
    put(tmp_path, NAMES[0])
    assert bench.look() == bench.look() == NAMES[0]
    put(tmp_path, NAMES[1])
    assert bench.look() == NAMES[1]
    assert [each.left for each in bench.started] == [True, False]


def test_one_that_is_not_whole_or_does_not_start_costs_nothing(tmp_path: Path, bench: Bench) -> None:
    put(tmp_path, NAMES[0])
    bench.broken.add(NAMES[1])
    bench.look()
    put(tmp_path, NAMES[1])
    (put(tmp_path, NAMES[2]) / "archive.db").write_text("half")
    assert bench.look() == bench.look() == NAMES[0]
    assert [each.left for each in bench.started] == [False, True], "tried once, and not at every look"
    assert any("not whole yet" in line for line in bench.said)


def test_one_that_was_killed_is_replaced(tmp_path: Path, bench: Bench) -> None:
    put(tmp_path, NAMES[0])
    bench.look()
    door = bench.keeper.listener
    bench.started[0].dead = True
    assert bench.look() == NAMES[0]
    assert (len(bench.started), bench.keeper.listener) == (2, door), (
        "who waits in the socket is answered by the new one"
    )


def test_what_is_withdrawn_is_served_no_more(tmp_path: Path, bench: Bench) -> None:
    put(tmp_path, NAMES[0])
    bench.look()
    withdraw_snapshots(tmp_path, NAMES[1])
    put(tmp_path, NAMES[1])
    assert bench.look() is None
    assert (bench.keeper.listener, bench.started[0].left) == (None, True)
    put(tmp_path, NAMES[2])
    assert bench.look() == NAMES[2]


def test_a_folder_that_cannot_be_read_changes_nothing(tmp_path: Path, bench: Bench) -> None:
    put(tmp_path, NAMES[0])
    bench.look()
    bench.keeper.folder = tmp_path / "unmounted"
    assert bench.look() == NAMES[0]
    assert "what is served goes on" in bench.said[-1]


def test_a_datasette_on_a_lent_socket_answers_and_ends_with_its_keeper(tmp_path: Path) -> None:
    archive = fill(tmp_path / "archive.db")
    ours, theirs = socket.socketpair()
    door = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{door.getsockname()[1]}/archive/releases/1.json"
    words = [*map(str, (door.fileno(), theirs.fileno())), "serve", "-i", str(archive)]
    with subprocess.Popen(
        [sys.executable, "-m", "archive.replica_server", *words],
        cwd=ROOT,
        pass_fds=[door.fileno(), theirs.fileno()],
        stderr=subprocess.DEVNULL,
    ) as process:
        theirs.close()
        asking = threading.Thread(target=httpx.get, args=(url,), kwargs={"timeout": 60})
        asking.start()  # before anybody answers: it waits
        assert ours.recv(1) == b"!"
        asking.join()
        assert httpx.get(url, timeout=60).status_code == 200
        door.close()
        ours.close()
        assert process.wait(30) in (0, -signal.SIGTERM)


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
