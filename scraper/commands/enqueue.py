"""scrapy enqueue: queues rounds for workers."""

from __future__ import annotations

import argparse

from scraper.distributed.broker import Broker
from scraper.distributed.job_queue import JobQueue
from scraper.distributed.leases import find_lease_host
from scraper.project_command import ProjectCommand


class Command(ProjectCommand):
    """Queue a round for each agency that is not paused and has no round waiting or running.

    Exit code 0: done; 2: wrong configuration, or the broker does not respond.
    """

    usage = "[--agency SLUG[,SLUG]]"
    takes_agency_option = True

    def execute(self, args: list[str], opts: argparse.Namespace) -> int:
        agencies = self.select_agencies(opts.agency)
        broker = Broker(self.settings)
        broker.check_connection()
        # never called: rounds are left to the workers
        queue = JobQueue(broker, self.settings, lambda slug, host: 0.0)
        active = [agency for agency in agencies.values() if not agency.paused]
        with broker.convert_errors():
            queued = sum(
                queue.enqueue(agency.slug, find_lease_host(agency.home)) for agency in active
            )
        print(f"{queued} rounds queued; {len(active) - queued} were waiting or running already")
        return 0
