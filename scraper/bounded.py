"""Scrapy's HTTP download handler, bounded where it is not: the header lines of an answer, and what a body unpacks to.

DOWNLOAD_MAXSIZE bounds a body and DOWNLOAD_TIMEOUT the whole of an answer, but what Twisted reads of a header within
that time is kept, however much it is. An answer is unpacked here, not by a middleware: one that is not whole has then
failed before any middleware sees it, and is tried again like every other that breaks off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.core.downloader.handlers.http11 import (
    HTTP11DownloadHandler,
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
)
from scrapy.crawler import Crawler

from scraper.unpacking import Unpacking

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response
    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IAddress
    from twisted.web._newclient import Request as TxRequest
    from twisted.web.iweb import IResponse

HEADER_MAX = 256 * 1024  # bytes of a status line and header lines
READING = ("STATUS", "HEADER")  # a parser's states before the body


class BoundedHandler(HTTP11DownloadHandler):
    """Breaks off an answer whose header does not end, and hands on whole answers alone."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._pool._factory = BoundedFactory
        self.unpacking = Unpacking(crawler)

    async def download_request(self, request: Request) -> Response:
        """The answer, unpacked."""
        return self.unpacking.whole(await super().download_request(request))


class BoundedProtocol(_LenientHTTP11ClientProtocol):
    """Counts what comes before a body begins."""

    header = 0

    def request(self, request: TxRequest) -> Deferred[IResponse]:
        """Begin to count."""
        self.header = 0
        return super().request(request)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Bytes have come."""
        if self._parser is not None and self._parser.state in READING:
            self.header += len(data)
            if (
                self.header > HEADER_MAX + len(data) and self.transport
            ):  # the last of them may hold the body's beginning
                self.transport.abortConnection()
                return
        super().dataReceived(data)  # type: ignore[no-untyped-call]


class BoundedFactory(_LenientHTTP11ClientFactory):
    """Builds them."""

    def buildProtocol(self, addr: IAddress | None) -> BoundedProtocol:  # noqa: N802 - Twisted's name
        return BoundedProtocol(self._quiescentCallback)  # type: ignore[no-untyped-call]
