from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from archive.health.audited_sources import AuditedSource, ListedUrl
from archive.health.coverage import update_coverage
from archive.store.releases import Archive
from scraper.agency import load_agencies
from tests.archive.page_checks import PageCheck, load_pages
from tests.archive.sample import PAGED, Site, served
from tests.archive.sample_coverage import add_coverage
from tests.archive.sample_history import copy_archive

MAX_PAGE_BYTES = 60_000  # of a page


@pytest.fixture(scope="module")
async def audited_site(
    sample_archive: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    with served(
        add_coverage(copy_archive(sample_archive, tmp_path_factory.mktemp("coverage")))
    ) as datasette:
        yield Site(datasette)


async def test_coverage_as_csv(audited_site: Site) -> None:
    rows = await audited_site.csv("/-/coverage.csv?agency=vagmyndigheten")
    assert sum(int(row["listed"]) for row in rows) == PAGED + 5
    assert rows[-1]["month"] == ""


async def test_coverage_of_many_agencies_and_ten_years_is_a_light_page(
    sample_archive: Path, tmp_path: Path
) -> None:
    path = copy_archive(sample_archive, tmp_path)
    months = [f"{2015 + n // 12}-{n % 12 + 1:02}" for n in range(120)]
    with Archive(path) as archive:
        for slug, agency in load_agencies().items():
            archive.add_agency(slug, name=agency.name, home=agency.home)
        slugs = [slug for (slug,) in archive.db.execute("select slug from agencies")]
        rows: list[tuple[str, str, str | None]] = [(slug, months[-1], None) for slug in slugs]
        rows += [("vagmyndigheten", month, None) for month in months[:-1]]
        rows += [
            (slug, month, "https://a.se/")
            for slug in ("vagmyndigheten", "fyrstyrelsen")
            for month in months
        ]
        urls = {
            f"https://vag.example/nyheter/{'ett-langt-namn-' * 4}{n}": ListedUrl(source_url="x")
            for n in range(60)
        }
        source = AuditedSource(url="https://vag.example/nyheter", kind="listing", urls=urls)
        with archive.transaction():
            archive.db.conn.executemany(
                "insert into coverage (agency, month, source, kind, listed, stored, rejected,"
                " missing, unlisted, complete, checked) values (?, ?, ?, 'listing', 112, 110, 1,"
                " 1, 0, 0, '2024-06-03T09:00:00+00:00')",
                rows,
            )
            update_coverage(archive.db, "fyrstyrelsen", [source], datetime(2024, 6, 3, tzinfo=UTC))
    with served(path) as datasette:
        site = Site(datasette)
        for url in (
            "/-/coverage",
            "/-/coverage?agency=vagmyndigheten",
            "/-/coverage?agency=fyrstyrelsen",
        ):
            assert len((await site.get(url)).content) <= MAX_PAGE_BYTES, url


@pytest.mark.parametrize("pages", load_pages(__file__))
async def test_pages(pages: list[PageCheck], audited_site: Site, empty_site: Site) -> None:
    for page in pages:
        await page.check({"audited": audited_site, "empty": empty_site})
