"""Banners of the site are not part of the text and change no field, wherever they are and whatever
they are called.
"""

from __future__ import annotations

import pytest

from archive.database.models import Release
from scraper.agency import Agency
from scraper.normalise.conversion import to_release
from scraper.pages.page_reader import read_page
from tests.scraper.pages.sample_page import HEADING, LAST, TEXT, URL, build_page, read_release

WARNING = (
    "Just nu är det stor brist på dricksvatten i hela länet. Koka vattnet och lyssna på"
    " lokalradion."
)
LONG_WARNING = f"<p>{WARNING}</p>" * 12
LEAD = "Snart går det att cykla torrskodd till skolan."
ARTICLE = f'{HEADING}<p class="preamble">{LEAD}</p><div class="text">{TEXT}</div>'
BANNERS = {
    "link": f'<div><a href="/kris"><div class="xhtml-string"><p>{WARNING}</p></div></a></div>',
    "class of the body": (
        '<article class="x"><div class="entry-content'
        f' article-body"><p>{WARNING}</p></div></article>'
    ),
    "class of the lead": f'<div><p class="ingress sv-font-ingress">{WARNING}</p></div>',
    "class of the title": (
        '<section><h1 class="page-title">Dricksvatten: det gäller'
        f" nu</h1><p>{WARNING}</p></section>"
    ),
    "alert": (
        f'<div role="alert"><h2>Viktigt meddelande till allmänheten</h2><p>{WARNING}</p></div>'
    ),
    "aside": f"<aside><h2>Viktigt</h2><p>{WARNING}</p></aside>",
    "longer than the text": f"<article><h1>Läget i länet</h1>{LONG_WARNING}</article>",
    "paragraph": f"<p>{WARNING}</p>",
    "two": (
        f'<div class="kris"><p>{WARNING}</p></div><div class="drift-info"><p>{WARNING}</p></div>'
    ),
    "date": (
        '<div><p>Uppdaterad <time datetime="2025-02-05">5 februari'
        f" 2025</time></p><p>{WARNING}</p></div>"
    ),
    "contact": (
        f"<div><p>{WARNING}</p><p>Kontakt: Eva Ek, krisledare, 010-111 22 33,"
        f" eva@exempel.se</p></div>"
    ),
}
GENERATORS = (
    "",
    *(f'<meta name="generator" content="{name}">' for name in ("WordPress", "Drupal", "EPiServer")),
)


def read_with(banner: str, before: str, head: str = "", article: str = ARTICLE) -> Release:
    """Read the page with a banner in front of the first occurrence of some markup."""
    html = build_page(article, head).decode()
    assert before in html
    return to_release(read_page(html.replace(before, banner + before, 1).encode(), URL))


@pytest.mark.parametrize("head", GENERATORS, ids=["plain", "WordPress", "Drupal", "Episerver"])
@pytest.mark.parametrize("before", ["<header>", "<main>"])
@pytest.mark.parametrize("banner", BANNERS.values(), ids=BANNERS)
def test_banner_before_the_main_element_changes_nothing(
    banner: str, before: str, head: str
) -> None:
    assert read_with(banner, before, head) == read_with("", before, head)


@pytest.mark.parametrize("banner", BANNERS.values(), ids=BANNERS)
def test_banner_before_a_heading_that_no_title_confirms(banner: str) -> None:
    top = '<div class="top"><h1>En bro till, tack vare ert tålamod</h1></div>'
    html = (
        build_page(TEXT)
        .decode()
        .replace("<main>", f"{top}<main>")
        .replace("<title>Ny bro öppnar", "<title>Start")
    )
    read = [
        to_release(read_page(html.replace("<header>", f"{text}<header>").encode(), URL))
        for text in (banner, "")
    ]
    assert read[0].title == "En bro till, tack vare ert tålamod"
    assert read[0] == read[1]


@pytest.mark.parametrize(
    "banner", ["link", "class of the title", "alert", "aside", "longer than the text", "two"]
)
def test_alert_before_the_heading_in_the_main_element_changes_nothing(banner: str) -> None:
    assert read_with(BANNERS[banner], "<h1>Ny") == read_with("", "<h1>Ny")


INTRO = f"<p>{LEAD}</p>"
BEFORE_HEADING = {
    "class of a lead": f'<main><p class="ingress">{LEAD}</p>{HEADING}{TEXT}</main>',
    "paragraph": f"<main>{INTRO}{HEADING}<p>Publicerad 3 mars 2024</p>{TEXT}</main>",
    "box": f'<article><div class="intro">{INTRO}</div>{HEADING}{TEXT}</article>',
    "cell": f"<table><tr><td>{INTRO}</td></tr><tr><td>{HEADING}{TEXT}</td></tr></table>",
    "correction": f"<main><p>Rättelse: i går stod fel månad här. {LEAD}</p>{HEADING}{TEXT}</main>",
    "no main element": f'<div class="top">{INTRO}</div><div class="content">{HEADING}{TEXT}</div>',
    "parent": f"<div>{INTRO}{HEADING}{TEXT}</div>",
    "whole text": f"<main>{INTRO}{TEXT}{HEADING}<p>Publicerad 3 mars 2024</p></main>",
    "h1 in the text": f"<main>{INTRO}{TEXT}<h1>Vad händer sedan?</h1>{LAST}</main>",
}


