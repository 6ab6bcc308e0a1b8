"""scrapy survey: tries the sites of many agencies, and reports which of them can be crawled."""

from __future__ import annotations

import argparse
from datetime import timedelta
from pathlib import Path

from archive.database.sqlite_files import show_progress
from archive.times import now, to_iso
from scraper.agency import Agency, check_contact
from scraper.crawl.crawl_stats import parse_deadline
from scraper.downloader.browser import check_browser
from scraper.errors import AgencyError
from scraper.probe import propose_slug, quieten_loggers
from scraper.project_command import ProjectCommand, option
from scraper.survey.survey_acceptance import accept_survey
from scraper.survey.survey_changes import list_changes, survey_stored
from scraper.survey.survey_record import SurveyRecord
from scraper.survey.survey_report import write_reports
from scraper.survey.survey_review import review
from scraper.survey.survey_spider import SurveySpider


class Command(ProjectCommand):
    """Try the agencies' sites, and report which can be crawled and which need a person.

    Each agency's sources and up to thirty of its releases are requested, as politely as in a crawl,
    and kept in the folder SURVEY; nothing is written to an archive. The same command continues an
    interrupted survey. Exit code 0: all agencies were tried; 1: some are left; 2: wrong arguments.
    """

    requires_crawler_process = True
    usage = "[--agency SLUGS | --list FILE] [--minutes N] [--again DAYS]"
    takes_agency_option = True
    logs_only_warnings = True

    options = (
        option(
            "--list",
            type=Path,
            metavar="FILE",
            help="try the sites in a file instead: a home page and a name on each line",
        ),
        option("--minutes", default="", metavar="N", help="stop after N minutes"),
        option(
            "--again",
            type=float,
            metavar="DAYS",
            help="try agencies again whose last try is at least DAYS days old",
        ),
        option(
            "--offline",
            action="store_true",
            help="show what the present tables and parser would change; nothing is requested",
        ),
        option("--review", action="store_true", help="say of releases whether they are right"),
        option(
            "--accept",
            action="store_true",
            help="write what was found and confirmed into the list of agencies",
        ),
        option("--report", action="store_true", help="only write the reports"),
    )

    def execute(self, args: list[str], opts: argparse.Namespace) -> int:
        folder = Path(self.settings["SURVEY"])
        if opts.accept:
            with SurveyRecord(folder, readonly=True) as record:
                print(accept_survey(record, self.agencies_file), end="")
            return 0
        with SurveyRecord(folder) as record:
            if opts.offline:
                return self.preview(record, opts)
            left = 0
            if opts.review:
                print(f"{review(record)} answers")
            elif not opts.report:
                left = self.survey(record, opts)
            changes = {}
            for slug in record.list_slugs():
                after, *before = record.load_tries(slug, 2)
                changes[slug] = list_changes(before[0], after) if before else []
            for path in write_reports(record.load_all(), changes, folder):
                print(path)
        if left:
            self.report_error(f"{left} agencies are left; the same command continues")
        return 1 if left else 0

    def survey(self, record: SurveyRecord, opts: argparse.Namespace) -> int:
        """Survey the agencies that were not tried yet; return the number of those that are left."""
        since = "" if opts.again is None else to_iso(now() - timedelta(days=opts.again)) or ""
        deadline, known = parse_deadline(opts.minutes), self.load_agencies()
        agencies = _read_list(opts.list) if opts.list else self.select_agencies(opts.agency)
        tried = record.list_slugs(since)
        waiting = {
            slug: agency
            for slug, agency in agencies.items()
            if slug not in tried and (opts.agency or not agency.paused)
        }
        check_contact(waiting, self.settings.get("CONTACT"))
        check_browser(waiting)
        quieten_loggers()
        crawler = self.crawler_process.create_crawler(SurveySpider)
        with show_progress() as report_progress:
            self.crawler_process.crawl(
                crawler,
                agencies=waiting,
                known=known,
                record=record,
                report_progress=report_progress,
                deadline=deadline,
            )
            self.crawler_process.start()
        return len(waiting.keys() - set(record.list_slugs(since)))

    def preview(self, record: SurveyRecord, opts: argparse.Namespace) -> int:
        known = self.load_agencies()
        for slug, agency in self.select_agencies(opts.agency).items():
            for before in record.load_tries(slug):
                after = survey_stored(record, before, agency, known)
                print(
                    "".join(f"{slug}: {change}\n" for change in list_changes(before, after)), end=""
                )
        return 0


def _read_list(path: Path) -> dict[str, Agency]:
    """Read a list of sites: on each line a home page, and the agency's name after it."""
    agencies: dict[str, Agency] = {}
    for line in filter(None, map(str.strip, path.read_text("utf-8").splitlines())):
        home, _, name = line.partition(" ")
        if not home.startswith(("https://", "http://")) or not name.strip():
            raise AgencyError(path, None, None, f"{line!r} is no home page with a name after it")
        slug = propose_slug(home, agencies)
        agencies[slug] = Agency(slug=slug, name=name.strip(), home=home)
    return agencies
