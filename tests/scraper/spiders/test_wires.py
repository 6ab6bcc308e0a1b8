"""Press wires in a crawl: releases from JSON records and from pages, edits, a second address of a
release.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from scrapy import Request
from scrapy.http import HtmlResponse

from archive.database.captures import Captures
from archive.store.releases import Archive
from scraper.agency import Agency
from scraper.items import ReleaseItem
from scraper.pages.document import Document
from scraper.pages.page_reader import read_document
from scraper.sources.listings import parse_listing
from scraper.spiders.news import NewsSpider
from scraper.spiders.revisit import RevisitSpider
from tests.scraper.crawling import Crawling, make_due
from tests.site.compose import SLUGS, compose
from tests.site.releases import Release
from tests.site.server import Site
from tests.site.wires import SampleWire

CISION_KEY = "A275C0BF733048FFAE9126ACA64DD08F"
WIRE_NAMES = ("viatt:3235664", f"cision:{CISION_KEY}", "mynewsdesk:6994", "notified:41885")
NAMES = dict(zip(SLUGS, WIRE_NAMES, strict=True))
VIATT = "https://via.tt.se/json/v2/releases?publisher=3235664"
# releases of each agency that only its wire has; more than a page of the lists that have pages
ON_WIRE = 5
WireCrawl = tuple[Crawling, dict[str, SampleWire]]
RECORDED = SLUGS[:2]  # agencies whose wires answer with JSON


def compose_wire_releases(slug: str) -> list[Release]:
    """Releases that are not on the agency's own site, without questions."""
    made = [release for release in compose(slug, 60)[30:] if not release.form]
    return made[:ON_WIRE]


@pytest.fixture(scope="module")
def wire_crawl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WireCrawl]:
    """A crawl of four agencies, each with a wire."""
    folder = tmp_path_factory.mktemp("wires")
    with Site(releases=8) as site:
        crawling = Crawling(site, site.agencies_file(folder), folder / "archive.db")
        wires = {
            slug: site.add_wire(name, compose_wire_releases(slug)) for slug, name in NAMES.items()
        }
        for slug, name in NAMES.items():
            crawling.add_to_table(f'wire = "{name}"', slug)
        crawling.succeed()
        yield crawling, wires


def read_states(crawling: Crawling) -> dict[str, dict[str, Any]]:
    with Archive(crawling.archive) as archive:
        urls = [url for (url,) in crawling.rows("select url from releases")]
        return {url: stored.state for url in urls if (stored := archive.get(url))}


def to_text(release: Release) -> str:
    """The body of a release as it is stored."""
    lists = {"ul": lambda text: "\n".join(f"• {line}" for line in text.split("\n"))}
    parts = (
        lists.get(tag, str)(text)
        for (tag, _), text in zip(release.blocks, release.body, strict=True)
    )
    return "\n\n".join(parts).replace("|", " | ")


def test_releases_of_all_wires_are_stored(wire_crawl: WireCrawl) -> None:
    crawling, wires = wire_crawl
    states = read_states(crawling)
    assert set(states) == set(crawling.site.truth) | {
        url for wire in wires.values() for url in wire.releases
    }
    wrong = []
    for wire in wires.values():
        for url, release in wire.releases.items():
            state = states[url]
            files = [file["url"].removeprefix(wire.base) for file in state["attachments"]]
            published = datetime.fromisoformat(state["published"])
            found = [*(state[name] for name in ("title", "lead", "body")), published, files]
            papers = [paper.path for paper in release.papers]
            expected = [release.title, release.lead, to_text(release), release.created, papers]
            if found != expected:
                wrong.append((url, found, expected))
    assert wrong == []


def test_records_have_contacts_pictures_and_tags(wire_crawl: WireCrawl) -> None:
    crawling, wires = wire_crawl
    states = read_states(crawling)
    for slug in RECORDED:
        for url, release in wires[slug].releases.items():
            state = states[url]
            assert {tag.lower() for tag in state["tags"]} == {tag.lower() for tag in release.tags}
            found = [person["email"] for person in state["contacts"]]
            assert found == [person.email for person in release.contacts]
            assert [image["credit"] for image in state["images"]] == (
                [release.picture.credit] if release.picture else []
            )
            assert state["updated"] is None or slug == "farledsverket"


def test_evidence_of_a_record_is_its_own_json(wire_crawl: WireCrawl) -> None:
    crawling, wires = wire_crawl
    with Captures(crawling.archive) as captures:
        for slug in RECORDED:
            wire = wires[slug]
            for url, release in wire.releases.items():
                sql = (
                    "select c.url, c.sha256 from releases r join captures c on c.id = r.capture"
                    " where r.url = ?"
                )
                ((place, sha256),) = crawling.rows(sql, url)
                assert place.startswith(f"https://{wire.hosts[0]}{wire.list_path}?")
                record = json.loads(captures.read(sha256))
                assert record.get("url", record.get("CisionWireUrl")) == url
                assert place.endswith(f"#{record.get('id', record.get('EncryptedId'))}")
                assert release.title in record.values()
    requested = crawling.site.counts.paths
    for slug, wire in wires.items():
        assert requested[wire.hosts[0], "/robots.txt"]
        pages = [
            path
            for host, path in requested
            if host == wire.hosts[1] and path in {urlsplit(u).path for u in wire.releases}
        ]
        assert len(pages) == (0 if slug in RECORDED else ON_WIRE)


