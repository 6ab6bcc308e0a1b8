"""The URL paths of each CMS."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from typing import ClassVar

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


def to_guid(text: str) -> str:
    """Return a GUID without hyphens, as in Episerver's file URLs."""
    return to_hex(text, 32)


@dataclass(frozen=True)
class SiteVision:
    """Paths as in SiteVision."""

    listing: ClassVar[str] = "/nyheter.4.5d2a10c917f3b6e8a4c1.html"
    english_listing: ClassVar[str] = "/english/news.4.77c01e9a18ab2f4d3e05.html"
    press: ClassVar[str] = listing
    feed: ClassVar[str | None] = None
    sitemap: ClassVar[str | None] = None

    def release(self, slug: str, day: str, kind: str) -> str:
        year = f"{day[:4]}/" if day else ""
        return f"/nyheter/{year}{day + '-' if day else ''}{slug}.5.{to_hex(slug + day)}.html"

    def english(self, slug: str) -> str:
        return f"/english/news/{slug}.5.{to_hex(slug)}.html"

    def paper(self, slug: str, month: str) -> str:
        return (
            f"/download/18.{to_hex(slug + month)}/"
            f"16{int(to_hex(slug + month, 8), 16):011d}/{slug}.pdf"
        )

    def picture(self, slug: str, month: str) -> str:
        return (
            f"/images/18.{to_hex(slug + month)}/16{int(to_hex(slug, 8), 16):011d}/x980p/{slug}.png"
        )

    def page(self, area: str, title: str, sub: str = "") -> str:
        name = "/".join(filter(None, (to_slug(area), to_slug(title), to_slug(sub))))
        return f"/{name}.4.{to_hex(name, 20)}.html"

    def paged(self, listing: str, number: int, size: int) -> str:
        return listing if number == 1 else f"{listing}?start={(number - 1) * size}"


@dataclass(frozen=True)
class Episerver:
    """Paths as in Episerver, now Optimizely."""

    listing: ClassVar[str] = "/aktuellt/nyheter/"
    english_listing: ClassVar[str] = "/en/news/"
    press: ClassVar[str] = "/aktuellt/nyheter/"
    feed: ClassVar[str | None] = "/aktuellt/atom.xml"
    sitemap: ClassVar[str | None] = "/sitemap.xml"

    def release(self, slug: str, day: str, kind: str) -> str:
        when = f"{day[:4]}/{MONTHS[int(day[5:7]) - 1]}/" if day else ""
        return f"/aktuellt/nyheter/{when}{slug}/"

    def english(self, slug: str) -> str:
        return f"/en/news/{slug}/"

    def paper(self, slug: str, month: str) -> str:
        return f"/contentassets/{to_guid(slug + month)}/{slug}.pdf"

    def picture(self, slug: str, month: str) -> str:
        return f"/globalassets/bilder/{month}/{slug}.png"

    def page(self, area: str, title: str, sub: str = "") -> str:
        return "/" + "/".join(filter(None, (to_slug(area), to_slug(title), to_slug(sub)))) + "/"

    def paged(self, listing: str, number: int, size: int) -> str:
        return listing if number == 1 else f"{listing}?pn={number}"


@dataclass(frozen=True)
class WordPress:
    """Paths as in WordPress."""

    listing: ClassVar[str] = "/nyheter/"
    english_listing: ClassVar[str] = "/en/nyheter/"
    press: ClassVar[str] = "/nyheter/"
    feed: ClassVar[str | None] = "/feed/"
    sitemap: ClassVar[str | None] = "/wp-sitemap.xml"

    def release(self, slug: str, day: str, kind: str) -> str:
        return f"/nyhet/{slug}/"

    def english(self, slug: str) -> str:
        return f"/en/nyhet/{slug}/"

    def paper(self, slug: str, month: str) -> str:
        return f"/wp-content/uploads/{month.replace('-', '/')}/{slug}.pdf"

    def picture(self, slug: str, month: str) -> str:
        return f"/wp-content/uploads/{month}/{slug}-1024x683.png"

    def page(self, area: str, title: str, sub: str = "") -> str:
        return "/" + "/".join(filter(None, (to_slug(area), to_slug(title), to_slug(sub)))) + "/"

    def paged(self, listing: str, number: int, size: int) -> str:
        return listing if number == 1 else f"{listing}page/{number}/"


@dataclass(frozen=True)
class Drupal:
    """Paths as in Drupal."""

    listing: ClassVar[str] = "/nyheter"
    english_listing: ClassVar[str] = "/en/news"
    press: ClassVar[str] = "/pressmeddelanden"
    feed: ClassVar[str | None] = "/rss.xml"
    sitemap: ClassVar[str | None] = "/sitemap.xml"

    def release(self, slug: str, day: str, kind: str) -> str:
        section = self.press if kind == "Pressmeddelande" else self.listing
        return f"{section}/{day[:4] + '/' if day else ''}{slug}"

    def english(self, slug: str) -> str:
        return f"/en/news/{slug}"

    def paper(self, slug: str, month: str) -> str:
        return f"/sites/default/files/{month}/{slug}.pdf"

    def picture(self, slug: str, month: str) -> str:
        return (
            f"/sites/default/files/styles/wide/public/"
            f"{month.replace('/', '-')}/{slug}.png?"
            f"itok={to_hex(slug, 8)}"
        )

    def page(self, area: str, title: str, sub: str = "") -> str:
        return "/" + "/".join(filter(None, (to_slug(area), to_slug(title), to_slug(sub))))

    def paged(self, listing: str, number: int, size: int) -> str:
        return listing if number == 1 else f"{listing}?page={number - 1}"


Paths = SiteVision | Episerver | WordPress | Drupal
PATHS: dict[str, Paths] = {
    "sitevision": SiteVision(),
    "episerver": Episerver(),
    "wordpress": WordPress(),
    "drupal": Drupal(),
}
