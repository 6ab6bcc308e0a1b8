"""scrapy probe URL: shows what an agency's site offers, a table for agencies.toml, and three releases as parsed."""

from __future__ import annotations

import argparse
import logging
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from scrapy.exceptions import UsageError

from scraper.agency import Agency, check_contact, load_agencies
from scraper.command import ProjectCommand, find_agencies_file
from scraper.errors import AgencyError, NotARelease
from scraper.probe.report import format_probe_report
from scraper.probe.result import ProbeResult, probe_file
from scraper.probe.spider import ProbeSpider
from scraper.probe.stored_pages import STORED_PAGES_DIR, store_page


class Command(ProjectCommand):
    """Requests about twelve URLs, as politely as a crawl. Exit code 1: no release found; 2: wrong arguments."""

    def syntax(self) -> str:
        return "URL | FILE --url URL  [--store [--out DIR]]"

    def short_desc(self) -> str:
        return "Propose an agency's table and show how its releases are read"

    def long_desc(self) -> str:
        return (
            "Find an agency's feeds, sitemaps and listings, print the table to add it with, and read three releases."
            " Exit code 0: a release was read, 1: none was found, 2: wrong arguments."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--url", help="of a stored file: the address it was read at; nothing is asked then")
        parser.add_argument(
            "--store", action="store_true", help="write the first release and its expected result, for review"
        )
        parser.add_argument(
            "--out", type=Path, default=STORED_PAGES_DIR, help=f"where to (default: {STORED_PAGES_DIR})"
        )

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        """Reduce the log to warnings, so that the report is readable."""
        super().process_options(args, opts)
        if self.settings and not opts.loglevel:
            self.settings.set("LOG_LEVEL", "WARNING", priority="cmdline")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if len(args) != 1:
            raise UsageError("name one address, or one file and its --url")
        assert self.settings is not None  # noqa: S101 - Scrapy sets it before run
        try:
            agencies = load_agencies(find_agencies_file(self.settings))
            if opts.url:
                found, problem = self.probe_file(Path(args[0]), parse_url_argument(opts.url), agencies)
            else:
                found, problem = self.probe_site(parse_url_argument(args[0]), agencies)
        except (AgencyError, OSError) as error:
            self.report_error(error)
            self.exitcode = 2
            return
        if found is None:
            self.report_error(problem or "found nothing")
            self.exitcode = 1
            return
        print(format_probe_report(found, shutil.get_terminal_size((150, 40)).columns))
        read = [page for page in found.pages if page.release]
        if not read:
            self.report_error("no release was read")
            self.exitcode = 1
        elif opts.store:
            page = store_page(read[0].html, read[0].url, found.agency, opts.out)
            print(f"\nstored {page} and its expected result: read it, mend it, commit it")

    def probe_file(self, file: Path, url: str, agencies: dict[str, Agency]) -> tuple[ProbeResult | None, str | None]:
        """Probe a stored page; return the result, or None and the problem."""
        try:
            return probe_file(file.read_bytes(), url, agencies), None
        except NotARelease as error:  # the file is empty
            return None, str(error)

    def probe_site(self, url: str, agencies: dict[str, Agency]) -> tuple[ProbeResult | None, str | None]:
        """Probe a site through Scrapy's engine; return the result, or None and the problem."""
        assert self.settings is not None and self.crawler_process  # noqa: S101, PT018 - Scrapy sets both before run
        probed = Agency(slug="probe", name="probe", home=url)
        check_contact({"probe": probed}, self.settings.get("CONTACT"))
        for name in ("scrapy.addons", "scrapy.crawler", "scrapy.middleware"):
            logging.getLogger(name).setLevel(logging.WARNING)
        for name in ("retry", "robotstxt"):  # the report says the same
            logging.getLogger(f"scrapy.downloadermiddlewares.{name}").setLevel(logging.CRITICAL)
        crawler = self.crawler_process.create_crawler(ProbeSpider)
        self.crawler_process.crawl(crawler, url=url, agencies=agencies)
        self.crawler_process.start()
        spider = crawler.spider
        assert isinstance(spider, ProbeSpider)  # noqa: S101 - the one just made
        return spider.result, spider.problem or "stopped before its end"


def parse_url_argument(text: str) -> str:
    """Return an argument as an http or https URL. Raises UsageError if it is not one."""
    url = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise UsageError(f"{text!r} is no http or https address", print_help=False)
    return url
