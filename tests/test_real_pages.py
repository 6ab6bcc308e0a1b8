"""The stored real pages, through the same spiders: what the archive then holds of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scraper.crawling import ROOT, Crawling
from tests.site import Site

PAGES = Path(os.environ.get("PAGES") or ROOT.parent / "shared")
pytestmark = pytest.mark.skipif(
    not (PAGES / "seed/gold.json").is_file(), reason=f"no stored real pages in {PAGES} (set PAGES to a folder of them)"
)


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawling]:
    """One crawl of the sample agencies and the stored pages."""
    folder = tmp_path_factory.mktemp("real")
    with Site(pages=PAGES) as site:
        crawling = Crawling(site, site.agencies_file(folder), folder / "archive.db")
        code, printed = crawling.run()
        assert code == 0, printed
        yield crawling


def test_the_seed_release_is_held_with_its_pairs(crawled: Crawling) -> None:
    ((key, published, updated),) = crawled.rows(
        "select id, published, updated from releases where agency = 'jamstalldhetsmyndigheten'"
    )
    assert (published, updated) == (None, "2021-05-18T10:57:00+02:00")
    pairs = crawled.rows("select question, answer, answered_by from questions where release = ?", key)
    assert len(pairs) == 3
    assert len({answered_by for _, _, answered_by in pairs}) == 1
    assert all(answer and answered_by for _, answer, answered_by in pairs)
    found = crawled.rows("select rowid from search where search match 'människohandel'")
    assert (key,) in found


def test_a_hundred_notices_of_the_police_are_held_and_seven_pages_refused(crawled: Crawling) -> None:
    assert crawled.rows("select count(*) from releases where agency = 'polisen'") == [(100,)]
    assert crawled.rows("select new, rejected, errors from crawls where agency = 'polisen'") == [(100, 7, 0)]
    assert crawled.rows("select count(*) from releases where agency = 'polisen' and published is null") == [(0,)]
