"""Times of publication are said by the clock they are told by, our own notes in Swedish time; none fails a page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from archive.models import Release
from archive.store import Archive
from tests.archive.sample import ROOT, Site, served

WINTER = "2024-01-18T10:57:00+00:00"  # in London, Dublin and Reykjavik
SEEN = datetime(2024, 1, 18, 11, 30, tzinfo=UTC)
OF_AGENCIES = ("published", "updated", "newest")
SAID = re.compile(r"say_(time|told)\(([\w.]+)\)")
TEXT = " ".join(f"Fyren på skär nummer {n} tänds igen efter att ha stått släckt i tio år." for n in range(30))
ODD = (
    datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2))),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A release from London, then two of the same text whose years no calendar has beside them."""
    path = tmp_path_factory.mktemp("times") / "archive.db"
    fill(path)
    with served(path) as datasette:
        yield Site(datasette)


def fill(path: Path) -> None:
    told = Release(
        agency="fyr",
        url="https://fyr.example/1",
        title="Fyren på Skär lyser",
        body=TEXT,
        body_html=f"<p>{TEXT}</p>",
        published=datetime.fromisoformat(WINTER),
        language="sv",
    )
    with Archive(path) as archive:
        for slug in ("fyr", "vag", "bro"):
            archive.add_agency(slug, name=slug.title(), home=f"https://{slug}.example/")
        archive.save(told, seen_at=SEEN)
        archive.save(replace(told, published=None, updated=told.published), seen_at=SEEN + timedelta(days=1))
        archive.save(told, seen_at=SEEN + timedelta(days=2))
        for slug, moment in zip(("vag", "bro"), ODD, strict=True):
            archive.save(replace(told, agency=slug, url=f"https://{slug}.example/1", published=moment), seen_at=SEEN)


@pytest.mark.parametrize("path", ["/", "/agency/fyr", "/search", "/archive/releases/1", "/-/revision/1"])
async def test_publication_is_shown_as_the_page_tells_it(site: Site, path: str) -> None:
    page = await site.text(path)
    assert "18 januari 2024 kl. 10.57" in page
    assert "11.57" not in page


async def test_copies_of_such_a_year_are_shown_beside_one_another(site: Site) -> None:
    assert {"Fyr", "Bro"} <= set((await site.text("/archive/releases/2")).split())


async def test_our_own_notes_are_in_swedish_time(site: Site) -> None:
    assert "12.30" in await site.text("/archive/releases/1")


async def test_a_change_of_date_is_told_by_the_same_clock(site: Site) -> None:
    page = await site.text("/-/diff/1/2")
    assert "10.57" in page
    assert "11.57" not in page


@pytest.mark.parametrize("key", [2, 3])
@pytest.mark.parametrize(
    "path",
    [
        *(
            "/",
            "/search",
            "/search.atom",
            "/search.json",
            "/search.csv",
            "/search?q=fyren",
            "/new.atom",
            "/sitemap.xml",
        ),
        *("/agency/vag", "/agency/bro", "/agency/vag.atom", "/-/status", "/-/status/vag", "/-/changes.json"),
        *("/archive/releases/{}", "/archive/releases/{}.json", "/-/cite/{}", "/-/revision/{}", "/-/history/{}"),
        *("/-/cite/{}.bib", "/-/cite/{}.ris", "/-/cite/{}.json", "/month/9999-12", "/month/0001-01"),
    ],
)
async def test_a_year_that_no_other_clock_reaches_fails_no_page(site: Site, path: str, key: int) -> None:
    revision = key + 2 if "cite" in path or "revision" in path else key
    response = await site.get(path.format(revision))
    assert response.status_code < 500, response.text[:500]


def test_templates_say_what_an_agency_tells_by_its_own_clock() -> None:
    wrong = [
        (path.name, found[0])
        for path in sorted((ROOT / "archive/templates").rglob("*.html"))
        for found in SAID.finditer(path.read_text("utf-8"))
        if path.name not in ("status.html", "status_agency.html")  # days alone
        and (found[1] == "told") != (found[2].rpartition(".")[2] in OF_AGENCIES or found[2] == "when")
    ]
    assert wrong == []