def test_audit_reads_wires_to_their_end(wire_crawl: WireCrawl) -> None:
    crawling, wires = wire_crawl
    crawling.succeed("audit")
    sql = (
        "select source, sum(listed), sum(stored), sum(missing), min(complete) from coverage"
        " group by source"
    )
    counted = {url: row for url, *row in crawling.rows(sql)}
    for wire in wires.values():
        (row,) = [row for url, row in counted.items() if url and wire.list_path in url]
        assert row == [ON_WIRE, ON_WIRE, 0, 1]


def test_edits_and_removals_on_a_wire(tmp_path: Path) -> None:
    with Site(releases=4) as site:
        crawling = Crawling(site, site.agencies_file(tmp_path), tmp_path / "archive.db")
        wires = {slug: site.add_wire(NAMES[slug], compose_wire_releases(slug)) for slug in RECORDED}
        for slug in RECORDED:
            crawling.add_to_table(f'wire = "{NAMES[slug]}"', slug)
        names = ",".join(RECORDED)

        def crawl(spider: str) -> list[tuple[Any, ...]]:
            """Crawl, and return the new revisions: URL and cause."""
            ((last,),) = (
                crawling.rows("select max(id) from revisions")
                if crawling.archive.exists()
                else ((0,),)
            )
            site.clear_counts()
            crawling.succeed(spider, "-a", f"agency={names}")
            sql = (
                "select r.url, v.cause from revisions v join releases r on r.id = v.release"
                " where v.id > ?"
            )
            return sorted(crawling.rows(sql, last))

        def count_lists() -> dict[str, int]:
            paths = site.counts.paths.items()
            return {
                slug: sum(n for (_, path), n in paths if path.startswith(wire.list_path))
                for slug, wire in wires.items()
            }

        crawl("news")
        assert crawl("news") == []
        assert count_lists() == dict.fromkeys(RECORDED, 1)  # nothing new on the first page
        ordered = {
            slug: sorted(wire.releases, key=lambda url: wire.releases[url].created, reverse=True)
            for slug, wire in wires.items()
        }
        for slug, wire in wires.items():
            wire.edit(ordered[slug][0], title="Helt ändrad rubrik", modified=site.now())
        edited = sorted((urls[0], "source") for urls in ordered.values())
        assert crawl("news") == edited

        for slug, wire in wires.items():
            wire.edit(ordered[slug][3], lead="En annan ingress står här nu.")
            del wire.releases[ordered[slug][1]]
        make_due(crawling)
        assert crawl("revisit") == sorted((urls[3], "source") for urls in ordered.values())
        # each page once for all releases; Cision's list ends with an empty page
        assert count_lists() == dict(zip(RECORDED, (2, 3), strict=True))
        removed = crawling.rows(
            "select r.url, m.kind, m.status from removals m join releases r on r.id = m.release"
        )
        assert sorted(removed) == sorted((urls[1], "gone", None) for urls in ordered.values())

        for slug, wire in wires.items():  # the list may only have become shorter
            del wire.releases[ordered[slug][4]]
        make_due(crawling)
        assert crawl("revisit") == []
        assert len(crawling.rows("select * from removals")) == len(RECORDED)

        for wire in wires.values():  # an empty list does not go back at all
            wire.releases.clear()
        make_due(crawling)
        assert crawl("revisit") == []
        assert len(crawling.rows("select * from removals")) == len(RECORDED)
        ((updated,),) = crawling.rows(
            "select updated from releases where url = ?", ordered[RECORDED[1]][0]
        )
        assert updated


def test_both_addresses_of_a_release_are_checked(tmp_path: Path) -> None:
    slug = SLUGS[0]
    with Site(releases=12) as site:
        crawling = Crawling(site, site.agencies_file(tmp_path), tmp_path / "archive.db")
        both = [release for release in site.agencies[slug].releases.values() if not release.form][
            :3
        ]
        wire = site.add_wire(NAMES[slug], both)
        crawling.add_to_table(f'wire = "{NAMES[slug]}"', slug)
        own = [site.url(slug, release.path) for release in both]
        on_wire = [wire.url(release) for release in both]

        def crawl(spider: str) -> None:
            site.clear_counts()
            crawling.succeed(spider, "-a", f"agency={slug}")

        for url in own:
            site.break_(url, status=404)
        crawl("news")  # the wire comes first
        site.mend()
        crawling.write(
            "update frontier set state = 'due', next_due = null where state in ('gone', 'rejected')"
        )
        crawl("news")
        sql = (
            "select f.url, r.url, f.state from frontier f left join releases r on r.id ="
            " f.release where f.url = ?"
        )
        rows = [crawling.rows(sql, url)[0] for url in own]
        assert rows == [(url, other, "stored") for url, other in zip(own, on_wire, strict=True)]

        edited = replace(both[0], lead="En annan ingress står bara på den egna webbplatsen.")
        site.agencies[slug].change(both[0].path, edited, site.now())
        site.break_(own[1], status=404)
        title = "Helt ändrad rubrik"
        wire.edit(on_wire[2], title=title)
        site.agencies[slug].change(both[2].path, replace(both[2], title=title), site.now())
        make_due(crawling)
        crawl("revisit")
        rows = [crawling.rows(sql, url)[0] for url in own]
        assert rows == [
            (own[0], own[0], "stored"),  # its own release from now on
            (own[1], on_wire[1], "gone"),
            (own[2], on_wire[2], "stored"),
        ]
        assert crawling.rows("select * from removals") == []
        causes = (
            "select v.cause from revisions v join releases r on r.id = v.release where r.url"
            " = ? order by v.id"
        )
        found = [crawling.rows(causes, url) for url in (on_wire[0], own[0], on_wire[1], on_wire[2])]
        assert found == [
            [("first",)],
            [("first",)],
            [("first",)],
            [("first",), ("source",)],
        ]


