"""What a page declares about itself: JSON-LD, OpenGraph, Dublin Core and the metas agencies' systems write."""

from __future__ import annotations

from collections.abc import Iterator

from scraper.normalise.words import words
from scraper.pages.document import Document

ARTICLES = frozenset(
    words("""
    Article NewsArticle BlogPosting ReportageNewsArticle AnalysisNewsArticle OpinionNewsArticle
    BackgroundNewsArticle Report GovernmentService PressRelease SpecialAnnouncement WebPage TechArticle
    ScholarlyArticle LiveBlogPosting SocialMediaPosting MedicalWebPage Review FAQPage QAPage Recipe ItemPage
    CreativeWork
    """)
)
PUBLISHED_METAS = words("""
    article:published_time og:published og:article:published_time published datepublished dc.date.issued
    dcterms.issued article:published publish-date publishdate publication_date pubdate published_time
    date.published dc.date.published sailthru.date parsely-pub-date cxenseparse:recs:publishtime
    citation_publication_date
    """)
# These do not say which date they are; what a reader sees beside the title counts more.
VAGUE_METAS = words("""
    dcterms.created dc:date.created dc.date.created creation-date dc.date dcterms.date dc.created date
    """)
UPDATED_METAS = words("""
    article:modified_time og:updated_time datemodified dcterms.modified dc:date.modified dc.date.modified
    dcterms.date.modified article:modified last-modified revised lastmod updated modified
    """)


def declared_dates(document: Document, field: str) -> Iterator[tuple[str, str]]:
    """Declared dates as (rule, value), best first. field: published or updated."""
    key = "datePublished" if field == "published" else "dateModified"
    for found in document.json_ld:
        if is_article(found) and isinstance(found.get(key), str) and found[key]:
            yield f"JSON-LD {key}", str(found[key])
    for name in PUBLISHED_METAS if field == "published" else UPDATED_METAS:
        if document.meta.get(name):
            yield f"meta {name}", document.meta[name]


def vague_dates(document: Document) -> Iterator[tuple[str, str]]:
    """Declared dates that do not say which they are."""
    for name in VAGUE_METAS:
        if document.meta.get(name):
            yield f"meta {name}", document.meta[name]


def declared_title(document: Document) -> str | None:
    """The headline as declared, site names still on it."""
    return document.meta.get("og:title") or document.meta.get("twitter:title") or document.meta.get("dc.title")


def declared_headline(document: Document) -> str | None:
    """JSON-LD's headline of the article."""
    return next(
        (str(found["headline"]) for found in document.json_ld if is_article(found) and found.get("headline")), None
    )


def declared_lead(document: Document) -> str | None:
    """The page's summary as declared."""
    return document.meta.get("description") or document.meta.get("og:description")


def declared_questions(document: Document) -> list[str]:
    """The questions that FAQPage data names."""
    pages = [found for found in document.json_ld if "FAQPage" in types(found)]
    entities = [entity for page in pages for entity in as_list(page.get("mainEntity"))]
    return [str(entity["name"]) for entity in entities if isinstance(entity, dict) and entity.get("name")]


def as_list(value: object) -> list[object]:
    """JSON-LD writes one value where there could be a list."""
    return value if isinstance(value, list) else [value]


def is_article(found: dict[str, object]) -> bool:
    """Whether a JSON-LD object is about the page's own text."""
    return not ARTICLES.isdisjoint(types(found))


def types(found: dict[str, object]) -> set[str]:
    """The types of a JSON-LD object."""
    value = found.get("@type")
    return {str(name) for name in value} if isinstance(value, list) else {str(value)}
