"""scrapy extract FILE --url URL: one stored page as the release it holds, JSON or an explanation on stdout."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from archive.dates import to_iso
from scraper.agency import DEFAULT_AGENCIES_FILE, load_agencies
from scraper.errors import AgencyError, PageError
from scraper.normalise import find_quality_warnings, to_release
from scraper.pages import read_page
from scraper.probe import find_unused_selectors
from scraper.probe.report import build_field_rows, format_columns


class Command(ScrapyCommand):
    """Reads a page without a network and without an archive. Exit code 1: no release, 2: wrong arguments.

    What of a release is doubtful is told on stderr; it is printed all the same.
    """

    requires_project = True
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
        try:
            agencies = load_agencies((self.settings and self.settings.get("AGENCIES")) or DEFAULT_AGENCIES_FILE)
            html = Path(args[0]).read_bytes()
        except (AgencyError, OSError) as error:
            raise UsageError(str(error), print_help=False) from error
        if opts.agency and opts.agency not in agencies:
            raise UsageError(f"{opts.agency} is not in the list of agencies", print_help=False)
        agency = agencies.get(opts.agency) or next((a for a in agencies.values() if a.owns(opts.url)), None)
        item = release = None
        try:
            item = read_page(html, opts.url, agency)
            release = to_release(item)
        except PageError as error:
            sys.stderr.write(f"scrapy extract: {error}\n")
            self.exitcode = 1
        for doubt in find_quality_warnings(release) if release else ():
            sys.stderr.write(f"scrapy extract: {doubt}\n")
        for idle in find_unused_selectors(html, opts.url, agency) if opts.explain and agency else ():
            sys.stderr.write(f"scrapy extract: {idle}\n")
        if opts.explain and item:
            print(
                format_columns(build_field_rows(item, release))
            )  # a field that cannot be read is what one wants explained
        elif release:
            print(json.dumps(asdict(release), ensure_ascii=False, indent=2, default=to_iso))
