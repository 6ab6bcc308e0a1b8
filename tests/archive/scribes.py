"""An archive into which a hostile agency writes: every vector, read from its pages as a crawl reads them."""

from __future__ import annotations

import html as escaping
from dataclasses import replace
from datetime import timedelta
from functools import reduce
from pathlib import Path

from archive.records import Attachment, Image, Release
from archive.store import Archive
from scraper.errors import NotARelease
from scraper.normalise import to_release
from scraper.pages import read_page
from tests.archive.sample import SEEN
from tests.archive.vectors import LINKS, VECTORS

AGENCY = "skrivarna"
TOGETHER = 20  # vectors in one release
PAGE = """<!doctype html><html lang="sv"><head><title>{text} – Skrivarna</title></head><body><main>
<h1>Meddelande {number} {text}</h1><p class="ingress">En ingress om {text} som går att läsa.</p>
<p>Publicerad: 3 juni 2024</p>
<p>Ett stycke före, som är långt nog för att vara ett stycke i en text.</p>
<h2>Varför {text}?</h2><p>– Därför {text}, säger Ada Ek.</p>
<figure><img src="/bild-{number}.jpg" alt="{text}"><figcaption>{text} Foto: {text}</figcaption></figure>
<p><a href="/fil-{number}.pdf">{text}</a> <a download href="{link}">en fil</a></p>
<ul class="tags"><li>Ämnesord: <a rel="tag" href="/amne/{number}">{text}</a></li></ul>
<div>{markup}</div><p>Ett stycke efter, som också är långt nog för att vara ett stycke.</p></main></body></html>"""
NO_FILES = tuple(  # a page's own are left out when it is read; an import or an older archive may hold some
    Attachment(url=link.split('"')[1], title="En fil", media_type="application/pdf") for link in LINKS
)
NO_PICTURE = Image(url="data:image/svg+xml,<svg onload=alert(1)>", caption="En bild")


def build(path: Path) -> Path:
    """Twenty vectors to a release; each release is then edited, so that there are differences to show."""
    read_ones = [replace(read(number, vector), agency=AGENCY) for number, vector in enumerate(VECTORS)]
    with Archive(path) as archive:
        archive.add_agency(AGENCY, name=f"Skrivarna {VECTORS[0]}", home="javascript:alert(1)//")
        for some in batched(read_ones):
            release = reduce(join, some)
            release = replace(
                release, attachments=(*release.attachments, *NO_FILES), images=(*release.images, NO_PICTURE)
            )
            archive.save(release, seen=SEEN)
            body = f"{release.body}\n\n{some[-1].title}"
            archive.save(replace(release, body=body, title=some[-1].title), seen=SEEN + timedelta(days=1))
    return path


def read(number: int, vector: str) -> Release:
    """As a crawl reads it, with the vector as words in every field and as markup in the text, if it is a release so."""
    try:
        return read_with(number, vector, vector)
    except NotARelease:  # such as a page that leads elsewhere at once
        return read_with(number, vector, "")


def read_with(number: int, vector: str, markup: str) -> Release:
    """One page of ours."""
    link = LINKS[number % len(LINKS)].split('"')[1]
    page = PAGE.format(number=number, text=escaping.escape(vector), markup=markup, link=link)
    return to_release(read_page(page.encode("utf-8", "replace"), f"https://{AGENCY}.example/nyheter/{number}"))


def join(one: Release, other: Release) -> Release:
    """One release that holds what two held."""
    questions = [replace(q, position=n) for n, q in enumerate((*one.questions, *other.questions), 1)]
    return replace(
        one,
        lead=f"{one.lead}\n\n{other.title}",
        body=f"{one.body}\n\n{other.body}",
        body_html=one.body_html + other.body_html,
        tags=tuple(dict.fromkeys((*one.tags, *other.tags))),
        questions=tuple(questions),
        images=(*one.images, *other.images),
        attachments=(*one.attachments, *other.attachments),
    )


def batched(releases: list[Release]) -> list[list[Release]]:
    """Twenty by twenty."""
    return [releases[at : at + TOGETHER] for at in range(0, len(releases), TOGETHER)]
