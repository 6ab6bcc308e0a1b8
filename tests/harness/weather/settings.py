"""The project's Scrapy settings with the real downloader, fenced in: every name leads to loopback or nowhere."""

from __future__ import annotations

from scraper.settings import *  # noqa: F403 - all but what follows is as in earnest
from scraper.settings import EXTENSIONS as OURS

DOWNLOAD_HANDLERS = {
    "http": "tests.harness.weather.fence.FencedHandler",
    "https": "tests.harness.weather.fence.FencedHandler",
    "ftp": None,
    "s3": None,
    "file": None,
    "data": None,
}
TWISTED_DNS_RESOLVER = "tests.harness.weather.fence.NameServer"
EXTENSIONS = {**OURS, "tests.harness.weather.memory.Peak": 900}
CONTACT = "tests@example.org"
DOWNLOAD_DELAY = 0.0  # the sample site asks for its own Crawl-delay
AUTOTHROTTLE_ENABLED = False  # loopback answers in a millisecond; throttling it would only measure itself
