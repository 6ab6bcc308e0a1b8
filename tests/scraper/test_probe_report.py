"""What a probe tells of a page: contacts among its fields, none of their lines left out, and what is doubtful."""

from __future__ import annotations

from scraper.agency import Agency
from scraper.probe.report import find_unused_lines, format_page_panes, format_probe_report
from scraper.probe.result import ProbeResult, probe_page
from tests.scraper.pages_of import TEXT, URL, page

AGENCY = Agency(slug="exempel", name="Exempelverket", home="https://www.exempel.se/")
CONTACTS = (
    "<h2>Presskontakt</h2><p>Eva Ek<br>Pressansvarig<br>Telefon (växel): 010-123 45 00<br>Mobil: 070-123 45 67<br>"
    '<a href="mailto:eva.ek@exempel.se">eva.ek@exempel.se</a></p>'
)


def test_contacts_are_a_field_and_their_lines_are_held() -> None:
    found = probe_page(page(f"<h1>Ny bro öppnar</h1>{TEXT}{CONTACTS}"), URL, AGENCY)
    assert found.item is not None
    assert found.release is not None
    row = next(line for line in format_page_panes(found, 200).splitlines() if line.startswith("contacts"))
    assert "1: Eva Ek, Pressansvarig, 010-123 45 00, 070-123 45 67, eva.ek@exempel.se" in row
    assert "heading 'Presskontakt'" in row
    assert find_unused_lines(found.html, found.item, found.release) == ["Presskontakt"]


def test_broken_letters_are_told_under_the_page() -> None:
    found = probe_page(page(f"<h1>Ny bro \ufffdppnar</h1>{TEXT}"), URL, AGENCY)
    report = format_probe_report(ProbeResult(AGENCY, is_known=True, pages=[found]), 120)
    assert "   doubtful: title: has broken letters: 'Ny bro \ufffdppnar'\n" in report
