"""Titles, leads, tags, kinds, images and attachments (title.py, lead.py, tags.py, media.py)."""

from __future__ import annotations

import pytest

from archive.database.models import Release
from scraper.normalise.conversion import to_release
from scraper.pages import media
from scraper.pages.page_reader import read_page
from tests.case_tables import load_table
from tests.scraper.pages.sample_page import HEADING, LAST, MARKUP, TEXT, URL, read_release

HOME = "https://www.exempel.se/"
LEAD = "Snart går det att cykla torrskodd till skolan."
ARTICLE = f"<article>{TEXT}{TEXT}{LAST}</article>"
LINKS = """<p>Läs <a href="/r.pdf">rapporten om bron (pdf, 2 MB) (öppnas i nytt fönster)</a> i dess helhet,
<a href="/r.pdf#page=3">sidan 3</a>, eller <a href="/h?f=1" type="application/pdf">kartan</a>.</p>"""


def format_field(release: Release, field: str) -> str | None:
    """Format a field as in fields.tsv: entries of a list are separated by `|`, parts of an image by
    `;`.
    """
    if field == "tags":
        return " | ".join(release.tags)
    if field == "images":
        rows = [
            (found.url.removeprefix(HOME), found.caption, found.credit, found.alt)
            for found in release.images
        ]
        return " | ".join("; ".join(part or "-" for part in row) for row in rows)
    value = getattr(release, field)
    return str(value) if value is not None else None


@pytest.mark.parametrize(
    ("field", "article", "head", "url", "value"),
    load_table(__file__, "fields.tsv", MARKUP),
)
def test_field(
    field: str, article: str, head: str | None, url: str | None, value: str | None
) -> None:
    release = read_release(article, head or "", url=url or URL)
    assert format_field(release, field) == value
    if field == "tags":
        assert release.body.endswith("projektledaren.")


@pytest.mark.parametrize(
    "article",
    [
        f'{HEADING}<p class="preamble">{LEAD}</p>{TEXT}',
        f'{HEADING}<div class="ingress"><p>{LEAD}</p></div>{TEXT}',
        f"{HEADING}<p><strong>{LEAD}</strong></p>{TEXT}",
        f'{HEADING}<p class="ingress">{LEAD}</p>{ARTICLE}',
        f'<div class="article-intro"><p>Trafik</p>{HEADING}<p>{LEAD}</p></div>{TEXT}{LAST}',
    ],
    ids=["preamble", "ingress", "bold", "between title and article", "in the title's box"],
)
def test_lead_is_not_repeated_in_body(article: str) -> None:
    release = read_release(article)
    assert release.lead == LEAD
    assert LEAD not in release.body
    assert LEAD not in release.body_html


def test_lead_outside_main_element_is_found() -> None:
    page = (
        f"<title>Ny bro öppnar</title><body><div>{HEADING}<p"
        f' class="ingress">{LEAD}</p>{ARTICLE}</div>'
    )
    assert to_release(read_page(page.encode(), URL)).lead == LEAD


def test_heading_of_text_is_not_the_lead() -> None:
    release = read_release(f'{HEADING}<h2 class="subheading">Bakgrund</h2>{TEXT}')
    assert release.lead != "Bakgrund"
    assert "Bakgrund" in release.body


def test_topics_in_menu_are_not_tags() -> None:
    menu = '<nav><h3>Ämnen</h3><ul><li><a href="/t/1">Trafik</a></li></ul></nav>'
    assert read_release(HEADING + TEXT, after=menu).tags == ()


def test_attachments() -> None:
    release = read_release(HEADING + TEXT + LINKS)
    assert [(file.url, file.title) for file in release.attachments] == [
        (f"{HOME}r.pdf", "rapporten om bron (pdf, 2 MB)"),
        (f"{HOME}h?f=1", "kartan"),
    ]
    assert release.body.endswith(
        "Läs rapporten om bron (pdf, 2 MB) i dess helhet, sidan 3, eller kartan."
    )
    assert f'<a href="{HOME}r.pdf" rel="noopener noreferrer">' in release.body_html
    assert "nytt fönster" not in release.body_html


def test_captions_are_searched_once_per_element(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[object] = []
    monkeypatch.setattr(media, "iter_captions", lambda holder: searched.append(holder) or [])  # type: ignore[func-returns-value]
    images = "".join(f'<img src="/{number}.jpg">' for number in range(500))
    assert len(read_release(f"{HEADING}{TEXT}<div>{images}</div>").images) == 500
    assert len(searched) < 10


@pytest.mark.parametrize(
    ("title", "before", "article", "expected"), load_table(__file__, "titles.tsv")
)
def test_title_without_the_names_of_site_and_section(
    title: str, before: str, article: str, expected: str
) -> None:
    page = f"<title>{title}</title><body>{before}<main>{article}{TEXT}{LAST}</main>"
    release = to_release(read_page(page.encode(), URL))
    assert release.title == expected
    assert release.body.startswith("Den nya bron")


@pytest.mark.parametrize(
    "article",
    [
        f'<div class="ingress">{TEXT}</div>',
        f'<p class="preamble">{LEAD} Cykla till skolan.</p><p><strong>Mer text</strong></p>',
        f'<div class="lead"><p>{LEAD}</p>{LAST}</div><p>Taggar: bro</p>',
    ],
)
def test_whole_text_is_not_the_lead(article: str) -> None:
    release = read_release(HEADING + article)
    assert release.lead is None
    assert "skolan" in release.body
