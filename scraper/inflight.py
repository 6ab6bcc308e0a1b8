"""How much of answers is held at once: bodies on their way, over all hosts (IN_FLIGHT_MAX)."""

from __future__ import annotations

from typing import Self
from weakref import WeakKeyDictionary

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import StopDownload

FREE = 1024 * 1024  # bytes; an answer up to this is never broken off, nor is anything added up for it


class InFlight:
    """Breaks off an answer that would bring all bodies on their way over the limit, so that memory stays bounded.

    DOWNLOAD_MAXSIZE bounds one answer; dozens of hosts may send one of that size at the same time.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.most = crawler.settings.getint("IN_FLIGHT_MAX")
        self.bytes: WeakKeyDictionary[Request, int] = WeakKeyDictionary()  # a request that ended counts no more

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls(crawler)
        crawler.signals.connect(extension.received, signals.bytes_received)
        crawler.signals.connect(extension.ended, signals.request_left_downloader)
        return extension

    def received(self, data: bytes, request: Request) -> None:
        """Count a piece of an answer; the largest one there is must not go on over the limit."""
        self.bytes[request] = self.bytes.get(request, 0) + len(data)
        if self.bytes[request] <= FREE:
            return
        if sum(self.bytes.values()) > self.most and self.bytes[request] == max(self.bytes.values()):
            raise StopDownload

    def ended(self, request: Request) -> None:
        """Its bytes are on their way no more."""
        self.bytes.pop(request, None)