def test_failure_of_our_own_code_concerns_one_record(
    wire_crawl: WireCrawl, monkeypatch: pytest.MonkeyPatch
) -> None:
    crawling, wires = wire_crawl
    slug, url = SLUGS[0], VIATT
    body = wires[slug].write_list({"publisher": "3235664"}).encode()
    with crawling.open_spider(NewsSpider, {"agency": slug}) as spider:
        links = parse_listing(body, url, spider.agencies[slug], url).links
        urls = [link.url for link in links]

        def fail_once(document: Document, agency: Agency) -> ReleaseItem:
            if document.url == urls[0]:
                raise KeyError("title")
            return read_document(document, agency)

        monkeypatch.setattr("scraper.spiders.release_spider.read_document", fail_once)
        response = HtmlResponse(url, body=body, request=Request(url, meta={"agency": slug}))
        rows = {entry.url: entry for entry in map(spider.archive.frontier.get, urls) if entry}
        spider.requested_urls[slug] |= rows.keys()
        pages = list(spider.parse_records(links, response, rows))
        assert [page.url for page in pages] == urls[1:]
        assert spider.requested_urls[slug] == set()
        assert (spider.agency_stats[slug].errors, urls[0] in spider.skipped_urls) == (1, True)
        row = spider.archive.frontier.get(urls[0])
        assert (row.state if row else None) == "rejected"


def test_unwritable_archive_rejects_no_record(
    wire_crawl: WireCrawl, monkeypatch: pytest.MonkeyPatch
) -> None:
    crawling, wires = wire_crawl
    slug, url = SLUGS[0], VIATT
    body = wires[slug].write_list({"publisher": "3235664"}).encode()
    with crawling.open_spider(NewsSpider, {"agency": slug}) as spider:
        links = parse_listing(body, url, spider.agencies[slug], url).links
        rows = {
            entry.url: entry for link in links if (entry := spider.archive.frontier.get(link.url))
        }

        def fail(document: Document, agency: Agency) -> ReleaseItem:
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr("scraper.spiders.release_spider.read_document", fail)
        response = HtmlResponse(url, body=body, request=Request(url, meta={"agency": slug}))
        assert rows
        assert list(spider.parse_records(links, response, rows)) == []
        assert spider.deadline.is_stopping
        assert {found: spider.archive.frontier.get(found) for found in rows} == rows


@pytest.mark.parametrize("cause", ["trap", "deadline"])
def test_reading_a_list_ends(wire_crawl: WireCrawl, cause: str) -> None:
    crawling, wires = wire_crawl
    slug, url = SLUGS[0], VIATT
    body = wires[slug].write_list({"publisher": "3235664"}).encode()
    with crawling.open_spider(RevisitSpider, {"agency": slug}) as spider:
        agency = spider.agencies[slug]
        found = parse_listing(body, url, agency, url)
        shown = {link.url for link in found.links}
        hidden = next(url for url in wires[slug].releases if url not in shown)
        row = spider.archive.frontier.get(hidden)
        assert row
        before = crawling.rows("select * from releases where id = ?", row.release_id)
        spider.requested_urls[slug].add(row.url)
        request = spider.build_list_request(url, url, [row])
        (following,) = spider.parse_list(HtmlResponse(url, body=body, request=request))
        assert isinstance(following, Request)
        if cause == "trap":  # the second page is the first one again
            body = body.replace(b'"nextPage": 1', b'"nextPage": 2')
        else:
            spider.deferred_agencies.add(slug)
            following = request
        assert (
            list(spider.parse_list(HtmlResponse(following.url, body=body, request=following))) == []
        )
        assert spider.requested_urls[slug] == set()
        assert spider.agency_stats[slug].errors == (cause == "trap")
        after = crawling.rows("select * from releases where id = ?", row.release_id)
        assert after == before or cause == "trap"  # which counts as a failed check
        assert crawling.rows("select * from removals where release = ?", row.release_id) == []
