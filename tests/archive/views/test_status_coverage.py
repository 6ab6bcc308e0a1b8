from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from archive.health.audited_sources import AuditedSource, ListedUrl
from archive.health.coverage import update_coverage
from archive.store.releases import Archive
from scraper.agency import load_agencies
from tests.archive.sample import PAGED, Site, served
from tests.archive.sample_coverage import BUTTON, MISSING, add_coverage
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


async def test_coverage_lists_agencies_with_missing_releases_first(audited_site: Site) -> None:
    page = await audited_site.page("/-/coverage?lang=en")
    assert page.xpath("string(//h2[@class='verdict'])") == "3 of 52 listed releases are missing"
    assert [h2.text_content() for h2 in page.xpath("//h2")[1:]] == [
        *(
            "Releases are missing 1",
            "Could not be read to the end 1",
            "No listed release is missing 1",
        ),
    ]
    rows = [[cell.text_content().strip() for cell in row] for row in page.xpath("//tbody/tr")]
    assert rows[0] == ["Roads Authority", *map(str, (PAGED + 5, PAGED + 2, 0, 3))]
    assert all(int(listed) == sum(map(int, parts)) for _, listed, *parts in rows)
    assert "Listed is the sum of three numbers" in page.text_content()
    assert page.xpath("//tbody//a/@href")[0] == "coverage?agency=vagmyndigheten&lang=en"
    assert "1 agency has not been compared yet." in page.text_content()


async def test_coverage_of_an_agency_by_url_source_and_month(audited_site: Site) -> None:
    page = await audited_site.page("/-/coverage?agency=vagmyndigheten&lang=en")
    urls = page.xpath("//ol[@class='states']//a/@href")
    assert sorted(url.rpartition("/")[2] for url in urls) == sorted(MISSING)
    text = " ".join(page.cssselect("body")[0].text_content().split())
    assert (
        page.xpath("string(//h1)")
        == "What Roads Authority lists, and what is missing from the archive"
    )
    assert "not found by any crawl dated 3 May 2021 in the source missing since 3 June 2024" in text
    assert "dated 1 June 2024, 00:30 (Swedish time) in the source" in text
    sources, months = page.xpath("//table")
    assert [row.xpath("string(td[4])") for row in sources.xpath(".//tbody/tr")] == ["2", "1"]
    by_month = {
        row.xpath("string(th)").strip(): row.xpath("string(td[4])")
        for row in months.xpath(".//tbody/tr")
    }
    assert (by_month["June 2024"], by_month["May 2021"], by_month["unknown month"]) == (
        "1",
        "1",
        "1",
    )


async def test_coverage_of_an_interrupted_source_and_without_audit(
    audited_site: Site, empty_site: Site
) -> None:
    for site, url, sentence in (
        (
            audited_site,
            "/-/coverage?agency=fyrstyrelsen&lang=en",
            "One source could not be read to the end",
        ),
        (
            audited_site,
            "/-/coverage?agency=fyrstyrelsen&lang=en",
            f"{BUTTON.url}: the rest of the list is behind",
        ),
        (
            audited_site,
            "/-/coverage?agency=fyrstyrelsen&lang=sv",
            "listan visas först med knappen ”Visa fler”",
        ),
        (audited_site, "/-/coverage?agency=tystnadsnamnden&lang=en", "have not been compared"),
        (empty_site, "/-/coverage?lang=en", "No comparison has been made yet"),
        (empty_site, "/-/coverage?lang=en", "The result appears here after the first comparison."),
    ):
        assert sentence in await site.text(url)


async def test_coverage_as_data(audited_site: Site) -> None:
    agencies = (await audited_site.json("/-/coverage.json"))["agencies"]
    assert [(row["agency"], row["missing"], row["complete"]) for row in agencies] == [
        *(("vagmyndigheten", 3, True), ("fyrstyrelsen", 0, False), ("fagelverket", 0, True)),
        ("tystnadsnamnden", None, None),
    ]
    problem = {
        "complete": False,
        "problem": "the rest of the list is behind the button “Visa fler”",
        "problem_code": "button",
        "problem_url": BUTTON.url,
        "problem_value": "Visa fler",
    }
    interrupted = await audited_site.json("/-/coverage.json?agency=fyrstyrelsen")
    assert all(
        row.items() >= problem.items()
        for row in (agencies[1], interrupted, *interrupted["sources"])
    )
    agency = await audited_site.json("/-/coverage.json?agency=vagmyndigheten&size=2")
    counted = [
        row
        for row in (*agencies, *agency["months"], *agency["sources"])
        if row["listed"] is not None
    ]
    assert all(row["listed"] == row["stored"] + row["rejected"] + row["missing"] for row in counted)
    assert list(agency["columns"]) == ["listed", "stored", "rejected", "missing", "unlisted"]
    assert sum(month["missing"] for month in agency["months"]) == 3
    assert [source["kind"] for source in agency["sources"]] == ["listing", "sitemap"]
    rest = await audited_site.json(agency["next"].removeprefix("http://localhost"))
    assert (len(agency["missing_releases"]), len(rest["missing_releases"]), rest["next"]) == (
        2,
        1,
        None,
    )
    rows = await audited_site.csv("/-/coverage.csv?agency=vagmyndigheten")
    assert sum(int(row["listed"]) for row in rows) == PAGED + 5
    assert rows[-1]["month"] == ""


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/-/coverage?agency=nobody", 400),
        ("/-/coverage?agency=fyrstyrelsen&after=x", 400),
        ("/-/coverage.atom", 404),
    ],
)
async def test_coverage_status(audited_site: Site, url: str, status: int) -> None:
    assert await audited_site.status(url) == status


@pytest.mark.parametrize("url", ["/-/status", "/agency/vagmyndigheten", "/-/status/vagmyndigheten"])
async def test_page_links_to_coverage(audited_site: Site, url: str) -> None:
    assert (await audited_site.page(url)).xpath("//a[contains(@href, '/-/coverage')]")


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
