"""Whom a release names for questions: in every form that agencies print it, and nobody else."""

from __future__ import annotations

import pytest

from scraper.pages.contact_parser import is_person_name
from tests.scraper.pages_of import TEXT, read, read_item

Told = tuple[str | None, str | None, str | None, str | None]
TITLE = "<h1>Ny bro öppnar</h1>"
EVA: Told = ("Eva Ek", "utredare", "010-123 45 67", "eva.ek@verket.se")
BO: Told = ("Bo von Strand", "enhetschef", "010-123 45 68", None)
MINISTRY = """<div class="block--contact"><h2>Presskontakt</h2><strong>Eva Ek</strong><br>
Pressekreterare åt klimat- och skolminister Siv Å Berg<br>Telefon (växel) 08-405 10 00<br>Mobil 076-123 45 67<br>
<a href="mailto:eva.ek@rk.example?body=%0d%0aHej%20Bo%20Ek">e-post till Eva Ek</a></div>"""
CARD = """<aside><h2><span>Kontakt för media</span></h2><ul><li class="card"><h3>Eva Ek</h3><div>utredare</div>
<ul><li><a href="tel:+46101234567"><span class="hidden">Telefon: </span>010-123 45 67</a></li>
<li>E-post: eva.ek (at) verket.se</li></ul></li><li class="card"><h3>Bo von Strand</h3><div>enhetschef</div>
<ul><li><a href="tel:010-123 45 68">Ring Bo</a></li></ul></li></ul></aside>"""
TERMS = """<h2>Kontakt</h2><dl><dt>Namn:</dt><dd>Eva Ek</dd><dt>Titel:</dt><dd>utredare</dd><dt>Telefon:</dt>
<dd>010-123 45 67</dd><dt>Fax:</dt><dd>010-123 45 99</dd><dt>E-post:</dt><dd>eva.ek@verket.se</dd></dl>"""
TABLE = """<h3>Kontaktpersoner</h3><table><tr><th>Namn</th><th>Roll</th><th>Telefon</th></tr><tr><td>Eva Ek</td>
<td>utredare</td><td>010-123 45 67</td><td>eva.ek@verket.se</td></tr><tr><td>Bo von Strand</td><td>enhetschef</td>
<td>010-123 45 68</td></tr></table>"""
TOPICS = """<p><strong>Kontaktpersoner</strong><br>Buller: Eva Ek 010-123 45 67<br>Bo von Strand, 010-123 45 68
(Fiske och jakt)</p><p>Beslutet träder i kraft den 1 januari, och gäller till och med den 31 december nästa år.</p>"""
BOX = """<div class="vcard"><p class="fn">Eva Ek</p><p>utredare</p><a href="tel:0101234567">010-123 45 67</a>
<a href="mailto:eva.ek%40verket.se"></a></div>"""
SECRETARY = "Pressekreterare åt klimat- och skolminister Siv Å Berg"
MINISTRYS: Told = ("Eva Ek", SECRETARY, "08-405 10 00, 076-123 45 67", "eva.ek@rk.example")
SENTENCE = """<p>Vid frågor kontakta utredare Eva Ek, 010-123 45 67, eva.ek[at]verket.se, eller enhetschef
Bo von Strand på 010-123 45 68.</p><p>Bron öppnar. För intervjuer, kontakta pressekreterare Siv Å.</p>"""
SIV: Told = ("Siv Å", "pressekreterare", None, None)
ENGLISH = "<h2>Media contacts</h2><p>Eva Ek<br>Press Officer<br>Phone: (703) 292-5111</p>"
OFFICER: Told = ("Eva Ek", "Press Officer", "(703) 292-5111", None)
JOHTAJA: Told = ("Eva Ek", "johtaja", "0295 123 456", None)
OFFICE: Told = (None, "Presstjänsten", "010-123 45 00", "press@verket.se")


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        (MINISTRY, [MINISTRYS]),
        (CARD, [EVA, BO]),
        (TERMS, [EVA]),
        (TABLE, [EVA, BO]),
        (TOPICS, [("Eva Ek", "Buller", EVA[2], None), ("Bo von Strand", "Fiske och jakt", BO[2], None)]),
        (BOX, [EVA]),
        ("<h2>Har du frågor?</h2><p>Eva Ek, utredare, tfn 010-123 45 67, eva.ek@verket.se</p>", [EVA]),
        ("<p>Kontaktperson: Eva Ek, utredare, 010-123 45 67, eva.ek@verket.se</p>", [EVA]),
        ("<p><b>Presskontakt</b>Eva Ek, utredare, 010-123 45 67, eva.ek@verket.se</p>", [EVA]),
        ("<p>För mer information, kontakta:<br>Eva Ek, utredare, 010-123 45 67<br>eva.ek@verket.se</p>", [EVA]),
        (SENTENCE, [EVA, BO, SIV]),
        (ENGLISH, [OFFICER]),
        ("<h2>Yhteystiedot</h2><p>Eva Ek, johtaja, puh. 0295 123 456</p>", [JOHTAJA]),
        ("<h2>Presskontakt</h2><p>Presstjänsten<br>010-123 45 00<br>press@verket.se</p>", [OFFICE]),
        ("<p>Presstjänsten: 010-123 45 00, press@verket.se</p>", [OFFICE]),
        ("<h2>Pressekontakt:</h2><p>010-123 45 00</p>", [(None, "Pressekontakt", "010-123 45 00", None)]),
    ],
)
def test_contacts_are_found_in_every_form(markup: str, expected: list[Told]) -> None:
    release = read(TITLE + TEXT + markup)
    assert [(found.name, found.role, found.phone, found.email) for found in release.contacts] == expected


