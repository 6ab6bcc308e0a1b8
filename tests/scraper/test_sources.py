"""Feeds, sitemaps, listings, and finding them from a home page."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from scraper.agency import Agency
from scraper.errors import SourceError
from scraper.sources import find_sources, parse_feed, parse_listing, parse_sitemap
from scraper.sources.feeds import parse_robots_sitemaps
from scraper.sources.links import SourceLink
from scraper.spiders.audit import find_archive_pages

HOME = "https://www.skog.example/"
AGENCY = Agency(slug="skog", name="Skogsrådet", home=HOME)

RSS = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>Nyheter</title>
<item><title>A</title><link>/nyheter/a?utm_source=rss</link><pubDate>Fri, 15 Mar 2024 10:00:00 +0100</pubDate></item>
<item><title>No link</title></item></channel></rss>"""
ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom"><title>N</title><entry><title>A</title>
<link href="https://www.skog.example/nyheter/a"/><published>2024-03-15T10:00:00+01:00</published>
<updated>2024-03-16T10:00:00+01:00</updated></entry></feed>"""
SITEMAP = b"""<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
<url><loc>https://www.skog.example/nyheter/a</loc><lastmod>2024-03-15</lastmod></url>
<url><loc>https://www.skog.example/nyheter</loc></url>
<url><loc>https://www.skog.example/om-oss/kontakt</loc></url>
<url><loc>https://elsewhere.example/nyheter/b</loc></url>
<url><loc>https://www.skog.example/nyheter/c.pdf</loc></url></urlset>"""
INDEX = b"""<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
<sitemap><loc>https://www.skog.example/s1.xml</loc><lastmod>2024-03-15T10:00:00+01:00</lastmod></sitemap></sitemapindex>"""
LISTING = """<html><body><nav><a href="/nyheter/i-menyn">Meny</a></nav><main>
<ul><li><a href="/nyheter/a">Nyhet a</a> <time datetime="2024-03-15">15 mars</time></li>
<li><h3><a href="/kort/b;jsessionid=1">Nyhet b</a></h3></li><li><a href="/nyheter/a">Läs mer</a></li>
<li><a href="/om-oss">Om oss</a></li><li><a href="mailto:a@b.se">Mejl</a></li></ul>
{pager}</main><footer><a href="/nyheter/i-foten">Fot</a></footer></body></html>"""


def test_feeds_give_links_and_times() -> None:
    assert parse_feed(RSS, HOME, AGENCY) == [
        SourceLink("https://www.skog.example/nyheter/a", "2024-03-15T09:00:00+00:00")
    ]
    assert parse_feed(ATOM, HOME, AGENCY) == [
        SourceLink("https://www.skog.example/nyheter/a", "2024-03-16T09:00:00+00:00")
    ]


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        (
            '<link rel="alternate" hreflang="sv" href="/nyheter/a"/><link rel="alternate" href="/en/news/a"/>',
            "nyheter/a",
        ),
        ('<link rel="alternate" href="/en/news/a"/><link rel="alternate" href="/nyheter/a"/>', "nyheter/a"),
        ('<link rel="alternate" href="/en/a"/><link rel="alternate" type="text/html" href="/en/b"/>', "en/a"),
        ('<link rel="alternate" type="application/pdf" href="/nyheter/a.x"/><link href="/nyheter/a"/>', "nyheter/a"),
        ('<link rel="self" href="/nyheter/a.atom"/><link href="/nyheter/a"/><link rel="edit" href="/e"/>', "nyheter/a"),
        ('<link rel="alternate" href="http://["/><link href="/nyheter/a"/>', "nyheter/a"),
    ],
)
def test_of_several_pages_of_an_entry_the_first_release_is_taken(links: str, expected: str) -> None:
    agency = Agency(slug="skog", name="Skogsrådet", home=HOME, releases="^/nyheter/.+")
    feed = f'<feed xmlns="http://www.w3.org/2005/Atom"><title>N</title><entry><title>A</title>{links}</entry></feed>'
    assert [link.url for link in parse_feed(feed.encode(), HOME, agency)] == [HOME + expected]


def test_a_session_id_is_cut_as_soon_as_two_entries_share_it() -> None:
    entry = "<item><title>A</title><link>https://www.skog.example/nyheter/{}?xq=5f2a0c9d1e7b4a3f</link></item>"
    feed = f'<rss version="2.0"><channel><title>N</title>{entry.format(1)}{entry.format(2)}</channel></rss>'.encode()
    assert [link.url for link in parse_feed(feed, HOME, AGENCY)] == [
        f"https://www.skog.example/nyheter/{n}" for n in (1, 2)
    ]


