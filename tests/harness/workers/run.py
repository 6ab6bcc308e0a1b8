"""Runs workers on a new archive, kills a worker and the writer in the middle, and checks the
result.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scraper.spiders.release_spider import MAX_REQUESTS_AHEAD
from tests.harness.workers.cluster import Cluster, run_cluster
from tests.harness.world.checks import DOUBLED, Checklist, list_findings
from tests.scraper.crawling import Crawling
from tests.site.server import Site

# share of the requested delay; on a busy machine one request may arrive late and the next in time
LATE = 0.9
ROW = 5  # gaps in a row whose mean distinguishes two crawlers of a host from one late request
SAME = {  # tables and columns that must not depend on who crawled: no times and no ids
    "releases": (
        "select agency, url, hash, published, updated, (select url from releases m where m.id ="
        " r.moved_to), removed_at is null, checks, (select count(*) from revisions v where"
        " v.release = r.id), (select group_concat(name) from (select t.name from release_tags"
        " rt join tags t on t.id = rt.tag where rt.release = r.id order by t.name)) from"
        " releases r order by url"
    ),
    "revisions": (
        "select r.url, v.hash, v.cause, v.importance, v.update_date_changed, c.url, c.status,"
        " c.sha256 from revisions v join releases r on r.id = v.release left join captures c on"
        " c.id = v.capture order by r.url, v.id"
    ),
    "frontier": (
        "select url, agency, role, state, source, listed, tries, etag, last_modified, links,"
        " usual_links, problem, (select r.url from releases r where r.id = f.release) from"
        " frontier f order by url"
    ),
    "removals": (
        "select r.url, o.kind, o.status, o.target, o.checks,"
        " o.confirmed is null, o.ended is null, c.sha256 from removals o join releases r"
        " on r.id = o.release left join captures c on c.id = o.capture order by r.url, o.id"
    ),
    "hosts": "select host, robots, robots_text, pauses from hosts order by host",
    "pagination_cursors": (
        "select listing, next_url, page_number from pagination_cursors order by listing"
    ),
}


@dataclass
class Score:
    """The results of one cluster."""

    workers: int
    asked: float = 0.0  # seconds between two requests, as each host requires
    seconds: float = 0.0  # from the first request to the last
    pages: int = 0  # requested release pages
    gap: float = 0.0  # shortest time between two requests to a host
    pace: float = 0.0  # shortest mean of five successive times
    kept: float = 0.0  # shortest time as measured by the workers when sending
    lost: int = 0  # releases of the site that are not stored
    doubled: int = 0  # releases stored twice, or states reported twice
    repeated: int = 0  # release pages that were requested again
    deaths: list[str] = field(default_factory=list)
    checks: Checklist = field(default_factory=Checklist)

    @property
    def rate(self) -> float:
        """Return the pages per second."""
        return self.pages / self.seconds if self.seconds else 0.0


def read(archive: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return the contents of an archive that must not depend on who crawled."""
    with closing(sqlite3.connect(archive)) as db:
        return {name: db.execute(sql).fetchall() for name, sql in SAME.items()}


@dataclass(frozen=True)
class Stage:
    """A site, its list of agencies, and the result of a local crawl."""

    site: Site
    agencies: Path
    delay: float  # delay that each host requires
    tell: Callable[[str], None]
    patience: float = 900

    @property
    def least_delay(self) -> float:
        return max(1.0, self.delay)

    def crawling(self, folder: Path) -> Crawling:
        """Return the crawls into the archive of a folder."""
        return Crawling(self.site, self.agencies, folder / "archive.db", 900)

    @cached_property
    def releases(self) -> frozenset[tuple[str, str]]:
        """Return host and path of every release's page."""
        places = {(str(urlsplit(url).hostname), urlsplit(url).path) for url in self.site.truth}
        for host, room in self.site.mounted.items():
            places |= {(host, path) for path in getattr(room, "paths", ())}
        return frozenset(places)

    def pages(self) -> Counter[str]:
        """Return how often each release page was requested."""
        with self.site.counts.lock:
            found = list(self.site.counts.paths.items())
        return Counter({"".join(key): number for key, number in found if key in self.releases})

    def embed(self, folder: Path) -> Expected:
        """Run a local round and return its result."""
        self.site.clear_counts()
        crawling = self.crawling(folder)
        code, printed = crawling.finish(crawling.scrapy_command("round"))
        # small agencies may have a fault from the beginning, which does not matter here
        if code not in (0, 1):
            raise RuntimeError(printed)
        return Expected(read(crawling.archive), sum(self.pages().values()))


@dataclass(frozen=True, slots=True)
class Expected:
    """The archive of a local crawl, and the release pages that it requested."""

    held: dict[str, list[tuple[Any, ...]]]
    asked: int


