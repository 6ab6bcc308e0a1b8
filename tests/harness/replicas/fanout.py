"""Runs two replicas behind nginx, read continuously while crawls write, snapshots are made and a
replica is killed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from archive.database.captures import Captures
from archive.database.redaction import WITHHELD_FILE
from archive.database.sqlite_files import ARCHIVE_FILE
from archive.operations.serving import find_snapshot_fault
from archive.operations.snapshots import list_all_snapshots
from tests.harness.replicas.proxy import proxying
from tests.harness.replicas.readers import Readers, ask
from tests.harness.replicas.stage import Writer, await_served, replicas, snapshot
from tests.harness.world.checks import Figures
from tests.harness.world.processes import (
    Background,
    archive_command,
    children_of,
    free_ports,
    kill_tree,
    run_archive,
)
from tests.harness.world.sites import ChangingSite
from tests.site.server import Site

RELEASES = 80
SWAPS = 4
# seconds from a snapshot's start until both replicas serve it, on a busy machine with two cores
WITHIN = 60.0
OLDEST = 120.0  # seconds; two steps, and the time in which a replica changes to the next snapshot
GONE = 15.0  # seconds from a takedown until no reader gets the text
SETTLED = 8.0  # seconds of reading between two steps


@dataclass(slots=True)
class Fanout:
    """All running processes of the test."""

    ward: ChangingSite
    snapshots: Path
    ports: list[int]  # ports of the two replicas
    proxy: int
    replicas: Background
    readers: Readers
    result: Figures
    tell: Callable[[str], None]

    @property
    def archive(self) -> Path:
        """Return the owner's archive."""
        return self.ward.archive


def go(
    nginx: str, folder: Path, result: Figures, tell: Callable[[str], None], *, swaps: int = SWAPS
) -> None:
    """Run all steps, from an empty archive to the last check.

    The sample site is stopped, its archive is kept.
    """
    with ExitStack() as stack:
        site = stack.enter_context(Site(releases=RELEASES, crawl_delay=None))
        ward = ChangingSite.open(site, folder, 20260302)
        ward.crawl("news")
        archive, snapshots = ward.archive, folder / "snapshots"
        ward.edit()
        ward.make_due()
        ward.crawl("revisit")
        snapshot(archive, snapshots)
        proxy, owner, *ports = free_ports(4)
        both = replicas(snapshots, ports, folder / "replicas.log")
        serving = archive_command("serve", archive, "--port", owner)
        for server in (Background(serving, folder / "owner.log", owner), both):
            stack.enter_context(server)
        log = stack.enter_context(proxying(nginx, folder / "nginx", proxy, ports, owner))
        tell("two replicas, the owner's server and nginx answer")
        readers = Readers(proxy)
        readers.rehearse()
        await_served(ports, list_all_snapshots(snapshots)[0])
        compare(proxy, both, result)
        stack.enter_context(readers)
        writer = stack.enter_context(Writer(ward))
        fanout = Fanout(ward, snapshots, ports, proxy, both, readers, result, tell)
        swap(fanout, swaps)
        kill(fanout)
        take_down(fanout)
        swap(fanout, 1)
        readers.__exit__()
        writer.__exit__()
        judge(fanout, writer, log)


def compare(proxy: int, replicas: Background, result: Figures, pages: int = 100) -> None:
    """Measure what a page costs the replicas: from the cache, revalidated by its ETag, and newly
    rendered.
    """

    def cost(path: Callable[[int], str]) -> tuple[float, float]:
        cpu, begun = replicas.cpu, time.perf_counter()
        for number in range(pages):
            answer = ask(proxy, path(number))
            assert answer.status == 200, answer
        took = time.perf_counter() - begun
        return 1000 * (replicas.cpu - cpu) / pages, 1000 * took / pages

    cost(lambda number: f"/search?q=skogen&utm_n={number % 4}")  # fills caches
    anew = cost(lambda number: f"/search?q=skogen&utm_m={number}")
    cached = cost(lambda _: "/search?q=skogen")
    result.add("a search made anew", f"{anew[0]:.1f} ms CPU, {anew[1]:.1f} ms")
    result.add("the same from the cache", f"{cached[0]:.2f} ms CPU, {cached[1]:.1f} ms")
    ratio = cached[0] / anew[0]
    result.most("CPU of the replicas, cached / made anew", ratio, 0.1, "")
    # a rate on a busy machine
    result.add("pages a second, cached / made anew", f"{anew[1] / cached[1]:.1f}")


