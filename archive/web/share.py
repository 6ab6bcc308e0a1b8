"""Describes a release to programs that read its page: search engines, social networks and reference managers.

    schema.org   NewsArticle as JSON-LD, with the archived version and the agency's page
    OpenGraph    title, description and picture of a shared link (ogp.me)
    Highwire     citation_… elements, which Zotero and Google Scholar read
    Dublin Core  DC.… elements, the same facts for libraries (dublincore.org, DCMI Metadata Terms)

The picture of a shared link is drawn here, too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup
from PIL import Image, ImageDraw, ImageFont

import archive
from archive.citations import Citation
from archive.i18n import format_stated_time, translate

CARD_SIZE = (1200, 630)  # pixels; the proportions that most networks show without cutting
CARD_MARGIN, CARD_BAR = 80, 24
PAPER, INK, QUIET, ACCENT = "#fdfcfa", "#1d1c1a", "#5d5a54", "#1f4e79"  # as in static/style.css
CARD_TITLE_SIZES = (64, 56, 48, 40)  # the first in which the title fits
MAX_CARD_LINES = 5
MAX_CARD_LETTERS = 400  # of a title; cutting a longer word would take seconds
FONT_FILE = Path(archive.__path__[0]) / "fonts" / "NotoSerif-Bold.ttf"
MAX_DESCRIPTION_LENGTH = 300
LOCALES = {"sv": "sv_SE", "en": "en_GB"}


class MetaElement(NamedTuple):
    """A <meta> element: `key` is the attribute with its name."""

    key: str
    name: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleMetadata:
    """What the head of a release's page says: <meta> elements, and the content of its JSON-LD element."""

    elements: tuple[MetaElement, ...]
    json_ld: Markup


def describe_article(
    citation: Citation, *, url: str, image_url: str, lead: str | None, modified: str | None, lang: str
) -> ArticleMetadata:
    """Return the metadata of a release as `citation` names it. Nothing is said about what is not known.

    url: the page that describes it. modified: when it was last changed, as stated or seen, or None.
    """
    description = shorten(lead or "", MAX_DESCRIPTION_LENGTH)
    facts = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "url": url,
        "mainEntityOfPage": url,
        "headline": citation.title,
        "description": description,
        "inLanguage": citation.language,
        "datePublished": citation.published,
        "dateModified": modified,
        "author": {"@type": "GovernmentOrganization", "name": citation.author},
        "isBasedOn": citation.url,
        "archivedAt": citation.permalink,
        "image": image_url,
        "provider": {"@type": "Organization", "name": translate(lang, "site.name")},
        "isAccessibleForFree": True,
    }
    day = (citation.published or "")[:10]
    tags = [
        ("property", "og:type", "article"),
        ("property", "og:title", citation.title),
        ("property", "og:description", description),
        ("property", "og:url", url),
        ("property", "og:locale", LOCALES.get(citation.language or "")),
        ("property", "article:published_time", citation.published),
        ("property", "article:modified_time", modified),
        ("property", "article:author", citation.author),
        ("name", "citation_title", citation.title),
        ("name", "citation_author", citation.author),
        ("name", "citation_publication_date", day.replace("-", "/")),
        ("name", "citation_language", citation.language),
        ("name", "citation_public_url", citation.permalink),
        ("name", "DC.title", citation.title),
        ("name", "DC.creator", citation.author),
        ("name", "DC.date", day),
        ("name", "DC.language", citation.language),
        ("name", "DC.identifier", citation.permalink),
        ("name", "DC.source", citation.url),
        ("name", "DC.type", "Text"),
    ]
    return ArticleMetadata(
        elements=tuple(MetaElement(key, name, content) for key, name, content in tags if content),
        json_ld=format_json_ld({name: value for name, value in facts.items() if value}),
    )


def format_json_ld(facts: dict[str, object]) -> Markup:
    """Return JSON that cannot end the <script> element that it stands in.

    >>> print(format_json_ld({"headline": "</script>å"}))
    {"headline": "\\u003c/script>å"}
    """
    return Markup(json.dumps(facts, ensure_ascii=False).replace("<", r"\u003c"))  # noqa: S704 - escaped here


def shorten(text: str, length: int) -> str:
    """Return a text on one line, cut at a space.

    >>> shorten("Hamnen\\nöppnar igen i juni", 14)
    'Hamnen öppnar …'
    """
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length + 1].rpartition(" ")[0] + " …"


# The picture


@cache
def load_font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONT_FILE), size)


def draw_card(citation: Citation | None, lang: str) -> bytes:
    """Return the picture of a shared link as PNG: agency, title and date, or only the site's name."""
    site = translate(lang, "site.name")
    title = citation.title[:MAX_CARD_LETTERS] if citation else site
    above = " ".join(citation.author.split()) if citation else ""
    day = format_stated_time(lang, citation.published).partition(",")[0].partition(" kl.")[0] if citation else ""
    below = f"{day} · {site}" if day else site if citation else translate(lang, "site.source_note")
    picture = Image.new("RGB", CARD_SIZE, PAPER)
    draw = ImageDraw.Draw(picture)
    width, height = CARD_SIZE[0] - 2 * CARD_MARGIN, CARD_SIZE[1]
    draw.rectangle((0, 0, CARD_BAR, height), fill=ACCENT)
    draw.text((CARD_MARGIN, CARD_MARGIN), cut_line(above, load_font(36), width), ACCENT, load_font(36))
    font, lines = fit_title(title, width)
    draw.multiline_text((CARD_MARGIN, CARD_MARGIN + 70), "\n".join(lines), INK, font, spacing=14)
    draw.text(
        (CARD_MARGIN, height - CARD_MARGIN), cut_line(below, load_font(30), width), QUIET, load_font(30), anchor="ls"
    )
    output = BytesIO()
    picture.quantize(32).save(output, "PNG")
    return output.getvalue()


def fit_title(text: str, width: int) -> tuple[ImageFont.FreeTypeFont, list[str]]:
    """Return the largest font in which a title fits, and its lines; a title that is too long is cut."""
    for size in CARD_TITLE_SIZES:
        font = load_font(size)
        lines = wrap(text, font, width)
        if len(lines) <= MAX_CARD_LINES and len(lines) * (size + 24) <= CARD_SIZE[1] - 2 * CARD_MARGIN - 120:
            return font, lines
    shown = lines[:MAX_CARD_LINES]
    return font, [*shown[:-1], cut_line(f"{shown[-1]} …", font, width)]


def wrap(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Split a text into lines of at most `width` pixels; a longer word is cut by cut_line."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return [cut_line(line, font, width) for line in lines if line]


def cut_line(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """Cut a line to at most `width` pixels.

    >>> cut_line("Ö" * 50, load_font(30), 100)
    'ÖÖÖ…'
    """
    if font.getlength(text) <= width:
        return text
    return next(cut for end in range(len(text), -1, -1) if font.getlength(cut := f"{text[:end].rstrip()}…") <= width)
