"""Isolates the crawl from the real network, and reports its peak memory: names resolve to loopback
only, and bare IP addresses are blocked.
"""

from __future__ import annotations

import ipaddress
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.http import Response
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import DNSLookupError

from scraper.downloader.http_handler import BoundedDownloadHandler
from scraper.downloader.ssrf import PublicResolver

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = {  # responses of the name server
    "annan.example": "93.184.215.14",  # another host, with a public address
    "inre.example": "10.0.0.5",
    "hem.example": "127.0.0.1",
    "moln.example": "169.254.169.254",
}


class NameServer(PublicResolver):
    """Resolves the names above and those of the sample site.

    Names that may be requested resolve to loopback.
    """

    def resolve_host(self, name: str, timeout: Sequence[int]) -> Deferred[str]:
        if name.endswith(".localhost"):
            return succeed("127.0.0.1")
        return (
            succeed(NAMES[name])
            if name in NAMES
            else fail(DNSLookupError(f"no name server knows {name}"))
        )

    def check_address(self, address: str, name: str) -> str:
        super().check_address(address, name)
        return "127.0.0.1"


class FencedHandler(BoundedDownloadHandler):
    """The crawler's handler, with TLS, that sends nothing to a bare address, which the SSRF filter
    should reject.
    """

    async def download_request(self, request: Request) -> Response:
        host = urlsplit(request.url).hostname or ""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            # a proxy from the environment would lead to the real network
            request.meta.pop("proxy", None)
            return await super().download_request(request)
        raise AssertionError(f"{request.url} would have been asked")


class PeakMemory:
    """Prints the peak memory of its own process to standard error when the crawl ends."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls()
        crawler.signals.connect(extension.engine_stopped, signals.engine_stopped)
        return extension

    def engine_stopped(self) -> None:
        # rusage would include the memory of the parent at the fork
        kilobytes = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"))
        sys.stderr.write(f"peak memory: {int(kilobytes[1]) // 1024 if kilobytes else 0} MB\n")


def find_peak(printed: str) -> int:
    """Return the figure in a crawl's output, in MB, or 0."""
    told = re.search(r"^peak memory: (\d+) MB$", printed, re.MULTILINE)
    return int(told[1]) if told else 0
