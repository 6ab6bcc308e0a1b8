"""scrapy parse URL: fetches a page and prints what is read from it, without an archive."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from scrapy import Request, Spider
from scrapy.commands.parse import Command as ScrapyParse
from scrapy.exceptions import UsageError
from scrapy.http import Response
from scrapy.settings import BaseSettings

from scraper.agency import Agency, build_user_agent, check_contact, load_agencies
from scraper.command import CONFIGURATION_ERRORS, ProjectCommand, find_agencies_file
from scraper.commands.probe import parse_url_argument
from scraper.errors import PageError
from scraper.items import ReleaseItem
from scraper.pages import read_page


class Command(ProjectCommand, ScrapyParse):
    """Scrapy's command for one page. Exit code 0: a release was read; 1: none was; 2: wrongly configured."""

    def long_desc(self) -> str:
        return (
            "Fetch a page as politely as a crawl, and print the release that is read from it, as strings. Nothing is"
            " stored: scrapy crawl refetch -a url=URL fetches and stores one."
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if len(args) != 1:
            raise UsageError("name one address")
        assert self.settings is not None  # noqa: S101 - Scrapy sets it before run
        url = parse_url_argument(args[0])
        try:
            agencies = load_agencies(find_agencies_file(self.settings))
            check_contact({"": Agency(slug="parse", name="parse", home=url)}, self.settings.get("CONTACT"))
        except CONFIGURATION_ERRORS as error:
            self.report_error(error)
            self.exitcode = 2
            return
        opts.spargs = {
            "url": url,
            "agencies": agencies,
            "build_request": lambda spider: self.prepare_request(spider, Request(url), opts),
        }
        super().run([url], opts)
        if not any(self.items.values()) and not self.exitcode:
            self.exitcode = 1

    def set_spidercls(self, url: str, opts: argparse.Namespace) -> None:
        """Read the page with PageSpider; the crawling spiders would write into the archive."""
        if opts.spider:
            raise UsageError("scrapy parse has a spider of its own: leave out --spider", print_help=False)
        self.spidercls = PageSpider


class PageSpider(Spider):
    """Reads the release on a page. url: the page; agencies: of the list; build_request: makes the command's request."""

    name = "page"

    def __init__(self, url: str, agencies: dict[str, Agency], build_request: Callable[[Spider], Request]) -> None:
        super().__init__()
        self.url, self.agencies, self.build_request = url, agencies, build_request

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        super().update_settings(settings)
        settings.set("USER_AGENT", build_user_agent(settings.get("CONTACT")), priority="spider")

    async def start(self) -> AsyncIterator[Any]:
        yield self.build_request(self)

    def parse(self, response: Response, **arguments: Any) -> Iterator[ReleaseItem]:
        """Yield the release on a page, or log why there is none."""
        agency = next((agency for agency in self.agencies.values() if agency.owns(response.url)), None)
        try:
            yield read_page(response.body, response.url, agency)
        except PageError as error:
            self.logger.warning("%s", error)
