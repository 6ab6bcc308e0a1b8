"""scrapy parse: fetches a page and prints the release on it, without an archive."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from scrapy import Request, Spider
from scrapy.commands.parse import Command as ScrapyParse
from scrapy.exceptions import UsageError
from scrapy.http import Response

from scraper.agency import Agency, check_contact, find_owner
from scraper.downloader.limits import IdentifiedSpider
from scraper.errors import PageError
from scraper.items import ReleaseItem
from scraper.pages import read_page
from scraper.project_command import ProjectCommand, get_only_argument, parse_url_argument


class Command(ProjectCommand, ScrapyParse):
    """Fetch a page under the same limits as in a crawl, and print the release parsed from it.

    All values are printed as strings.

    Nothing is stored; scrapy crawl refetch -a url=URL fetches and stores a page. Exit code 0: a
    release was parsed; 1: the page contains no release; 2: wrong configuration.
    """

    requires_crawler_process = True
    usage = "[options] URL"
    takes_arguments = True

    def execute(self, args: list[str], opts: argparse.Namespace) -> int:
        url = parse_url_argument(get_only_argument(args, "address"))
        agencies = self.load_agencies()
        check_contact(
            {"": Agency(slug="parse", name="parse", home=url)}, self.settings.get("CONTACT")
        )
        opts.spargs = {
            "url": url,
            "agencies": agencies,
            "build_request": lambda spider: self.prepare_request(spider, Request(url), opts),
        }
        ScrapyParse.run(self, [url], opts)
        return self.exitcode or (0 if any(self.items.values()) else 1)

    def set_spidercls(self, url: str, opts: argparse.Namespace) -> None:
        """Use PageSpider, because the crawling spiders would write to the archive."""
        if opts.spider:
            raise UsageError(
                "scrapy parse has its own spider: leave out --spider", print_help=False
            )
        self.spidercls = PageSpider


class PageSpider(IdentifiedSpider):
    """Parses the release on one page.

    build_request: the function that builds the request for the page.
    """

    name = "page"

    def __init__(
        self, url: str, agencies: dict[str, Agency], build_request: Callable[[Spider], Request]
    ) -> None:
        super().__init__()
        self.url, self.agencies, self.build_request = url, agencies, build_request

    async def start(self) -> AsyncIterator[Any]:
        yield self.build_request(self)

    def parse(self, response: Response, **arguments: Any) -> Iterator[ReleaseItem]:
        agency = find_owner(self.agencies.values(), response.url)
        try:
            yield read_page(response.body, response.url, agency)
        except PageError as error:
            self.logger.warning("%s", error)
