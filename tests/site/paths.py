"""The URL paths of each CMS."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass

from tests.site.swedish import MONTHS


def to_slug(text: str) -> str:
    """Return a title as part of a URL.

    >>> to_slug("Så anmäler du – enkelt!")
    'sa-anmaler-du-enkelt'
    """
    plain = unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:80].strip("-")


def to_hex(text: str, length: int = 16) -> str:
    """Return an id as a CMS makes it, always the same."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]


@dataclass(frozen=True, kw_only=True)
class Paths:
    """The paths of a CMS: fixed ones, and patterns of others."""

    listing: str
    english_listing: str
    press: str
    feed: str | None = None
    sitemap: str | None = None
    releases: str
    translations: str
    papers: str
    pictures: str
    pages: str = "/{name}/"
    following: str  # what a later page of a listing has after the listing's path

    def release(self, slug: str, day: str, kind: str) -> str:
        return self.releases.format(
            section=self.press if kind == "Pressmeddelande" else self.listing,
            slug=slug,
            year=f"{day[:4]}/" if day else "",
            month=f"{MONTHS[int(day[5:7]) - 1]}/" if day else "",
            day=f"{day}-" if day else "",
            hex=to_hex(slug + day),
        )

    def english(self, slug: str) -> str:
        return self.translations.format(slug=slug, hex=to_hex(slug))

    def paper(self, slug: str, month: str) -> str:
        key = slug + month
        number, folder = int(to_hex(key, 8), 16), month.replace("-", "/")
        known = {"hex": to_hex(key), "guid": to_hex(key, 32), "number": number, "folder": folder}
        return self.papers.format(slug=slug, month=month, **known)

    def picture(self, slug: str, month: str) -> str:
        short = to_hex(slug, 8)
        known = {"hex": to_hex(slug + month), "short": short, "number": int(short, 16)}
        return self.pictures.format(slug=slug, month=month, dashed=month.replace("/", "-"), **known)

    def page(self, area: str, title: str, sub: str = "") -> str:
        name = "/".join(filter(None, (to_slug(area), to_slug(title), to_slug(sub))))
        return self.pages.format(name=name, hex=to_hex(name, 20))

    def paged(self, listing: str, number: int, size: int) -> str:
        if number == 1:
            return listing
        before = number - 1
        return listing + self.following.format(number=number, before=before, start=before * size)


PATHS = {
    "sitevision": Paths(
        listing="/nyheter.4.5d2a10c917f3b6e8a4c1.html",
        english_listing="/english/news.4.77c01e9a18ab2f4d3e05.html",
        press="/nyheter.4.5d2a10c917f3b6e8a4c1.html",
        releases="/nyheter/{year}{day}{slug}.5.{hex}.html",
        translations="/english/news/{slug}.5.{hex}.html",
        papers="/download/18.{hex}/16{number:011d}/{slug}.pdf",
        pictures="/images/18.{hex}/16{number:011d}/x980p/{slug}.png",
        pages="/{name}.4.{hex}.html",
        following="?start={start}",
    ),
    "episerver": Paths(
        listing="/aktuellt/nyheter/",
        english_listing="/en/news/",
        press="/aktuellt/nyheter/",
        feed="/aktuellt/atom.xml",
        sitemap="/sitemap.xml",
        releases="/aktuellt/nyheter/{year}{month}{slug}/",
        translations="/en/news/{slug}/",
        papers="/contentassets/{guid}/{slug}.pdf",
        pictures="/globalassets/bilder/{month}/{slug}.png",
        following="?pn={number}",
    ),
    "wordpress": Paths(
        listing="/nyheter/",
        english_listing="/en/nyheter/",
        press="/nyheter/",
        feed="/feed/",
        sitemap="/wp-sitemap.xml",
        releases="/nyhet/{slug}/",
        translations="/en/nyhet/{slug}/",
        papers="/wp-content/uploads/{folder}/{slug}.pdf",
        pictures="/wp-content/uploads/{month}/{slug}-1024x683.png",
        following="page/{number}/",
    ),
    "drupal": Paths(
        listing="/nyheter",
        english_listing="/en/news",
        press="/pressmeddelanden",
        feed="/rss.xml",
        sitemap="/sitemap.xml",
        releases="{section}/{year}{slug}",
        translations="/en/news/{slug}",
        papers="/sites/default/files/{month}/{slug}.pdf",
        pictures="/sites/default/files/styles/wide/public/{dashed}/{slug}.png?itok={short}",
        pages="/{name}",
        following="?page={before}",
    ),
}
