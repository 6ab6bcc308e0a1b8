"""scrapy crawl audit: finds by name what news crawls missed, has it read, and tells a source that broke off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scraper.agency import Agency
from scraper.errors import AgencyError
from scraper.sources.discovery import SourceURLs
from scraper.sources.links import SourceLink
from scraper.spiders.audit import AgencyAudit, AuditSpider
from tests.scraper.crawling import Crawling
from tests.scraper.reading_room import SLUG, ReadingRoom
from tests.site import Site

SILENT, FED, LISTED = "farledsverket", "lasframjandenamnden", "hushallsmyndigheten"
CURSOR = "select url, role, state, first_seen, source, listed, fetched, links, usual_links from frontier order by url"


@pytest.fixture
def missed(tmp_path: Path) -> Iterator[Crawling]:
    """All but five releases of an agency are held; its listing's pass is said to have been a whole one."""
    with Site(releases=96, crawl_delay=None) as site:
        path = tmp_path / "archive.db"
        with ReadingRoom(path, site=site.agencies[SLUG], base=site.url(SLUG, "")) as room:
            listing = site.url(SLUG, room.site.paths.listing)
            room.find(room.paths[:19], listing, links=5)
            room.crawl(room.paths[:19])
            with room.archive.transaction():
                room.archive.frontier.mark_done(listing, room.moment)
        yield Crawling(site, site.agencies_file(tmp_path), path)


def break_sources(site: Site) -> dict[str, str]:
    """One agency answers nothing, one of a second's sitemaps fails, a third's listing breaks off at its second page."""
    listed, paths = site.agencies[LISTED], site.agencies[LISTED].paths
    child = f"{site.agencies[FED].paths.sitemap}".removesuffix(".xml") + "-nyheter-2.xml"
    site.break_(f"{SILENT}/*", status=503)
    site.break_(f"{FED}{child}", status=500)

    def make(query: str) -> bytes:
        answer = listed.answer(paths.listing, query, site.url(LISTED, ""))
        return b"" if "page=1" in query else answer.make()

    site.break_(f"{LISTED}{paths.listing}", make=make)
    return {FED: child, LISTED: f"{paths.listing}?page=1"}


def test_gaps_are_found_by_name_and_filled(missed: Crawling) -> None:
    site, held = missed.site, {url for (url,) in missed.rows("select url from releases")}
    broken = break_sources(site)
    before, kept = missed.rows(CURSOR), missed.rows("select count(*) from captures")

    code, printed = missed.run("audit", "-a", "refill=yes")
    assert code == 1, printed  # three agencies' sources failed
    assert f"{SLUG}: 24 listed, 19 stored, 0 rejected, 5 missing, 5 due now" in printed
    gaps = {url for (url,) in missed.rows("select url from missing_releases where agency = ?", SLUG)}
    assert gaps == {url for url in site.truth if f"//{SLUG}." in url} - held
    assert missed.rows("select distinct state from missing_releases") == [("due",)]
    untouched = [row for row in missed.rows(CURSOR) if row[2] != "due"]
    assert untouched == before, "news crawls go by this"
    assert missed.rows("select count(*) from captures") == kept, "no release is read"
    crawls = "select listed, new, parsed, errors from crawls where spider = 'audit' and agency = ?"
    assert missed.rows(crawls, SLUG) == [(24, 0, 0, 0)]

    whole = dict(missed.rows("select agency, min(complete) from coverage where source is null group by agency"))
    assert whole == {SLUG: 1, FED: 0, LISTED: 0}, "nothing is said of one that did not answer at all"
    for slug, path in broken.items():
        ((problem, kind),) = missed.rows(
            "select distinct problem, kind from coverage where agency = ? and not complete and source is not null", slug
        )
        assert path in problem
        assert kind == {FED: "sitemap", LISTED: "listing"}[slug]
    months = "select month is null, sum(missing) from coverage where agency = ? and kind = ? group by 1"
    assert missed.rows(months, FED, "feed") == [(0, 10)]
    assert missed.rows(months, FED, "sitemap") == [(1, 12)], "a sitemap tells no month of publication"

    only = ("-a", f"agency={SLUG}")
    assert missed.run("news", *only)[0] == 0
    filled = "select state, count(*), count(filled) from missing_releases where agency = ? group by 1"
    assert missed.rows(filled, SLUG) == [("filled", 5, 5)]
    before = missed.rows(CURSOR)
    code, printed = missed.run("audit", *only)
    assert (code, missed.rows(CURSOR) == before) == (0, True), printed
    assert f"{SLUG}: 24 listed, 24 stored, 0 rejected, 0 missing" in printed

    ((spent,),) = missed.rows("select sum(requests) from crawls where agency = ?", SLUG)
    code, printed = missed.run("audit", *only, DAILY_BUDGET=str(spent + 2))
    assert code == 0, printed
    ((problem, listed, whole),) = missed.rows(
        "select max(problem), sum(listed), max(complete) from coverage where source is null and agency = ?", SLUG
    )
    assert "left for another time" in problem
    assert (0 < listed < 24, whole) == (True, 0), "what was read is told, and that it is not all"


def test_a_listing_that_leads_nowhere() -> None:
    url, links = "https://fyr.example/", [SourceLink("https://fyr.example/a")]
    audit = AgencyAudit(Agency(slug="fyr", name="Fyr", home=url))
    audit.add_source(url, "listing")
    audit.add_source(url, "archive")
    assert [(source.url, source.kind) for source in audit.sources.values()] == [(url, "listing")]
    assert [request.url for request in audit.pending_requests] == [url]
    told = [audit.trap_detector.find_trap(url, page, links, 9) for page in range(1, 8)]
    assert [bool(trap) for trap in told] == [False] * 5 + [True] * 2
    assert "continues after page 9" in str(
        audit.trap_detector.find_trap(url, 9, [SourceLink("https://fyr.example/b")], 9)
    )


@pytest.mark.parametrize("argument", [{"refill": "maybe"}, {"since": "2024-01-01"}, {"minutes": "-1"}])
def test_arguments(argument: dict[str, str]) -> None:
    with pytest.raises(AgencyError, match=next(iter(argument))):
        AuditSpider(**argument)


def test_a_fault_with_one_agency_leaves_the_others_their_coverage(missed: Crawling) -> None:
    missed.run()
    missed.write(
        "create trigger broken before insert on coverage when new.agency = 'farledsverket'"
        " begin select raise(abort, 'broken on purpose'); end"
    )
    code, printed = missed.run("audit")
    assert code == 1, printed
    assert "farledsverket: the coverage cannot be stored" in printed
    assert missed.rows("select count(distinct agency) from coverage") == [(3,)]
    assert missed.rows("select agency, errors, reason from crawls where spider = 'audit' order by errors desc")[0] == (
        "farledsverket",
        1,
        "finished",
    )
    assert missed.rows("select count(*) from crawls where spider = 'audit' and errors = 0") == [(3,)]


def test_archive_pages_are_as_deep_however_their_listing_was_found() -> None:
    """What the home page links to counts as one step, as in a news crawl."""
    agency = Agency(slug="skog", name="Skog", home="https://skog.example/")
    audit = AgencyAudit(agency)
    audit.add_sources(SourceURLs(listings=["https://skog.example/nyheter"]), level=1)
    (request,) = audit.pending_requests
    assert request.meta["level"] == 1
