"""The running text: which blocks belong to it, and which only serve the page."""

from __future__ import annotations

import pytest

from scraper.normalise import to_release
from scraper.pages import read_page
from tests.scraper.pages_of import HEADING, LAST, TEXT, URL, read


def test_lists_and_tables_are_readable_as_text() -> None:
    rows = "<table><tr><th>År</th><th>Antal</th></tr><tr><td>2021</td><td>12</td></tr></table>"
    release = read(HEADING + TEXT + "<ul><li>ett<ul><li>mer</li></ul></li><li>två</li></ul>" + rows)
    assert release.body.endswith("• ett\n◦ mer\n• två\n\nÅr | Antal\n2021 | 12")
    assert "<li>ett<ul><li>mer</li></ul></li>" in release.body_html
    assert "<td>2021</td>" in release.body_html


def test_sections_that_are_articles_of_their_own_belong_together() -> None:
    more = f"<div><article>{TEXT * 2}</article></div><div><article>{LAST * 3}</article></div>"
    release = read(f"<div><article>{HEADING}</article></div>{more}")
    assert "Den nya bron" in release.body
    assert "Sist i texten" in release.body


def test_a_row_of_teasers_stays_out() -> None:
    teaser = '<div class="teaser"><h3><a href="/nyheter/{0}/">Annan bro {0}</a></h3><p>Om en annan bro.</p></div>'
    release = read(HEADING + TEXT + teaser.format(1) + teaser.format(2))
    assert release.body.endswith("projektledaren.")


def test_headings_that_are_links_stay_where_their_text_follows() -> None:
    release = read(HEADING + TEXT + '<h2><a href="/bron/">Så byggs den</a></h2>' + LAST)
    assert "Så byggs den\n\nSist i texten" in release.body


@pytest.mark.parametrize("pointer", ["<p><strong>Läs också:</strong></p>", "<h2>Läs också</h2>"])
def test_a_pointer_within_the_text_does_not_end_it(pointer: str) -> None:
    release = read(HEADING + TEXT + pointer + '<p><a href="/a/">Gammal bro rivs</a></p>' + LAST + LAST)
    assert release.body.endswith("under sommaren.")
    assert "Gammal bro" not in release.body


def test_contacts_end_the_text() -> None:
    person = "<h2>Presskontakt</h2><p>Eva Ek, presschef, 010-123 45 67</p>"
    assert read(HEADING + TEXT + person).body.endswith("projektledaren.")
    assert read(HEADING + TEXT + person + LAST).body.endswith("under sommaren."), "a sentence among contacts is text"
    author = "<h2>Om författaren</h2><p>Eva Ek har skrivit om broar i trettio år och bor vid ån.</p>"
    assert read(HEADING + TEXT + author).body.endswith("projektledaren.")


def test_links_under_a_heading_of_the_text_stay() -> None:
    links = '<h2>Blanketter</h2><ul><li><a href="/a/">Ansökan</a></li><li><a href="/b/">Anmälan</a></li></ul>'
    assert "Blanketter\n\n• Ansökan\n• Anmälan" in read(HEADING + TEXT + links + "<h2>Vad händer nu?</h2>" + LAST).body


def test_an_address_to_write_to_is_text() -> None:
    assert read(HEADING + TEXT + '<p><a href="mailto:bro@exempel.se">bro@exempel.se</a></p>').body.endswith(".se")


def test_dates_within_the_text_stay() -> None:
    release = read(HEADING + "<p>3 mars 2022</p>" + TEXT + "<p>Sista dag: 5 maj 2022</p><p>Torsdag 9 juni 2022</p>")
    assert release.body.endswith("Sista dag: 5 maj 2022\n\nTorsdag 9 juni 2022")
    assert "3 mars" not in release.body


def test_readings_above_the_line_are_no_words() -> None:
    release = read(HEADING + TEXT + "<p>På japanska: <ruby>法律<rt>ほうりつ</rt></ruby>です。</p>")
    assert release.body.endswith("På japanska: 法律です。")


