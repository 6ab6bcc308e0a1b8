"""Contacts of pages."""

from __future__ import annotations

from time import process_time

import pytest

from scraper.pages.contact_areas import LineBuilder, LineReader
from scraper.pages.contacts import is_person_name, parse_contact_line
from scraper.pages.document import Document
from scraper.pages.page_reader import read_page
from tests.case_tables import load_table
from tests.scraper.pages.sample_page import HEADING, TEXT, URL, build_page, read_item, read_release

CONTACT_BOX = """<div class="block--contact"><h2>Presskontakt</h2><p>Eva Ek<br>Telefon 08-405 10 00</p></div>"""


def test_lines_of_an_element_are_those_of_the_page() -> None:
    table = "<table><tr><td>Bo Ek</td><td><p>Utredare</p></td></tr></table>"
    bold = "<strong>Fet <div>Kontakt</div></strong><br>"
    html = build_page(f"{HEADING}{TEXT}{CONTACT_BOX}{table}{bold}<nav><p>Meny</p></nav>")
    document = Document(html, URL)
    reader, elements = LineReader(document), list(document.root.iter("*"))
    assert {element.tag for element in elements} >= {"div", "p", "h2", "td", "nav", "strong"}
    for element in elements:
        assert reader.read(element) == LineBuilder(element, reader.unread).lines


@pytest.mark.parametrize(("markup", "after", "expected"), load_table(__file__, "contacts.tsv"))
def test_contacts(markup: str | None, after: str | None, expected: str | None) -> None:
    found = read_release(HEADING + TEXT + (markup or ""), after=after or "").contacts
    rows = [(contact.name, contact.role, contact.phone, contact.email) for contact in found]
    assert " | ".join("; ".join(part or "-" for part in row) for row in rows) == (expected or "")


@pytest.mark.parametrize(
    "markup",
    [
        CONTACT_BOX,
        "<h2>Kontakt</h2><dl><dt>Namn:</dt><dd>Eva"
        " Ek</dd><dt>Telefon:</dt><dd>010-123 45 67</dd></dl>",
        "<h2>Media contact</h2><p>Eva Ek, 010-123 45 67</p>",
    ],
)
def test_contacts_are_not_body(markup: str) -> None:
    assert read_release(HEADING + TEXT + markup).body.endswith("projektledaren.")


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p>Eva Ek, utredare<br>010-123 45 67</p>", ["Eva Ek"]),
        ("<p>För mer information, kontakta utredare Eva Ek, 010-123 45 67.</p>", ["Eva Ek"]),
        ("<form><p>Namn</p><p>Eva Ek, utredare<br>010-123 45 67</p></form>", []),
    ],
)
def test_contacts_in_a_form_around_the_page(markup: str, expected: list[str]) -> None:
    page = build_page(HEADING + TEXT + markup).decode()
    page = (
        page.replace("<body>", "<body><form>").replace("</body>", "</form></body>")
        if expected
        else page
    )
    contacts = read_page(page.encode(), URL).contacts
    assert [contact.name for contact in contacts] == expected


def test_evidence_of_contacts() -> None:
    found = read_item(HEADING + TEXT + CONTACT_BOX).evidence["contacts"]
    assert (found.rule, found.element) == (
        "heading 'Presskontakt'",
        "main > div.block--contact > h2",
    )
    assert "contacts" not in read_item(HEADING + TEXT).evidence


@pytest.mark.parametrize("part", ["(1)", "växel ", "010-123 45 67 (", "pressjour (1) "])
def test_long_lines_are_read_in_time(part: str) -> None:
    start = process_time()
    parse_contact_line(part * 2000)
    assert process_time() - start < 2


NAMES = ["Estelle Alan", "Konrad Ring", "Alla Kaplan", "Sara E. Persson", "Anna-Karin af Å"]
OTHER_WORDS = ["Region Gotland", "Svenska Spel", "Press Officer", "Läs Mer", "Eva", "eva ek"]


@pytest.mark.parametrize("words", NAMES + OTHER_WORDS)
def test_is_person_name(words: str) -> None:
    assert is_person_name(words) is (words in NAMES)
