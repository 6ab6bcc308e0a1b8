"""Feeds, sitemaps and the sitemaps in robots.txt."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest

from scraper.agency import Agency
from scraper.errors import SourceError
from scraper.sources import xml_sitemaps
from scraper.sources.feeds import CutFeedError, parse_feed
from scraper.sources.links import SourceLink
from scraper.sources.xml_sitemaps import MAX_AMPERSANDS, parse_robots_sitemaps, parse_sitemap
from tests.case_tables import load_table

HOME = "https://www.skog.example/"
AGENCY = Agency(slug="skog", name="Skogsrådet", home=HOME)
WITH_PATTERN = Agency(slug="skog", name="Skogsrådet", home=HOME, releases="^/nyheter")
NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'

RSS = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>Nyheter</title>
<item><title>A</title><link>/nyheter/a?utm_source=rss</link><pubDate>Fri, 15 Mar 2024 10:00:00 +0100</pubDate></item>
<item><title>No link</title></item></channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>N</title><entry><title>A</title>{links}
<published>2024-03-15T10:00:00+01:00</published><updated>{updated}</updated></entry></feed>"""


def build_sitemap(*urls: str) -> bytes:
    entries = "".join(f"<url><loc>{url}</loc><lastmod>2024-03-15</lastmod></url>" for url in urls)
    return f'<?xml version="1.0" encoding="UTF-8"?><urlset {NAMESPACE}>{entries}</urlset>'.encode()


def build_feed(
    links: str = '<link href="/nyheter/a"/>', updated: str = "2024-03-16T10:00:00+01:00"
) -> bytes:
    return ATOM.format(links=links, updated=updated).encode()


def read_feed(body: bytes, agency: Agency = AGENCY) -> list[str]:
    return [link.url for link in parse_feed(body, HOME, agency)]


def read_sitemap(body: bytes) -> list[str]:
    return [link.url for link in parse_sitemap(body, HOME + "sitemap.xml.gz", WITH_PATTERN)[0]]


URLS = [f"{HOME}nyheter/{number:x}" for number in random.Random(1).sample(range(10**9), 2000)]
SITEMAP = build_sitemap(*URLS)
PACKED = gzip.compress(SITEMAP)


def test_feed_links_and_times() -> None:
    found = parse_feed(RSS, HOME, AGENCY)
    assert found == [SourceLink(HOME + "nyheter/a", "2024-03-15T09:00:00+00:00")]
    assert parse_feed(build_feed(), HOME, AGENCY) == [
        SourceLink(HOME + "nyheter/a", "2024-03-16T09:00:00+00:00")
    ]


@pytest.mark.parametrize(("links", "expected"), load_table(__file__, "entry_links.tsv"))
def test_first_release_among_links_of_entry(links: str, expected: str) -> None:
    assert read_feed(build_feed(links), WITH_PATTERN) == [HOME + expected]


def test_session_id_shared_by_two_entries_is_removed() -> None:
    entries = "".join(
        f"<item><title>A</title><link>{HOME}nyheter/{number}?xq=5f2a0c9d1e7b4a3f</link></item>"
        for number in (1, 2)
    )
    feed = f'<rss version="2.0"><channel><title>N</title>{entries}</channel></rss>'
    assert read_feed(feed.encode()) == [f"{HOME}nyheter/{number}" for number in (1, 2)]


@pytest.mark.parametrize(
    "body", [b"", b"<html><body>Not found</body></html>", b"\x00\x01\x02", b"{}"]
)
def test_other_document_is_an_error(body: bytes) -> None:
    with pytest.raises(
        SourceError, match=r"https://www\.skog\.example/: is not an RSS or Atom feed"
    ):
        parse_feed(body, HOME, AGENCY)
    with pytest.raises(SourceError, match="is not a sitemap"):
        parse_sitemap(body, HOME, AGENCY)


