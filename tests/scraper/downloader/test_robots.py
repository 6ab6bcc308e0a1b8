"""robots.txt: names in it, and what happens while it cannot be read."""

from __future__ import annotations

import pytest
from scrapy.robotstxt import ProtegoRobotParser

from scraper.downloader.robots import normalise_agent_lines
from tests.scraper.crawling import Crawling

SLUG = "lasframjandenamnden"


@pytest.mark.parametrize(
    ("agent", "allowed"),
    [
        ("Myndighetsarkivet", False),
        ("myndighetsarkivet/0.1.0 (+mailto:test@localhost)", False),
        ("Myndighetsarkivet*", False),
        ("*", False),
        ("M", True),
        ("Myndighets", True),
        ("Myndighetsarkivet-bilder", True),
        ("arkivet", True),
    ],
)
def test_rules_apply_to_our_whole_product_token(agent: str, allowed: bool) -> None:
    rest = "" if agent == "*" else "\nUser-agent: *\nAllow: /\n"
    text = f"\ufeffUser-agent: annan\nUser-agent: {agent}\nCrawl-delay: 7\nDisallow: /\n{rest}"
    rules = ProtegoRobotParser(normalise_agent_lines(text.encode(), "Myndighetsarkivet"), None)
    assert rules.allowed("https://skog.example/nyheter", "Myndighetsarkivet") is allowed
    assert rules.crawl_delay("Myndighetsarkivet") == (None if allowed else 7)


def test_unreachable_robots_txt_forbids_everything_for_thirty_days(crawling: Crawling) -> None:
    site, forbidden = crawling.site, crawling.urls(SLUG)[0]
    site.break_(site.url(SLUG, "/robots.txt"), status=503)
    code, printed = crawling.run("news", "-a", f"agency={SLUG}")
    assert (code, "cannot be read: answered 503" in printed) == (1, True), printed
    assert {path for _, path in site.counts.paths} == {"/robots.txt"}
    ((state, paused_until),) = crawling.rows("select robots, paused_until from hosts")
    assert (state, paused_until is not None) == ("unreachable", True), (
        "the host did not respond in a whole crawl"
    )
    site.clear_counts()
    code, printed = crawling.run("news", "-a", f"agency={SLUG}")
    assert (code, site.counts.total) == (1, 0)
    assert "is paused until" in printed
    rules = f"User-agent: *\nDisallow: /{forbidden.split('/', 3)[3]}\n"
    crawling.write(
        "update hosts set robots_since = '2020-01-01T00:00:00+00:00', paused_until ="
        f" '2020-01-01T00:00:00+00:00', robots_text = '{rules}'"
    )
    code, printed = crawling.run("news", "-a", f"agency={SLUG}")
    assert "the rules that were read last apply" in printed
    assert crawling.rows("select count(*) from releases") == [(5,)]
    assert crawling.rows("select state from frontier where url = ?", forbidden) == [("rejected",)]
