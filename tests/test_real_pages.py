"""Stored real pages against their agreed results, where a folder of them exists (PAGES=, else
../shared).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from archive.database.models import Release
from scraper.agency import load_agencies
from scraper.errors import NotARelease
from scraper.pages.page_reader import read_page
from tests import agencies
from tests.gate import SCORER, find_fallen, load_pinned, measure
from tests.scraper.crawling import Crawling
from tests.site.server import Site
from tests.stored import ROOT, read_release, stored_rows

SEED = ROOT / "seed/gold.json"
needs_seed = pytest.mark.skipif(not SEED.exists(), reason=f"no {SEED}: name its folder with PAGES=")


def list_cases(part: str, key: str) -> list[Any]:
    """Return a case for each row that has a key, or one skipped case."""
    cases = [pytest.param(row, id=row["file"]) for row in stored_rows(part) if key in row]
    skip = pytest.mark.skip(
        reason=f"no stored pages in {ROOT / part}: name their folder with PAGES="
    )
    return cases or [pytest.param({}, id="absent", marks=skip)]


def read(part: str, row: dict[str, Any]) -> Release:
    release = read_release((ROOT / part / row["file"]).read_bytes(), row["url"])
    assert release
    return release


@pytest.mark.parametrize("row", list_cases("pages", "is_release"))
def test_error_page_or_stub(row: dict[str, Any]) -> None:
    with pytest.raises(NotARelease):
        read_page((ROOT / "pages" / row["file"]).read_bytes(), row["url"])


@pytest.mark.parametrize("row", list_cases("questions", "questions"))
def test_government_questions(row: dict[str, Any]) -> None:
    release = read("questions", row)
    questions = [" ".join(pair["question"].split()) for pair in row["questions"]]
    assert [pair.question for pair in release.questions] == questions
    assert [tag.strip() for tag in row["tags"]] == list(release.tags)
    assert str(release.published)[:10] == row["published"]


@needs_seed
def test_seed_release() -> None:
    gold = json.loads(SEED.read_text("utf-8"))
    release = read("seed", gold)
    assert (release.title, release.lead) == (gold["title"], gold["lead"])
    assert list(release.tags) == gold["tags"]
    assert (release.published, release.updated) == (None, datetime.fromisoformat(gold["updated"]))
    image = release.images[0]
    assert (image.caption, image.credit) == (gold["caption"], gold["credit"])
    assert [file.url for file in release.attachments] == gold["attachments"]
    assert [(pair.question, pair.answer) for pair in release.questions] == [
        (pair["question"], pair["answer"]) for pair in gold["questions"]
    ]
    assert {pair.answered_by for pair in release.questions} == {gold["answered_by"]}


# Each page is read once (read_release), whichever of the tests above and below comes first


@pytest.mark.slow("all stored pages")
@pytest.mark.skipif(
    not SCORER.exists(), reason=f"no scorer at {SCORER}: name its folder with PAGES="
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the scorer leaves its files open
# how such a warning comes out
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_no_figure_has_fallen() -> None:
    fallen = find_fallen(measure(), load_pinned())
    assert not fallen, "lower than in tests/gate.json:\n" + "\n".join(fallen)


@pytest.mark.slow("all stored pages")
@pytest.mark.skipif(
    not stored_rows("nordic"), reason=f"no stored pages in {ROOT}: name their folder with PAGES="
)
def test_page_states_what_was_read() -> None:
    listed = load_agencies()
    written = agencies.to_page(listed, agencies.score_pages(listed))
    assert agencies.PAGE.read_text("utf-8") == written, (
        "run make agencies, and read what it changes"
    )


@pytest.fixture(scope="module")
def crawled_pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawling]:
    """A crawl of the stored pages, and of a few releases of the sample agencies."""
    folder = tmp_path_factory.mktemp("real")
    with Site(releases=4, pages=ROOT) as site:
        crawling = Crawling(site, site.agencies_file(folder), folder / "archive.db", patience=120)
        crawling.succeed()
        yield crawling


@pytest.mark.slow("all stored pages")
@needs_seed
def test_seed_release_is_stored(crawled_pages: Crawling) -> None:
    ((key, published, updated),) = crawled_pages.rows(
        "select id, published, updated from releases where agency = 'jamstalldhetsmyndigheten'"
    )
    assert (published, updated) == (None, "2021-05-18T10:57:00+02:00")
    pairs = crawled_pages.rows(
        "select question, answer, answered_by from questions where release = ?", key
    )
    assert len(pairs) == 3
    assert len({answered_by for _, _, answered_by in pairs}) == 1
    assert all(answer and answered_by for _, answer, answered_by in pairs)
    assert (key,) in crawled_pages.rows(
        "select rowid from search where search match 'människohandel'"
    )


@pytest.mark.slow("all stored pages")
@needs_seed
def test_police_notices_are_stored_and_other_pages_rejected(crawled_pages: Crawling) -> None:
    for what, expected in (
        ("count(*), sum(published is null) from releases", (100, 0)),
        ("new, rejected, errors from crawls", (100, 7, 0)),
    ):
        assert crawled_pages.rows(f"select {what} where agency = 'polisen'") == [expected]
