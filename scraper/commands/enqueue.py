"""scrapy enqueue: has a crew go on a round of every agency that does not wait for one already."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from scraper.agency import DEFAULT_LIST, choose_agencies, load_agencies
from scraper.crew.broker import Broker
from scraper.crew.lease import host_of
from scraper.crew.queue import Later, Queue
from scraper.errors import AgencyError, CrewError


class Command(ScrapyCommand):
    """Exit code 0: done, 2: wrongly configured, or the broker does not answer."""

    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "[--agency SLUG[,SLUG]]"

    def short_desc(self) -> str:
        return "Put agencies' rounds into a crew's queue, each once"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--agency", default="", help="slugs, with commas; all where it is left out")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if args:
            raise UsageError("enqueue takes no arguments; name agencies with --agency")
        assert self.settings is not None  # noqa: S101 - Scrapy sets it before run
        file = Path(self.settings.get("AGENCIES") or DEFAULT_LIST)
        try:
            wanted = [slug.strip() for slug in opts.agency.split(",") if slug.strip()]
            chosen = choose_agencies(load_agencies(file), wanted, file)
            broker = Broker(self.settings)
            broker.check()
            queue = Queue(broker, self.settings, refuse)
            active = [agency for agency in chosen.values() if not agency.paused]
            with broker.faults():
                put = sum(queue.put(agency.slug, host_of(agency.home)) for agency in active)
        except (AgencyError, CrewError) as error:
            sys.stderr.write(f"scrapy enqueue: {error}\n")
            self.exitcode = 2
            return
        print(f"{put} rounds put into the queue; {len(active) - put} wait or go on already")


def refuse(slug: str, host: str) -> Later:
    """Whoever only fills the queue goes on no rounds."""
    return Later(seconds=0)
