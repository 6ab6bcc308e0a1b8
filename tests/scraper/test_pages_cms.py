"""Which class reads a page, and what each CMS's class knows of its markup."""

from __future__ import annotations

import pytest

from scraper.agency import Agency
from scraper.normalise import to_release
from scraper.pages import read_page
from scraper.pages.base import NewsPage
from scraper.pages.cms import DrupalPage, EpiserverPage, PolisenPage, SiteVisionPage, WordPressPage, choose_page_class
from scraper.pages.document import Document
from tests.scraper.pages_of import TEXT, URL, page, read


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        ('<meta name="generator" content="WordPress 6.5">', WordPressPage),
        ('<link rel="stylesheet" href="/wp-content/themes/x.css">', WordPressPage),
        ('<meta name="Generator" content="Drupal 10 (https://www.drupal.org)">', DrupalPage),
        ('<link href="/sites/default/files/css/x.css" rel="stylesheet">', DrupalPage),
        ('<meta name="generator" content="Sitevision">', SiteVisionPage),
        ('<link href="/download/18.4a/1/x.css" rel="stylesheet">', SiteVisionPage),
        ('<link rel="icon" href="/globalassets/i.png">', EpiserverPage),
        ("", NewsPage),
    ],
)
def test_the_cms_is_told_from_the_page(trace: str, expected: type[NewsPage]) -> None:
    assert choose_page_class(Document(page(TEXT, trace), URL), None) is expected


def test_the_agencys_own_class_wins() -> None:
    agency = Agency(slug="polisen", name="P", home="https://polisen.se/", page="scraper.pages.cms.PolisenPage")
    generator = '<meta name="generator" content="WordPress 6.5">'
    assert choose_page_class(Document(page(TEXT, generator), URL), agency) is PolisenPage


def test_wordpress_times_and_terms() -> None:
    release = read(
        '<article><h1 class="entry-title">Ny bro</h1>'
        '<time class="entry-date published" datetime="2022-03-03T10:00:00+01:00"></time>'
        '<time class="updated" datetime="2022-03-05T10:00:00+01:00">5 mars</time>'
        f'<div class="entry-content">{TEXT}</div><p class="tags-links"><a href="/t">Trafik</a></p></article>',
        '<meta name="generator" content="WordPress 6.5">',
    )
    assert (str(release.published)[:10], str(release.updated)[:10]) == ("2022-03-03", "2022-03-05")
    assert release.tags == ("Trafik",)


def test_drupal_fields() -> None:
    release = read(
        '<article class="node node--view-mode-full"><h1 class="page-title">Ny bro</h1>'
        '<div class="field field--name-field-preamble">Kort om bron.</div>'
        f'<div class="field field--name-body">{TEXT}</div>'
        '<div class="field field--name-field-tags"><a href="/t">Trafik</a></div></article>',
        '<meta name="generator" content="Drupal 10">',
    )
    assert (release.lead, release.tags) == ("Kort om bron.", ("Trafik",))
    assert "Kort om bron" not in release.body


@pytest.mark.parametrize("field", ["field--type-file", "field-type-file"], ids=["Drupal 8 and later", "Drupal 7"])
def test_drupal_files_are_attachments_and_no_text(field: str) -> None:
    lead = f"Kort om bron. {TEXT.replace('<p>', '').replace('</p>', '')}"  # so long that the body field holds not most
    release = read(
        '<article class="node node--view-mode-full"><h1 class="page-title">Ny bro</h1>'
        f'<div class="field field--name-field-preamble">{lead}</div><div class="field field--name-body">{TEXT}</div>'
        f'<div class="field {field}"><div class="field__label">Filer</div><div class="field__item">'
        '<a href="/sites/default/files/bro.pdf">Ritning</a> <span>(188.2 KB)</span></div></div></article>',
        '<meta name="generator" content="Drupal 10">',
    )
    assert [file.title for file in release.attachments] == ["Ritning"]
    assert "Filer" not in release.body
    assert "188.2" not in release.body


@pytest.mark.parametrize(
    "dates",
    [
        '<div class="meta-data-container">Publicerad<br><span class="date">3 mars 10.30</span></div>',
        '<div class="meta-data-container">Publicerad<br>'
        '<time class="date" datetime="2022-03-03T10:30:45">3 mars 10.30</time></div>',
        '<div class="page-meta-data"><dl><dt>Text av</dt><dd>Eva Ek</dd><dt>Publicerad</dt>'
        '<dd><time datetime="2022-03-03T10:30:45">3 mars 2022 10.30</time></dd></dl></div>',
    ],
)
def test_polisen_in_three_generations(dates: str) -> None:
    html = page(
        '<div id="main-content"><div class="event-page"><h1>3 mars 10.12, Brand, Lund</h1>'
        f'<p class="preamble">Brand i ett skjul.</p><div>{TEXT}</div>{dates}'
        '<div class="block"><span>Notiserna är kortfattade.</span></div></div></div>',
        '<meta property="dc:Date.Created" content="2022-03-03 10:30:45">'
        '<link href="/siteassets/x.css" rel="stylesheet">',
    )
    agency = Agency(slug="polisen", name="P", home="https://polisen.se/", page="scraper.pages.cms.PolisenPage")
    release = to_release(read_page(html, "https://polisen.se/aktuellt/handelser/2022/mars/3/x/", agency))
    assert (release.title, release.lead) == ("3 mars 10.12, Brand, Lund", "Brand i ett skjul.")
    assert str(release.published) == "2022-03-03 10:30:45+01:00"
    assert release.updated is None
    assert "kortfattade" not in release.body
    assert "Eva Ek" not in release.body
