"""/-/coverage: agencies with gaps first, one agency by source and month with its gaps by name, and both as data."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from archive.coverage import AuditedSource, ListedUrl, update_coverage
from archive.store import Archive
from scraper.agency import load_agencies
from tests.archive.sample import PAGED, Site, fill, served
from tests.archive.sample_ledger import MISSING, add_ledger

MOST = 60_000  # bytes of a page and its style


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return add_ledger(fill(tmp_path_factory.mktemp("ledger") / "archive.db"))


@pytest.fixture
async def ledger(audited: Path) -> AsyncIterator[Site]:
    with served(audited) as datasette:
        yield Site(datasette)


async def test_agencies_with_gaps_come_first(ledger: Site) -> None:
    page = await ledger.page("/-/coverage?lang=en")
    assert page.xpath("string(//*[@role='status'])") == "3 of 52 listed releases are missing"
    assert [h2.text_content() for h2 in page.xpath("//h2")[1:]] == [
        *("Releases are missing 1", "Could not be read to the end 1", "Nothing is missing 1"),
    ]
    rows = [[cell.text_content().strip() for cell in row] for row in page.xpath("//tbody/tr")]
    assert rows[0] == ["Roads Authority", *map(str, (PAGED + 5, PAGED + 2, 0, 3))]
    assert all(int(listed) == sum(map(int, parts)) for _, listed, *parts in rows)
    assert "Listed is the sum of three numbers" in page.text_content()
    assert page.xpath("//tbody//a/@href")[0] == "coverage?agency=vagmyndigheten&lang=en"
    assert "1 agency has not been compared yet." in page.text_content()


async def test_one_agency_by_name_source_and_month(ledger: Site) -> None:
    page = await ledger.page("/-/coverage?agency=vagmyndigheten&lang=en")
    text = " ".join(page.cssselect("body")[0].text_content().split())
    names = page.xpath("//ol[@class='states']//a/@href")
    assert sorted(url.rpartition("/")[2] for url in names) == sorted(MISSING)
    assert "not found by any crawl dated 3 May 2021 in the source missing since 3 June 2024" in text
    sources, months = page.xpath("//table")
    assert [row.xpath("string(td[4])") for row in sources.xpath(".//tbody/tr")] == ["2", "1"]
    by_month = {row.xpath("string(th)").strip(): row.xpath("string(td[4])") for row in months.xpath(".//tbody/tr")}
    assert (by_month["June 2024"], by_month["May 2021"], by_month["unknown month"]) == ("1", "1", "1")


async def test_a_source_that_broke_off_is_told(ledger: Site) -> None:
    text = await ledger.text("/-/coverage?agency=fyrstyrelsen&lang=en")
    assert "One source could not be read to the end" in text
    assert "page 2: 503" in text
    assert "have not been compared" in await ledger.text("/-/coverage?agency=tystnadsnamnden&lang=en")


async def test_as_data(ledger: Site) -> None:
    told = (await ledger.get("/-/coverage.json")).json()["agencies"]
    assert [(row["agency"], row["missing"], row["complete"]) for row in told] == [
        *(("vagmyndigheten", 3, True), ("fyrstyrelsen", 0, False), ("fagelverket", 0, True)),
        ("tystnadsnamnden", None, None),
    ]
    one = (await ledger.get("/-/coverage.json?agency=vagmyndigheten&size=2")).json()
    counted = [row for row in (*told, *one["months"], *one["sources"]) if row["listed"] is not None]
    assert all(row["listed"] == row["stored"] + row["rejected"] + row["missing"] for row in counted)
    assert list(one["columns"]) == ["listed", "stored", "rejected", "missing", "unlisted"]
    assert sum(month["missing"] for month in one["months"]) == 3
    assert [source["kind"] for source in one["sources"]] == ["listing", "sitemap"]
    further = (await ledger.get(one["next"].removeprefix("http://localhost"))).json()
    assert (len(one["missing_releases"]), len(further["missing_releases"]), further["next"]) == (2, 1, None)
    rows = list(csv.DictReader(io.StringIO((await ledger.get("/-/coverage.csv?agency=vagmyndigheten")).text)))
    assert sum(int(row["listed"]) for row in rows) == PAGED + 5
    assert rows[-1]["month"] == ""
    assert (await ledger.get("/-/coverage.atom")).status_code == 404


async def test_what_cannot_be_read_is_refused_by_name(ledger: Site) -> None:
    for query in ("agency=nobody", "agency=fyrstyrelsen&after=x"):
        assert (await ledger.get(f"/-/coverage?{query}")).status_code == 400


async def test_before_any_audit(empty_site: Site) -> None:
    text = await empty_site.text("/-/coverage?lang=en")
    assert "No comparison has been made yet" in text
    assert "The result appears here after the first comparison." in text


async def test_other_pages_lead_to_it(ledger: Site) -> None:
    for address in ("/-/status", "/agency/vagmyndigheten", "/-/status/vagmyndigheten"):
        assert (await ledger.page(address)).xpath("//a[contains(@href, '/-/coverage')]"), address


async def test_many_agencies_and_ten_years_make_no_heavy_page(tmp_path: Path) -> None:
    path = fill(tmp_path / "archive.db")
    months = [f"{2015 + n // 12}-{n % 12 + 1:02}" for n in range(120)]
    with Archive(path) as archive:
        for slug, agency in load_agencies().items():
            archive.add_agency(slug, name=agency.name, home=agency.home)
        slugs = [slug for (slug,) in archive.db.execute("select slug from agencies")]
        with archive.transaction():
            archive.db.conn.executemany(
                "insert into coverage (agency, month, source, kind, listed, stored, rejected, missing, unlisted,"
                " complete,"
                " checked) values (?, ?, ?, 'listing', 112, 110, 1, 1, 0, 0, '2024-06-03T09:00:00+00:00')",
                [(slug, month, source) for slug in slugs for month in months for source in (None, "https://a.se/")],
            )
            gaps = {
                f"https://vag.example/nyheter/{'ett-langt-namn-' * 4}{n}": ListedUrl(source_url="x") for n in range(60)
            }
            source = AuditedSource(url="https://vag.example/nyheter", kind="listing", urls=gaps)
            update_coverage(archive.db, "fyrstyrelsen", [source], datetime(2024, 6, 3, tzinfo=UTC))
    with served(path) as datasette:
        site = Site(datasette)
        style = len((await site.get("/static/style.css")).content)
        for address in ("/-/coverage", "/-/coverage?agency=vagmyndigheten", "/-/coverage?agency=fyrstyrelsen"):
            weight = len((await site.get(address)).content)
            assert weight + style <= MOST, address
