"""How much of answers is held at once: bodies on their way, over all hosts (IN_FLIGHT_MAX), and what one unpacks to."""

from __future__ import annotations

from typing import Self
from weakref import WeakKeyDictionary

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.exceptions import IgnoreRequest, StopDownload
from scrapy.http import Response

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


class Unpacking(HttpCompressionMiddleware):
    """Scrapy's own, but for what it raises: that would keep alive all that was unpacked before it was too much."""

    def process_response(self, request: Request, response: Response) -> Request | Response:  # type: ignore[override] # decorated there
        """The answer unpacked; IgnoreRequest where that is more than DOWNLOAD_MAXSIZE."""
        try:
            return super().process_response(request, response)
        except IgnoreRequest:
            size = len(response.body)
        raise IgnoreRequest(f"unpacks from {size:,} to more than {self._max_size:,} bytes (DOWNLOAD_MAXSIZE)")