@pytest.mark.parametrize("markup", BEFORE_HEADING.values(), ids=BEFORE_HEADING)
def test_sentences_of_the_release_above_its_heading_are_kept(markup: str) -> None:
    html = f'<html lang="sv"><head><title>Ny bro öppnar</title></head><body>{markup}</body></html>'
    release = to_release(read_page(html.encode(), URL))
    text = f"{release.lead} {release.body}"
    assert LEAD in text
    assert "enligt projektledaren" in text


TEXT_BOXES = [
    *("kris", "crisis", "driftinformation", "important-message", "content alerts", "news-alert"),
    *("tema-kris", "page-kris", "tag-kris", "kris-och-beredskap", "category-krisberedskap"),
    *("krisinformation", "crisis-management", "emergency-preparedness", "food-alerts"),
    "node--type-alert",
]


@pytest.mark.parametrize("name", TEXT_BOXES)
def test_box_with_the_text_is_kept_whatever_its_name(name: str) -> None:
    body = read_release(f'{HEADING}<div class="{name}">{TEXT}</div>').body
    assert body == read_release(HEADING + TEXT).body


ATTRIBUTES = ('class="alert alert-info"', 'role="alert"', 'id="emergency"', 'class="tema-kris"')


@pytest.mark.parametrize("attribute", ATTRIBUTES)
@pytest.mark.parametrize("place", ["first", "last"])
def test_first_or_last_paragraph_in_a_box_is_kept(place: str, attribute: str) -> None:
    box = f"<div {attribute}><p>{LEAD}</p></div>"
    release = read_release(HEADING + (box + TEXT if place == "first" else TEXT + box))
    assert LEAD in f"{release.lead} {release.body}"


ALERTS = (
    '<div class="site-alert">',
    '<div class="sol-crisis-message">',
    '<section class="bvKrisInfo">',
    '<p class="drift-info">',
)


@pytest.mark.parametrize("start", ALERTS)
@pytest.mark.parametrize("before", ['<div class="text">', "</main>", "<footer>"])
def test_alert_after_the_heading_is_not_text(start: str, before: str) -> None:
    tag = start[1:].partition(" ")[0]
    assert read_with(f"{start}{WARNING}</{tag}>", before) == read_with("", before)


@pytest.mark.parametrize(
    "start", ['<div role="alert">', '<div class="alert">', '<div id="emergency">']
)
def test_alert_beside_the_main_element_is_not_text(start: str) -> None:
    assert read_with(f"{start}<p>{WARNING}</p></div>", "<footer>") == read_with("", "<footer>")


@pytest.mark.parametrize("start", ALERTS)
def test_box_between_sentences_is_text(start: str) -> None:
    tag = start[1:].partition(" ")[0]
    body = read_with(f"{start}{WARNING}</{tag}>", "<p>Arbetet har").body
    assert WARNING in body


def test_longer_banner_below_the_text_changes_nothing() -> None:
    banner = BANNERS["longer than the text"]
    assert read_with(banner, "<footer>") == read_with("", "<footer>")


def test_title_that_is_only_declared_does_not_make_the_heading_of_a_banner_its_own() -> None:
    html = build_page(f"<h2>Ny bro öppnar</h2>{TEXT}").decode()
    banner = f'<div class="info"><h1>Dricksvatten</h1><p>{WARNING}</p><p>{WARNING}</p></div>'
    release = to_release(read_page(html.replace("<footer>", banner + "<footer>").encode(), URL))
    assert (release.title, WARNING in release.body) == ("Ny bro öppnar", False)


def test_text_that_an_agency_selects_may_be_before_the_heading() -> None:
    agency = Agency(slug="ex", name="Ex", home="https://www.exempel.se/", lead=".kort")
    html = build_page(f'<div><p class="kort">{LEAD}</p></div>{HEADING}{TEXT}')
    assert to_release(read_page(html, URL, agency)).lead == LEAD


def test_dates_contacts_and_tags_of_a_column_before_the_heading_are_kept() -> None:
    column = (
        "<div><h2>Ämnen</h2><ul><li><a href='/b'>Broar</a></li></ul><p>Publicerad: 3 mars 2022</p>"
        "<h2>Kontakt</h2><p>Eva Ek, projektledare för broar<br>010-111 22 33</p></div>"
    )
    release = read_with(column, "<main>")
    assert (str(release.published), release.tags) == ("2022-03-03", ("Broar",))
    assert [contact.name for contact in release.contacts] == ["Eva Ek"]
    assert release.body == read_with("", "<main>").body


def test_caption_of_a_picture_above_the_heading_is_kept() -> None:
    picture = (
        '<div class="top"><img src="/bro.jpg" width="900"><div>Bron öppnar för den första cyklisten'
        " i maj.</div></div>"
    )
    (image,) = read_with(picture, "<h1>Ny").images
    assert image.caption == "Bron öppnar för den första cyklisten i maj."