@pytest.mark.parametrize("body", [b"", b"<html><body>Not found</body></html>", b"\x00\x01\x02", b"{}"])
def test_what_is_no_feed_or_sitemap_is_named(body: bytes) -> None:
    with pytest.raises(SourceError, match=r"https://www\.skog\.example/: is not an RSS or Atom feed"):
        parse_feed(body, HOME, AGENCY)
    with pytest.raises(SourceError, match="is not a sitemap"):
        parse_sitemap(body, HOME, AGENCY)


def test_a_sitemap_gives_what_may_be_news() -> None:
    assert parse_sitemap(SITEMAP, HOME, AGENCY) == (
        [SourceLink("https://www.skog.example/nyheter/a", "2024-03-15")],
        [],
    )


def test_an_index_gives_sitemaps() -> None:
    child = SourceLink("https://www.skog.example/s1.xml", "2024-03-15T09:00:00+00:00")
    assert parse_sitemap(INDEX, HOME, AGENCY) == ([], [child])


def test_a_listing_gives_its_releases_in_order() -> None:
    links, following, _ = parse_listing(LISTING.format(pager="").encode(), HOME + "nyheter", AGENCY)
    assert links == [SourceLink(HOME + "nyheter/a", "2024-03-15"), SourceLink(HOME + "kort/b")]
    assert following is None


def test_a_listings_own_pattern_decides() -> None:
    agency = Agency(slug="skog", name="Skogsrådet", home=HOME, releases="^/kort/")
    links, *_ = parse_listing(LISTING.format(pager="").encode(), HOME + "nyheter", agency)
    assert links == [SourceLink(HOME + "kort/b")]


@pytest.mark.parametrize(
    "pager",
    [
        '<a rel="next" href="?page=2">vidare</a>',
        '<a href="/nyheter?page=2">Nästa sida</a>',
        '<a href="/nyheter?page=2" aria-label="Nästa"><svg></svg></a>',
        '<ul class="pagination"><li class="active">1</li><li><a href="?page=2">2</a> <a href="?page=3">3</a></ul>',
    ],
)
def test_the_next_page_is_found(pager: str) -> None:
    _, following, _ = parse_listing(LISTING.format(pager=pager).encode(), HOME + "nyheter", AGENCY)
    assert following == HOME + "nyheter?page=2"


@pytest.mark.parametrize("declared", ["http://origin.internal:8080/nyheter?page=2", "/nyheter", "http://["])
def test_a_declared_next_page_that_is_none_is_passed_over(declared: str) -> None:
    pager = f'<link rel="next" href="{declared}"><nav><a href="/nyheter?page=2">Nästa</a></nav>'
    _, following, _ = parse_listing(LISTING.format(pager=pager).encode(), HOME + "nyheter", AGENCY)
    assert following == HOME + "nyheter?page=2"


def test_a_link_that_says_next_but_leads_elsewhere_is_no_next_page() -> None:
    pager = '<a href="/kalender">Nästa möte</a> <a href="https://elsewhere.example/nyheter?page=2">Nästa</a>'
    assert parse_listing(LISTING.format(pager=pager).encode(), HOME + "nyheter", AGENCY)[1] is None


def test_a_home_page_shows_its_sources() -> None:
    body = b"""<html><head><link rel="alternate" type="application/rss+xml" title="Nyheter" href="/feed/">
    <link rel="alternate" type="application/rss+xml" title="Kommentarer" href="/comments/feed/">
    <link rel="alternate" hreflang="en" href="/en"></head><body><nav>
    <a href="/om/press/pressmeddelanden">Pressmeddelanden</a>
    <a href="/aktuellt">Aktuellt</a><a href="/aktuellt#a">Aktuellt</a><a href="/pressbild.pdf">Press</a>
    <a href="/kontakt">Kontakt</a></nav></body></html>"""
    found = find_sources(body, HOME, AGENCY)
    assert found.feeds == [HOME + "feed/"]
    assert found.listings == [HOME + "aktuellt", HOME + "om/press/pressmeddelanden"]


def test_a_hub_for_the_press_gives_way_to_the_listing_below_it() -> None:
    body = b"""<nav><a href="/press">Pressrum</a> <a href="/press/pressmeddelanden">Pressmeddelanden</a>
    <a href="/nyheter">Nyheter</a></nav>"""
    assert find_sources(body, HOME, AGENCY).listings == [HOME + "nyheter", HOME + "press/pressmeddelanden"]
    assert find_sources(b'<a href="/press">Press</a>', HOME, AGENCY).listings == [HOME + "press"]


def test_pages_of_service_beside_releases_are_none() -> None:
    services = "".join(
        f'<li><a href="/press/{name}">x</a></li>' for name in ("presskontakt", "pressbilder", "logotyper")
    )
    undated = "".join(f'<li><a href="/press/{name}">{name}</a></li>' for name in "ab")
    links, *_ = parse_listing(f"<main><ul>{services}{undated}</ul></main>".encode(), HOME + "press", AGENCY)
    assert [link.url for link in links] == [HOME + "press/a", HOME + "press/b"]


