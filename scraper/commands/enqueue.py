"""scrapy enqueue: queues a round of every agency that has none waiting or running."""

from __future__ import annotations

import argparse

from scrapy.settings import Settings

from scraper.command import OptionsCommand, add_agency_option, load_selected_agencies
from scraper.distributed.queue import Broker, JobDeferral, JobQueue, find_lease_host


class Command(OptionsCommand):
    """Exit code 0: done; 2: wrongly configured, or the broker does not respond."""

    def syntax(self) -> str:
        return "[--agency SLUG[,SLUG]]"

    def short_desc(self) -> str:
        return "Put agencies' rounds into the queue, each once"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        add_agency_option(parser)

    def execute(self, settings: Settings, opts: argparse.Namespace) -> int:
        agencies = load_selected_agencies(settings, opts)
        broker = Broker(settings)
        broker.check_connection()
        queue = JobQueue(broker, settings, reject_job)
        active = [agency for agency in agencies.values() if not agency.paused]
        with broker.convert_errors():
            queued = sum(queue.enqueue(agency.slug, find_lease_host(agency.home)) for agency in active)
        print(f"{queued} rounds put into the queue; {len(active) - queued} wait or go on already")
        return 0


def reject_job(slug: str, host: str) -> JobDeferral:
    """Leave a round to the workers: this process only fills the queue."""
    return JobDeferral(seconds=0)
