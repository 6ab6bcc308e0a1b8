"""Builds small pages with one article, and reads them."""

from __future__ import annotations

from archive.database.models import Release
from scraper.agency import Agency
from scraper.items import ReleaseItem
from scraper.normalise.conversion import to_release
from scraper.pages.page_reader import read_page

URL = "https://www.exempel.se/nyheter/ny-bro/"
HEADING = "<h1>Ny bro öppnar</h1>"
TEXT = (
    "<p>Den nya bron över ån öppnar i höst efter två års arbete. Kommunen väntar sig att resan till"
    " skolan blir tio minuter kortare för de flesta barn.</p><p>Arbetet har kostat mindre än"
    " planerat, och provkörningen av den öppningsbara delen gick bra enligt projektledaren.</p>"
)
LAST = (
    "<p>Sist i texten står hur många bilar som väntas passera bron varje dygn under sommaren.</p>"
)
MARKUP = {"URL": URL, "HEADING": HEADING, "TEXT": TEXT, "LAST": LAST}  # the constants of the tables


def build_page(article: str, head: str = "", after: str = "") -> bytes:
    """Return a page with the article in `<main>`, a menu, a cookie banner, a list of related news
    and a footer.
    """
    return f"""<!doctype html><html lang="sv"><head><meta charset="utf-8">
<title>Ny bro öppnar | Exempelverket</title><meta property="og:site_name" content="Exempelverket">{head}</head>
<body><header><a href="/">Exempelverket</a><nav><ul><li><a href="/nyheter/">Nyheter</a></li></ul></nav></header>
<div class="cookie-banner"><p>Vi använder kakor för att webbplatsen ska fungera så bra som möjligt.</p></div>
<main>{article}</main>{after}
<aside class="related"><h2>Läs också</h2><ul><li><a href="/nyheter/gammal/">Gammal bro</a></li></ul></aside>
<footer><p>Telefon 010-000 00 00</p></footer></body></html>""".encode()


def read_item(
    article: str, head: str = "", after: str = "", url: str = URL, agency: Agency | None = None
) -> ReleaseItem:
    return read_page(build_page(article, head, after), url, agency)


def read_release(
    article: str, head: str = "", after: str = "", url: str = URL, agency: Agency | None = None
) -> Release:
    return to_release(read_item(article, head, after, url, agency))
