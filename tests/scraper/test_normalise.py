"""Text, addresses, credits, HTML and the whole step from item to release."""

from __future__ import annotations

from datetime import date

import pytest

from archive.models import Contact
from archive.urls import canonical_url
from scraper.errors import PageError
from scraper.items import AttachmentItem, ContactItem, ImageItem, QuestionItem, ReleaseItem
from scraper.normalise import to_release
from scraper.normalise.contacts import normalise_contacts
from scraper.normalise.media import split_credit
from scraper.normalise.text import clean_text, sanitise_body_html, strip_speech_dash
from scraper.normalise.vocabulary import normalise_kind


def item(**fields: object) -> ReleaseItem:
    return ReleaseItem(url="https://www.a.se/nyheter/x/", **{"title": "Titel", "body": "Text.", **fields})  # type: ignore[arg-type] # each test names fields of the item


@pytest.mark.parametrize("dash", ["– ", "- ", "–\u00a0", "−\u00a0", "— ", "–", "-"])
def test_every_speech_dash_is_stripped(dash: str) -> None:
    assert strip_speech_dash(f"{dash}Vi är nöjda.") == "Vi är nöjda."


def test_only_the_opening_dash_is_speech() -> None:
    assert strip_speech_dash("Vi – alla – är nöjda.") == "Vi – alla – är nöjda."
    assert strip_speech_dash("-5 grader i natt") == "-5 grader i natt"


def test_text_keeps_lines_and_paragraphs() -> None:
    assert clean_text(" a\u00a0 b \n• c\n\n \n\nd\u00ad\u200be ") == "a b\n• c\n\nde"


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
def test_credit(caption: str, expected: tuple[str | None, str | None]) -> None:
    assert split_credit(caption) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://A.se/(X(1)S(ab12))/nyheter/x#top", "https://a.se/nyheter/x"),
        ("https://a.se/x;jsessionid=1F.b?utm_medium=rss&id=2&fbclid=9", "https://a.se/x?id=2"),
        ("http://a.se:80", "http://a.se/"),
        ("https://a.se:8443/%C3%A5?b=%2F&a", "https://a.se:8443/%C3%A5?b=%2F&a"),
        ("http://[::1]:8000/x", "http://[::1]:8000/x"),
        ("https://ÅRSTA.se:8443/å", "https://xn--rsta-poa.se:8443/å"),
    ],
)
def test_canonical_url(url: str, expected: str) -> None:
    assert canonical_url(url) == expected
    assert canonical_url(expected) == expected


def test_html_can_neither_run_nor_load() -> None:
    dirty = (
        '<h2 id="question-2" onclick="x()">F?</h2><p id="own" style="color:red">A <img src="https://b.se/i.png">'
        '<a href="javascript:x()">b</a> <a href="mailto:a@b.se">c</a></p><script>x()</script><iframe src="/y"></iframe>'
    )
    assert sanitise_body_html(dirty) == (
        '<h2 id="question-2">F?</h2><p>A <a rel="noopener noreferrer">b</a>'
        ' <a href="mailto:a@b.se" rel="noopener noreferrer">c</a></p>'
    )


def test_kind() -> None:
    assert normalise_kind("Pressmeddelande") == normalise_kind("pressmeddelanden") == "press release"
    assert normalise_kind("handelser") == "notice"
    assert normalise_kind("Organisation") is None


def test_whole_item() -> None:
    release = to_release(
        item(
            kind="Nyhet",
            published="Publicerad 3 mars 2022",
            language="sv-SE",
            tags=["Skola", " skola "],
            questions=[QuestionItem(question="Hur?", answer="– Så.\n\n– Och så.", answered_by="Eva Ek")],
            images=[ImageItem(url="https://a.se/i.jpg", caption="Bron. Foto: Eva Ek", alt="")],
            attachments=[AttachmentItem(url="https://a.se/r.pdf", title=" Rapport ")],
            contacts=[ContactItem(name=" Eva\u00a0Ek ", role="", phone="010-1 23"), ContactItem(role=" ")],
        )
    )
    assert (release.agency, release.kind, release.language, release.tags) == ("a.se", "news", "sv", ("Skola",))
    assert (release.published, release.published_text) == (date(2022, 3, 3), "Publicerad 3 mars 2022")
    assert (release.updated, release.lead) == (None, None)
    assert release.questions[0].answer == "Så.\n\nOch så."
    assert (release.images[0].caption, release.images[0].credit, release.images[0].alt) == ("Bron.", "Eva Ek", None)
    assert (release.attachments[0].title, release.attachments[0].media_type) == ("Rapport", "application/pdf")
    assert release.contacts == (Contact(name="Eva Ek", phone="010-1 23"),)


def test_a_contact_told_twice_is_one() -> None:
    short, long = "pressekreterare", "pressekreterare åt klimatministern"
    items = [
        ContactItem(name="Eva Ek", role=short),
        ContactItem(name="Eva Ekman", role=short),
        ContactItem(name="Eva Ek", role=long, phone="08-405 10 00, 076-123 45 67", email="eva.ek@verket.se"),
        ContactItem(phone="076-123 45 67"),
        ContactItem(role="Press", phone="08-405 10 00"),
        ContactItem(role="PRESS", phone="08-405 10 00"),
    ]
    told = [(contact.name, contact.role) for contact in normalise_contacts(items)]
    assert told == [("Eva Ek", long), ("Eva Ekman", short), (None, "Press")]


def test_a_present_but_unreadable_date_is_an_error() -> None:
    with pytest.raises(PageError, match="published") as caught:
        to_release(item(published="Publicerad 31 juni 2022"))
    assert (caught.value.url, caught.value.field) == ("https://www.a.se/nyheter/x/", "published")


def test_a_page_without_a_title_is_an_error() -> None:
    with pytest.raises(PageError, match="title"):
        to_release(item(title=" "))


def test_the_agencys_clock_counts_more_than_the_hosts_country() -> None:
    words = "Publicerad 3 mars 2022 kl. 10.00"
    moments = [to_release(item(published=words, zone=zone)).published for zone in (None, "Europe/Helsinki")]
    assert [moment.isoformat() for moment in moments if moment] == [
        "2022-03-03T10:00:00+01:00",
        "2022-03-03T10:00:00+02:00",
    ]
