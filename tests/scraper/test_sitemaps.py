"""Sitemaps that are packed, cut off, or written carelessly."""

from __future__ import annotations

import gzip
import random

import pytest

from scraper.agency import Agency
from scraper.errors import SourceError
from scraper.sources import feeds as sitemaps
from scraper.sources import parse_sitemap

HOME = "https://www.skog.example/"
AGENCY = Agency(slug="skog", name="Skogsrådet", home=HOME, releases="^/nyheter")
NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def write(*addresses: str) -> bytes:
    entries = "".join(f"<url><loc>{address}</loc></url>" for address in addresses)
    return f'<?xml version="1.0" encoding="UTF-8"?><urlset {NAMESPACE}>{entries}</urlset>'.encode()


def read(body: bytes) -> list[str]:
    return [link.url for link in parse_sitemap(body, HOME + "sitemap.xml.gz", AGENCY)[0]]


MANY = [f"{HOME}nyheter/{number:x}" for number in random.Random(1).sample(range(10**9), 2000)]
PACKED = gzip.compress(write(*MANY))


def test_a_packed_sitemap_is_read_whole() -> None:
    assert read(PACKED) == MANY


def test_several_members_are_one_sitemap() -> None:
    body = write(*MANY)
    parts = b"".join(gzip.compress(body[start : start + 100]) for start in range(0, len(body), 100))
    assert read(parts) == MANY
    assert read(gzip.compress(b"") + PACKED) == MANY


@pytest.mark.parametrize("after", [b"\0" * 5000, b"\n"])
def test_what_follows_a_packed_sitemap_counts_nothing(after: bytes) -> None:
    assert read(PACKED + after) == MANY


@pytest.mark.parametrize("left", [len(PACKED) * 4 // 5, len(PACKED) - 1, len(PACKED) - 8, 30, 5, 2])
def test_a_packed_sitemap_that_is_cut_off_is_an_error(left: int) -> None:
    with pytest.raises(SourceError, match="is not a sitemap: it is truncated"):
        read(PACKED[:left])
    with pytest.raises(SourceError, match="is not a sitemap: it is truncated"):
        read(gzip.compress(b"\n") + PACKED[:left])


def test_a_packed_sitemap_that_is_damaged_is_an_error() -> None:
    with pytest.raises(SourceError, match="is not a sitemap"):
        read(PACKED[:-8] + b"\0" * 8)


def test_a_packed_sitemap_may_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitemaps, "MAX_SITEMAP_BYTES", len(write(*MANY)) - 1)
    with pytest.raises(SourceError, match="larger than"):
        read(PACKED)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("nyheter?id=1&lang=sv", "nyheter?id=1&lang=sv"),
        ("nyheter?id=1&amp;lang=sv&p=2", "nyheter?id=1&lang=sv&p=2"),
        ("nyheter?id=1&#38;lang=sv&#x26;p=2&copy=3", "nyheter?id=1&lang=sv&p=2&copy=3"),
        ("nyheter?id=1&", "nyheter?id=1"),
    ],
)
def test_a_bare_ampersand_is_a_part_of_its_address(written: str, meant: str) -> None:
    assert read(write(HOME + written, HOME + "nyheter/b")) == [HOME + meant, HOME + "nyheter/b"]


def test_an_ampersand_in_cdata_stands_for_itself() -> None:
    address = HOME + "nyheter?id=1&lang=sv"
    assert read(write(f"<![CDATA[{address}]]>", address)) == [address, address]


def test_a_sitemap_in_utf_16_is_read() -> None:
    body = write(HOME + "nyheter?id=1&amp;lang=sv").decode().replace("UTF-8", "UTF-16").encode("utf-16")
    assert read(body) == [HOME + "nyheter?id=1&lang=sv"]


def test_a_sitemap_full_of_ampersands_is_a_trap() -> None:
    with pytest.raises(SourceError, match="ampersands: treated as a trap"):
        read(write(HOME + "nyheter?" + "&" * (sitemaps.MAX_AMPERSANDS + 1)))
