"""Field by field on small pages: what is read, from where, and what is left out."""

from __future__ import annotations

import json
from datetime import date

import pytest

from scraper.agency import Agency
from scraper.errors import AgencyError, PageError
from tests.scraper.pages_of import TEXT, URL, read, read_item

HEADING = "<h1>Ny bro öppnar</h1>"


def test_frame_stays_out_of_the_text() -> None:
    release = read(HEADING + TEXT + '<div class="share"><p>Dela sidan</p></div><p>Skriv ut</p>')
    assert release.body.startswith("Den nya bron")
    assert release.body.endswith("projektledaren.")
    for words in ("kakor", "Läs också", "Telefon", "Dela", "Skriv ut"):
        assert words not in release.body
    assert release.language == "sv"


def test_title_is_the_articles_heading_not_the_agencys_name() -> None:
    assert read("<h1>Exempelverket</h1><h1>Ny bro öppnar</h1>" + TEXT).title == "Ny bro öppnar"


def test_title_without_a_heading_comes_from_the_head() -> None:
    assert read(TEXT).title == "Ny bro öppnar"


def test_a_kicker_in_the_heading_is_left_out() -> None:
    head = '<meta property="og:title" content="Den nya bron öppnar i höst">'
    assert read("<h1>Trafik: Den nya bron öppnar i höst</h1>" + TEXT, head).title == "Den nya bron öppnar i höst"


@pytest.mark.parametrize(
    "lead",
    [
        '<p class="preamble">Snart går det att cykla torrskodd till skolan.</p>',
        '<div class="ingress"><p>Snart går det att cykla torrskodd till skolan.</p></div>',
        "<p><strong>Snart går det att cykla torrskodd till skolan.</strong></p>",
    ],
)
def test_lead_is_not_repeated_in_the_body(lead: str) -> None:
    release = read(HEADING + lead + TEXT)
    assert release.lead == "Snart går det att cykla torrskodd till skolan."
    assert release.lead not in release.body
    assert release.lead not in release.body_html


def test_a_heading_of_the_text_is_no_lead() -> None:
    release = read(f'{HEADING}<h2 class="subheading">Bakgrund</h2>{TEXT}')
    assert release.lead != "Bakgrund"
    assert "Bakgrund" in release.body


def test_a_page_without_a_lead_has_none() -> None:
    assert read(HEADING + TEXT).lead is None


@pytest.mark.parametrize(
    ("line", "published", "updated"),
    [
        ("<p>Publicerad: 3 mars 2022</p>", date(2022, 3, 3), None),
        ("<p>Publicerad 3 mars 2022 · Uppdaterad 4 mars 2022</p>", date(2022, 3, 3), date(2022, 3, 4)),
        ("<dl><dt>Publicerad</dt><dd>3 mars 2022</dd></dl>", date(2022, 3, 3), None),
        ("<div>Publicerad<br><span>3 mars 2022</span></div>", date(2022, 3, 3), None),
        ("<p>Senast granskad: 2022-03-03</p>", None, None),
        ("<p>Senast uppdaterad: 2022-03-03</p>", None, date(2022, 3, 3)),
        ('<div class="print-only"><p>Publicerad: 2022-03-03 10:15</p></div>', None, None),
        ("<p>Nästa publicering: 2030-03-03</p>", None, None),
        ('<time datetime="2022-03-03">3 mars 2022</time>', date(2022, 3, 3), None),
        ("<p>Pressmeddelande 2022-03-03</p>", date(2022, 3, 3), None),
        ('<h3 id="eventDate">3 mars 2022</h3>', None, None),
        ("<p>Mötet hölls den 3 mars 2022 i Lund, och många kom dit för att lyssna.</p>", None, None),
    ],
)
def test_dates(line: str, published: date | None, updated: date | None) -> None:
    release = read(HEADING + line + TEXT)
    assert (release.published, release.updated) == (published, updated)


def test_an_undated_page_gets_no_date() -> None:
    release = read("<h1>3 mars 10.30, Brand, Lund</h1>" + TEXT)
    assert (release.published, release.updated) == (None, None)