def swap(fanout: Fanout, number: int) -> None:
    """Make snapshots one after another, each until both replicas serve it."""
    longest, faults = 0.0, []
    for _ in range(number):
        time.sleep(SETTLED / 2)
        begun = time.time()
        made = snapshot(fanout.archive, fanout.snapshots)
        faults += [f"{made.name}: {fault}"] if (fault := find_snapshot_fault(made)) else []
        await_served(fanout.ports, made)
        longest = max(longest, time.time() - begun)
        fanout.tell(f"both replicas show {made.name}, {len(fanout.readers.errors)} errors so far")
    fanout.result.none(f"of {number} snapshots, not whole", faults)
    fanout.result.most(
        f"from a snapshot's beginning until both show it, longest of {number}", longest, WITHIN
    )


def kill(fanout: Fanout) -> None:
    """Kill a Datasette, which is replaced, then both replicas, which the operator starts again."""
    kill_tree(children_of(fanout.replicas.pid)[0])
    time.sleep(SETTLED)
    fanout.tell(f"a Datasette was killed, {len(fanout.readers.errors)} errors so far")
    fanout.replicas.kill()
    time.sleep(SETTLED / 2)
    fanout.replicas.start()
    await_served(fanout.ports, list_all_snapshots(fanout.snapshots)[0])
    errors = len(fanout.readers.errors)
    fanout.tell(f"both replicas were killed and are back, {errors} errors so far")


def take_down(fanout: Fanout) -> None:
    """Hide a release that all readers request.

    From then on neither a cache nor a replica may show it.
    """
    sql = "select id, title, url, agency from releases where removed_at is null order by id desc"
    release, title, url, agency = fanout.ward.rows(sql)[0]
    words = str(title).partition(" – ")[0]
    places = [
        f"/archive/releases/{release}",
        f"/archive/releases/{release}.json",
        f"/agency/{agency}.json",
        f"/search.json?q={words.split()[0]}",
        f"/archive.json?sql=select+title+from+releases+where+id={release}",
    ]
    made = snapshot(fanout.archive, fanout.snapshots)
    await_served(fanout.ports, made)
    seen = [place for place in places if ask(fanout.proxy, place).shows(words)]
    fanout.result.least("places that show a release", len(seen), 3)
    begun = time.monotonic()
    run_archive("takedown", "hide", release, "--reason", "Prov", "--archive", fanout.archive)
    hidden = time.monotonic()
    fanout.readers.hidden = words
    snapshot_begun = time.time()
    made = snapshot(fanout.archive, fanout.snapshots, "--withdraw")
    await_served(fanout.ports, made)
    fanout.result.add("the takedown itself", f"{hidden - begun:.1f} s")
    fanout.result.add(
        "until both replicas are back with a new snapshot", f"{time.time() - snapshot_begun:.1f} s"
    )
    fanout.tell(f"a release is hidden, {len(fanout.readers.errors)} errors so far")
    time.sleep(2 * SETTLED)
    shown = [at - hidden for at, _ in fanout.readers.shown]
    fanout.result.add("answers that still showed it", len(shown))
    fanout.result.most(
        "from the takedown until the last of them was asked for", max(shown, default=0.0), GONE
    )
    left = [place for place in places if ask(fanout.proxy, place).shows(words)]
    fanout.result.none("places that show it afterwards", left)
    sums = {row[0] for row in fanout.ward.rows(f"select sha256 from captures where url = '{url}'")}
    with Captures(made / ARCHIVE_FILE, readonly=True) as captures:
        left = [each for each in sums if each in captures]
        fanout.result.none("bytes of it in the snapshot", left)


def judge(fanout: Fanout, writer: Writer, log: Path) -> None:
    """Check what the readers recorded."""
    readers, result = fanout.readers, fanout.result
    asked = sum(readers.asked.values())
    result.least("requests", asked, 1000)
    result.add("kinds of pages", len(readers.asked))
    errors: list[str] = sorted(readers.errors, key=lambda each: each.split()[1])
    result.none("errors that readers saw", errors)
    result.least("crawls beside them", writer.crawls, 4)
    result.none("crawls that failed", writer.problems)
    hits = asked - sum(readers.caches[name] for name in ("", "MISS", "BYPASS", "EXPIRED"))
    result.add("answered by the cache", f"{100 * hits / asked:.0f} %")
    did = (f"{name or 'not asked'} {n}" for name, n in readers.caches.items())
    result.add("by what the cache did", ", ".join(did))
    what = "staleness: the oldest answer, from when its snapshot was begun"
    result.most(what, readers.oldest, OLDEST)
    result.add("slowest answer", f"{readers.slowest:.1f} s")
    retried = log.read_text("utf-8").count(" while ")
    result.add("faults of a server that nginx kept from readers", retried)
    held = fanout.snapshots.rglob(f"{WITHHELD_FILE}*")
    result.none("withheld.db among the snapshots", held)
