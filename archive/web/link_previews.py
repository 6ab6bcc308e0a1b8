"""Describes a release to search engines, social networks and reference managers.

These services read the following elements of a release's page:

    schema.org   NewsArticle as JSON-LD, with the archived version and the agency's page
    OpenGraph    title and description of a shared link (ogp.me)
    Highwire     citation_… elements, which Zotero and Google Scholar read
    Dublin Core  DC.… elements, the same facts for libraries (dublincore.org, DCMI Metadata Terms)
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from markupsafe import Markup

from archive.i18n import translate
from archive.publish.citations import Citation

MAX_DESCRIPTION_LENGTH = 300
LOCALES = {"sv": "sv_SE", "en": "en_GB"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleMetadata:
    """The metadata of a release's page: <meta> elements, and the content of its JSON-LD element."""

    elements: tuple[tuple[str, str, str], ...]  # attribute with the name, name, content
    json_ld: Markup


def describe_article(
    citation: Citation, *, url: str, lead: str | None, modified: str | None, lang: str
) -> ArticleMetadata:
    """Return the metadata of a release from its citation. Unknown facts are left out.

    url: the URL of the page that will contain the metadata.
    modified: when the release was last changed, according to the agency or the archive, or None if
        it is not known to have been changed.
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
        elements=tuple((key, name, content) for key, name, content in tags if content),
        json_ld=_format_json_ld({name: value for name, value in facts.items() if value}),
    )


def _format_json_ld(facts: dict[str, object]) -> Markup:
    """Return JSON that cannot end the <script> element around it.

    >>> print(_format_json_ld({"headline": "</script>å"}))
    {"headline": "\\u003c/script>å"}
    """
    return Markup(json.dumps(facts, ensure_ascii=False).replace("<", r"\u003c"))  # noqa: S704 - escaped here


def shorten(text: str, length: int) -> str:
    """Return a text on one line. If it is longer than `length`, it is cut at a space.

    >>> shorten("Hamnen\\nöppnar igen i juni", 14)
    'Hamnen öppnar …'
    """
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length + 1].rpartition(" ")[0] + " …"