def test_a_teasers_date_is_not_the_pages() -> None:
    beside = '<ul class="list"><li><a href="/b">Annan nyhet</a> <span>Publicerad: 2020-01-02</span></li></ul>'
    assert read(HEADING + TEXT, after=beside).published is None


def test_a_machines_value_lends_its_precision_where_it_agrees() -> None:
    label = "<p>Publicerad 3 mars 10.30</p>"
    head = '<meta property="dc:Date.Created" content="2022-03-{} 10:30:45">'
    url = "https://www.exempel.se/2022/mars/3/x/"
    agreed, other = (
        read(HEADING + label + TEXT, head.format("03"), url=url),
        read(HEADING + label + TEXT, head.format("09"), url=url),
    )
    assert str(agreed.published) == "2022-03-03 10:30:45+01:00"
    assert str(other.published) == "2022-03-03 10:30:00+01:00"


def test_a_label_counts_more_than_a_declaration() -> None:
    head = '<meta property="article:published_time" content="2015-04-02T08:00:00+02:00">'
    assert read(HEADING + "<p>Publicerad 3 mars 2012</p>" + TEXT, head).published == date(2012, 3, 3)
    assert str(read(HEADING + TEXT, head).published) == "2015-04-02 08:00:00+02:00"


def test_declared_dates_of_json_ld() -> None:
    head = """<script type="application/ld+json">{"@graph": [{"@type": "NewsArticle",
    "datePublished": "2022-03-03T10:00:00+01:00", "dateModified": "2022-03-04T10:00:00+01:00"}]}</script>"""
    release = read(HEADING + TEXT, head)
    assert (str(release.published)[:10], str(release.updated)[:10]) == ("2022-03-03", "2022-03-04")


def test_an_update_stamped_with_the_publication_is_none() -> None:
    head = (
        '<meta property="article:published_time" content="2022-03-03T10:00:00+01:00">'
        '<meta property="article:modified_time" content="2022-03-03T10:00:00+01:00">'
    )
    assert read(HEADING + TEXT, head).updated is None


def test_an_unreadable_label_is_an_error_that_names_the_field() -> None:
    with pytest.raises(PageError, match="31 februari 2022") as caught:
        read(HEADING + "<p>Publicerad: 31 februari 2022</p>" + TEXT)
    assert caught.value.field == "published"


@pytest.mark.parametrize(
    "tags",
    [
        '<ul class="tags"><li><a href="/t/1">Trafik</a></li><li><a href="/t/2">Skola</a></li></ul>',
        "<h3>Den här sidan är uppmärkt med följande kategorier</h3>"
        '<ul class="nav"><li><a href="/t/1">Trafik</a></li><li><a href="/t/2">Skola</a></li></ul>',
        "<p>Nyckelord: Trafik, Skola</p>",
        '<p><a rel="tag" href="/t/1">Trafik</a> <a rel="tag" href="/t/2">Skola</a></p>',
        "<p>den 5 december 2019, [Trafik, Skola]</p>",
    ],
)
def test_tags(tags: str) -> None:
    release = read(HEADING + TEXT + tags)
    assert release.tags == ("Trafik", "Skola")
    assert "Trafik" not in release.body
    assert "uppmärkt" not in release.body


def test_subjects_in_a_menu_are_no_tags() -> None:
    menu = '<nav><h3>Ämnen</h3><ul><li><a href="/t/1">Trafik</a></li></ul></nav>'
    assert read(HEADING + TEXT, after=menu).tags == ()


def test_caption_credit_and_alt() -> None:
    caption = "<figcaption>Bron i mars. Foto: Eva Ek</figcaption>"
    figure = f'<figure><img src="/bro.jpg" alt="En bro" width="900">{caption}</figure>'
    image = read(HEADING + figure + TEXT + '<img src="/logo.svg" alt="Logotyp">').images
    assert [(found.url, found.caption, found.credit, found.alt) for found in image] == [
        ("https://www.exempel.se/bro.jpg", "Bron i mars.", "Eva Ek", "En bro")
    ]


