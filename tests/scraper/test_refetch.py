"""scrapy crawl refetch: single pages and rejected ones, now, with a line for each that says what became of it."""

from __future__ import annotations

import pytest

from scraper.errors import AgencyError
from scraper.spiders.refetch import RefetchSpider
from tests.scraper.crawling import SLUG, Crawling, first_url


def refetch(crawling: Crawling, *arguments: str, **settings: str) -> tuple[int, str]:
    """Exit code and what it printed."""
    words = [part for argument in arguments for part in ("-a", argument)]
    return crawling.run("refetch", *words, LOG_LEVEL="ERROR", **settings)


def test_one_page_is_fetched_now(held: Crawling) -> None:
    url = first_url(held)
    held.write("update releases set next_check = '2099-01-01T00:00:00+00:00'")
    code, printed = refetch(held, f"url={url}")
    assert (code, f"{url}: unchanged\nrefetch: 1 unchanged\n" in printed) == (0, True), printed
    held.site.edit(url, {"title": "En helt ny rubrik om skog"})
    code, printed = refetch(held, f"url={url}")
    ((release,),) = held.rows("select id from releases where title = 'En helt ny rubrik om skog'")
    assert (code, f"{url}: stored: as release {release} (edited)" in printed) == (0, True), printed
    assert held.rows("select sum(requests) from crawls where spider = 'refetch'") == [(2,)], "nothing else was fetched"


def test_a_new_page_and_one_that_does_not_exist(crawling: Crawling) -> None:
    url = first_url(crawling)
    gone = f"{url}-borta"
    code, printed = refetch(crawling, f"url={url} {gone}")
    assert code == 1, printed
    assert f"{url}: stored: as release 1 (new)" in printed
    assert f"{gone}: gone: page: answered 404" in printed
    assert crawling.rows("select slug from agencies") == [(SLUG,)], "only the host's agency is crawled"


def test_rejected_pages_are_tried_again_whenever_they_are_due(crawling: Crawling) -> None:
    url = first_url(crawling)
    crawling.site.break_(url, body="<html><body><p>Hej</p></body></html>")
    code, printed = crawling.run("news", "-a", f"agency={SLUG}")
    assert crawling.rows("select state from frontier where url = ?", url) == [("rejected",)], printed
    code, printed = refetch(crawling, "state=rejected")
    assert (code, f"{url}: rejected: " in printed) == (1, True), printed
    crawling.site.mend()
    code, printed = refetch(crawling, "state=rejected", f"agency={SLUG}")
    assert (code, "refetch: 1 stored" in printed) == (0, True), printed
    code, printed = refetch(crawling, "state=rejected")
    assert (code, "refetch: no page is in such a state" in printed) == (0, True), printed


def test_what_is_not_fetched_says_why(held: Crawling) -> None:
    url = first_url(held)
    code, printed = refetch(held, f"url={url}", DAILY_BUDGET="0")
    assert code == 1
    assert f"{url}: not fetched: {SLUG}: the 0 requests of this day are used up (DAILY_BUDGET)" in printed
    held.write(
        "update hosts set paused_until = strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now', '+1 hour'), pause_reason = 'down'"
    )
    code, printed = refetch(held, f"url={url}")
    assert (code, f"{url}: not fetched: " in printed, "is paused until" in printed) == (1, True, True), printed
    toml = held.agencies.read_text("utf-8")
    paused = held.archive.with_name("paused.toml")
    paused.write_text(toml.replace(f"[{SLUG}]", f'[{SLUG}]\npaused = "they asked us to"'), "utf-8")
    code, printed = refetch(held, f"url={url}", AGENCIES=str(paused))
    assert (code, f"{url}: not fetched: {SLUG} is paused in the list" in printed) == (1, True), printed


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("url=https://annan.example/nyheter/1", "'https://annan.example/nyheter/1' is on no host of "),
        ("url={listing}", "is known as a listing of skogsbruksradet"),
        ("url={home}kontakt", "is not the address of a release by the table of skogsbruksradet"),
    ],
)
def test_an_address_that_is_no_agencys_release_is_refused(held: Crawling, argument: str, message: str) -> None:
    ((listing,),) = held.rows(f"select min(url) from frontier where role = 'listing' and agency = '{SLUG}'")
    code, printed = refetch(held, argument.format(listing=listing, home=held.site.url(SLUG)))
    assert (code, message in printed, len(printed.splitlines())) == (2, True, 1), printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "url must be given, or state=rejected, but not both"),
        ({"url": "https://a.example/", "state": "rejected"}, "but not both"),
        ({"url": "ftp://a.example/"}, "'ftp://a.example/' is not an http or https address"),
        ({"state": "refused"}, "'refused' is not one of rejected, failed, gone, quarantined"),
        ({"urls": "https://a.example/"}, "urls is not an argument"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, str], message: str) -> None:
    with pytest.raises(AgencyError, match=message):
        RefetchSpider(**arguments)
