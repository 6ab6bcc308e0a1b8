"""Releases from the JSON records of press wires."""

from __future__ import annotations

import json
from typing import Any

import pytest

from archive.database.models import Release
from scraper.agency import Agency
from scraper.errors import PageError
from scraper.items import ContactItem
from scraper.normalise.conversion import to_release
from scraper.pages.page_reader import open_document, read_page
from scraper.pages.press_wires import WireDocument
from tests.case_tables import load_table

VIATT, CISION = "https://via.tt.se/pressmeddelande/1/a", "https://news.cision.com/skog/r/a,c1"
AGENCY = Agency(
    slug="skog",
    name="Skog",
    home="https://www.skog.se/",
    title=".rubrik",
    page="polisen",
)
TEXT = "Älgarna har räknats från luften i år."
RECORD = {
    "id": 1,
    "url": VIATT,
    "title": " Fler &\n älgar ",
    "leadtext": "<p>Ingressen.</p>",
    "body": f"<p>{TEXT}</p>",
    "published": "2024-03-01T09:00:00+01:00",
    "language": "sv",
}
CISION_RECORD = {
    "Title": "Fler älgar",
    "Intro": "Ingressen.",
    "Body": TEXT,
    "PublishDate": "2024-03-01T08:00:00Z",
}


def read_viatt(**changes: Any) -> Release:
    return to_release(read_page(json.dumps({**RECORD, **changes}).encode(), VIATT, AGENCY))


def read_cision(**changes: Any) -> Release:
    return to_release(read_page(json.dumps({**CISION_RECORD, **changes}).encode(), CISION, AGENCY))


def test_fields() -> None:
    release = read_viatt()
    assert (release.url, release.title, release.lead, release.body) == (
        VIATT,
        "Fler & älgar",
        "Ingressen.",
        TEXT,
    )
    assert release.body_html == f"<p>{TEXT}</p>"
    assert (
        release.published.isoformat() if release.published else ""
    ) == "2024-03-01T09:00:00+01:00"
    assert (release.updated, release.language, release.tags, release.images) == (None, "sv", (), ())
    item = read_page(json.dumps(RECORD).encode(), VIATT, AGENCY)
    assert {name: found.element for name, found in item.evidence.items()} == {
        "title": "title",
        "published": "published",
        "lead": "leadtext",
        "body": "body",
    }


@pytest.mark.parametrize(("body", "expected"), load_table(__file__, "wire_bodies.tsv"))
def test_body(body: str, expected: str) -> None:
    release = read_viatt(body=body)
    assert (release.lead, release.body) == ("Ingressen.", expected)
    assert "alert" not in release.body_html


def test_parts_of_a_record() -> None:
    release = read_viatt(
        keywords=["Älg", 7, "älg"],
        images=[
            {"normal": "https://via.tt.se/1.jpg", "caption": "En älg. Foto: Bo Ek"},
            {"url": "javascript:x"},
            3,
        ],
        documents=[{"url": "/data/a.pdf", "caption": "Rapport"}, {"url": None}],
        contacts={
            "persons": [
                {"name": "Ada Ek", "title": "utredare", "phone": "010-12 34 56", "image": {}},
                {},
            ]
        },
        body=f"<p>{TEXT} <a href='/data/a.pdf'>Rapporten</a> <img src='/2.png' alt='Två'></p>",
    )
    assert release.tags == ("Älg",)
    assert [(image.url, image.caption, image.credit) for image in release.images] == [
        ("https://via.tt.se/1.jpg", "En älg.", "Bo Ek"),
        ("https://via.tt.se/2.png", None, None),
    ]
    found = [(file.url, file.title) for file in release.attachments]
    assert found == [("https://via.tt.se/data/a.pdf", "Rapport")]
    item = read_page(
        json.dumps({**RECORD, "contacts": {"text": "Ada Ek, tfn 010-12 34 56"}}).encode(),
        VIATT,
        AGENCY,
    )
    assert [contact.name for contact in item.contacts] == ["Ada Ek"]
    assert item.contacts != [ContactItem(name="Ada Ek")]


@pytest.mark.parametrize(
    ("published", "changed", "expected"),
    [
        (
            "2024-03-01T08:00:00Z",
            "2024-03-02T08:00:00Z",
            ("2024-03-01T09:00:00+01:00", "2024-03-02T09:00:00+01:00"),
        ),
        ("2024-03-01T08:00:00Z", "2024-02-28T08:00:00Z", ("2024-03-01T09:00:00+01:00", None)),
        (
            "2024-03-01T08:00:00",
            "2024-03-01T10:00:00",
            ("2024-03-01T08:00:00+01:00", "2024-03-01T10:00:00+01:00"),
        ),
        (None, "2024-03-02T08:00:00Z", (None, None)),
    ],
    ids=["changed", "changed before", "in the agency's time zone", "undated"],
)
def test_dates(
    published: str | None, changed: str, expected: tuple[str | None, str | None]
) -> None:
    release = read_cision(PublishDate=published, LastChangeDate=changed)
    found = tuple(date and date.isoformat() for date in (release.published, release.updated))
    assert found == expected


def test_unreadable_date_is_an_error() -> None:
    with pytest.raises(
        PageError, match=r"via\.tt\.se/pressmeddelande/1/a: published: 'i går' cannot be read"
    ):
        read_viatt(published="i går")


def test_texts_of_cision() -> None:
    quotes = [{"Author": "Ada Ek", "Text": TEXT}, {"Author": "Bo Ek", "Text": "Jag såg två."}]
    release = read_cision(
        HtmlBody=f"<p>{TEXT}</p><p>Mer.</p>", Quotes=quotes, Contact="Ada Ek\n010-12 34 56"
    )
    assert release.body == f"{TEXT}\n\nMer.\n\nJag såg två."
    assert [contact.name for contact in release.contacts] == ["Ada Ek"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"title": None}, "title: is missing"),
        ({"title": " "}, "title: is missing"),
        ({"body": None, "leadtext": ""}, "body: is missing, and so is the lead"),
        ({"body": "<p>" * 70_000}, "page: has more than 60000 tags"),
        ({"body": "<div>" * 50_000}, "body: is nested too deeply"),
        ({"body": "x" * 4_100_000}, "page: has more than 4,000,000 bytes"),
    ],
    ids=["no title", "blank title", "no text", "too many tags", "too deep", "too long"],
)
def test_unusable_record(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(PageError, match=problem):
        read_viatt(**changes)


def test_only_json_of_a_wire_is_a_record() -> None:
    assert isinstance(open_document(b' {"id": 1}', VIATT), WireDocument)
    assert not isinstance(open_document(b"<html><body>{}</body></html>", VIATT), WireDocument)
    assert not isinstance(open_document(b'{"id": 1}', "https://www.skog.se/"), WireDocument)
