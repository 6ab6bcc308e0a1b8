"""The project's Scrapy settings with the real downloader, in which every name resolves to loopback
or not at all.
"""

from __future__ import annotations

from scraper.settings import *  # noqa: F403 - all other settings are those of a real crawl
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
EXTENSIONS = {**OURS, "tests.harness.weather.fence.PeakMemory": 900}
CONTACT = "tests@example.org"
DOWNLOAD_DELAY = 0.0  # the sample site asks for its own Crawl-delay
# loopback responds in a millisecond, so throttling would only measure itself
AUTOTHROTTLE_ENABLED = False
