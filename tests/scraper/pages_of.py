"""Small pages to read: one article in an ordinary frame, and the shortest way from HTML to a release."""

from __future__ import annotations

from archive.models import Release
from scraper.agency import Agency
from scraper.items import ReleaseItem
from scraper.normalise import to_release
from scraper.pages import read_page

URL = "https://www.exempel.se/nyheter/2024/ny-bro/"
TEXT = (
    "<p>Den nya bron över ån öppnar i höst efter två års arbete. Kommunen väntar sig att resan till skolan blir"
    " tio minuter kortare för de flesta barn.</p><p>Arbetet har kostat mindre än planerat, och provkörningen"
    " av den öppningsbara delen gick bra enligt projektledaren.</p>"
)
HEADING = "<h1>Ny bro öppnar</h1>"
LAST = "<p>Sist i texten står hur många bilar som väntas passera bron varje dygn under sommaren.</p>"


def page(article: str, head: str = "", after: str = "") -> bytes:
    """An article in a page with menu, cookie bar, related list and footer."""
    return f"""<!doctype html><html lang="sv"><head><meta charset="utf-8">
<title>Ny bro öppnar | Exempelverket</title><meta property="og:site_name" content="Exempelverket">{head}</head>
<body><header><a href="/">Exempelverket</a><nav><ul><li><a href="/nyheter/">Nyheter</a></li></ul></nav></header>
<div class="cookie-banner"><p>Vi använder kakor för att webbplatsen ska fungera så bra som möjligt.</p></div>
<main>{article}</main>{after}
<aside class="related"><h2>Läs också</h2><ul><li><a href="/nyheter/gammal/">Gammal bro</a></li></ul></aside>
<footer><p>Telefon 010-000 00 00</p></footer></body></html>""".encode()


def read(article: str, head: str = "", after: str = "", url: str = URL, agency: Agency | None = None) -> Release:
    """The release of such a page."""
    return to_release(read_item(article, head, after, url, agency))


def read_item(
    article: str, head: str = "", after: str = "", url: str = URL, agency: Agency | None = None
) -> ReleaseItem:
    """The item of such a page."""
    return read_page(page(article, head, after), url, agency)
