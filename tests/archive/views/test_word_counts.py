"""Pages that explain the site are short enough to be read to the end, in each language."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import html

from archive.i18n import LANGUAGES
from archive.publish.published_dataset import PUBLISHED_FOLDER, publish
from archive.store.releases import Archive
from tests.archive.sample import SEEN, Site, hrefs, import_release, served, texts
from tests.archive.sample_history import copy_archive
from tests.archive.test_claims import build_release

MAX_WORDS = {"/help": 500, "/about": 450, "/data": 500}


@pytest.fixture(scope="module")
async def whole_site(
    history_archive: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    """A site of which each page says all that it may: with edits, imports and a dataset."""
    path = copy_archive(history_archive, tmp_path_factory.mktemp("whole"))
    with Archive(path) as archive:
        archive.add_agency("hamnverket", name="Hamnverket", home="https://hamnverket.example/")
        import_release(archive, build_release(9), SEEN)
    publish(path, path.parent / PUBLISHED_FOLDER, moment=datetime(2026, 6, 1, tzinfo=UTC))
    with served(path) as datasette:
        yield Site(datasette)


def count_words(main: html.HtmlElement) -> int:
    """Count the words before the list of tables, without the rows of tables."""
    for element in main.xpath(".//table | .//svg | section[h2/@id = 'tables']"):
        element.drop_tree()
    return len(main.text_content().split())


@pytest.mark.parametrize("path", MAX_WORDS)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_page_is_short(whole_site: Site, path: str, language: str) -> None:
    (main,) = (await whole_site.page(f"{path}?lang={language}")).cssselect("main")
    assert 200 < count_words(main) <= MAX_WORDS[path]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_data_begins_with_what_readers_want(whole_site: Site, language: str) -> None:
    page = await whole_site.page(f"/data?lang={language}")
    assert page.cssselect("main h2")[0].attrib["id"] == "wishes"
    wishes = texts(page, "#wishes + dl dt")
    assert [wish for wish in wishes if not wish.startswith(("Jag vill ", "I want "))] == []
    assert hrefs(page, "#wishes + dl a")[0] == "#files"