def go(stage: Stage, expected: Expected, folder: Path, workers: int) -> Score:
    """Run a number of workers on a new archive."""
    score, site = Score(workers, stage.delay), stage.site
    score.checks.prefix, check = f"{workers} workers: ", score.checks.check
    site.clear_counts()
    site.log = []
    with run_cluster(stage.crawling(folder), folder, workers, delay=stage.least_delay) as cluster:
        cluster.enqueue()
        kill_some(cluster, stage, expected.asked, score)
        check("all is done in time", cluster.await_end(stage.patience))
    if "stall" in score.deaths:
        said = (folder / "worker-1.log").read_text("utf-8")
        lost = None if "was interrupted" in said else said[-2000:]
        check("who stood still has lost its round", lost)
    failed = {name: code for name, code in cluster.codes.items() if code}
    check("whoever is told to stop ends with 0", failed)
    judge(score, stage, cluster, expected)
    return score


def take_over(stage: Stage, folder: Path, slug: str) -> tuple[float, float]:
    """Return the seconds until a dead worker's round is continued, and those until its lease
    expires.
    """
    with run_cluster(stage.crawling(folder), folder, 1) as cluster:
        cluster.enqueue("--agency", slug)
        stage.site.clear_counts()
        if not cluster.wait(lambda: sum(stage.pages().values()) >= 3, stage.patience):
            raise RuntimeError(cluster.words())
        cluster.start("worker-1", "worker")
        time.sleep(5)  # it waits for work
        (before,) = cluster.tokens()
        cluster.kill("worker-0")
        died = time.monotonic()
        if not cluster.wait(lambda: cluster.tokens() != [before], stage.patience):
            raise RuntimeError(cluster.words())
        return time.monotonic() - died, cluster.lease + cluster.delay


def kill_some(cluster: Cluster, stage: Stage, asked: int, score: Score) -> None:
    """Kill a worker in the middle of a round, then the broker, then the writer, and restart each.

    If there are several workers, another one is suspended for longer than its lease, and then
    resumed.
    """

    def after(share: float, death: str) -> None:
        done = cluster.wait(lambda: sum(stage.pages().values()) >= share * asked, stage.patience)
        said = None if done else cluster.words()[-3000:]
        score.checks.check(f"{share:.0%} of the pages are asked for in time", said)
        score.deaths.append(death)
        stage.tell(death)

    after(0.3, "worker")
    cluster.kill("worker-0")
    cluster.start("worker-new", "worker")
    if "worker-1" in cluster.processes:
        after(0.4, "stall")
        with cluster.still("worker-1"):
            time.sleep(cluster.lease + cluster.delay + 2)
    after(0.55, "broker")
    cluster.server.kill()
    cluster.server.start()
    after(0.7, "writer")
    cluster.kill("writer")
    time.sleep(1.0)  # workers continue meanwhile
    cluster.start("writer", "writer")


def find_pace(site: Site) -> tuple[float, str]:
    """Return the shortest mean time between requests to one host, over ROW of them, and the
    host.
    """
    moments: defaultdict[str, list[datetime]] = defaultdict(list)
    for asked in site.log or ():
        moments[asked.host].append(asked.moment)
    spans = [
        ((end - begun).total_seconds() / ROW, host)
        for host, times in moments.items()
        for begun, end in zip(times, times[ROW:], strict=False)
    ]
    return min(spans, default=(0.0, "no host"))


def judge(score: Score, stage: Stage, cluster: Cluster, expected: Expected) -> None:
    """Count the results, and compare them with those of the local crawl."""
    counts, asked, path = stage.site.counts, stage.pages(), cluster.crawling.archive
    check = score.checks.check
    score.pages = sum(asked.values())
    score.seconds = max(counts.last.values()) - min(counts.first.values())
    score.gap = min(counts.min_gap.values())
    score.pace, host = find_pace(stage.site)
    ((score.kept,),) = cluster.crawling.rows("select coalesce(min(delay), 0) from crawls")
    again = {page: number for page, number in asked.items() if number > 1}
    score.repeated = sum(again.values()) - len(again)
    held = read(path)
    wanted, kept = ({row[1] for row in rows["releases"]} for rows in (expected.held, held))
    score.lost = len(wanted - kept)
    doubled = {what: cluster.crawling.rows(sql) for what, sql in DOUBLED.items()}
    score.doubled = sum(map(len, doubled.values()))
    for what, rows in doubled.items():
        check(what, rows)
    check("releases are lost", score.lost)
    check(f"{host} was asked five times too fast", score.pace < LATE * stage.delay and score.pace)
    check("a worker sent two requests too fast", score.kept < stage.delay and score.kept)
    check("a host had two requests at once", {host for host, n in counts.busiest.items() if n > 1})
    is_more = score.repeated > MAX_REQUESTS_AHEAD
    check("more is asked again than was in flight", again if is_more else None)
    check("verify finds", list_findings(path))
    for name, rows in expected.held.items():
        differing = sorted(set(held[name]) ^ set(rows), key=repr)
        check(f"{name} differ from an embedded crawl's", differing)
