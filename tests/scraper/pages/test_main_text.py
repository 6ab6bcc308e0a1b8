"""The main element of pages without <main> and <article>, and the site's header, menus and footer
around it.
"""

from __future__ import annotations

import re

import pytest

from archive.database.models import Release
from scraper.normalise.conversion import to_release
from scraper.pages.page_reader import read_page
from tests.scraper.pages.sample_page import HEADING, LAST, TEXT, URL

LEAD = "Snart går det att cykla torrskodd till skolan."
MENU = "".join(
    f'<a href="/{name}.html">{name}</a> '
    for name in ("press", "dokument", "kortfakta", "bilder", "logga")
)
ADDRESSES = (
    "<p>Exempelverket är en statlig myndighet som bygger och sköter broar i hela landet, och som"
    " har tre kontor.</p><p>Besök oss i Umeå, Lund eller Visby. Växeln är öppen alla vardagar från"
    " morgon till eftermiddag.</p>"
)
UPDATED = "<div>© Exempelverket 2014 <div>Uppdaterad: 2007-10-12</div></div>"


def read_old_page(
    article: str, *, below: str = "", footer: str = "", are_names_kept: bool = True
) -> Release:
    page = f"""<html lang="sv"><head><title>Ny bro öppnar - Exempelverket</title></head><body>
<div id="PrintHead" style="display:none"><h1>Ny bro öppnar</h1><div>{URL}</div></div><div id="outer">
<div id="doc_head"><div id="logo"><a href="/">Start</a></div>
<div id="topDate"><span>fredag</span> 12 september 2014</div>
<div id="topMenu">{MENU}</div></div><div id="main_content"><div id="leftMenu">{MENU}</div><div id="middle">
<div id="articleContent">{article}</div><div id="article_footer">{below}<a href="/dela">Dela</a></div></div>
<div id="right"><h3>Sök</h3></div></div><div id="doc_foot">{ADDRESSES * 3}{footer}</div></div></body></html>"""
    if not are_names_kept:
        page = re.sub(
            r'(class|id)="(\w+)"', lambda match: f'{match[1]}="x{sum(match[2].encode())}"', page
        )
    return to_release(read_page(page.encode(), URL))


@pytest.mark.parametrize("are_names_kept", [True, False], ids=["named", "renamed"])
def test_block_with_the_heading_is_the_release(are_names_kept: bool) -> None:
    article = f'{HEADING}<div class="ingress">{LEAD}</div><div class="text">{TEXT}{LAST}</div>'
    release = read_old_page(article, below=UPDATED, are_names_kept=are_names_kept)
    assert (release.title, release.lead) == ("Ny bro öppnar", LEAD)
    assert release.body.startswith("Den nya bron")
    assert release.body.endswith("under sommaren.")
    assert release.published is None, "the day of the visit, in the header"
    assert str(release.updated) == "2007-10-12"


def test_date_in_the_footer_of_the_site_is_not_the_releases() -> None:
    release = read_old_page(f"{HEADING}<div>{TEXT}{LAST}</div>", footer=UPDATED)
    assert (release.published, release.updated) == (None, None)


def test_header_and_footer_in_an_article_are_part_of_it() -> None:
    html = f"""<html><head><title>Ny bro öppnar</title></head><body><div class="menu">{MENU}</div><div>
<h1 class="section">Nyheter om broar</h1><div itemscope itemtype="http://schema.org/Article"><div class="header">
<h2>Ny bro öppnar</h2></div><div class="footer">
<time itemprop="datePublished" datetime="2022-01-21">21.01.2022</time></div>
<div>{TEXT}{LAST}</div></div></div></body></html>"""
    assert str(to_release(read_page(html.encode(), URL)).published) == "2022-01-21"


def test_intro_between_heading_and_main_is_the_lead() -> None:
    html = f"""<html><head><title>Ny bro öppnar</title></head><body><div>{HEADING}
<div class="intro"><div lang="sv"><p>{LEAD}</p></div></div></div>
<div><div role="main">{TEXT}{LAST}</div></div></body></html>"""
    release = to_release(read_page(html.encode(), URL))
    assert release.lead == LEAD
    assert LEAD not in release.body


@pytest.mark.parametrize(
    "page",
    [
        f"<div>{MENU}</div><header><h1>Ny bro"
        f" öppnar</h1><p>{LEAD}</p></header><div><div>{TEXT}{LAST}</div><div>{MENU}</div></div>",
        f"<div>{MENU}</div><div><div>{HEADING}<div><p>{LEAD}</p></"
        f"div></div><div><div>{TEXT * 2}{LAST}</div>"
        f"<div>{MENU}</div></div></div><div>{ADDRESSES}</div>",
        f"<div><h1>Ny bro öppnar</h1></div><div>{MENU}</div><div>{HEADING}<div>{LEAD}</"
        f"div><div>{TEXT}<h1>Kontakt</h1>{LAST}</div></div><div>{ADDRESSES}</div>",
    ],
    ids=["in the site's header", "beside a column of links", "after a copy of the heading"],
)
def test_lead_follows_the_heading(page: str) -> None:
    html = (
        f"<html><head><title>Ny bro öppnar - Exempelverket</title></head><body>{page}</body></html>"
    )
    release = to_release(read_page(html.encode(), URL))
    assert (release.title, release.lead) == ("Ny bro öppnar", LEAD)
    assert release.body.startswith("Den nya bron")
    assert "under sommaren." in release.body
    assert "kortfakta" not in release.body
    assert "myndighet" not in release.body


def test_date_under_a_link_to_other_news_is_not_the_releases() -> None:
    news = (
        '<h3>Senaste nytt</h3><p><a href="/n/1">Ny väg till skolan</a></p><p>Publicerad'
        " 2021-05-01</p>"
    )
    html = f"<html><body><main>{HEADING}{TEXT}</main><div>{news}</div></body></html>"
    assert to_release(read_page(html.encode(), URL)).published is None


def test_date_label_of_a_toolbar_is_found_and_its_buttons_are_not_text() -> None:
    toolbar = (
        '<div class="toolbar"><span><i></i>Sidan publicerades'
        " <time>2020-11-17</time></span><button>Dela</button></div>"
    )
    html = f"<html><body><main>{HEADING}{TEXT}{toolbar}</main></body></html>"
    release = to_release(read_page(html.encode(), URL))
    assert str(release.published) == "2020-11-17"
    assert release.body.endswith("projektledaren.")


@pytest.mark.parametrize(
    "heading",
    [
        "<h2>Ny bro öppnar</h2>",
        "<table><tr><td>Ny bro öppnar</td></tr></table>",
        "<p><b>Ny bro öppnar</b></p>",
    ],
    ids=["lower heading", "cell", "bold"],
)
@pytest.mark.parametrize(
    "section", ["", "<h1>Detaljerad visning</h1>"], ids=["no h1", "h1 of the section"]
)
def test_declared_title_is_found_in_other_elements(heading: str, section: str) -> None:
    html = f"""<html><head><title>Ny bro öppnar - Exempelverket</title></head><body><div>{MENU}</div>{section}
<div><p>Myndigheten har öppet på vardagar, och då kan du ringa växeln.</p>{heading}{TEXT}{LAST}</div></body></html>"""
    release = to_release(read_page(html.encode(), URL))
    assert release.title == "Ny bro öppnar"
    assert "vardagar" not in f"{release.lead} {release.body}"
    assert f"{release.lead or ''}{release.body}".startswith("Den nya bron")