def test_feed_is_not_read_from_a_path(tmp_path: Path) -> None:
    (tmp_path / "feed.xml").write_bytes(RSS)
    with pytest.raises(SourceError):
        parse_feed(str(tmp_path / "feed.xml").encode(), HOME, AGENCY)


def build_rss(count: int) -> str:
    items = "".join(
        f"<item><title>Å {n}</title><link>{HOME}nyheter/{n}</link></item>" for n in range(count)
    )
    return (
        '<?xml version="1.0"?><rss'
        f' version="2.0"><channel><title>Nytt</title>{items}</channel></rss>'
    )


LONG_RSS = build_rss(8)
WIDE_RSS = build_rss(2).replace('"?>', '" encoding="utf-16"?>', 1)
RDF = (
    '<rdf:RDF xmlns:rdf="http://www.w3.org/'
    '1999/02/22-rdf-syntax-ns#"'
    ' xmlns="http://purl.org/rss/'
    "1.0/"
    '"><channel>'
    f"<title>Nytt</title></"
    f"channel><item><title>A</"
    f"title><link>{HOME}nyheter/0</link></"
    f"item></"
    f"rdf:RDF>"
)


@pytest.mark.parametrize(
    "whole", [build_rss(3).encode(), build_feed(), RDF.encode(), WIDE_RSS.encode("utf-16")]
)
def test_cut_feed_is_an_error_that_has_its_links(whole: bytes) -> None:
    links, counts = read_feed(whole), set[int]()
    for length in range(0, len(whole) - 2, 3):
        with pytest.raises(SourceError, match=r"is cut off|is not an RSS or Atom feed") as caught:
            parse_feed(whole[:length], HOME, AGENCY)
        if isinstance(caught.value, CutFeedError):
            found = [link.url for link in caught.value.links]
            assert found == links[: len(found)]
            counts.add(len(found))
    assert counts == set(range(len(links) + 1))


@pytest.mark.parametrize(
    "body",
    [
        LONG_RSS.replace("Å 3", "Fisk & vilt&nbsp;3 &odefinierad;").encode(),
        LONG_RSS.replace('"1.0"?', '"1.0" encoding="utf-8"?').encode("latin-1"),
        LONG_RSS.replace("<title>Å 2</title>", "<title>Å <b>2</title>").encode(),
        LONG_RSS.replace("Nytt", "Nytt\x0b").encode()
        + b"\n<!-- cached --><script>t()</script></html>\n",
        b"\n\n" + LONG_RSS.replace("</rss>", "</RSS >").replace("<rss", "<RSS").encode(),
        LONG_RSS.replace("Å 7", "<![CDATA[Taggen </rss> i text]]>").encode(),
    ],
    ids=["entities", "charset", "tags", "junk", "capitals", "end in a title"],
)
def test_malformed_feed_is_read(body: bytes) -> None:
    assert read_feed(body) == [f"{HOME}nyheter/{number}" for number in range(8)]


@pytest.mark.parametrize(
    "body", ['<rss version="2.0"/>', '<feed xmlns="http://www.w3.org/2005/Atom" />']
)
def test_empty_feed(body: str) -> None:
    assert read_feed(body.encode()) == []


@pytest.mark.parametrize(
    "date", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-12:00", "0000-00-00T00:00:00Z"]
)
def test_impossible_date_is_ignored(date: str) -> None:
    assert read_feed(build_feed(updated=date)) == [HOME + "nyheter/a"]
    sitemap = build_sitemap(HOME + "nyheter/a").replace(b"2024-03-15", date.encode())
    assert parse_sitemap(sitemap, HOME, AGENCY)[0][0].url == HOME + "nyheter/a"


def test_lastmod_out_of_range_is_none() -> None:
    sitemap = build_sitemap(HOME + "nyheter/a").replace(b"2024-03-15", b"0001-01-01T00:00:00+01:00")
    assert parse_sitemap(sitemap, HOME, AGENCY)[0] == [SourceLink(HOME + "nyheter/a", None)]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_sitemap_links_to_possible_releases(pack: type[bytes]) -> None:
    paths = ("nyheter/a", "nyheter", "om-oss/kontakt", "nyheter/c.pdf")
    sitemap = build_sitemap(*(HOME + path for path in paths), "https://elsewhere.example/nyheter/b")
    assert parse_sitemap(pack(sitemap), HOME, AGENCY) == (
        [SourceLink(HOME + "nyheter/a", "2024-03-15")],
        [],
    )


