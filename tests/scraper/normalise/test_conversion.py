"""From item to release, and warnings about its quality."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from archive.database.models import Contact
from scraper.errors import PageError
from scraper.items import AttachmentItem, ContactItem, ImageItem, QuestionItem, ReleaseItem
from scraper.normalise.contact_details import normalise_contacts
from scraper.normalise.conversion import find_quality_warnings, normalise_kind, to_release
from scraper.normalise.picture_credits import split_credit
from tests.scraper.normalise.test_text_cleaning import INTACT_TEXTS

URL = "https://www.a.se/nyheter/x/"


def build_item(**fields: object) -> ReleaseItem:
    return ReleaseItem(url=URL, **{"title": "Titel", "body": "Text.", **fields})  # type: ignore[arg-type]


def test_to_release() -> None:
    release = to_release(
        build_item(
            kind="Nyhet",
            published="Publicerad 3 mars 2022",
            language="sv-SE",
            tags=["Skola", " skola "],
            questions=[
                QuestionItem(question="Hur?", answer="– Så.\n\n– Och så.", answered_by="Eva Ek")
            ],
            images=[ImageItem(url="https://a.se/i.jpg", caption="Bron. Foto: Eva Ek", alt="")],
            attachments=[AttachmentItem(url="https://a.se/r.pdf", title=" Rapport ")],
            contacts=[
                ContactItem(name=" Eva\u00a0Ek ", role="", phone="010-1 23"),
                ContactItem(role=" "),
            ],
        )
    )
    assert (release.agency, release.kind, release.language, release.tags) == (
        "a.se",
        "news",
        "sv",
        ("Skola",),
    )
    assert (release.published, release.published_text) == (
        date(2022, 3, 3),
        "Publicerad 3 mars 2022",
    )
    assert (release.updated, release.lead) == (None, None)
    assert release.questions[0].answer == "Så.\n\nOch så."
    assert (release.images[0].caption, release.images[0].credit, release.images[0].alt) == (
        "Bron.",
        "Eva Ek",
        None,
    )
    assert (release.attachments[0].title, release.attachments[0].media_type) == (
        "Rapport",
        "application/pdf",
    )
    assert release.contacts == (Contact(name="Eva Ek", phone="010-1 23"),)


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"published": "Publicerad 31 juni 2022"}, "published"), ({"title": " "}, "title")],
)
def test_unreadable_field_is_an_error(fields: dict[str, str], field: str) -> None:
    with pytest.raises(PageError, match=field) as caught:
        to_release(build_item(**fields))
    assert (caught.value.url, caught.value.field) == (URL, field)


@pytest.mark.parametrize(("zone", "offset"), [(None, "+01:00"), ("Europe/Helsinki", "+02:00")])
def test_time_zone_of_agency_overrules_country_of_host(zone: str | None, offset: str) -> None:
    published = to_release(
        build_item(published="Publicerad 3 mars 2022 kl. 10.00", zone=zone)
    ).published
    assert published is not None
    assert published.isoformat() == f"2022-03-03T10:00:00{offset}"


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("Bron. Foto: Eva Ek/Verket", ("Bron.", "Eva Ek/Verket")),
        ("Bron. (Foto: Eva Ek)", ("Bron.", "Eva Ek")),
        ("Bron, fotograf Eva Ek", ("Bron", "Eva Ek")),
        ("Bron. Foto Eva Ek", ("Bron.", "Eva Ek")),
        ("Bild: Eva Ek", (None, "Eva Ek")),
        ("Bron. Illustration: Eva Ek", ("Bron.", "Eva Ek")),
        ("Till höger i bild: Eva Ek.", ("Till höger i bild: Eva Ek.", None)),
        ("Ett foto av bron", ("Ett foto av bron", None)),
    ],
)
def test_split_credit(caption: str, expected: tuple[str | None, str | None]) -> None:
    assert split_credit(caption) == expected


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("Pressmeddelande", "press release"),
        ("pressmeddelanden", "press release"),
        ("handelser", "notice"),
        ("Organisation", None),
    ],
)
def test_normalise_kind(word: str, kind: str | None) -> None:
    assert normalise_kind(word) == kind


def test_duplicate_contacts_are_merged() -> None:
    short, long = "pressekreterare", "pressekreterare åt klimatministern"
    items = [
        ContactItem(name="Eva Ek", role=short),
        ContactItem(name="Eva Ekman", role=short),
        ContactItem(
            name="Eva Ek", role=long, phone="08-405 10 00, 076-123 45 67", email="eva.ek@verket.se"
        ),
        ContactItem(phone="076-123 45 67"),
        ContactItem(role="Press", phone="08-405 10 00"),
        ContactItem(role="PRESS", phone="08-405 10 00"),
    ]
    contacts = [(contact.name, contact.role) for contact in normalise_contacts(items)]
    assert contacts == [("Eva Ek", long), ("Eva Ekman", short), (None, "Press")]


def test_characters_that_cannot_be_repaired_are_warnings() -> None:
    title = "Beslut om f\ufffdrskolan i Vänersborg"
    release = to_release(
        build_item(
            title=title,
            lead="En god ingress.",
            body="Vi ses p√• torget. Ã r det så? Priset är 5 â€ per kilo.",
            tags=["F\ufffdrskola"],
            questions=[QuestionItem(question="Hur?", answer="S\ufffd.")],
            images=[ImageItem(url="https://a.se/\ufffd.jpg", alt="Bro")],
            attachments=[AttachmentItem(url="https://a.se/a.pdf", title="ï¿½rsbok")],
            contacts=[ContactItem(name="Åsa \u009dk", phone="010-1 23 45 67")],
        )
    )
    assert (release.title, release.attachments[0].title) == (title, "\ufffdrsbok")
    warnings = find_quality_warnings(release)
    assert [found.field for found in warnings] == [
        "title",
        "body",
        "tags",
        "questions",
        "attachments",
        "contacts",
    ]
    assert str(warnings[0]) == f"{URL}: title: has broken letters: {title!r}"
    repaired = replace(release, body="Vi ses på torget.", tags=("Förskola",))
    assert [found.field for found in find_quality_warnings(repaired)][1] == "questions"


@pytest.mark.parametrize(
    ("published", "updated", "is_reported"),
    [
        ("2024-06-03", "2024-06-02", True),
        ("2024-06-03T10:00+02:00", "2024-06-03T09:59+02:00", True),
        ("2024-06-03T10:00+02:00", "2024-06-03", False),
        ("2024-06-03", "2024-06-03T00:01+02:00", False),
        ("2024-06-03", None, False),
    ],
)
def test_update_before_the_publication_is_a_warning(
    published: str, updated: str | None, *, is_reported: bool
) -> None:
    warnings = find_quality_warnings(
        to_release(build_item(title="Nytt", published=published, updated=updated))
    )
    assert [found.field for found in warnings] == ["updated"] * is_reported
    assert all(" is before the publication (2024-06-03" in found.problem for found in warnings)


def test_intact_release_has_no_warnings() -> None:
    item = build_item(title=INTACT_TEXTS[0], lead=INTACT_TEXTS[1], body="\n\n".join(INTACT_TEXTS))
    assert find_quality_warnings(to_release(item)) == []
