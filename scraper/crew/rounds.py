"""A worker's round of one agency: its lease, its errand, Scrapy's two passes on the errand's copy, and the end told."""

from __future__ import annotations

import logging
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, cast

from archive.store import Archive
from archive.times import now
from scraper.crew.broker import Broker
from scraper.crew.errands import open_errand
from scraper.crew.journal import Post, Unsendable
from scraper.crew.lease import Lease, Renewal
from scraper.crew.messages import Operation
from scraper.crew.parts import ADDONS
from scraper.crew.queue import Later
from scraper.errors import CrewError
from scraper.rounds import last_crawl

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

    from scraper.running import Running

logger = logging.getLogger(__name__)

PASSES = ("news", "revisit")
PATIENCE = 120  # seconds that a writer may take to give an errand
SOON = 10.0  # seconds until a round is tried again for which there was no writer, or no broker
AGAIN = 60.0  # and one whose crawl broke off by itself
WRONG = 2  # the exit code of a crawl that is wrongly configured


class Rounds:
    """Goes on rounds. options: what the worker's own command line says, handed on to its crawls."""

    def __init__(self, broker: Broker, settings: BaseSettings, running: Running, options: Sequence[str]) -> None:
        self.broker, self.settings, self.running, self.options = broker, settings, running, options
        self.wrong = False  # whether a crawl said that it is wrongly configured

    def go(self, slug: str, host: str) -> Later | None:
        """One round; when to try again where it was not done."""
        if self.running.stopped:
            return Later(seconds=0)
        try:
            with self.broker.faults():
                lease = Lease.take(self.broker, self.settings, host)
                if lease:
                    return self.go_with(lease, slug, host)
                left = int(self.broker.redis.pttl(self.broker.key("lease", host)))
                return Later(seconds=max(left, 100) / 1000)
        except (CrewError, Unsendable) as error:
            logger.warning("%s: the round broke off: %s", slug, error)
            return Later(seconds=SOON)

    def go_with(self, lease: Lease, slug: str, host: str) -> Later | None:
        """The same, the agency being ours."""
        logger.info("%s: a round begins, token %d", slug, lease.token)
        lost, quiet = threading.Event(), 0.0

        def lose() -> None:
            lost.set()
            if self.running.child:
                self.running.child.terminate()

        try:
            with Renewal(lease, lose), tempfile.TemporaryDirectory(prefix="round-") as folder:
                Post(self.broker, lease, slug).send(Operation(name="open", kwargs={}))
                errand = self.receive(lease, lost.is_set)
                if not errand:
                    return Later(seconds=SOON) if errand is None else None
                open_errand(errand, Path(folder))
                later, quiet = self.cross(lease, slug, host, Path(folder), lost.is_set)
                return later
        finally:
            if not lost.is_set():
                self.release(lease, quiet)

    def receive(self, lease: Lease, lost: Callable[[], bool]) -> bytes | None:
        """The errand that the writer gives; b"" where there is to be none; None where it gives no answer."""
        key, begun = self.broker.key("errand", lease.token), time.monotonic()
        while not (lost() or self.running.stopped) and time.monotonic() - begun < PATIENCE:
            found = self.broker.insist(lambda: self.broker.redis.blpop([key], timeout=1), lambda: lease.left)
            if found:
                return cast("list[bytes]", found)[1]
        return None

    def cross(
        self, lease: Lease, slug: str, host: str, folder: Path, lost: Callable[[], bool]
    ) -> tuple[Later | None, float]:
        """The passes; and for how long the host is to be left alone after them."""
        given = {
            "ARCHIVE": folder / "archive.db",
            "AGENCIES": folder / "agencies.toml",
            "ADDONS": ADDONS,
            "CREW_TOKEN": lease.token,
            "CREW_HOST": host,
        }
        told = [part for name, value in given.items() for part in ("-s", f"{name}={value}")]
        arguments = ("-a", f"agency={slug}", "-a", f"minutes={self.settings['ROUND_PASS_MINUTES']}")
        quiet = 0.0
        for name in PASSES:
            if name == "revisit" and not is_due(folder / "archive.db", slug):
                continue
            self.running.wait(quiet)
            before = last_crawl(folder / "archive.db")
            code = self.running.scrapy("crawl", name, *arguments, *self.options, *told)
            told_all, quiet = self.look_at(folder / "archive.db", before)
            self.wrong = self.wrong or code == WRONG
            if self.running.stopped or lost() or code not in (0, 1) or not told_all:
                logger.warning("%s: its %s pass broke off (%d); the round goes to another", slug, name, code)
                return Later(seconds=0 if self.running.stopped or lost() else AGAIN), quiet
        Post(self.broker, lease, slug).send(Operation(name="end", kwargs={}))
        return None, quiet

    def look_at(self, copy: Path, before: int) -> tuple[bool, float]:
        """Whether a pass has told all that it did; and the seconds that its host wants between two requests.

        Told by the row of crawls that the pass itself has completed. before: the newest row before it. Where there is
        none, the longest delay.
        """
        longest = self.settings.getfloat("CRAWL_DELAY_MAX")
        with closing(sqlite3.connect(copy)) as db:
            sql = "select requests, delay from crawls where id > ? and finished is not null"
            row = db.execute(sql, [before]).fetchone()
        if row is None:
            return False, longest
        requests, delay = row
        least = self.settings.getfloat("DOWNLOAD_DELAY")
        return True, max(least, longest if delay is None else float(delay)) if requests else 0.0

    def release(self, lease: Lease, quiet: float) -> None:
        """Leave the agency to others; where the broker does not answer, the lease ends by itself."""
        try:
            self.broker.insist(lambda: lease.release(quiet), 0)
        except CrewError as error:
            logger.warning("the lease cannot be released: %s", error)


def is_due(copy: Path, slug: str) -> bool:
    """Whether any held release is to be looked at again: a pass that finds none would only cost its start."""
    with Archive(copy, renew=False) as archive:
        return bool(archive.frontier.stale(slug, now(), 1))
