"""The running text: which blocks belong to it, and which only serve the page."""

from __future__ import annotations

import pytest

from scraper.normalise import to_release
from scraper.pages import pictures, read_page
from tests.scraper.pages_of import TEXT, URL, read

HEADING = "<h1>Ny bro öppnar</h1>"
LAST = "<p>Sist i texten står hur många bilar som väntas passera bron varje dygn under sommaren.</p>"


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


ROWS = "<tr><th>År</th><th>Pris</th></tr><tr><td>2020</td><td>10</td></tr>"
WHOLE = {
    "a list straight in a list": (
        "<ul><li>Norra sidan</li><ul><li>räcket målas</li></ul><li>Södra sidan</li></ul>",
        "• Norra sidan\n◦ räcket målas\n• Södra sidan",
    ),
    "words beside a list's items": ("<ul>Kvar är<li>räcket</li></ul>", "• Kvar är\n• räcket"),
    "an anchor": ('<p><a name="beslut">Kommunen avslår ansökan.</a></p>', "Kommunen avslår ansökan."),
    "an anchor by id": ('<p><a id="beslut">Kommunen avslår ansökan.</a></p>', "Kommunen avslår ansökan."),
    "brackets in prose": (
        '<p>Färjan (som öppnas i juni) går till <a href="/o">ön</a> (som öppnas för alla).</p>',
        "Färjan (som öppnas i juni) går till ön (som öppnas för alla).",
    ),
    "notes of links": (
        '<p>Läs <a href="/o">om ön (öppnas i nytt fönster)</a> och <a href="/p">om åarna</a>'
        " (extern webbplats) här i dag.</p>",
        "Läs om ön och om åarna här i dag.",
    ),
    "numbers that go on": (
        '<ol start="4"><li>fyra</li><li value="9">nio</li><li>tio</li></ol>',
        "4. fyra\n9. nio\n10. tio",
    ),
    "numbers that go down": ("<ol reversed><li>två</li><li>ett</li></ol>", "2. två\n1. ett"),
    "a number that is none": ('<ol start="x"><li>ett</li></ol>', "1. ett"),
    "a caption": (
        f"<table><caption>Tusental kronor</caption>{ROWS}</table>",
        "Tusental kronor\nÅr | Pris\n2020 | 10",
    ),
    "a table in a figure": (
        f'<figure class="wp-block-table"><table>{ROWS}</table>'
        '<figcaption class="wp-element-caption">Tusental kronor</figcaption></figure>',
        "År | Pris\n2020 | 10\n\nTusental kronor",
    ),
    "a quote in a figure": (
        "<figure><blockquote><p>Den är fin.</p></blockquote><figcaption>Eva Ek</figcaption></figure>",
        "Den är fin.\n\nEva Ek",
    ),
    "who is quoted": ("<blockquote><p>Den är fin.</p><footer>Eva Ek</footer></blockquote>", "Den är fin.\n\nEva Ek"),
    "a box of facts": ('<aside class="faktaruta"><p>Bron är lång.</p></aside>', "Bron är lång."),
    "facts by their heading": (
        "<aside><h2>Fakta om bron</h2><p>Den är lång.</p></aside>",
        "Fakta om bron\n\nDen är lång.",
    ),
    "a word with a class of furniture": (
        '<p><a class="RichTextIntLink NavNode" href="/b">Bron</a> går över '
        '<a class="lexicon tooltip-link" href="/o">ån</a> från <span class="tooltip">söder</span> till norr'
        " i hela staden.</p>",
        "Bron går över ån från söder till norr i hela staden.",
    ),
    "headings with ids made of their words": (
        '<h2 id="h-dela-ansvaret">Dela ansvaret</h2><p>Alla bär.</p><h2 id="some-facts">Några fakta</h2><p>Två.</p>',
        "Dela ansvaret\n\nAlla bär.\n\nNågra fakta\n\nTvå.",
    ),
    "headings like the page's own": (
        "<h2>Dela upp betalningen</h2><p>I två.</p><h2>Relaterade kostnader</h2><p>Inga.</p><h2>Beslut</h2><p>Ja.</p>",
        "Dela upp betalningen\n\nI två.\n\nRelaterade kostnader\n\nInga.\n\nBeslut\n\nJa.",
    ),
    "cells with names": (
        '<table><tr><th class="social">Del</th><th>År</th></tr><tr><td class="share">34 %</td><td>1</td></tr></table>',
        "Del | År\n34 % | 1",
    ),
    "tabs": (
        '<div class="tab-content" id="nav-tabContent">'
        '<div class="tab-pane" id="nav-home"><p>Bron är lång.</p></div></div>',
        "Bron är lång.",
    ),
    "what ReadSpeaker skips": ('<p class="rs_skip">Bron är lång.</p>', "Bron är lång."),
    "no share button": ("<p>Tipsa polisen på telefon 114 14.</p>", "Tipsa polisen på telefon 114 14."),
    "a share button": ("<p>Tipsa polisen</p><p>Tipsa en vän</p><p>Tillbaka till startsidan</p>", ""),
    "what is about the text": (
        "<h2>Kategorier</h2><p>Broar byggs i tre kategorier.</p><p>Läs <a href='/r'>reglerna</a> före.</p>",
        "Kategorier\n\nBroar byggs i tre kategorier.\n\nLäs reglerna före.",
    ),
    "a formula": ("<p>Lasten är <math><mi>F</mi><mo>=</mo><mn>3</mn></math> ton.</p>", "Lasten är F=3 ton."),
    "a margin": ("<aside><h2>Prenumerera</h2><p>Få brev om broar.</p></aside>", ""),
}


