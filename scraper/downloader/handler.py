"""Bounded HTTP handler; truncated/oversized bodies.

Undoes the coding of a body (gzip, deflate, br, zstd), and tells one that is not whole from one that ends.

Scrapy's own takes whatever a cut body unpacks to for all of it. Here that is ResponseDataLossError, as where bytes are
missing that Content-Length promised: the request is tried again, and a host that goes on so is left in peace. Of an
answer without any length the end of its connection is the only end there is: there the page itself must have come to
its end. What is no success (404, 503) is told by its status, and taken as far as it goes.

Scrapy's HTTP download handler, bounded where it is not: the header lines of an answer, and what a body unpacks to.

DOWNLOAD_MAXSIZE bounds a body and DOWNLOAD_TIMEOUT the whole of an answer, but what Twisted reads of a header within
that time is kept, however much it is. An answer is unpacked here, not by a middleware: one that is not whole has then
failed before any middleware sees it, and is tried again like every other that breaks off.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from gzip import GzipFile
from io import BytesIO
from typing import TYPE_CHECKING

from scrapy.core.downloader.handlers.http11 import (
    HTTP11DownloadHandler,
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
)
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest, ResponseDataLossError
from scrapy.http import HtmlResponse, Response, TextResponse, XmlResponse
from scrapy.responsetypes import responsetypes
from scrapy.utils._compression import brotli, zstd  # type: ignore[attr-defined] # those that Scrapy found

if TYPE_CHECKING:
    from scrapy import Request
    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IAddress
    from twisted.web._newclient import Request as TxRequest
    from twisted.web.iweb import IResponse


DECOMPRESS_CHUNK = 64 * 1024  # bytes unpacked at once
HEAD_BYTES, TAIL_BYTES = 8 * 1024, 4 * 1024  # bytes at either end in which a page's root is looked for
HTML_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
ROOT_TAG = re.compile(rb"<([A-Za-z_][\w.:-]*)[^>]*?(/?)>")


class ContentDecoder:
    """Unpacks answers, none to more than DOWNLOAD_MAXSIZE."""

    def __init__(self, crawler: Crawler) -> None:
        self.max_bytes = crawler.settings.getint("DOWNLOAD_MAXSIZE")

    def decode_response(self, response: Response) -> Response:
        """The answer unpacked; ResponseDataLossError where it is not whole, IgnoreRequest where it is too much."""
        success = 200 <= response.status < 300
        packed, codings = response.body, parse_content_encoding(response)
        if packed and codings and codings[-1] in DECOMPRESSORS:
            body = packed
            while codings and codings[-1] in DECOMPRESSORS:
                body = self.decompress(body, codings.pop(), response, success=success)
            response = replace_response_body(response, body, codings)
        if success and "partial" in response.flags and is_truncated(response):
            raise ResponseDataLossError("the connection was closed before the page had come to its end")
        return response

    def decompress(self, body: bytes, encoding: str, response: Response, *, success: bool) -> bytes:
        """One coding undone."""
        size = 0
        with BytesIO() as unpacked:  # else what is raised would keep alive all that was unpacked
            try:
                for piece in DECOMPRESSORS[encoding](body):
                    size += unpacked.write(piece)
                    if self.max_bytes and size > self.max_bytes:
                        packed = len(response.body)
                        raise IgnoreRequest(
                            f"unpacks from {packed:,} to more than {self.max_bytes:,} bytes (DOWNLOAD_MAXSIZE)"
                        )
            except DECOMPRESS_ERRORS as error:
                if success:
                    told = "ends too early" if isinstance(error, EOFError) else f"cannot be unpacked: {error}"
                    raise ResponseDataLossError(f"its {encoding} body {told}") from None
            return unpacked.getvalue()


def parse_content_encoding(response: Response) -> list[str]:
    """The codings that a body was given, the last one last."""
    told = b",".join(value for value in response.headers.getlist("Content-Encoding") if value)
    return [name for part in told.decode("latin-1").lower().split(",") if (name := part.strip())]


def replace_response_body(response: Response, body: bytes, encodings: list[str]) -> Response:
    """An answer with its body unpacked; codings: those that are not undone."""
    del response.headers["Content-Encoding"]
    if encodings:
        response.headers["Content-Encoding"] = ", ".join(encodings)
    kind = responsetypes.from_args(headers=response.headers, url=response.url, body=body)
    encoding = {"encoding": None} if issubclass(kind, TextResponse) else {}
    return response.replace(cls=kind, body=body, **encoding)


def is_truncated(response: Response) -> bool:
    """Whether an HTML or XML page begins and does not end.

    >>> page = b"<!doctype html><!-- <p> --><html><body><p>Hej"
    >>> [is_truncated(HtmlResponse("https://a.example/", body=page + end)) for end in (b"", b"</BODY>", b"</html>\\n")]
    [True, False, False]
    >>> is_truncated(HtmlResponse("https://a.example/", body=b"<ul><li>Hej"))  # no page, but a part of one
    False
    >>> [is_truncated(XmlResponse("https://a.example/", body=b"<?xml?><rss>" + end)) for end in (b"<i/>", b"<i/></rss>")]
    [True, False]
    """
    root = ROOT_TAG.search(HTML_COMMENT.sub(b"", response.body[:HEAD_BYTES]))
    if root is None or root[2] or not isinstance(response, HtmlResponse | XmlResponse):
        return False
    name, tail = root[1].lower(), response.body[-TAIL_BYTES:].lower()
    if isinstance(response, HtmlResponse):
        return name == b"html" and b"</html" not in tail and b"</body" not in tail
    return b"</" + name not in tail


# -- the codings: each gives what a body unpacks to, piece by piece; EOFError where the body is cut --------------------


def decompress_gzip(body: bytes) -> Iterator[bytes]:
    """Of gzip; a wrong checksum behind a whole text, and what is no gzip behind it, are let pass as browsers do."""
    file, any_piece = GzipFile(fileobj=BytesIO(body)), False
    while True:
        try:
            piece = file.read1(DECOMPRESS_CHUNK)
        except OSError:
            if any_piece:
                return
            raise
        if not piece:
            return
        any_piece = True
        yield piece


def decompress_deflate(body: bytes) -> Iterator[bytes]:
    """Of deflate, which some servers send without its zlib header."""
    unpacker = zlib.decompressobj()
    try:
        piece = unpacker.decompress(body, DECOMPRESS_CHUNK)
    except zlib.error:
        unpacker = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        piece = unpacker.decompress(body, DECOMPRESS_CHUNK)
    while piece:
        yield piece
        piece = b"" if unpacker.eof else unpacker.decompress(unpacker.unconsumed_tail, DECOMPRESS_CHUNK)
    if not unpacker.eof:
        raise EOFError


def decompress_brotli(body: bytes) -> Iterator[bytes]:
    """Of br."""
    unpacker = brotli.Decompressor()
    piece = unpacker.process(body, output_buffer_limit=DECOMPRESS_CHUNK)
    while piece:
        yield piece
        piece = b"" if unpacker.is_finished() else unpacker.process(b"", output_buffer_limit=DECOMPRESS_CHUNK)
    if not unpacker.is_finished():
        raise EOFError


def decompress_zstd(body: bytes) -> Iterator[bytes]:
    """Of zstd."""
    file = zstd.ZstdFile(BytesIO(body))
    while piece := file.read(DECOMPRESS_CHUNK):
        yield piece


DECOMPRESSORS: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "gzip": decompress_gzip,
    "x-gzip": decompress_gzip,
    "deflate": decompress_deflate,
    "br": decompress_brotli,
    "zstd": decompress_zstd,
}
DECOMPRESS_ERRORS = (EOFError, OSError, zlib.error, brotli.error, zstd.ZstdError)


MAX_HEADER_BYTES = 256 * 1024  # bytes of a status line and header lines
HEADER_STATES = ("STATUS", "HEADER")  # a parser's states before the body


class BoundedDownloadHandler(HTTP11DownloadHandler):
    """Breaks off an answer whose header does not end, and hands on whole answers alone."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._pool._factory = BoundedHTTPFactory
        self.decoder = ContentDecoder(crawler)

    async def download_request(self, request: Request) -> Response:
        """The answer, unpacked."""
        return self.decoder.decode_response(await super().download_request(request))


class BoundedHTTPProtocol(_LenientHTTP11ClientProtocol):
    """Counts what comes before a body begins."""

    header_bytes = 0

    def request(self, request: TxRequest) -> Deferred[IResponse]:
        """Begin to count."""
        self.header_bytes = 0
        return super().request(request)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Bytes have come."""
        if self._parser is not None and self._parser.state in HEADER_STATES:
            self.header_bytes += len(data)
            if (
                self.header_bytes > MAX_HEADER_BYTES + len(data) and self.transport
            ):  # the last of them may hold the body's beginning
                self.transport.abortConnection()
                return
        super().dataReceived(data)  # type: ignore[no-untyped-call]


class BoundedHTTPFactory(_LenientHTTP11ClientFactory):
    """Builds them."""

    def buildProtocol(self, addr: IAddress | None) -> BoundedHTTPProtocol:  # noqa: N802 - Twisted's name
        return BoundedHTTPProtocol(self._quiescentCallback)  # type: ignore[no-untyped-call]
