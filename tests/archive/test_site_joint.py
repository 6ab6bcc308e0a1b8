"""The reading page says which other agencies published the same text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime
from pathlib import Path

import pytest

from archive.models import Release
from archive.store import Archive
from tests.archive.sample import SEEN, STOCKHOLM, Site, served

BODY = "\n\n".join(
    f"Fyren på {place} tänds den första juni. Den som seglar förbi ser ljuset på tolv sjömils håll, och"
    f" {keeper} sköter lampan tills en ny vaktare har anställts vid stationen."
    for place, keeper in (("Norrskär", "Ada Ek"), ("Ekö", "Bo Strand"), ("Lillgrund", "Cia Mård"), ("Hamnö", "Dan Alm"))
)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    path = tmp_path / "archive.db"
    with Archive(path) as archive:
        for slug, name, name_en, title, body, published in (
            (
                "fyrstyrelsen",
                "Fyrstyrelsen",
                None,
                "Fyrarna tänds",
                BODY,
                datetime(2024, 6, 1, 11, 0, tzinfo=STOCKHOLM),
            ),
            (
                "hamnverket",
                "Hamnverket",
                "Port Authority",
                "Fyrarna tänds",
                BODY,
                datetime(2024, 6, 1, 9, 0, tzinfo=STOCKHOLM),
            ),
            ("vagverket", "<Vägverket>", None, "Fyrar tänds", BODY + "\n\nKör lugnt dit.", None),
            ("fagelverket", "Fågelverket", None, "Om tärnor", "Tärnorna är tillbaka.", date(2024, 6, 1)),
        ):
            archive.add_agency(slug, name=name, name_en=name_en, home=f"https://{slug}.example/")
            release = Release(
                agency=slug,
                url=f"https://{slug}.example/a",
                title=title,
                body=body,
                body_html="<p></p>",
                published=published,
            )
            archive.save(release, seen_at=SEEN)
    with served(path) as datasette:
        yield Site(datasette)


async def test_other_publishers_are_named_first_publisher_first(site: Site) -> None:
    page = await site.page("/archive/releases/1")
    assert page.cssselect(".joint h2")[0].text == "Även publicerat av"
    lines = [" ".join(line.text_content().split()) for line in page.cssselect(".joint li")]
    assert lines == [
        "Hamnverket 1 juni 2024 kl. 09.00, tidigare än här",
        "<Vägverket> Upptäckt 3 juni 2024 kl. 10.15, nästan samma text",
    ]
    assert [link.get("href") for link in page.cssselect(".joint a")] == ["/archive/releases/2", "/archive/releases/3"]


async def test_in_english_with_the_language_kept(site: Site) -> None:
    page = await site.page("/archive/releases/1?lang=en")
    assert page.cssselect(".joint h2")[0].text == "Also published by"
    first = page.cssselect(".joint li")[0]
    assert " ".join(first.text_content().split()) == "Port Authority 1 June 2024, 09:00, earlier than here"
    assert first.cssselect("a")[0].get("href") == "/archive/releases/2?lang=en"


async def test_a_release_of_one_agency_names_no_other(site: Site) -> None:
    assert not (await site.page("/archive/releases/4")).cssselect(".joint")
