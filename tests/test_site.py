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
from tests.site.mount import mount
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
    assert (
        len({release.title for release in swedish})
        == len({r.lead for r in swedish})
        == len(swedish)
    )
    assert len({release.body for release in swedish}) == len(swedish)
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


def test_english_twins_point_at_each_other(shared_site: Site) -> None:
    twins = {url: release for url, release in shared_site.truth.items() if release.twin}
    assert len(twins) == 8
    for url, release in twins.items():
        other = shared_site.url(release.agency, release.twin or "")
        assert twins[other].language != release.language
        assert f'href="{other}"' in get(url).text


def test_attachments_and_pictures_are_true_files(shared_site: Site) -> None:
    release = next(r for r in shared_site.truth.values() if r.papers and r.picture)
    paper = get(shared_site.url(release.agency, release.papers[0].path))
    assert paper.headers["content-type"] == "application/pdf"
    assert paper.content.startswith(b"%PDF-")
    assert paper.content.endswith(b"%%EOF\n")
    assert release.picture
    assert get(shared_site.url(release.agency, release.picture.path)).content.startswith(b"\x89PNG")


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
            assert get(url, {"If-Modified-Since": earlier}).status_code == 200
            assert (
                get(url, {"If-None-Match": '"other"', "If-Modified-Since": modified}).status_code
                == 200
            )


def test_gzip_only_where_it_is_accepted(shared_site: Site) -> None:
    url = next(iter(shared_site.truth))
    path, port = httpx.URL(url).raw_path.decode(), shared_site.port
    bodies = {}
    for coding in ("gzip", "identity"):
        with socket.create_connection(("127.0.0.1", port)) as line:
            host = httpx.URL(url).netloc.decode()
            line.sendall(
                f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: {coding}\r\n"
                f"Connection: close\r\n\r\n".encode()
            )
            head, _, bodies[coding] = b"".join(iter(lambda: line.recv(65536), b"")).partition(
                b"\r\n\r\n"
            )
            assert (b"content-encoding: gzip" in head.lower()) == (coding == "gzip")
    assert gzip.decompress(bodies["gzip"]) == bodies["identity"]
    assert len(bodies["gzip"]) < len(bodies["identity"]) / 3


def test_session_id_twins_are_the_same_page(shared_site: Site) -> None:
    url, release = next((u, r) for u, r in shared_site.truth.items() if r.agency == "farledsverket")
    twin = get(shared_site.url("farledsverket", f"/(X(1)S(0abc1xyz)){release.path}"))
    assert twin.content == get(url).content
    assert f'rel="canonical" href="{url}"' in twin.text


def test_each_listing_leads_to_every_release(shared_site: Site) -> None:
    for slug, agency in shared_site.agencies.items():
        sections = {agency.paths.listing, agency.paths.press, agency.paths.english_listing}
        seen, pages = "", 0
        for section in sections:
            path: str | None = section
            number = 0
            while path:
                page = get(shared_site.url(slug, path))
                assert page.status_code == 200
                seen += page.text
                pages, number = pages + 1, number + 1
                following = agency.paths.paged(section, number + 1, agency.page_size)
                path = following if f'"{following}"' in page.text else None
        assert pages > 3
        assert all(path in seen for path in agency.releases)


def test_feeds_and_sitemaps_name_the_port_and_are_left_out_where_there_are_none(
    shared_site: Site,
) -> None:
    bare = shared_site.agencies["skogsbruksradet"]
    assert bare.paths.feed is None
    assert bare.paths.sitemap is None
    assert get(shared_site.url("skogsbruksradet", "/sitemap.xml")).status_code == 404
    for slug, agency in shared_site.agencies.items():
        if not (agency.paths.sitemap and agency.paths.feed):
            continue
        index = get(shared_site.url(slug, agency.paths.sitemap)).text
        children = [part.split("</loc>")[0] for part in index.split("<loc>")[1:]]
        assert len(children) >= 3
        assert index.count("<lastmod>") == len(children)
        told = "".join(get(child).text for child in children)
        assert all(f"<loc>{shared_site.url(slug, path)}</loc>" in told for path in agency.releases)
        assert (
            shared_site.url(slug, agency.sorted_newest("")[0].path)
            in get(shared_site.url(slug, agency.paths.feed)).text
        )
        assert (
            f"Sitemap: {shared_site.url(slug, agency.paths.sitemap)}"
            in get(shared_site.url(slug, "/robots.txt")).text
        )


def test_it_scales_and_stays_the_same() -> None:
    site = Site(releases=600)
    assert len(site.truth) == 600
    assert site.truth == Site(releases=600).truth
    assert len({release.title for release in site.truth.values()}) == 600


def test_a_taken_port_is_an_error() -> None:
    with Site(releases=4) as site, pytest.raises(OSError, match="in use"):
        Site(port=site.port, releases=4).start()


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
        assert (
            get(
                rows[0]["url"], {"If-None-Match": stored.headers["etag"]}, port=site.port
            ).status_code
            == 304
        )
        feed = get("https://www.myndighet.example/-/feed.xml", port=site.port).text
        assert "<link>https://www.myndighet.example/nyheter/1/?visa=allt</link>" in feed
        assert "Sida &amp; ett" in feed
        assert get("https://www.myndighet.example/nyheter/2/", port=site.port).status_code == 404
        assert get("https://annan.example/", port=site.port).status_code == 421
        table = tomllib.loads(site.agencies_toml())["myndighet"]
        assert table["home"] == "https://www.myndighet.example/"
        assert table["feeds"] == ["https://www.myndighet.example/-/feed.xml"]


def test_an_empty_folder_cannot_be_mounted(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no gold\.jsonl"):
        mount(tmp_path)


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
