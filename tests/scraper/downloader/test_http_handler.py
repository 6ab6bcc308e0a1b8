"""Decompression of response bodies, truncated responses, and endless headers."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import brotli  # type: ignore[import-untyped] # ships no types
import pytest
from scrapy.exceptions import IgnoreRequest, ResponseDataLossError
from scrapy.http import HtmlResponse, Response, XmlResponse
from scrapy.utils._compression import zstd  # type: ignore[attr-defined] # as the crawler does
from twisted.internet.testing import StringTransport
from twisted.web import _newclient
from twisted.web.http_headers import Headers

from scraper.downloader.http_handler import MAX_HEADER_BYTES, BoundedHTTPFactory, decode_response

URL = "https://skog.example/nyheter/1"
TEXT = "".join(
    f"<p>Stycke {number} om gallring i skog nummer {number * 7919 % 1009}.</p>"
    for number in range(5000)
)
BODY = f"<html><body>{TEXT}</body></html>".encode()


def deflate_without_header(body: bytes) -> bytes:
    """Compress without zlib's header, as some servers do."""
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(body) + compressor.flush()


COMPRESSORS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("X-GZIP", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", deflate_without_header),
    ("br", brotli.compress),
    ("zstd", zstd.compress),
    ("gzip, br", lambda body: brotli.compress(gzip.compress(body))),
]


def decode(
    body: bytes,
    coding: str | None = None,
    *,
    max_bytes: int = 10**6,
    status: int = 200,
    flags: tuple[str, ...] = (),
) -> Response:
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        **({"Content-Encoding": coding} if coding else {}),
    }
    return decode_response(
        HtmlResponse(URL, status=status, headers=headers, body=body, flags=list(flags)), max_bytes
    )


@pytest.mark.parametrize(("coding", "compress"), COMPRESSORS)
def test_compressed_body_is_decompressed_and_a_cut_one_is_a_data_loss(
    coding: str, compress: Callable[[bytes], bytes]
) -> None:
    compressed = compress(BODY)
    response = decode(compressed, coding)
    assert (response.body, type(response), response.headers.get("Content-Encoding")) == (
        BODY,
        HtmlResponse,
        None,
    )
    for size in (len(compressed) * 3 // 4, len(compressed) // 2, 20, 3):
        with pytest.raises(ResponseDataLossError, match=r"ends too early|cannot be decompressed"):
            decode(compressed[:size], coding)
    with pytest.raises(IgnoreRequest, match=r"decompresses from [\d,]+ to more than 100,000 bytes"):
        decode(compressed, coding, max_bytes=100_000)


def test_minor_faults_of_compression_are_tolerated() -> None:
    compressed = gzip.compress(BODY)
    assert decode(b"", "gzip", status=304).body == b""
    found = decode(compressed + gzip.compress(b"<!-- slut -->"), "gzip").body
    assert found == BODY + b"<!-- slut -->"
    assert decode(compressed[:-8] + bytes(8), "gzip").body == BODY, "a wrong checksum"
    assert decode(compressed + b"\0\0 mer", "gzip").body == BODY
    assert decode(BODY, "identity").headers["Content-Encoding"] == b"identity"
    assert BODY.startswith(decode(compressed[:-3000], "gzip", status=404).body), (
        "the status is enough"
    )
    assert decode(b"Finns inte", "gzip", status=404).status == 404


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_uncompressed_body_with_a_coding_is_a_data_loss(coding: str) -> None:
    with pytest.raises(ResponseDataLossError, match=coding):
        decode(BODY, coding)


def test_body_without_a_length_must_end_with_its_root_element() -> None:
    cut = BODY[:-20]
    assert decode(BODY, flags=("partial",)).body == BODY
    assert decode(cut).body == cut, "as long as its Content-Length"
    assert decode(cut, flags=("partial",), status=404).status == 404
    assert decode(b"<ul><li>En del av en sida", flags=("partial",)).body
    for body in (cut, BODY[:3000]):
        with pytest.raises(ResponseDataLossError, match="closed before"):
            decode(body, flags=("partial",))
    feed = XmlResponse(URL, body=b"<?xml version='1.0'?><rss><channel><item/>", flags=["partial"])
    with pytest.raises(ResponseDataLossError):
        decode_response(feed, 10**6)
    assert decode_response(feed.replace(body=feed.body + b"</channel></rss>"), 10**6)


@pytest.mark.parametrize(("size", "aborted"), [(MAX_HEADER_BYTES // 2, False), (10**6, True)])
def test_response_with_endless_headers_is_aborted(size: int, aborted: bool) -> None:
    protocol = BoundedHTTPFactory(lambda _: None, "").buildProtocol(None)  # type: ignore[no-untyped-call]
    transport = StringTransport()  # type: ignore[no-untyped-call]
    protocol.makeConnection(transport)  # type: ignore[no-untyped-call]
    request = _newclient.Request(b"GET", b"/", Headers({b"host": [b"a.example"]}), None)  # type: ignore[no-untyped-call]
    protocol.request(request).addErrback(lambda _: None)
    protocol.dataReceived(b"HTTP/1.1 200 OK\r\n")
    line = b"X-Filler: " + b"a" * 1000 + b"\r\n"
    for _ in range(size // len(line)):
        protocol.dataReceived(line)
        if transport.disconnected:
            break
    assert transport.disconnected is aborted
