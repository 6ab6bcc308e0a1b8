"""scrapy extract: prints the release that is parsed from a saved page."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from archive.times import to_iso
from scraper.agency import find_owner
from scraper.errors import PageError
from scraper.normalise.conversion import find_quality_warnings, to_release
from scraper.pages import read_page
from scraper.probe import build_field_rows, find_unused_selectors, format_columns
from scraper.project_command import ProjectCommand, get_only_argument, option


class Command(ProjectCommand):
    """Print the release in a saved page as JSON, or with an explanation of each field.

    Neither a network nor an archive is needed. Exit code 0: the release was printed (warnings about
    it go to stderr); 1: the page is not a release, or a field cannot be read; 2: wrong arguments.
    """

    usage = "FILE --url URL [--agency SLUG] [--explain]"
    takes_arguments = True

    options = (
        option(
            "--url", required=True, metavar="URL", help="the URL that the page was fetched from"
        ),
        option("--agency", metavar="SLUG", help="the agency (default: that of the URL's host)"),
        option(
            "--explain",
            action="store_true",
            help="print each field's value, the rule that read it and the element",
        ),
    )

    def execute(self, args: list[str], opts: argparse.Namespace) -> int:
        path = Path(get_only_argument(args, "file"))
        agencies = self.load_agencies()
        html = path.read_bytes()
        agency = find_owner(agencies.values(), opts.url)
        if opts.agency:
            (agency,) = self.select_agencies([opts.agency]).values()
        item = release = None
        try:
            item = read_page(html, opts.url, agency)
            release = to_release(item)
        except PageError as error:
            self.report_error(error)
        if release:
            for warning in find_quality_warnings(release):
                self.report_error(str(warning))
        if opts.explain and agency:
            for problem in find_unused_selectors(html, opts.url, agency):
                self.report_error(problem)
        if opts.explain and item:
            # Printed even without a release, because an unreadable field needs an explanation.
            print(format_columns(build_field_rows(item, release)))
        elif release:
            print(json.dumps(asdict(release), ensure_ascii=False, indent=2, default=to_iso))
        return 0 if release else 1
