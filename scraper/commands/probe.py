"""scrapy probe: proposes an agency's table for agencies.toml, and shows its parsed releases."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from scraper.errors import PageError, SourceError
from scraper.probe import STORED_PAGES_DIR, format_probe_report, probe_file, probe_site, store_page
from scraper.project_command import ProjectCommand, get_only_argument, option, parse_url_argument


class Command(ProjectCommand):
    """Propose an agency's table for agencies.toml, and show how its releases are parsed.

    The site's feeds, sitemaps and listings, and three of its releases, are fetched with about
    twelve requests, under the same limits as in a crawl. Exit code 0: a release was parsed; 1: no
    release was found; 2: wrong arguments.
    """

    requires_crawler_process = True
    usage = "URL | FILE --url URL  [--store [--out DIR]]"
    takes_arguments = True
    logs_only_warnings = True

    options = (
        option(
            "--url",
            metavar="URL",
            help="the URL that the stored file was fetched from; nothing is requested",
        ),
        option(
            "--store",
            action="store_true",
            help="write the first release and its expected result, for review",
        ),
        option(
            "--out",
            type=Path,
            default=STORED_PAGES_DIR,
            metavar="DIR",
            help="folder to write to (default: %(default)s)",
        ),
    )

    def execute(self, args: list[str], opts: argparse.Namespace) -> int:
        argument = get_only_argument(args, "address, or one file and its --url")
        agencies = self.load_agencies()
        try:
            if opts.url:
                result = probe_file(
                    Path(argument).read_bytes(), parse_url_argument(opts.url), agencies
                )
            else:
                result = probe_site(self.crawler_process, parse_url_argument(argument), agencies)
        except (PageError, SourceError) as error:  # the home page is empty or cannot be fetched
            self.report_error(error)
            return 1
        print(format_probe_report(result, shutil.get_terminal_size((150, 40)).columns))
        page = next((page for page in result.pages if page.release), None)
        if not page:
            self.report_error("no release was parsed")
            return 1
        if opts.store and page.html:
            stored_path = store_page(page.html, page.url, result.agency, opts.out)
            print(
                f"\nstored {stored_path} and its expected result:"
                f" check it, correct it and commit it"
            )
        return 0