def test_attachments_and_link_notes() -> None:
    link = '<p>Läs <a href="/r.pdf">rapporten om bron (pdf, 2 MB) (öppnas i nytt fönster)</a> i dess helhet.</p>'
    release = read(HEADING + TEXT + link)
    (attachment,) = release.attachments
    assert (attachment.url, attachment.title) == ("https://www.exempel.se/r.pdf", "rapporten om bron (pdf, 2 MB)")
    assert release.body.endswith("Läs rapporten om bron (pdf, 2 MB) i dess helhet.")
    assert '<a href="https://www.exempel.se/r.pdf" rel="noopener noreferrer">' in release.body_html
    assert "nytt fönster" not in release.body_html


def test_kind_from_the_eyebrow_then_the_address() -> None:
    assert read("<p>Pressmeddelande</p>" + HEADING + TEXT).kind == "press release"
    assert read(HEADING + TEXT).kind == "news"
    assert read(HEADING + TEXT, url="https://www.exempel.se/om/x/").kind is None


@pytest.mark.parametrize(
    ("types", "kind"),
    [
        (["NewsArticle", "PressRelease"], "press release"),
        (["NewsArticle", "OpinionNewsArticle"], "opinion"),
        (["Report", "NewsArticle"], "news"),
        (["BlogPosting", "Report"], "blog"),
        (["Report", "BlogPosting", "NewsArticle", "OpinionNewsArticle", "PressRelease"], "press release"),
    ],
)
def test_of_several_declared_types_the_one_that_tells_most_is_the_kind(types: list[str], kind: str) -> None:
    head = f'<script type="application/ld+json">{{"@type": {json.dumps(types)}}}</script>'
    assert read(HEADING + TEXT, head, url="https://www.exempel.se/om/x/").kind == kind


@pytest.mark.parametrize(
    ("canonical", "url"),
    [
        ("https://exempel.se/nyheter/2024/ny-bro-over-an/", "https://exempel.se/nyheter/2024/ny-bro-over-an/"),
        ("https://www.exempel.se/", URL),
        ("https://www.exempel.se/nyheter/", URL),
        ("https://annan.se/nyheter/2024/ny-bro/", URL),
        ("http://[x]/", URL),
    ],
)
def test_canonical_address_where_credible(canonical: str, url: str) -> None:
    assert read(HEADING + TEXT, f'<link rel="canonical" href="{canonical}">').url == url


def test_every_field_tells_where_it_came_from() -> None:
    found = read_item(HEADING + '<p class="preamble">Kort sagt om bron.</p><p>Publicerad: 3 mars 2022</p>' + TEXT)
    assert found.evidence.keys() >= {"title", "lead", "body", "published", "main"}
    assert found.evidence["published"].rule == "label Publicerad:"
    assert found.evidence["lead"].element.endswith("p.preamble")


def test_an_agencys_selectors_come_first() -> None:
    agency = Agency(
        slug="ex",
        name="Ex",
        home="https://www.exempel.se/",
        title=".rubrik",
        lead=".kort",
        published=".nar",
        tags=".om a",
    )
    article = (
        '<h1>Fel</h1><h2 class="rubrik">Rätt</h2><p class="preamble">Fel ingress.</p>'
        '<p class="kort">Rätt ingress.</p>'
        f'{TEXT}<p class="nar">2022-03-03</p><p>Publicerad: 2021-01-01</p><p class="om"><a href="/t">Trafik</a></p>'
    )
    release = read(article, agency=agency)
    assert (release.agency, release.title, release.lead, release.published, release.tags) == (
        "ex",
        "Rätt",
        "Rätt ingress.",
        date(2022, 3, 3),
        ("Trafik",),
    )


def test_a_bad_page_class_or_selector_is_named() -> None:
    agency = Agency(slug="ex", name="Ex", home="https://www.exempel.se/", page="scraper.pages.nowhere.Page")
    with pytest.raises(AgencyError, match=r"\[ex\] page"):
        read(HEADING + TEXT, agency=agency)
    agency = Agency(slug="ex", name="Ex", home="https://www.exempel.se/", lead="p..x")
    with pytest.raises(PageError, match="selector"):
        read(HEADING + TEXT, agency=agency)
