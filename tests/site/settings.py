"""The project's Scrapy settings, limited so that only the sample site on LOOPBACK_PORT can be
reached.
"""

from __future__ import annotations

import os

from scraper.settings import *  # noqa: F403 - all other settings are the project's

LOOPBACK_PORT = int(os.environ.get("LOOPBACK_PORT", "0"))
DOWNLOAD_HANDLERS = {
    "http": "tests.site.loopback.LoopbackHandler",
    "https": "tests.site.loopback.LoopbackHandler",
    "ftp": None,
    "s3": None,
}
CONTACT = "tests@example.org"
DOWNLOAD_DELAY = 0.0  # the sample site has its own Crawl-delay
# loopback answers in a millisecond; throttling it would only measure itself
AUTOTHROTTLE_ENABLED = False
