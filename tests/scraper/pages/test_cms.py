"""Page classes of content management systems."""

from __future__ import annotations

import pytest

from scraper.agency import Agency
from scraper.pages.agencies.polisen import PolisenPage
from scraper.pages.document import Document
from scraper.pages.page_classes import (
    DrupalPage,
    EpiserverPage,
    NewsPage,
    SiteVisionPage,
    WordPressPage,
    choose_page_class,
)
from tests.scraper.pages.sample_page import TEXT, URL, build_page, read_release

WORDPRESS = '<meta name="generator" content="WordPress 6.5">'
DRUPAL = '<meta name="generator" content="Drupal 10">'
POLISEN = Agency(
    slug="polisen",
    name="P",
    home="https://polisen.se/",
    page="polisen",
)


@pytest.mark.parametrize(
    ("head", "agency", "expected"),
    [
        (WORDPRESS, None, WordPressPage),
        ('<link rel="stylesheet" href="/wp-content/themes/x.css">', None, WordPressPage),
        ('<meta name="Generator" content="Drupal 10 (https://www.drupal.org)">', None, DrupalPage),
        ('<link href="/sites/default/files/css/x.css" rel="stylesheet">', None, DrupalPage),
        ('<meta name="generator" content="Sitevision">', None, SiteVisionPage),
        ('<link href="/download/18.4a/1/x.css" rel="stylesheet">', None, SiteVisionPage),
        ('<link rel="icon" href="/globalassets/i.png">', None, EpiserverPage),
        ("", None, NewsPage),
        (WORDPRESS, POLISEN, PolisenPage),
    ],
)
def test_page_class(head: str, agency: Agency | None, expected: type[NewsPage]) -> None:
    assert choose_page_class(Document(build_page(TEXT, head), URL), agency) is expected


def test_wordpress_times_and_tags() -> None:
    release = read_release(
        '<article><h1 class="entry-title">Ny bro</h1><time class="entry-date published"'
        ' datetime="2022-03-03T10:00:00+01:00"></time><time class="updated"'
        ' datetime="2022-03-05T10:00:00+01:00">5 mars</time><div'
        f' class="entry-content">{TEXT}</div><p class="tags-links"><a'
        ' href="/t">Trafik</a></p></article>',
        WORDPRESS,
    )
    assert (str(release.published)[:10], str(release.updated)[:10]) == ("2022-03-03", "2022-03-05")
    assert release.tags == ("Trafik",)


@pytest.mark.parametrize(
    "files_class", ["field--type-file", "field-type-file"], ids=["Drupal 8 and later", "Drupal 7"]
)
@pytest.mark.parametrize(
    "lead", ["Kort om bron.", f"Kort om bron. {'Den är lång. ' * 30}"], ids=["short", "long lead"]
)
def test_drupal_fields(files_class: str, lead: str) -> None:
    release = read_release(
        '<article class="node node--view-mode-full"><h1 class="page-title">Ny bro</h1><div'
        f' class="field field--name-field-preamble">{lead}</div><div class="field'
        f' field--name-body">{TEXT}</div><div class="field {files_class}"><div'
        ' class="field__label">Filer</div><div class="field__item"><a'
        ' href="/sites/default/files/bro.pdf">Ritning</a> <span>(188.2 KB)</span></div></div><div'
        ' class="field field--name-field-tags"><a href="/t">Trafik</a></div></article>',
        DRUPAL,
    )
    assert (release.lead, release.tags) == (lead.strip(), ("Trafik",))
    assert [file.title for file in release.attachments] == ["Ritning"]
    assert "Kort om bron" not in release.body
    assert "Filer" not in release.body


def test_episerver_text_in_several_fields() -> None:
    block = '<div class="textblock"><div class="xhtml-string">{}</div></div>'
    article = block.format(TEXT + TEXT) + block.format("<h2>Nästa steg</h2><p>Bron målas.</p>")
    release = read_release(
        "<h1>Ny bro</h1>" + article, '<meta name="generator" content="EPiServer">'
    )
    assert "Bron målas." in release.body
