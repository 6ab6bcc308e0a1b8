"""What stands in the text or beside its densest element, and is kept as it stands; what only surrounds it is not."""

from __future__ import annotations

import pytest

from tests.scraper.pages_of import HEADING, LAST, TEXT, read

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