def test_a_table_of_contents_is_no_text() -> None:
    contents = '<h2>Innehåll på sidan</h2><ul><li><a href="#a">Bakgrund</a></li><li><a href="#b">Kostnad</a></li></ul>'
    release = read(HEADING + contents + TEXT + '<h2 id="a">Bakgrund</h2>' + LAST)
    assert release.body.startswith("Den nya bron")
    assert "Kostnad" not in release.body
    assert "Bakgrund\n\nSist i texten" in release.body


@pytest.mark.parametrize("line", ["Av Eva Ek", "By Eva Ek, Exempelverket", "Text: Eva Ek och Bo Alm"])
def test_who_wrote_the_text_is_no_part_of_it(line: str) -> None:
    assert read(f"{HEADING}<p>{line}</p>{TEXT}").body.startswith("Den nya bron")


def test_a_kicker_within_the_title_is_left_out_unless_the_page_declares_it() -> None:
    heading = (
        '<h1>Den nya bron öppnar i höst <small class="topline"><span class="aural">Tema:</span> Trafik</small></h1>'
    )
    assert read(heading + TEXT).title == "Den nya bron öppnar i höst"
    head = '<meta property="og:title" content="Den nya bron öppnar i höst Trafik">'
    assert read(heading + TEXT, head).title == "Den nya bron öppnar i höst Trafik"


def test_a_control_character_beside_broken_letters_stops_nothing() -> None:
    html = "<h1>Nytt rÃ¥d</h1><p>Myndigheten har fÃ¥tt ett nytt&#11; rÃ¥d i dag, skriver den.</p>"
    assert read_page(html.encode(), "https://skog.example/nyheter/1").title == "Nytt råd"


@pytest.mark.parametrize(
    "title", ["Fler larm om natten – så arbetar Exempelverket", "Exempelverkets broplan – hela vägen till nästa å"]
)
def test_a_heading_is_the_title_whole_though_a_part_of_it_names_the_agency(title: str) -> None:
    for head in ("", f'<meta property="og:title" content="{title}">'):
        assert read(f"<h1>{title}</h1>{TEXT}", head).title == title
    assert read(TEXT, f'<meta property="og:title" content="{title} | Exempelverket">').title == title


def test_a_lead_between_title_and_article_is_brought_to_it() -> None:
    lead = '<p class="ingress">Bron blir lång, och alla i staden får gå över den utan avgift.</p>'
    article = f"<article>{TEXT}{TEXT}{LAST}</article>"
    release = read(f"{HEADING}{lead}{article}", url="https://www.exempel.se/nyheter/ny-bro/")
    assert (release.lead or "").startswith("Bron blir lång")
    outside = f"<html><head><title>Ny bro öppnar</title></head><body><div>{HEADING}{lead}{article}</div></body></html>"
    assert (to_release(read_page(outside.encode(), URL)).lead or "").startswith("Bron blir lång")


def test_what_holds_title_and_lead_is_not_the_lead() -> None:
    intro = f'<div class="article-intro"><p>Trafik</p>{HEADING}<p>Bron blir lång, och alla får gå över den.</p></div>'
    assert read(f"{intro}{TEXT}{LAST}").lead == "Bron blir lång, och alla får gå över den."


def test_a_text_in_several_fields_of_a_cms_is_whole() -> None:
    block = '<div class="textblock"><div class="xhtml-string">{}</div></div>'
    cms = '<meta name="generator" content="EPiServer">'
    release = read(HEADING + block.format(TEXT + TEXT) + block.format("<h2>Nästa steg</h2><p>Bron målas.</p>"), cms)
    assert "Bron målas." in release.body


def test_letters_within_a_word_of_the_title_part_it_not() -> None:
    assert (
        read(f"<h1>Mindre CO<sub>2</sub> med ny samhälls<wbr>bro</h1>{TEXT}").title == "Mindre CO2 med ny samhällsbro"
    )


def test_a_file_is_told_once_whatever_page_of_it_is_linked_to() -> None:
    links = '<a href="/r.pdf">Rapport</a> <a href="/r.pdf#page=3">sidan 3</a>'
    typed = '<a href="/h?f=1" type="application/pdf">Karta</a>'
    files = read(f"{HEADING}{TEXT}<p>{links} {typed}</p>").attachments
    assert [file.url.rpartition("/")[2] for file in files] == ["r.pdf", "h?f=1"]
