"""scrapy survey: requests pages from many agencies' sites, and reports which can be crawled."""

from __future__ import annotations

import argparse
from datetime import timedelta
from pathlib import Path

from scrapy.exceptions import UsageError

from archive.database.sqlite_files import show_progress
from archive.times import now, to_iso
from scraper.crawl.crawl_stats import parse_deadline
from scraper.crawl.round_locks import lock_writer
from scraper.downloader.browser import check_browser
from scraper.errors import AgencyError
from scraper.probe import run_probes
from scraper.project_command import ProjectCommand, option
from scraper.survey.survey_acceptance import accept_survey
from scraper.survey.survey_record import SurveyRecord
from scraper.survey.survey_report import preview_changes, review, write_reports
from scraper.survey.survey_spider import Survey

ALWAYS = 36_500.0  # days; no try is older


class Command(ProjectCommand):
    """Try the agencies' sites, and report which can be crawled and which a person must look at.

    Each agency's sources and up to thirty of its releases are requested, under the same limits as
    in a crawl. The responses are stored in the folder that the setting SURVEY names. Nothing is
    written to an archive. To continue an interrupted survey, run the same command again. Exit code
    0: all agencies were tried; 1: some agencies were not tried; 2: wrong arguments.
    """

    requires_crawler_process = True
    usage = "[--agency SLUGS] [--minutes N] [--again DAYS] | --review | --accept | --offline"
    takes_agency_option = True
    logs_only_warnings = True

    options = (
        option("--minutes", default="", metavar="N", help="stop after N minutes"),
        option(
            "--again",
            type=float,
            default=ALWAYS,
            metavar="DAYS",
            help="also try agencies whose last try is at least DAYS days old",
        ),
        option(
            "--review", action="store_true", help="ask whether the releases were read correctly"
        ),
        option(
            "--accept",
            action="store_true",
            help="write what was found and confirmed into the list of agencies",
        ),
        option(
            "--offline",
            action="store_true",
            help="read the stored pages again with the present tables and parser, and show what"
            " changes",
        ),
    )

    def execute(self, args: list[str], opts: argparse.Namespace) -> int:
        if opts.offline + opts.review + opts.accept > 1:
            raise UsageError("only one of --review, --accept and --offline can be given")
        is_survey, left = not (opts.offline or opts.review or opts.accept), 0
        only = tuple(opts.agency and self.select_agencies(opts.agency))
        with SurveyRecord(Path(self.settings["SURVEY"]), create=is_survey) as record:
            if opts.accept:
                print(accept_survey(record, self.agencies_file, only), end="")
            elif opts.offline:
                agencies = self.select_agencies(opts.agency)
                print(*preview_changes(record, agencies, self.load_agencies()), sep="\n")
            else:
                if opts.review:
                    print(f"{review(record, only)} answers")
                else:
                    left = self.survey(record, opts)
                print(*write_reports(record), sep="\n")
        if left:
            self.report_error(f"{left} agencies are left; run the same command again")
        return int(left > 0)

    def survey(self, record: SurveyRecord, opts: argparse.Namespace) -> int:
        """Survey the agencies that have not been tried within the last `opts.again` days.

        Returns the number of these agencies that still have not been tried.
        """
        if opts.again <= 0 and not opts.agency:  # an interrupted survey would begin again
            raise AgencyError("arguments", None, "again", "must be above 0, or name the agencies")
        since = to_iso(now() - timedelta(days=opts.again)) or ""
        deadline, tried = parse_deadline(opts.minutes), record.list_slugs(since)
        waiting = {
            slug: agency
            for slug, agency in self.select_agencies(opts.agency).items()
            if slug not in tried and (opts.agency or not agency.paused)
        }
        check_browser(waiting)
        with lock_writer(record.path), show_progress() as report_progress:
            survey = Survey(waiting, self.load_agencies(), record, report_progress, deadline)
            run_probes(self.crawler_process, waiting, survey.run)
        return len(waiting.keys() - set(record.list_slugs(since)))
