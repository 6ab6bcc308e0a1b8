"""HTTP download handler: limits headers, decompresses bodies and rejects incomplete responses.

Scrapy limits a body (DOWNLOAD_MAXSIZE) and the duration of a download (DOWNLOAD_TIMEOUT), but
Twisted accepts any number of header lines, and Scrapy's HttpCompressionMiddleware accepts a
truncated compressed body as complete. Here a successful response that is truncated raises
ResponseDataLossError before any middleware sees it. The request is then retried, and a host that
keeps sending truncated responses is paused.

A response without Content-Length ends when the connection is closed. Such a response counts as
complete if the root element of its HTML or XML is closed. Incomplete responses with an error status
(404, 503) are used as they are.

This is the only module of the project that uses private names of Scrapy and Twisted. These may
change with any release, so tests/scraper/test_private_names.py checks each of them.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from gzip import GzipFile
from io import BytesIO

from scrapy import Request
from scrapy.core.downloader.handlers.http11 import (
    HTTP11DownloadHandler,
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
)
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest, ResponseDataLossError
from scrapy.http import HtmlResponse, Response, TextResponse, XmlResponse
from scrapy.responsetypes import responsetypes
from scrapy.utils._compression import brotli, zstd  # type: ignore[attr-defined] # the packages that Scrapy found
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.web._newclient import Request as TxRequest
from twisted.web.iweb import IResponse

DECOMPRESS_CHUNK = 64 * 1024  # bytes decompressed at a time
MAX_HEADER_BYTES = 256 * 1024  # status line and header lines together
HEADER_STATES = ("STATUS", "HEADER")  # states of Twisted's parser before the body
# bytes searched for a page's root element and its end tag
HEAD_BYTES, TAIL_BYTES = (8 * 1024, 4 * 1024)
HTML_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
ROOT_TAG = re.compile(rb"<([A-Za-z_][\w.:-]*)[^>]*?(/?)>")
DECOMPRESS_ERRORS = (EOFError, OSError, zlib.error, brotli.error, zstd.ZstdError)


class BoundedDownloadHandler(HTTP11DownloadHandler):
    """Scrapy's HTTP handler with a limit on response headers.

    It decompresses responses, and rejects incomplete ones (see `decode_response`).
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._pool._factory = BoundedHTTPFactory
        self.max_bytes = crawler.settings.getint("DOWNLOAD_MAXSIZE")

    async def download_request(self, request: Request) -> Response:
        return decode_response(await super().download_request(request), self.max_bytes)


class BoundedHTTPProtocol(_LenientHTTP11ClientProtocol):
    """HTTP client protocol that aborts the connection if the response's headers are too long.

    The limit for the status line and the header lines together is MAX_HEADER_BYTES.
    """

    header_bytes = 0

    def request(self, request: TxRequest) -> Deferred[IResponse]:
        self.header_bytes = 0
        return super().request(request)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        if self._parser is not None and self._parser.state in HEADER_STATES:
            self.header_bytes += len(data)
            # this chunk may already contain the beginning of the body
            if self.header_bytes > MAX_HEADER_BYTES + len(data) and self.transport:
                self.transport.abortConnection()
                return
        super().dataReceived(data)  # type: ignore[no-untyped-call]


class BoundedHTTPFactory(_LenientHTTP11ClientFactory):
    def buildProtocol(self, addr: IAddress | None) -> BoundedHTTPProtocol:  # noqa: N802 - Twisted's name
        return BoundedHTTPProtocol(self._quiescentCallback)  # type: ignore[no-untyped-call]


def decode_response(response: Response, max_bytes: int) -> Response:
    """Return a response with its body decompressed.

    Raises ResponseDataLossError if a successful response is incomplete, and IgnoreRequest if the
    decompressed body has more than `max_bytes` bytes. If `max_bytes` is 0, any size is allowed.
    """
    is_success = 200 <= response.status < 300
    encodings = _list_encodings(response)
    if response.body and encodings and encodings[-1] in DECOMPRESSORS:
        body = response.body
        while encodings and encodings[-1] in DECOMPRESSORS:  # the last encoding was applied last
            body = decompress_body(body, encodings.pop(), max_bytes, is_success=is_success)
        response = _replace_response_body(response, body, encodings)
    if is_success and "partial" in response.flags and _is_truncated(response):
        raise ResponseDataLossError("the connection was closed before the end of the page")
    return response


def _list_encodings(response: Response) -> list[str]:
    """Return the content encodings of a response, in the order in which they were applied."""
    header = b",".join(value for value in response.headers.getlist("Content-Encoding") if value)
    names = [part.strip() for part in header.decode("latin-1").lower().split(",")]
    return list(filter(None, names))