def test_sitemap_index() -> None:
    index = f"""<sitemapindex {NAMESPACE}><sitemap><loc>{HOME}s1.xml</loc><lastmod>2024-03-15T10:00:00+01:00</lastmod>
    </sitemap></sitemapindex>"""
    child = SourceLink(HOME + "s1.xml", "2024-03-15T09:00:00+00:00")
    assert parse_sitemap(index.encode(), HOME, AGENCY) == ([], [child])


MEMBERS = [gzip.compress(SITEMAP[start : start + 100]) for start in range(0, len(SITEMAP), 100)]


@pytest.mark.parametrize(
    "body",
    [PACKED, b"".join(MEMBERS), gzip.compress(b"") + PACKED, PACKED + b"\0" * 5000, PACKED + b"\n"],
    ids=[
        "one member",
        "many members",
        "an empty member",
        "zeros at the end",
        "line break at the end",
    ],
)
def test_packed_sitemap(body: bytes) -> None:
    assert read_sitemap(body) == URLS


@pytest.mark.parametrize(
    "length", [len(PACKED) * 4 // 5, len(PACKED) - 1, len(PACKED) - 8, 30, 5, 2]
)
def test_truncated_sitemap_is_an_error(length: int) -> None:
    for body in (PACKED[:length], gzip.compress(b"\n") + PACKED[:length]):
        with pytest.raises(SourceError, match="is not a sitemap: it is truncated"):
            read_sitemap(body)


def test_damaged_sitemap_is_an_error() -> None:
    with pytest.raises(SourceError, match="is not a sitemap"):
        read_sitemap(PACKED[:-8] + b"\0" * 8)


def test_sitemap_beyond_limits_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceError, match="ampersands: treated as a trap"):
        read_sitemap(build_sitemap(HOME + "nyheter?" + "&" * (MAX_AMPERSANDS + 1)))
    monkeypatch.setattr(xml_sitemaps, "MAX_SITEMAP_BYTES", len(SITEMAP) - 1)
    with pytest.raises(SourceError, match="larger than"):
        read_sitemap(PACKED)


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("nyheter?id=1&lang=sv", "nyheter?id=1&lang=sv"),
        ("nyheter?id=1&amp;lang=sv&p=2", "nyheter?id=1&lang=sv&p=2"),
        ("nyheter?id=1&#38;lang=sv&#x26;p=2&copy=3", "nyheter?id=1&lang=sv&p=2&copy=3"),
        ("nyheter?id=1&", "nyheter?id=1"),
    ],
)
def test_unescaped_ampersand_in_sitemap(written: str, path: str) -> None:
    assert read_sitemap(build_sitemap(HOME + written, HOME + "nyheter/b")) == [
        HOME + path,
        HOME + "nyheter/b",
    ]


def test_ampersand_in_cdata_and_utf_16_of_sitemap() -> None:
    url = HOME + "nyheter?id=1&lang=sv"
    assert read_sitemap(build_sitemap(f"<![CDATA[{url}]]>", url)) == [url, url]
    sitemap = build_sitemap(url.replace("&", "&amp;")).decode().replace("UTF-8", "UTF-16")
    assert read_sitemap(sitemap.encode("utf-16")) == [url]


def test_sitemaps_in_robots_txt() -> None:
    body = (
        b"\xef\xbb\xbfSitemap: /a.xml\nUser-agent: *\nSITEMAP: https://a.example/s.xml \nSitemap:"
        b" http://[\n\xff"
    )
    assert parse_robots_sitemaps(body, HOME + "robots.txt") == [
        HOME + "a.xml",
        "https://a.example/s.xml",
    ]