def test_where_entries_show_dates_other_links_are_none() -> None:
    dated = "".join(f'<li><a href="/press/{name}">{name}</a> <span>3 maj 2024</span></li>' for name in "abc")
    rest = '<p><a href="/press/sa-arbetar-vi">Så arbetar vi</a></p><h2><a href="/press/d">Utvald</a></h2>'
    links, *_ = parse_listing(f"<main><ul>{dated}</ul>{rest}</main>".encode(), HOME + "press", AGENCY)
    assert [link.url.rpartition("/")[2] for link in links] == ["a", "b", "c", "d"]


def test_robots_names_sitemaps() -> None:
    body = b"\xef\xbb\xbfSitemap: /a.xml\nUser-agent: *\nSITEMAP: https://a.example/s.xml \nSitemap: http://[\n\xff"
    assert parse_robots_sitemaps(body, HOME + "robots.txt") == [HOME + "a.xml", "https://a.example/s.xml"]


def test_dates_that_cannot_be_do_not_spoil_a_source() -> None:
    minimum = SITEMAP.replace(b"<lastmod>2024-03-15", b"<lastmod>0001-01-01T00:00:00+01:00")
    assert parse_sitemap(minimum, HOME, AGENCY)[0] == [SourceLink("https://www.skog.example/nyheter/a", None)]
    for odd in (b"0001-01-01T00:00:00+01:00", b"9999-12-31T23:59:59-12:00", b"0000-00-00T00:00:00Z"):
        feed = ATOM.replace(b"2024-03-16T10:00:00+01:00", odd)
        assert [link.url for link in parse_feed(feed, HOME, AGENCY)] == ["https://www.skog.example/nyheter/a"]


def test_a_feed_is_never_taken_for_a_path(tmp_path: Path) -> None:
    (tmp_path / "feed.xml").write_bytes(RSS)
    with pytest.raises(SourceError):
        parse_feed(str(tmp_path / "feed.xml").encode(), HOME, AGENCY)


def test_a_packed_sitemap_is_unpacked() -> None:
    assert parse_sitemap(gzip.compress(SITEMAP), HOME, AGENCY) == parse_sitemap(SITEMAP, HOME, AGENCY)


def test_links_begin_where_the_base_of_a_page_says() -> None:
    body = """<html><head><base href="/"><link rel="alternate" type="application/rss+xml" href="rss"></head><body>
    <nav><a href="aktuellt">Aktuellt</a><a href="#meny">Nyheter</a></nav><main><ul>
    <li><a href="om/nyheter/a">A</a></li><li><a href="om/nyheter/b">B</a></li></ul>
    <a href="om/nyheter?page=2">Nästa</a> <a href="om/nyheter/2019">2019</a></main></body></html>""".encode()
    url = HOME + "om/nyheter"
    links, following, _ = parse_listing(body, url, AGENCY)
    assert [link.url for link in links] == [url + "/a", url + "/b", url + "/2019"]
    assert following == url + "?page=2"
    assert find_archive_pages(body, url, AGENCY) == [url + "/2019"]
    found = find_sources(body, HOME + "start/", AGENCY)
    assert (found.feeds, found.listings) == ([HOME + "rss"], [HOME + "aktuellt"])


@pytest.mark.parametrize("pager", ['<a href="#">Visa fler</a>', '<a href="#top" rel="next">Nästa</a>'])
def test_a_place_on_the_page_is_no_next_page_whatever_its_base(pager: str) -> None:
    body = f'<head><base href="/nyheter"></head><main>{pager}</main>'
    assert parse_listing(body.encode(), HOME + "nyheter?page=2", AGENCY)[1] is None


@pytest.mark.parametrize("base", ["http://[", "javascript:x", ""])
def test_a_base_that_is_none_is_passed_over(base: str) -> None:
    body = f'<head><base href="{base}"></head><main><a href="/nyheter/a">A</a></main>'
    assert [link.url for link in parse_listing(body.encode(), HOME + "nyheter", AGENCY)[0]] == [HOME + "nyheter/a"]


@pytest.mark.parametrize("home", ["https://www.skogsrådet.se/", "https://www.xn--skogsrdet-b3a.se/"])
def test_links_with_a_host_of_swedish_letters_are_the_agencys(home: str) -> None:
    agency = Agency(slug="skog", name="Skogsrådet", home=home)
    body = "<main><a href='https://www.skogsrådet.se/nyheter/a'>A</a> <a href='/nyheter/b'>B</a></main>"
    listing = "https://www.xn--skogsrdet-b3a.se/nyheter"
    links, *_ = parse_listing(body.encode(), listing, agency)
    assert [link.url for link in links] == [listing + "/a", listing + "/b"]
    assert parse_listing(body.encode(), home + "nyheter", agency)[0] == links
