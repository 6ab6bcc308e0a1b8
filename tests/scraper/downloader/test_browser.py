"""Listings that only scripts make, read by a real Chromium whose requests our downloader
answers.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from scraper.agency import Agency
from scraper.downloader.browser import check_browser
from scraper.errors import AgencyError
from tests.scraper.crawling import Crawling
from tests.site.newslists import BROWSER_LIST, NEWS_LISTS, write_lists
from tests.site.server import Site

HOST = f"{BROWSER_LIST}.localhost"
AGENCY = Agency(slug="fyr", name="Fyrverket", home="https://fyr.example/", browser=True)


def find_missing_part() -> str | None:
    """Return why no browser can be started here, or None."""
    if importlib.util.find_spec("playwright") is None:
        return "Playwright is not installed (extra `browser`)"
    from tests.browser.install import find_chromium  # noqa: PLC0415 - needs Playwright

    return None if find_chromium() else "NO CHROMIUM WAS FOUND (python -m tests.browser.install)"


@pytest.fixture
def scripted(tmp_path: Path) -> Iterator[Crawling]:
    if missing := find_missing_part():
        pytest.skip(missing)
    with Site(releases=4) as site:
        path = write_lists(tmp_path, site.port, [BROWSER_LIST])
        yield Crawling(site, path, tmp_path / "archive.db", patience=120)


@pytest.mark.slow("drives a browser")
@pytest.mark.browser
def test_list_made_by_scripts_is_read(scripted: Crawling) -> None:
    printed = scripted.succeed()
    count = NEWS_LISTS[BROWSER_LIST].count
    assert scripted.rows("select count(*) from releases") == [(count,)], printed
    paths = {path for host, path in scripted.site.counts.paths if host == HOST}
    assert {
        "/app.js",
        "/api/nyheter?start=0",
        "/api/nyheter?start=5",
        "/api/nyheter?start=10",
    } <= paths
    assert paths.isdisjoint(
        {"/fyr.png", "/inramat", "/site.css", "/intern/hemligt", "/favicon.ico"}
    )
    assert set(scripted.site.counts.hosts) == {HOST}, "nothing else was asked"
    assert "/intern/hemligt: RobotsForbidden" in printed
    assert "169.254" not in str(scripted.rows("select group_concat(body) from releases"))
    agents = set(scripted.site.counts.agents)
    assert len(agents) == 1, agents
    ((requests,),) = scripted.rows("select requests from crawls")
    assert requests == scripted.site.counts.total - 1, "all but robots.txt, the browser's as well"

    printed = scripted.succeed("audit")
    assert f"{BROWSER_LIST}: {count} listed, {count} stored, 0 rejected, 0 missing" in printed


@pytest.mark.slow("drives a browser")
@pytest.mark.browser
@pytest.mark.parametrize(
    ("script", "settings", "problem"),
    [
        (
            "while (true) {}",
            {"BROWSER_TIMEOUT": "3"},
            "its scripts did not finish within 3 seconds (BROWSER_TIMEOUT)",
        ),
        (
            "document.body.append('x'.repeat(3e6))",
            {"DOWNLOAD_MAXSIZE": "1000000"},
            "characters (DOWNLOAD_MAXSIZE)",
        ),
        ("fetch('/intern/lista')", {}, "lists nothing; its scripts did not get http://"),
    ],
    ids=["endless script", "large page", "forbidden"],
)
def test_hostile_script(
    scripted: Crawling, script: str, settings: dict[str, str], problem: str
) -> None:
    address = scripted.site.url(BROWSER_LIST, "/app.js")
    scripted.site.break_(address, body=script, headers={"Content-Type": "text/javascript"})
    code, printed = scripted.run(**settings)
    assert code == 1
    assert problem in printed
    assert "Traceback" not in printed
    frontier = scripted.rows("select role, state from frontier where role = 'listing'")
    assert frontier == [("listing", "failed")]


def test_missing_extra_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    check_browser(
        {"fyr": replace(AGENCY, browser=False), "bak": replace(AGENCY, paused="byggs om")}
    )
    with pytest.raises(
        AgencyError,
        match=r"\[fyr\] browser needs the extra: pip install 'myndighetsarkivet\[browser\]'",
    ):
        check_browser({"fyr": AGENCY})
