"""Crawls, edits and crawls the sample agencies again, to build the archive that the records are
made of.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path

import time_machine

from tests.oracle.tables import dump
from tests.oracle.world import EDITED, FAULTY, FIRST, LOOKED_AGAIN, SERVED, World, ask, opened
from tests.site.server import Site
from tests.site.story import tell

SETTINGS = "-s ARCHIVE={archive} -s AGENCIES={agencies}"
PAUSE = 0.05  # seconds between two requests to the site, as its robots.txt asks for
TICK = 1.5  # seconds until the site's server has read the clock again
BURIED, BROKEN = "skogsbruksradet", "lasframjandenamnden"
LATE = "hushallsmyndigheten"  # publishes a release after the last crawl
LINES = 500  # imported from another collection


class Stage:
    """The sample site, and the clock that it and the commands use."""

    def __init__(self, world: World, site: Site, clock: time_machine.Traveller) -> None:
        self.world, self.site, self.clock, self.moment = world, site, clock, FIRST

    def move_to(self, moment: datetime) -> None:
        """Set the clock, and wait until the site uses the new time."""
        self.moment = moment
        self.clock.move_to(moment)
        time.sleep(TICK)

    def crawl(self, spider: str, more: str = "") -> None:
        """Run a spider for one agency after another, so that ids are assigned in a fixed order."""
        for slug in self.site.agencies:
            command = f"scrapy crawl {spider} -a agency={slug} {more} {SETTINGS}"
            self.world.demand(command, self.moment, {"archive": self.world.archive}, most=1)

    def settle(self) -> None:
        """Replace the measured delays between requests by a fixed one, and assess the health of
        every agency.
        """
        table, column = (names := self.world.names).table("crawls"), names.column("crawls", "delay")
        with opened(self.world.archive) as db:
            db.execute(f"update {table} set {column} = {PAUSE} where {column} is not null")
        self.world.demand(
            f"scrapy health {SETTINGS}", self.moment, {"archive": self.world.archive}, most=1
        )

    def make_due(self) -> None:
        """Check every release again, as the demo does."""
        table, column = (
            (names := self.world.names).table("releases"),
            names.column("releases", "next_check"),
        )
        with opened(self.world.archive) as db:
            db.execute(f"update {table} set {column} = null")


@contextmanager
def staged(world: World) -> Iterator[Stage]:
    """Run the sample site with its clock stopped at the first crawl."""
    with time_machine.travel(FIRST, tick=False) as clock, Site(world.site_port) as site:
        site.agencies_file(world.work)
        time.sleep(TICK)
        yield Stage(world, site, clock)


def fill(stage: Stage) -> None:
    """Crawl the site, edit it, crawl it again, and once more with faults; record the tables before
    and after.
    """
    world, site = stage.world, stage.site
    unwritten = site.withhold(sorted(url for url in site.truth if LATE in url)[0])
    stage.crawl("news")
    stage.settle()
    dump(world, world.archive, "after_crawl")
    stage.move_to(EDITED)
    tell(site)
    share_text(site)
    stage.make_due()
    stage.crawl("revisit")
    stage.crawl("audit")
    for moment in LOOKED_AGAIN:
        stage.move_to(moment)
        stage.crawl("revisit")
    stage.move_to(FAULTY)
    site.bury(BURIED)
    site.break_(f"{BROKEN}/*", status=503)
    stage.make_due()
    stage.crawl("revisit")
    site.mend()
    stage.crawl("news")
    site.publish(unwritten)
    stage.crawl("audit", "-a refill=yes")  # finds the new release missing
    stage.settle()
    stage.move_to(SERVED)
    take_down(world)
    dump(world, world.archive, "after_edits")


def share_text(site: Site) -> None:
    """Let an agency publish the text of another: the longest one without questions."""
    plain = {url: told for url, told in sorted(site.truth.items()) if not told.questions}
    one = max(
        (told for told in plain.values() if told.agency == LATE),
        key=lambda told: len(" ".join(told.body)),
    )
    other = next(url for url, told in plain.items() if told.agency == BROKEN)
    site.edit(other, {"title": one.title, "lead": one.lead, "blocks": one.blocks})


def take_down(world: World) -> None:
    """Hide a release, and redact a passage of another."""
    names = world.names
    table, key, body = (
        names.table("releases"),
        names.column("releases", "id"),
        names.column("releases", "body"),
    )
    rows = ask(world.archive, f"select {key}, {body} from {table} order by {key} limit 12")
    hidden, (redacted, text) = rows[5][0], rows[9]
    where = {"archive": world.archive}
    reasons = "--reason 'Uppgifter om en enskild' --reason-en 'About a private person'"
    for action, passage in (
        (f"hide {hidden}", ""),
        (f"redact {redacted}", " ".join(text.split("\n")[0].split()[:4])),
    ):
        ran = world.run(
            f"python -m archive takedown {action} {reasons} --archive {{archive}}",
            SERVED,
            where,
            passage,
        )
        world.write(
            f"commands/sample-takedown-{action.split()[0]}.txt",
            f"exit code {ran.code}\n{ran.out}{ran.err}",
        )


def take_over(world: World) -> Path | None:
    """Import another collection into a new archive and record its tables; None if there is no
    collection.
    """
    collection = world.shared / "corpus/regeringen.jsonl.gz" if world.shared else None
    if collection is None or not collection.is_file():
        return None
    folder = world.work / "import"
    folder.mkdir()
    slice_, archive = world.work / "slice.jsonl", folder / "archive.db"
    with gzip.open(collection, "rt", encoding="utf-8") as lines:
        slice_.write_text("".join(islice(lines, LINES)), "utf-8")
    ran = world.run(
        "python -m archive import {file} --agency regeringen --archive {archive}",
        SERVED,
        {"file": slice_, "archive": archive},
    )
    world.write(
        "commands/import-corpus.txt",
        f"exit code {ran.code}\n--- stdout\n{ran.out}--- stderr\n{ran.err}",
    )
    dump(world, archive, "after_import_corpus")
    return archive
