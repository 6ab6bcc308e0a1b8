"""A browser that is used, as a last resort, for listings that are built by scripts.

It is used for agencies with `browser = true`. BrowserMiddleware runs the scripts of a fetched
listing page in Chromium. The browser has no network access: Scrapy's downloader sends its requests,
so the SSRF filter, robots.txt, delays, budgets and size limits apply, and our own resolver looks up
host names. Only the page's scripts and the data that they request are downloaded.

scrapy-playwright is not used. With its download handler, the requests that a page makes would wait
for the host's slot, which the page itself occupies. Without the handler, Chromium would connect to
hosts by itself.

The extra `browser` (Playwright) and an installed Chromium are required.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadFailedError, DownloadTimeoutError, IgnoreRequest
from scrapy.http import HtmlResponse, Response

from scraper.agency import Agency
from scraper.downloader.limits import (
    DOWNLOAD_ERRORS,
    CrawlerComponent,
    CrawlStopped,
    RequestDeferred,
    decode_headers,
    describe_download_error,
)
from scraper.errors import AgencyError
from scraper.normalise.page_urls import extract_host

if TYPE_CHECKING:
    from playwright.async_api import Browser, Playwright, Route
    from playwright.async_api import Request as BrowserRequest

logger = logging.getLogger(__name__)

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_OPTIONS = [
    "--disable-dev-shm-usage",  # containers have little shared memory
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--js-flags=--max-old-space-size=256",  # limit in MB
]
# a proxy that does not exist, so that the browser itself reaches no host
NO_PROXY = {"server": "http://127.0.0.1:9", "bypass": "<-loopback>"}
MAX_PAGE_REQUESTS = 60
MAX_LAUNCH_SECONDS = 120  # seconds for the browser to start on a busy machine
# also headers that begin with x-, but never cookies
PASSED_HEADERS = ("accept", "authorization", "content-type", "origin", "referer")
DROPPED_HEADERS = {
    *("content-encoding", "content-length", "transfer-encoding", "connection", "set-cookie"),
    *("content-security-policy", "link", "refresh"),
}


class BrowserMiddleware(CrawlerComponent):
    """Downloader middleware that replaces a listing page with the HTML that its scripts build.

    This applies only to requests with the meta key `browser`.
    """

    receivers = (("close", signals.spider_closed),)

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.max_seconds = crawler.settings.getfloat("BROWSER_TIMEOUT")
        self.max_bytes = crawler.settings.getint("DOWNLOAD_MAXSIZE")
        self.lock = asyncio.Lock()  # one page at a time, because each takes hundreds of MB
        self.playwright: Playwright | None = None
        self.browser: Browser | None = None

    async def process_response(self, request: Request, response: Response) -> Response:
        if (
            not request.meta.get("browser")
            or response.status != 200
            or not isinstance(response, HtmlResponse)
        ):
            return response
        agency: Agency = self.crawler.spider.agencies[request.meta["agency"]]  # type: ignore[union-attr] # a ReleaseSpider
        visit = PageVisit(self.crawler, response, agency, self.max_bytes)
        async with self.lock:
            content = await self.render(visit)
        if visit.deferral:
            raise visit.deferral
        for problem in visit.problems:
            logger.warning("%s: the browser's request was rejected: %s", response.url, problem)
        request.meta["browser_problems"] = visit.problems
        return response.replace(body=content.encode(), encoding="utf-8")

    async def render(self, visit: PageVisit) -> str:
        """Return the page's HTML after its scripts have run and requested their data.

        Raises DownloadTimeoutError or DownloadFailedError if this takes too long or fails.
        """
        from playwright.async_api import Error as PlaywrightError  # noqa: PLC0415 - an optional extra

        try:
            browser = await self.launch()
            return await asyncio.wait_for(self.load_page(browser, visit), self.max_seconds)
        except (TimeoutError, PlaywrightError) as error:
            await self.close()  # a script may still be running
            if isinstance(error, TimeoutError):
                problem = (
                    f"its scripts did not finish within {self.max_seconds:g} seconds"
                    f" (BROWSER_TIMEOUT)"
                )
                raise DownloadTimeoutError(problem) from error
            raise DownloadFailedError(
                f"the browser failed: {str(error).splitlines()[0]}"
            ) from error

    async def load_page(self, browser: Browser, visit: PageVisit) -> str:
        context = await browser.new_context(
            user_agent=self.crawler.settings["USER_AGENT"],
            locale="sv-SE",
            service_workers="block",
            accept_downloads=False,
        )
        context.set_default_timeout(1000 * self.max_seconds)
        try:
            await context.route("**/*", visit.answer)
            page = await context.new_page()
            await page.goto(visit.response.url, wait_until="load")
            await page.wait_for_load_state("networkidle")
            size: int = await page.evaluate("document.documentElement.outerHTML.length")
            if size > self.max_bytes:
                raise IgnoreRequest(f"its scripts made {size:,} characters (DOWNLOAD_MAXSIZE)")
            return await page.content()
        finally:
            await context.close()

    async def launch(self) -> Browser:
        from playwright.async_api import async_playwright  # noqa: PLC0415 - an optional extra

        if self.browser is None or not self.browser.is_connected():
            self.playwright = self.playwright or await async_playwright().start()
            path = self.crawler.settings["BROWSER_PATH"] or next(
                filter(None, map(shutil.which, CHROMIUM_NAMES)), None
            )
            self.browser = await self.playwright.chromium.launch(
                executable_path=path,  # None: Playwright's own Chromium
                args=CHROMIUM_OPTIONS,
                timeout=1000 * MAX_LAUNCH_SECONDS,
                proxy=NO_PROXY,  # type: ignore[arg-type] # a TypedDict
                chromium_sandbox=os.geteuid() != 0,  # the sandbox cannot be used as root
            )
        return self.browser

    async def close(self) -> None:
        browser, self.browser = self.browser, None
        playwright, self.playwright = self.playwright, None
        if browser:
            await browser.close()
        if playwright:
            await playwright.stop()


@dataclass  # without slots, because Playwright sets attributes on the objects of its callbacks
class PageVisit:
    """A page in the browser, and the requests that its scripts make.

    problems: descriptions of requests that were rejected or failed.
    deferral: the exception that postpones the page to a later crawl, or None if it is not
        postponed.
    """

    crawler: Crawler
    response: HtmlResponse
    agency: Agency
    max_bytes: int
    is_loaded: bool = False
    request_count: int = 0
    byte_count: int = 0
    problems: list[str] = field(default_factory=list)
    deferral: RequestDeferred | CrawlStopped | None = None

    async def answer(self, route: Route) -> None:
        """Respond to a request of the browser, or abort the request.

        The response to the request for the page itself is the page as it was fetched. All other
        responses are downloaded.
        """
        asked = route.request
        if asked.is_navigation_request():
            if self.is_loaded or asked.frame.parent_frame:
                await route.abort()
                return
            self.is_loaded = True
            await route.fulfill(
                body=self.response.body, headers=_build_browser_headers(self.response)
            )
            return
        # images, fonts, media, style sheets, frames and beacons are not requested
        if asked.resource_type not in {"script", "fetch", "xhr"} or not self.is_allowed(asked):
            await route.abort()
            return
        try:
            response = await self.fetch(asked)
        except DOWNLOAD_ERRORS as error:
            if isinstance(error, RequestDeferred | CrawlStopped):
                self.deferral = error
            self.problems.append(f"{asked.url[:300]}: {describe_download_error(error)}")
            await route.abort()
            return
        await route.fulfill(
            status=response.status, body=response.body, headers=_build_browser_headers(response)
        )

    def is_allowed(self, asked: BrowserRequest) -> bool:
        """Return whether a request of the browser may be sent.

        GET and POST requests may be sent to the agency's own hosts and their subdomains. A request
        to another host must be a GET request for a script.
        """
        hosts, host = self.agency.hosts, extract_host(asked.url)
        is_own = host in hosts or any(host.endswith(f".{own}") for own in hosts)
        return (
            asked.method in ("GET", "POST")
            if is_own
            else asked.method == "GET" and asked.resource_type == "script"
        )

    async def fetch(self, asked: BrowserRequest) -> Response:
        """Return the response to a request of the browser. Raises one of DOWNLOAD_ERRORS."""
        self.request_count += 1
        if self.request_count > MAX_PAGE_REQUESTS:
            raise IgnoreRequest(f"the page made more than {MAX_PAGE_REQUESTS} requests")
        headers = {
            name: value
            for name, value in asked.headers.items()
            if name in PASSED_HEADERS or name.startswith("x-")
        }
        request = Request(
            asked.url,
            method=asked.method,
            headers=headers,
            body=asked.post_data_buffer or b"",
            meta={"agency": self.agency.slug, "depth": 1},
        )
        assert self.crawler.engine  # noqa: S101 - it is running
        response = await self.crawler.engine.download_async(request)
        self.byte_count += len(response.body)
        if self.max_bytes and self.byte_count > self.max_bytes:
            raise IgnoreRequest(
                f"the page's requests got more than {self.max_bytes:,} bytes (DOWNLOAD_MAXSIZE)"
            )
        return response


def _build_browser_headers(response: Response) -> dict[str, str]:
    """Return a response's headers for the browser.

    Headers about the connection and about security policies are left out.
    """
    return {
        name: value
        for name, value in decode_headers(response).items()
        if name not in DROPPED_HEADERS
    }


def check_browser(agencies: dict[str, Agency]) -> None:
    """Raise AgencyError if an agency needs a browser but the extra `browser` is not installed."""
    slug = next(
        (agency.slug for agency in agencies.values() if agency.browser and not agency.paused), None
    )
    if slug and importlib.util.find_spec("playwright") is None:
        raise AgencyError(
            "agencies", slug, "browser", "needs the extra: pip install 'myndighetsarkivet[browser]'"
        )
