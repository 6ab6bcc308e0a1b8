"""An archive of a hostile agency: pages with each vector as text in every field, and as markup, are
read and edited.
"""

from __future__ import annotations

import html
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from archive.database.models import Attachment, Image, Release
from archive.store.releases import Archive
from archive.times import now
from scraper.errors import NotARelease
from scraper.normalise.conversion import to_release
from scraper.pages.page_reader import read_page
from tests.archive.xss_vectors import ADDRESSES, VECTORS

AGENCY, IMPORTED_AGENCY = "skrivarna", "inforarna"
DAY = now().date()  # today's releases are in feeds
PAGE = """<!doctype html><html lang="sv"><head><title>{text} – Skrivarna</title></head><body><main>
<h1>Meddelande {number} {text}</h1><p class="ingress">En ingress om {text} som går att läsa.</p>
<p>Publicerad: {day}</p>
<p>Ett stycke före, som är långt nog för att vara ett stycke i en text.</p>
<h2>Varför {text}?</h2><p>– Därför {text}, säger Ada Ek.</p>
<figure><img src="/bild-{number}.jpg" alt="{text}"><figcaption>{text} Foto: {text}</figcaption></figure>
<p><a href="/fil-{number}.pdf">{text}</a> <a download href="{link}">en fil</a></p>
<ul class="tags"><li>Ämnesord: <a rel="tag" href="/amne/{number}">{text}</a></li></ul>
<p>Skrivelse {number} har skickats till {number} kommuner och {number} regioner, som svarar.</p>
{more}<div>{markup}</div>
<p>Ett stycke efter, som också är långt nog för att vara ett stycke.</p></main></body></html>"""


def create_hostile_archive(path: Path) -> Path:
    """Store the page of each vector as new, then as edited, then a release that was imported."""
    name = f"Skrivarna {VECTORS[0]}"
    with Archive(path) as archive:
        archive.add_agency(AGENCY, name=name, home=f"https://{AGENCY}.example/")
        archive.add_agency(IMPORTED_AGENCY, name=name, home="javascript:alert(1)//")
        yesterday = (now() - timedelta(days=1)).isoformat()
        archive.db.execute(  # the releases of a first crawl are not in feeds
            "insert into crawls (agency, spider, started, finished,"
            " reason) values (?, 'news', ?, ?, 'finished')",
            [AGENCY, yesterday, yesterday],
        )
        for is_edited in (False, True):
            for number in range(len(VECTORS)):
                archive.save(read_release(number, is_edited=is_edited), seen_at=now())
        archive.save(build_imported_release(), seen_at=now())
    return path


def read_release(number: int, *, is_edited: bool) -> Release:
    """Read the page of a vector.

    If its markup is rejected (it redirects at once), the vector is only text.
    """
    vector, following = (
        html.escape(VECTORS[index % len(VECTORS)]) for index in (number, number + 1)
    )
    page = PAGE.format(
        number=number,
        day=DAY.isoformat(),
        text=following if is_edited and number % 10 == 0 else vector,
        markup="{markup}",
        link=ADDRESSES[number % len(ADDRESSES)],
        more=f"<p>Ett stycke till: {following}</p>" if is_edited else "",
    )
    url = f"https://{AGENCY}.example/nyheter/{number}"
    try:
        item = read_page(page.replace("{markup}", VECTORS[number]).encode("utf-8", "replace"), url)
    except NotARelease:
        item = read_page(page.replace("{markup}", "").encode("utf-8", "replace"), url)
    return replace(to_release(item), agency=AGENCY)


def build_imported_release() -> Release:
    """Build a release with addresses that would run.

    A crawl drops them, but an import may bring some.
    """
    return Release(
        agency=IMPORTED_AGENCY,
        url=f"https://{IMPORTED_AGENCY}.example/1",
        title=f"Meddelande {VECTORS[0]}",
        body="Infört.",
        body_html="<p>Infört.</p>",
        published=DAY,
        attachments=tuple(
            Attachment(url=url, title="En fil", media_type="application/pdf") for url in ADDRESSES
        ),
        images=(Image(url="data:image/svg+xml,<svg onload=alert(1)>", caption="En bild"),),
    )
