"""The sample site itself: its pages, its manners as a server, and stored pages mounted in it."""

from __future__ import annotations

import gzip
import json
import os
import socket
import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest

from scraper.agency import load_agencies
from tests.site.client import get
from tests.site.compose import QA_FORMS, SLUGS, compose
from tests.site.server import Site

SHARED = Path(os.environ.get("PAGES") or Path(__file__).parents[1] / ".." / "shared").resolve()


@pytest.fixture(scope="module")
def shared_site() -> Iterator[Site]:
    """A site for tests that only read."""
    with Site() as site:
        yield site


def test_there_is_enough_to_read() -> None:
    releases = [release for slug in SLUGS for release in compose(slug)]
    swedish = [release for release in releases if release.language == "sv"]
    assert len(swedish) >= 80
    for field in ("title", "lead", "body"):
        assert len({getattr(release, field) for release in swedish}) == len(swedish)
    forms = Counter(release.form for release in swedish if release.form)
    assert forms.total() >= 25
    assert set(forms) == set(QA_FORMS)
    assert len({release.stamp.form for release in swedish}) >= 15
    assert {release.agency for release in releases if release.language == "en"} == set(SLUGS)
    assert sum(release.published is None and release.updated is None for release in swedish) >= 10
    assert all(
        release.picture.credit in release.picture.line for release in swedish if release.picture
    )


def test_every_page_weighs_what_agency_pages_weigh(shared_site: Site) -> None:
    for url, release in shared_site.truth.items():
        page = get(url)
        assert page.status_code == 200
        assert 40_000 <= len(page.content) <= 110_000, url
        assert f'<link rel="canonical" href="{url}"' in page.text
        for text in (release.title, release.lead, *(qa.question for qa in release.questions)):
            assert text.replace("&", "&amp;") in page.text, url


def test_unchanged_is_answered_with_304_and_nothing_else(shared_site: Site) -> None:
    for slug, agency in shared_site.agencies.items():
        for path in (
            next(iter(agency.releases)),
            agency.paths.listing,
            "/robots.txt",
            agency.paths.sitemap or "/",
        ):
            url = shared_site.url(slug, path)
            first = get(url)
            etag, modified = first.headers["etag"], first.headers["last-modified"]
            for headers in (
                {"If-None-Match": etag},
                {"If-None-Match": f"W/{etag}"},
                {"If-Modified-Since": modified},
            ):
                again = get(url, headers)
                assert (again.status_code, again.content) == (304, b""), (url, headers)
            earlier = format_datetime(datetime(2001, 1, 1, tzinfo=UTC), usegmt=True)
            for headers in (
                {"If-Modified-Since": earlier},
                {"If-None-Match": '"other"', "If-Modified-Since": modified},
            ):
                assert get(url, headers).status_code == 200, headers


def test_gzip_only_where_it_is_accepted(shared_site: Site) -> None:
    url = next(iter(shared_site.truth))
    path, port = httpx.URL(url).raw_path.decode(), shared_site.port
    bodies = {}
    for coding in ("gzip", "identity"):
        with socket.create_connection(("127.0.0.1", port)) as line:
            host = httpx.URL(url).netloc.decode()
            headers = f"Host: {host}\r\nAccept-Encoding: {coding}\r\nConnection: close"
            line.sendall(f"GET {path} HTTP/1.1\r\n{headers}\r\n\r\n".encode())
            received = b"".join(iter(lambda: line.recv(65536), b""))
            head, _, bodies[coding] = received.partition(b"\r\n\r\n")
            assert (b"content-encoding: gzip" in head.lower()) == (coding == "gzip")
    assert gzip.decompress(bodies["gzip"]) == bodies["identity"]
    assert len(bodies["gzip"]) < len(bodies["identity"]) / 3


def test_its_list_of_agencies_can_be_loaded(shared_site: Site, tmp_path: Path) -> None:
    agencies = load_agencies(shared_site.agencies_file(tmp_path))
    assert list(agencies) == list(SLUGS)
    assert all(agencies[release.agency].owns(url) for url, release in shared_site.truth.items())
    bare = agencies["hushallsmyndigheten"]
    assert (bare.feeds, bare.sitemaps, bare.listings) == ((), (), ())


def test_stored_pages_stand_under_their_own_addresses(tmp_path: Path) -> None:
    (tmp_path / "pages" / "a").mkdir(parents=True)
    page = "<title>Sida &amp; ett</title>\xe5".encode("latin-1")
    (tmp_path / "pages" / "a" / "1.html").write_bytes(page)
    rows = [
        {"file": "a/1.html", "url": "https://www.myndighet.example/nyheter/1/?visa=allt"},
        {"file": "a/1.html", "url": ""},
    ]
    (tmp_path / "pages" / "gold.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with Site(releases=4, pages=tmp_path) as site:
        stored = get(rows[0]["url"], port=site.port)
        assert (stored.content, stored.headers["content-type"]) == (page, "text/html")
        known = {"If-None-Match": stored.headers["etag"]}
        assert get(rows[0]["url"], known, port=site.port).status_code == 304
        feed = get("https://www.myndighet.example/-/feed.xml", port=site.port).text
        assert "<link>https://www.myndighet.example/nyheter/1/?visa=allt</link>" in feed
        assert "Sida &amp; ett" in feed
        assert get("https://www.myndighet.example/nyheter/2/", port=site.port).status_code == 404
        assert get("https://annan.example/", port=site.port).status_code == 421
        table = tomllib.loads(site.agencies_toml())["myndighet"]
        assert table["home"] == "https://www.myndighet.example/"
        assert table["feeds"] == ["https://www.myndighet.example/-/feed.xml"]


@pytest.mark.skipif(
    not (SHARED / "pages").is_dir(), reason="no stored pages: neither PAGES nor ../shared is there"
)
def test_the_shared_folder_is_served_byte_for_byte(tmp_path: Path) -> None:
    with Site(releases=4, pages=SHARED) as site:
        for host in site.mounted.values():
            for page in [*host.pages.values()][:5]:
                assert get(page.url, port=site.port).content == page.content, page.url
        agencies = load_agencies(site.agencies_file(tmp_path))
    assert len(site.mounted["polisen.se"].pages) == 107
    assert {"polisen", "regeringen", "jamstalldhetsmyndigheten"} <= set(agencies)
    assert agencies["polisen"].feeds == ("https://polisen.se/-/feed.xml",)
