"""Bodies are unpacked once, up to a limit, and a cut one is a failed answer: no page, no edit, no end of a listing."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import brotli  # type: ignore[import-untyped] # ships no types
import pytest
import zstandard
from scrapy.exceptions import IgnoreRequest, ResponseDataLossError
from scrapy.http import HtmlResponse, Response, XmlResponse

from scraper.downloader.handler import decode_response
from tests.harness.weather.speech import HEAD, say
from tests.scraper.crawling import SLUG, Crawling, first_url, revisit

URL = "https://skog.example/nyheter/1"
PAGE = "".join(f"<p>Stycke {number} om gallring i skog nummer {number * 7919 % 1009}.</p>" for number in range(5000))
BODY = f"<html><body>{PAGE}</body></html>".encode()


def deflate_bare(body: bytes) -> bytes:
    """Without zlib's header, as some servers send it."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


PACKERS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("X-GZIP", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", deflate_bare),
    ("br", brotli.compress),
    ("zstd", zstandard.compress),
    ("gzip, br", lambda body: brotli.compress(gzip.compress(body))),
]


def unpack(body: bytes, coding: str | None, most: int = 10**6, status: int = 200, *flags: str) -> Response:
    """An answer as it is handed on."""
    headers = {"Content-Type": "text/html; charset=utf-8", **({"Content-Encoding": coding} if coding else {})}
    answer = HtmlResponse(URL, status=status, headers=headers, body=body, flags=list(flags))
    return decode_response(answer, most)


@pytest.mark.parametrize(("coding", "pack"), PACKERS)
def test_whole_bodies_are_unpacked_and_cut_ones_are_data_losses(coding: str, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(BODY)
    whole = unpack(packed, coding)
    assert (whole.body, type(whole), whole.headers.get("Content-Encoding")) == (BODY, HtmlResponse, None)
    for size in (len(packed) * 3 // 4, len(packed) // 2, 20, 3):
        with pytest.raises(ResponseDataLossError, match=r"ends too early|cannot be decompressed"):
            unpack(packed[:size], coding)
    with pytest.raises(IgnoreRequest, match=r"decompresses from [\d,]+ to more than 100,000 bytes"):
        unpack(packed, coding, most=100_000)


def test_what_is_let_pass() -> None:
    packed = gzip.compress(BODY)
    assert unpack(b"", "gzip", status=304).body == b""
    assert unpack(packed + gzip.compress(b"<!-- slut -->"), "gzip").body == BODY + b"<!-- slut -->"
    assert unpack(packed[:-8] + bytes(8), "gzip").body == BODY, "a wrong checksum"
    assert unpack(packed + b"\0\0 mer", "gzip").body == BODY
    assert unpack(BODY, "identity").headers["Content-Encoding"] == b"identity"
    assert BODY.startswith(unpack(packed[:-3000], "gzip", status=404).body), "the status says it all"
    assert unpack(b"Finns inte", "gzip", status=404).status == 404


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_what_is_not_packed_as_it_says_is_broken(coding: str) -> None:
    with pytest.raises(ResponseDataLossError, match=coding):
        unpack(BODY, coding)


def test_an_answer_without_a_length_must_come_to_its_own_end() -> None:
    assert unpack(BODY, None, 10**6, 200, "partial").body == BODY
    assert unpack(BODY[:-20], None).body == BODY[:-20], "it was as long as it said"
    assert unpack(BODY[:-20], None, 10**6, 404, "partial").status == 404
    assert unpack(b"<ul><li>En del av en sida", None, 10**6, 200, "partial").body
    for cut in (BODY[:-20], BODY[:3000]):
        with pytest.raises(ResponseDataLossError, match="closed before"):
            unpack(cut, None, 10**6, 200, "partial")
    feed = XmlResponse(URL, body=b"<?xml version='1.0'?><rss><channel><item/>", flags=["partial"])
    with pytest.raises(ResponseDataLossError):
        decode_response(feed, 10**6)
    assert decode_response(feed.replace(body=feed.body + b"</channel></rss>"), 10**6)


def test_a_cut_page_is_no_edit_and_is_asked_for_again(held: Crawling) -> None:
    url = first_url(held)
    packed = gzip.compress(BODY)
    headers = {"Content-Type": "text/html", "Content-Encoding": "gzip"}
    held.site.break_(url, body=packed[: len(packed) * 3 // 4], headers=headers)
    other = sorted(held.site.truth)[-1]
    held.site.break_(other, raw=say(HEAD, b"\r\n", BODY[: len(BODY) // 2]))
    held.site.clear_counts()
    code, printed = held.run("revisit", RETRY_TIMES="1")
    assert code == 1, printed
    assert held.rows("select count(*) from revisions where previous is not null") == [(0,)]
    assert held.rows("select count(*) from removals") == [(0,)]
    assert "gzip body ends too early" in printed
    assert "closed before the end of the page" in printed
    told = "select sum(json_extract(failures, '$.\"broken answer\"')), sum(errors) from crawls where id > 4"
    assert held.rows(told) == [(2, 2)]
    assert [held.site.counts.paths[held.site.address(page)] for page in (url, other)] == [2, 2], "asked once more"
    held.site.mend(url)
    held.site.mend(other)
    held.write("update releases set next_check = null")
    revisit(held)


def test_a_cut_listing_loses_no_page(crawling: Crawling) -> None:
    listing = crawling.site.url(SLUG, crawling.site.agencies[SLUG].paths.listing)
    page = gzip.compress(f"<html><body><main><p>{PAGE}</p></main></body></html>".encode())
    headers = {"Content-Type": "text/html", "Content-Encoding": "gzip"}
    crawling.site.break_(listing, body=page[: len(page) // 2], headers=headers, times=1)
    code, printed = crawling.run(RETRY_TIMES="1")
    assert code == 0, printed
    assert crawling.rows("select count(*) from releases") == [(24,)]