def decompress_body(compressed: bytes, encoding: str, max_bytes: int, *, is_success: bool) -> bytes:
    """Undo one content encoding of a body.

    If the body of a successful response is damaged, ResponseDataLossError is raised. If the body of
    an error response is damaged, its readable part is returned.
    """
    size = 0
    # closed in any case, because an exception would otherwise keep the whole buffer alive
    with BytesIO() as output:
        try:
            for piece in DECOMPRESSORS[encoding](compressed):
                size += output.write(piece)
                if max_bytes and size > max_bytes:
                    raise IgnoreRequest(
                        f"decompresses from {len(compressed):,} to more"
                        f" than {max_bytes:,} bytes (DOWNLOAD_MAXSIZE)"
                    )
        except DECOMPRESS_ERRORS as error:
            if is_success:
                problem = (
                    "ends too early"
                    if isinstance(error, EOFError)
                    else f"cannot be decompressed: {error}"
                )
                raise ResponseDataLossError(f"its {encoding} body {problem}") from None
        return output.getvalue()


def _replace_response_body(response: Response, body: bytes, encodings: list[str]) -> Response:
    """Return the response with a decompressed body.

    The returned object is of the response class that suits the body.

    encodings: the content encodings that have not been undone.
    """
    del response.headers["Content-Encoding"]
    if encodings:
        response.headers["Content-Encoding"] = ", ".join(encodings)
    response_class = responsetypes.from_args(headers=response.headers, url=response.url, body=body)
    encoding = {"encoding": None} if issubclass(response_class, TextResponse) else {}
    return response.replace(cls=response_class, body=body, **encoding)


def _is_truncated(response: Response) -> bool:
    """Return whether an HTML or XML page has a beginning but no end.

    >>> page = b"<!doctype html><!-- <p> --><html><body><p>Hej"
    >>> [_is_truncated(HtmlResponse("https://a.example/", body=page + end))
    ...     for end in (b"", b"</BODY>", b"</html>\\n")]
    [True, False, False]
    >>> # a fragment, not a page
    >>> _is_truncated(HtmlResponse("https://a.example/", body=b"<ul><li>Hej"))
    False
    >>> xml = b"<?xml?><rss><i/>"
    >>> [_is_truncated(XmlResponse("https://a.example/", body=xml + end))
    ...     for end in (b"", b"</rss>")]
    [True, False]
    """
    root = ROOT_TAG.search(HTML_COMMENT.sub(b"", response.body[:HEAD_BYTES]))
    if root is None or root[2] or not isinstance(response, HtmlResponse | XmlResponse):
        return False
    name, tail = root[1].lower(), response.body[-TAIL_BYTES:].lower()
    if isinstance(response, HtmlResponse):
        return name == b"html" and b"</html" not in tail and b"</body" not in tail
    return b"</" + name not in tail


# Each function yields a body in chunks, and raises EOFError if the body is truncated.


def _decompress_gzip(body: bytes) -> Iterator[bytes]:
    file, has_output = GzipFile(fileobj=BytesIO(body)), False
    while True:
        try:
            piece = file.read1(DECOMPRESS_CHUNK)
        except OSError:
            # like browsers, ignore a wrong checksum after the complete data, and trailing garbage
            if has_output:
                return
            raise
        if not piece:
            return
        has_output = True
        yield piece


def _decompress_deflate(body: bytes) -> Iterator[bytes]:
    decompressor = zlib.decompressobj()
    try:
        piece = decompressor.decompress(body, DECOMPRESS_CHUNK)
    except zlib.error:
        # some servers omit the zlib header
        decompressor = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        piece = decompressor.decompress(body, DECOMPRESS_CHUNK)
    while piece:
        yield piece
        piece = (
            b""
            if decompressor.eof
            else decompressor.decompress(decompressor.unconsumed_tail, DECOMPRESS_CHUNK)
        )
    if not decompressor.eof:
        raise EOFError


def _decompress_brotli(body: bytes) -> Iterator[bytes]:
    decompressor = brotli.Decompressor()
    piece = decompressor.process(body, output_buffer_limit=DECOMPRESS_CHUNK)
    while piece:
        yield piece
        piece = (
            b""
            if decompressor.is_finished()
            else decompressor.process(b"", output_buffer_limit=DECOMPRESS_CHUNK)
        )
    if not decompressor.is_finished():
        raise EOFError


def _decompress_zstd(body: bytes) -> Iterator[bytes]:
    file = zstd.ZstdFile(BytesIO(body))
    while piece := file.read(DECOMPRESS_CHUNK):
        yield piece


DECOMPRESSORS: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "gzip": _decompress_gzip,
    "x-gzip": _decompress_gzip,
    "deflate": _decompress_deflate,
    "br": _decompress_brotli,
    "zstd": _decompress_zstd,
}