@pytest.mark.parametrize(
    "markup",
    [
        "<p>Har du uppgifter om händelsen, kontakta polisen på 114 14.</p>",
        "<p>Den som vill ha information om stöd kan kontakta stödtelefonen på 020-390 000.</p>",
        "<p>För mer information, kontakta Rädda Barnen.</p>",
        "<p>För mer information, kontakta pressekreteraren.</p>",
        "<h2>Mer information</h2><p>Rapporten har diarienummer 0123-456 78. Org.nr 021234-5678.</p>",
        "<h2>Kontakt</h2><p>Fax: 010-123 45 67. Öppet 08-16, den 03-04-2021. Priset är 0,123 456 7 kronor.</p>",
        "<h2>Kontakta oss</h2><p>Kontakta Exempelverket på telefon 010-000 00 00.</p>",  # the foot's number too
        "<h2>Presskontakt</h2><p><a href='/press/'>Våra Presskontakter</a></p><p>Senast uppdaterad 3 mars 2022</p>",
        "<nav><h2>Presskontakt</h2><p>Eva Ek, 010-123 45 67</p></nav>",
        "<div role='dialog'><h2>Presskontakt</h2><p>Eva Ek, 010-123 45 67</p></div>",
        "<p>– Kontakta oss gärna, säger Eva Ek, utredare på Exempelverket.</p>",
        "<p><a href='mailto:?subject=Ny%20bro'>Tipsa en vän</a> Kontakt: <a href='mailto:eva~verket.se'>mejl</a></p>",
    ],
)
def test_nobody_else_is_a_contact(markup: str) -> None:
    assert read(TITLE + TEXT + markup).contacts == ()


def test_what_the_site_prints_on_every_page_is_no_contact_of_the_release() -> None:
    foot = "<div class='site-footer'><h2>Presskontakt</h2><p>Eva Ek, 010-123 45 67</p></div>"
    assert read(TITLE + TEXT, after=foot + "<div><h2>Kontakt</h2><p>Växel, 010-123 45 67</p></div>").contacts == ()
    beside = "<div class='sidebar'><h2>Presskontakt</h2><p>Eva Ek, 010-123 45 67</p></div>"
    assert read(TITLE + TEXT, after=beside).contacts[0].name == "Eva Ek"
    own = "<h2>Kontakt</h2><p>Presstjänsten, 010-000 00 00</p>"  # the switchboard, but by the office's name
    assert read(TITLE + TEXT + own).contacts[0].role == "Presstjänsten"


def test_the_text_is_left_without_contacts_and_ends_where_it_ended() -> None:
    for markup in (MINISTRY, TERMS, "<h2>Media contact</h2><p>Eva Ek, 010-123 45 67</p>"):
        assert read(TITLE + TEXT + markup).body.endswith("projektledaren.")


def test_the_evidence_names_rule_and_element() -> None:
    found = read_item(TITLE + TEXT + MINISTRY).evidence["contacts"]
    assert (found.rule, found.element) == ("heading 'Presskontakt'", "main > div.block--contact > h2")
    assert "contacts" not in read_item(TITLE + TEXT).evidence


@pytest.mark.parametrize("name", ["Estelle Alan", "Konrad Ring", "Alla Kaplan", "Sara E. Persson", "Anna-Karin af Å"])
def test_names_that_hold_a_word_for_something_else(name: str) -> None:
    assert is_person_name(name)


@pytest.mark.parametrize("words", ["Region Gotland", "Svenska Spel", "Press Officer", "Läs Mer", "Eva", "eva ek"])
def test_words_that_look_like_a_name(words: str) -> None:
    assert not is_person_name(words)
