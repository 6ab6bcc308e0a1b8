"""The project's Scrapy settings with the real downloader, fenced in: every name leads to loopback or nowhere."""

from __future__ import annotations

import sys

# sqlite-utils loads pandas where it finds it, 80 MB: tests of slices have it, an operator's crawl has not
sys.modules["pandas"] = sys.modules["numpy"] = None  # type: ignore[assignment] # Python's way to say: not there

from scraper.settings import *  # noqa: E402, F403 - all but what follows is as in earnest
from scraper.settings import EXTENSIONS as OURS  # noqa: E402

DOWNLOAD_HANDLERS = {
    "http": "tests.weather.fence.FencedHandler",
    "https": "tests.weather.fence.FencedHandler",
    "ftp": None,
    "s3": None,
    "file": None,
    "data": None,
}
TWISTED_DNS_RESOLVER = "tests.weather.fence.NameServer"
EXTENSIONS = {**OURS, "tests.weather.memory.Peak": 900}
CONTACT = "tests@example.org"
DOWNLOAD_DELAY = 0.0  # the sample site asks for its own Crawl-delay
AUTOTHROTTLE_ENABLED = False  # loopback answers in a millisecond; throttling it would only measure itself
