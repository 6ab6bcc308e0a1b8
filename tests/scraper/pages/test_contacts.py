"""Contacts of pages."""

from __future__ import annotations

import pytest

from scraper.pages.contact_parser import is_person_name
from tests.scraper.pages.sample_page import HEADING, TEXT, read_item, read_release
from tests.scraper.tables import load_table

CONTACT_BOX = """<div class="block--contact"><h2>Presskontakt</h2><p>Eva Ek<br>Telefon 08-405 10 00</p></div>"""


@pytest.mark.parametrize(("markup", "after", "expected"), load_table(__file__, "contacts.tsv"))
def test_contacts(markup: str | None, after: str | None, expected: str | None) -> None:
    found = read_release(HEADING + TEXT + (markup or ""), after=after or "").contacts
    rows = [(contact.name, contact.role, contact.phone, contact.email) for contact in found]
    assert " | ".join("; ".join(part or "-" for part in row) for row in rows) == (expected or "")


@pytest.mark.parametrize(
    "markup",
    [
        CONTACT_BOX,
        "<h2>Kontakt</h2><dl><dt>Namn:</dt><dd>Eva Ek</dd><dt>Telefon:</dt><dd>010-123 45 67</dd></dl>",
        "<h2>Media contact</h2><p>Eva Ek, 010-123 45 67</p>",
    ],
)
def test_contacts_are_not_body(markup: str) -> None:
    assert read_release(HEADING + TEXT + markup).body.endswith("projektledaren.")


def test_evidence_of_contacts() -> None:
    found = read_item(HEADING + TEXT + CONTACT_BOX).evidence["contacts"]
    assert (found.rule, found.element) == ("heading 'Presskontakt'", "main > div.block--contact > h2")
    assert "contacts" not in read_item(HEADING + TEXT).evidence


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        *(
            (name, True)
            for name in ("Estelle Alan", "Konrad Ring", "Alla Kaplan", "Sara E. Persson", "Anna-Karin af Å")
        ),
        *((words, False) for words in ("Region Gotland", "Svenska Spel", "Press Officer", "Läs Mer", "Eva", "eva ek")),
    ],
)
def test_is_person_name(words: str, expected: bool) -> None:
    assert is_person_name(words) is expected
