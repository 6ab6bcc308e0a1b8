"""Pages and data of what other collections had: with its provenance, and never as an edit or a
reading of the archive's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from archive.database.models import Release
from archive.store.releases import Archive
from tests.archive.page_checks import PageCheck, load_pages
from tests.archive.sample import Site, build_release, import_release, served
from tests.archive.sample_evidence import read_bundle, read_guide
from tests.case_tables import load_cases

IMPORTED = datetime(2026, 9, 1, 8, tzinfo=UTC)
DAYS = (date(2026, 6, 9), date(2026, 5, 3), date(2026, 7, 1))  # in the order of the imports
AMOUNTS = {date(2026, 5, 3): 120, date(2026, 6, 9): 121, date(2026, 7, 1): 120}


def build_fyr(number: int, amount: int) -> Release:
    body = f"Stödet är {amount} miljoner kronor."
    fields = {"published": date(2026, 5, 1), "language": "sv"}
    return build_release("fyr", f"{number}", f"Fyr {number}", body, **fields)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an archive of four releases: 1 is only known from a collection, 2 and 3 were read,
    too, and 4 is from a collection that states no times.
    """
    path = tmp_path_factory.mktemp("collections") / "archive.db"
    with Archive(path) as archive:
        archive.add_agency("fyr", name="Fyrstyrelsen", home="https://fyr.example/")
        for day in DAYS:
            import_release(archive, build_fyr(1, AMOUNTS[day]), IMPORTED, day, source="folke")
        archive.save(build_fyr(2, 77), seen_at=datetime(2026, 6, 1, 8, tzinfo=UTC))
        import_release(archive, build_fyr(2, 77), IMPORTED, DAYS[0], source="folke")
        import_release(archive, build_fyr(3, 88), IMPORTED, DAYS[1], source="folke")
        archive.save(build_fyr(3, 88), seen_at=datetime(2026, 6, 1, 8, tzinfo=UTC))
        archive.save(build_fyr(3, 89), seen_at=datetime(2026, 6, 8, 8, tzinfo=UTC))
        import_release(archive, build_fyr(3, 88), IMPORTED, DAYS[2], source="folke")
        for amount in (55, 56):
            import_release(archive, build_fyr(4, amount), IMPORTED, source="kista.jsonl")
    return path


@pytest.fixture(scope="module")
def site(path: Path) -> Iterator[Site]:
    with served(path) as datasette:
        yield Site(datasette)


async def read_json(site: Site, url: str) -> Any:
    return await site.json(url)


@pytest.mark.parametrize(
    ("lang", "expected"), load_cases(__file__, "release page says which collection had what")
)
async def test_release_page_says_which_collection_had_what(
    site: Site, lang: str, expected: list[str]
) -> None:
    text = await site.text(f"/archive/releases/1?lang={lang}")
    assert [part for part in expected if part not in text] == []
    for words in ("Läst av arkivet", "Upptäckt av", "First read", "First seen", "Edited", "Ändrat"):
        assert words not in text


@pytest.mark.parametrize(
    ("words", "expected"), load_cases(__file__, "differences are found by their words")
)
async def test_differences_are_found_by_their_words(
    site: Site, words: str, expected: list[str]
) -> None:
    found = (await read_json(site, f"/-/edits.json?kind=collection&q={words}"))["edits"]
    assert [row["first_reading"] for row in found] == expected
    own = (await read_json(site, f"/-/edits.json?q={words}"))["edits"]
    assert [row["title"] for row in own] == (["Fyr 3"] if words == "89" else [])


async def test_differences_can_be_compared_and_cited(site: Site, path: Path) -> None:
    row = (await read_json(site, "/-/edits.json?kind=collection"))["edits"][0]
    one, other = row["previous"], row["revision"]
    moved = await site.get(f"/-/diff/{other}/{one}")
    assert moved.headers["location"] == f"/-/diff/{one}/{other}", "in the order of time"
    text = await site.text(f"/-/diff/{one}/{other}?lang=en")
    assert "the collection folke (9 June 2026)" in text
    data = await read_json(site, f"/-/diff/{one}/{other}.json")
    assert (data["before"]["first_reading"], data["after"]["last_reading"]) == (
        "2026-06-09",
        "2026-07-01",
    )
    assert "folke (9 June 2026)" in (await site.get(f"/-/cite/{one}.txt?lang=en")).text
    for form in ("bib", "ris", "csl.json"):
        cited = (await site.get(f"/-/cite/{one}.{form}")).text
        assert not re.search("accessed|urldate|Y2", cited), "the archive has not read it"
    version = await read_json(site, f"/-/revision/{one}.json")
    assert version["collection"] == "folke"
    assert [seen["first"] for seen in version["observations"]] == ["2026-06-09"]
    guide = read_guide(read_bundle(path, one))
    assert "Version first found in the collection: 2026-06-09" in guide
    assert "The archive read the version" not in guide


async def test_data_of_differences(site: Site) -> None:
    row = (await read_json(site, "/-/edits.json?kind=collection"))["edits"][0]
    data = await read_json(site, f"/-/diff/{row['previous']}/{row['revision']}.json?lang=en")
    assert data["title"] == "Comparison: Fyr 1"
    assert len(await site.csv("/-/edits.csv?kind=collection")) == 2


async def test_checked_quotation_has_readings_apart_from_checks_and_imports(site: Site) -> None:
    response = await site.datasette.client.post(
        "/-/check.json",
        content="”Stödet är 121 miljoner kronor”",
        headers={"content-type": "text/plain"},
    )
    (row,) = response.json()["quotations"]
    appeared, disappeared = row["appeared"], row["disappeared"]
    readings = ("after", "until", "last_reading_before", "first_reading")
    assert [appeared[name] for name in readings] == [None, None, "2026-05-03", "2026-06-09"]
    assert [disappeared[name] for name in readings] == [None, None, "2026-06-09", "2026-07-01"]
    assert appeared["imported"][:10] == disappeared["imported"][:10] == "2026-09-01"


@pytest.mark.parametrize("pages", load_pages(__file__))
async def test_pages(pages: list[PageCheck], site: Site) -> None:
    for page in pages:
        await page.check({"collections": site})
