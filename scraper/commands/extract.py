"""scrapy extract FILE --url URL: prints the release of a stored page, as JSON or with an explanation of each field."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from scrapy.exceptions import UsageError

from archive.dates import to_iso
from scraper.agency import load_agencies
from scraper.command import ProjectCommand, find_agencies_file
from scraper.errors import AgencyError, PageError
from scraper.normalise import find_quality_warnings, to_release
from scraper.pages import read_page
from scraper.probe.report import build_field_rows, format_columns
from scraper.probe.result import find_unused_selectors


class Command(ProjectCommand):
    """Needs neither a network nor an archive. Exit code 1: no release; 2: wrong arguments.

    Doubts about a release go to stderr; it is printed all the same.
    """

    requires_crawler_process = False

    def syntax(self) -> str:
        return "FILE --url URL [--agency SLUG] [--explain]"

    def short_desc(self) -> str:
        return "Print the release that a stored page holds, as JSON"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--url", required=True, help="the address the page was read at")
        parser.add_argument("--agency", help="whose page it is; told from the URL where it is left out")
        parser.add_argument(
            "--explain", action="store_true", help="print for every field its value, the rule and the element"
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if len(args) != 1:
            raise UsageError("name one file")
        assert self.settings is not None  # noqa: S101 - Scrapy sets it before run
        try:
            file = find_agencies_file(self.settings)
            agencies = load_agencies(file)
            html = Path(args[0]).read_bytes()
        except (AgencyError, OSError) as error:
            self.report_error(error)
            self.exitcode = 2
            return
        if opts.agency and opts.agency not in agencies:
            self.report_error(f"{file}: [{opts.agency}] is not in the list")
            self.exitcode = 2
            return
        agency = agencies.get(opts.agency) or next((a for a in agencies.values() if a.owns(opts.url)), None)
        item = release = None
        try:
            item = read_page(html, opts.url, agency)
            release = to_release(item)
        except PageError as error:
            self.report_error(error)
            self.exitcode = 1
        for warning in find_quality_warnings(release) if release else ():
            self.report_error(str(warning))
        for problem in find_unused_selectors(html, opts.url, agency) if opts.explain and agency else ():
            self.report_error(problem)
        if opts.explain and item:
            # Also without a release: a field that cannot be read is what needs an explanation.
            print(format_columns(build_field_rows(item, release)))
        elif release:
            print(json.dumps(asdict(release), ensure_ascii=False, indent=2, default=to_iso))