@pytest.mark.parametrize("case", WHOLE)
def test_what_stands_in_the_text_is_kept_as_it_stands(case: str) -> None:
    markup, kept = WHOLE[case]
    release = read(f"{HEADING}<div>{TEXT}{markup}{LAST}</div>")
    assert release.body.split("projektledaren.")[1].split("Sist i texten")[0].strip() == kept


def test_numbers_and_what_no_longer_holds_are_marked_up() -> None:
    struck = "Priset är <del>500</del> <ins>600</ins>, <strike>i år</strike>."
    items = '<ol start="4"><li>{}</li><li value="9">Gäller.</li></ol>'
    kept = items.format(struck.replace("strike", "s"))
    markup = items.format(struck)
    assert kept in read(f"{HEADING}<div>{TEXT}{markup}{LAST}</div>").body_html


def test_cells_that_span_others_are_marked_up() -> None:
    rows = '<tr><th colspan="2">Bro</th></tr><tr><td rowspan="2">Ny</td><td colspan="x">1</td></tr><tr><td>2</td></tr>'
    kept = '<tr><th colspan="2">Bro</th></tr><tr><td rowspan="2">Ny</td><td>1</td></tr><tr><td>2</td></tr>'
    assert kept in read(f"{HEADING}<div>{TEXT}<table>{rows}</table>{LAST}</div>").body_html


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


PICTURES = {
    "credit beside the caption": (
        '<figure><img src="/bro.jpg"><span class="photo-credit">Foto: Eva Ek</span>'
        "<figcaption>Bron.</figcaption></figure>",
        ("Bron.", "Eva Ek"),
    ),
    "a caption that ReadSpeaker skips": (
        '<figure><img src="/bro.jpg">'
        '<figcaption class="image-caption rs_skip">Bron. Foto: Eva Ek</figcaption></figure>',
        ("Bron.", "Eva Ek"),
    ),
    "a logo with a caption": (
        '<figure><img src="/bro-logo-skylt.jpg"><figcaption>Skylten. Foto: Eva Ek</figcaption></figure>',
        ("Skylten.", "Eva Ek"),
    ),
}


@pytest.mark.parametrize("case", PICTURES)
def test_what_is_said_of_a_picture(case: str) -> None:
    markup, told = PICTURES[case]
    assert [(image.caption, image.credit) for image in read(HEADING + TEXT + markup + LAST).images] == [told]


def test_no_furniture_is_a_picture() -> None:
    zoom = '<figure><img src="/bro.jpg"><img src="/zoom-icon.svg"><figcaption>Bron.</figcaption></figure>'
    blank = '<figure><img src="/lazyload-placeholder.png"><figcaption>Ån.</figcaption></figure>'
    assert [image.url.rpartition("/")[2] for image in read(HEADING + TEXT + zoom + blank + LAST).images] == ["bro.jpg"]


BESIDE = {
    "a like part": '<div class="text more"><p>Bron målas om vart tionde år av kommunens egna målare.</p></div>',
    "a section with a list": '<div class="facts"><h2>Så gör du</h2><ul><li>Gå över bron</li><li>Gå hem</li></ul></div>',
    "a section with a table": "<section><h3>Mått</h3><table><tr><th>Del</th><th>Meter</th></tr><tr><td>Spann</td>"
    "<td>80</td></tr></table></section>",
    "a section with sentences": "<div><h2>Nästa steg</h2><p>Bron målas om vart tionde år av stadens målare.</p></div>",
}


@pytest.mark.parametrize("case", BESIDE)
def test_parts_of_the_text_beside_the_densest_element_are_kept(case: str) -> None:
    release = read(f'{HEADING}<div class="text">{TEXT * 4}{LAST}</div>{BESIDE[case]}')
    words = [word for part in BESIDE[case].split("<") for word in part.partition(">")[2].split()]
    assert words
    assert all(word in release.body for word in words)
    assert release.lead is None


@pytest.mark.parametrize(
    "beside",
    [
        "<h2>Läs också</h2><p>Bron målas om vart tionde år av kommunens egna målare.</p>",
        "<h2>Nyhetsbrev</h2><p>Få brev om broar varje vecka, helt utan kostnad.</p><form><input></form>",
        '<h2>Bygga</h2><ul><li><a href="/a">Bron i väster</a></li><li><a href="/b">Ån</a></li></ul>',
    ],
)
def test_what_only_surrounds_the_text_is_not(beside: str) -> None:
    assert read(f'{HEADING}<div class="text">{TEXT * 4}{LAST}</div><div class="more">{beside}</div>').body.endswith(
        "under sommaren."
    )


def test_captions_are_looked_for_once_in_an_element_however_many_pictures_it_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[object] = []

    def look(holder: object, _wanted: object) -> list[object]:
        looked.append(holder)
        return []

    monkeypatch.setattr(pictures, "named", look)
    release = read(HEADING + TEXT + "<div>" + "".join(f'<img src="/{number}.jpg">' for number in range(500)) + "</div>")
    assert len(release.images) == 500
    assert len(looked) < 10
