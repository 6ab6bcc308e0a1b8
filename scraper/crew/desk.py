"""What a message does to the archive: an embedded crawl's own functions, in one transaction with its number."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from scrapy.exceptions import DropItem

from archive.errands import Errand, Errands
from archive.errors import ArchiveError
from archive.evidence.manifest import write_manifest
from archive.health.judging import judge_agencies
from archive.store import Archive
from archive.times import now
from scraper.agency import Agency
from scraper.crew.messages import Message, Operation
from scraper.errors import CrewError
from scraper.health import close_crawl, open_crawl
from scraper.pipelines import ArchivePipeline
from scraper.tally import Tally
from scraper.witness import Witness

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from scraper.items import Reading
    from scraper.schedule import Schedule

logger = logging.getLogger(__name__)

FOLLOWED = ("listed", "refused", "errors", "requests", "not_modified", "bytes", "unchanged", "away")  # by the worker
COUNTERS = ("fills", "faults", "source_faults")


@dataclass(slots=True)
class Pass:
    """A crawl of one agency as the writer follows it: what the pipeline takes for its spider."""

    archive: Archive
    witness: Witness
    agencies: dict[str, Agency]
    tallies: dict[str, Tally]
    ended: bool = False
    pipeline: ArchivePipeline = field(init=False)

    def __post_init__(self) -> None:
        self.pipeline = ArchivePipeline(cast("Crawler", SimpleNamespace(spider=self)))


class Desk:
    """Applies messages."""

    def __init__(self, path: Path, schedule: Schedule) -> None:
        self.archive = Archive(path)
        self.archive.db.execute("pragma synchronous = full")  # what is acknowledged outlives a power cut
        self.witness = Witness(self.archive, schedule)
        self.errands = Errands(self.archive.db)
        self.passes: dict[str, Pass] = {}

    def close(self) -> None:
        """Close the archive."""
        self.witness.close()
        self.archive.close()

    def apply(self, message: Message, agency: Agency) -> bool:
        """Do what a message says, unless it was done before; False where it is of an older token, or some are missing.

        An `open` is no such message: see `open`.
        """
        with self.archive.transaction():
            errand = self.errands.get(message.agency)
            if errand is None or errand.token != message.token or message.seq > errand.applied + 1:
                return False
            if message.seq <= errand.applied:
                return True
            crawl, tally = self._go_on(errand, agency), None
            for operation in message.operations:
                self._do(operation, crawl, agency)
            if crawl := self.passes.get(agency.slug):
                tally = crawl.tallies[agency.slug]
            self.errands.note(
                agency.slug,
                message.seq,
                crawl=tally.crawl if tally else errand.crawl,
                tally=to_json(tally) if tally else None,
            )
            if message.operations[-1].name == "end":
                self.errands.end(agency.slug, now())
        return True

    def open(self, message: Message, agency: Agency) -> bool:
        """Hand a round out; False where a newer token is known."""
        with self.archive.transaction():
            self.archive.add_agency(
                agency.slug, name=agency.name, home=agency.home, name_en=agency.name_en, org_number=agency.org_number
            )
            self.archive.hosts.mark_paused({agency.slug: agency.paused})
            errand = self.errands.get(agency.slug)
            if errand and errand.token >= message.token:
                return errand.token == message.token
            self.errands.begin(agency.slug, message.token, now(), message.seq)
        self.passes.pop(agency.slug, None)
        return True

    def set_aside(self, message: Message, agency: Agency) -> bool:
        """A page that we fail on is done with, and asked for again another day; False where it is no page.

        Then its round is at its end: what follows in it may rest on what was not done.
        """
        readings: list[Reading] = [one.args[0] for one in message.operations if one.name == "keep"]
        with self.archive.transaction():
            errand = self.errands.get(message.agency)
            if errand is None or errand.token != message.token or message.seq != errand.applied + 1:
                return True
            crawl = self._go_on(errand, agency)
            if crawl is None or len(readings) != len(message.operations):
                return False
            tally = crawl.tallies[agency.slug]
            for reading in readings:
                problem = f"{reading.visited}: our own code failed on it"
                tally.err(problem, "our fault")
                self.witness.unread(reading.visited, reading.held, reading.answer.seen, problem, refused=True)
            self.errands.note(agency.slug, message.seq, crawl=tally.crawl, tally=to_json(tally))
        return True

    def _go_on(self, errand: Errand, agency: Agency) -> Pass | None:
        """The pass that goes on, as it stands in the archive where this process does not know it."""
        if agency.slug not in self.passes and errand.tally:
            self.passes[agency.slug] = crawl = self._begin(agency, read_json(errand.tally, errand.crawl))
            urls = self.archive.db.execute("select url from held_back where crawl = ?", [errand.crawl]).fetchall()
            if urls:
                crawl.pipeline.aside[agency.slug] = {url for (url,) in urls}
        return self.passes.get(agency.slug)

    def _begin(self, agency: Agency, tally: Tally) -> Pass:
        return Pass(self.archive, self.witness, {agency.slug: agency}, {agency.slug: tally})

    def _do(self, operation: Operation, crawl: Pass | None, agency: Agency) -> None:
        part, _, method = operation.name.rpartition(".")
        if part:
            owner = self.witness if part == "witness" else getattr(self.archive, part)
            getattr(owner, method)(*operation.args, **operation.kwargs)
        elif operation.name == "begin":
            tally = Tally(crawl=open_crawl(self.archive, agency.slug, **operation.kwargs))
            self.passes[agency.slug] = self._begin(agency, tally)
        elif operation.name != "end":
            if crawl is None:
                raise CrewError(f"{agency.slug}: {operation.name!r} without a pass that goes on")
            if operation.name == "close":
                self._close(crawl, agency.slug, **operation.kwargs)
                return
            with suppress(DropItem):  # it was counted, and said why
                crawl.pipeline.process_item(operation.args[0])

    def _close(
        self,
        crawl: Pass,
        slug: str,
        *,
        counts: Mapping[str, int],
        reason: str,
        at: datetime,
        ended: bool,
        guest: Mapping[str, Any],
        faults: Mapping[str, int],
        problems: list[str],
        source_faults: Mapping[str, int] | None = None,  # a worker of an older version tells none
    ) -> None:
        """A pass has come to its end: what the worker counted is added, and all of it judged.

        `at`, like its beginning, by the worker's clock, which dates what it read: feeds compare the two.
        """
        tally = crawl.tallies[slug]
        for name in FOLLOWED:
            setattr(tally, name, getattr(tally, name) + counts[name])
        tally.faults.update(faults)
        tally.source_faults.update(source_faults or {})
        tally.problems[:0] = problems
        crawl.ended = ended
        crawl.pipeline.close_spider()
        close_crawl(self.archive, tally, reason, at, **guest)
        judge_agencies(self.archive.db, [slug], now())
        del self.passes[slug]

    def write_manifest(self) -> None:
        """The day's manifest, where there is none yet."""
        try:
            write_manifest(self.archive.db.conn, self.witness.captures, now().date())
        except ArchiveError as error:
            logger.critical("the manifest cannot be written: %s", error)


def to_json(tally: Tally) -> str:
    """What a pass has come to so far, as `read_json` reads it."""
    more = {name: getattr(tally, name) for name in (*COUNTERS, "problems")}
    return json.dumps({**tally.counts(), **more}, ensure_ascii=False)


def read_json(text: str, crawl: int | None) -> Tally:
    """The same as a Tally again."""
    told = json.loads(text)
    return Tally(crawl=crawl, **told | {name: Counter(told.get(name, {})) for name in COUNTERS})
