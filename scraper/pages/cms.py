"""Page classes for SiteVision, Optimizely, WordPress, Drupal and polisen.se, and the choice of one for a page."""

from __future__ import annotations

from importlib import import_module
from typing import ClassVar

from scraper.agency import Agency
from scraper.errors import AgencyError
from scraper.pages.base import NewsPage
from scraper.pages.document import Document

MAX_SCANNED_CHARACTERS = 60_000  # enough to include the stylesheets, icons and menus that reveal the CMS


class DrupalPage(NewsPage):
    """Page built with Drupal, whose fields are elements with matching class names."""

    title_css: ClassVar[tuple[str, ...]] = ("h1.page-title", "h1.node__title", "h1 .field--name-title", "h1#page-title")
    lead_css: ClassVar[tuple[str, ...]] = tuple(
        f".node .field--name-field-{name}"
        for name in ("ingress", "preamble", "lead", "intro", "introduction", "teaser-text")
    )
    body_css: ClassVar[tuple[str, ...]] = (
        ".node--view-mode-full .field--name-body",
        "article .field--name-body",
        ".node-content .field-name-body",
    )
    tags_css: ClassVar[tuple[str, ...]] = (
        ".node .field--name-field-tags a",
        ".node .field--name-field-tags .field__item",
        ".field-name-field-tags a",
    )
    drop_css: ClassVar[tuple[str, ...]] = (
        ".block-local-tasks-block",
        ".contextual-links",
        ".node__links",
        ".block-views",
    )
    metadata_css: ClassVar[tuple[str, ...]] = (".field--type-file", ".field-type-file")


class EpiserverPage(NewsPage):
    """Page built with Episerver, now called Optimizely: the most common CMS among agencies."""

    lead_css: ClassVar[tuple[str, ...]] = ("main .preamble", "main .ingress", "main .introduction", "#content .ingress")
    body_css: ClassVar[tuple[str, ...]] = (
        ".xhtml-string",
        ".main-body",
        ".editorial-html",
        ".article__body",
        ".article-body",
    )
    drop_css: ClassVar[tuple[str, ...]] = (
        ".EPiServerForms",
        ".EPiServerFormContainer",
        ".block-related",
        ".js-cookie-consent",
    )


class PolisenPage(EpiserverPage):
    """Page of polisen.se: event notices, press releases and news of the police.

    Three generations of one template are in use (span.date, time.date and dl). In all of them, the dates are next to
    the text.
    """

    title_css: ClassVar[tuple[str, ...]] = ("#main-content h1", *EpiserverPage.title_css)
    lead_css: ClassVar[tuple[str, ...]] = ("#main-content .preamble", *EpiserverPage.lead_css)
    drop_css: ClassVar[tuple[str, ...]] = (
        ".event-page > .block",
        ".share-links",
        ".c-social-media",
        *EpiserverPage.drop_css,
    )
    metadata_css: ClassVar[tuple[str, ...]] = (".meta-data-container", ".page-meta-data", *EpiserverPage.metadata_css)


class SiteVisionPage(NewsPage):
    """Page built with SiteVision, made of rows of portlets."""

    lead_css: ClassVar[tuple[str, ...]] = (
        "main .sv-text-portlet .ingress",
        "main p.ingress",
        ".sv-text-portlet-content p.ingress",
        ".sv-font-ingress",
        "[id^='Ingress'] + .sv-text-portlet-content > p:only-child",  # the editors name each portlet
    )
    drop_css: ClassVar[tuple[str, ...]] = (
        ".sv-toc-portlet",
        ".sv-searchform-portlet",
        ".sv-linkmenu-portlet",
        ".sv-breadcrumb-portlet",
        ".sv-print-link",
    )


class WordPressPage(NewsPage):
    """Page built with WordPress, with classic themes or the block editor."""

    lead_css: ClassVar[tuple[str, ...]] = (
        "article .preamble",
        "article .ingress",
        ".entry-content .has-lead-font-size",
        ".entry-header .entry-summary",
    )
    body_css: ClassVar[tuple[str, ...]] = ("article .entry-content", ".wp-block-post-content", "main .entry-content")
    published_css: ClassVar[tuple[str, ...]] = ("article time.entry-date.published", "main .wp-block-post-date time")
    updated_css: ClassVar[tuple[str, ...]] = ("article time.updated:not(.published)",)
    tags_css: ClassVar[tuple[str, ...]] = (
        "article .tags-links a",
        "article .wp-block-post-terms a",
        "article .post-tags a",
    )
    drop_css: ClassVar[tuple[str, ...]] = (
        ".sharedaddy",
        ".jp-relatedposts",
        ".post-navigation",
        ".wp-block-latest-posts",
        ".comments-area",
        ".yarpp-related",
    )


# The generator meta element is checked first, because a page may embed a file of another CMS.
GENERATOR_CLASSES: dict[str, type[NewsPage]] = {
    "wordpress": WordPressPage,
    "drupal": DrupalPage,
    "sitevision": SiteVisionPage,
    "episerver": EpiserverPage,
    "optimizely": EpiserverPage,
}
# Strings in the HTML that only one CMS writes.
CMS_TRACES: tuple[tuple[tuple[str, ...], type[NewsPage]], ...] = (
    (("sv-text-portlet", "sv-layout", "/download/18."), SiteVisionPage),
    (("/wp-content/", "/wp-includes/"), WordPressPage),
    (("data-drupal-", "/sites/default/files/", "Drupal.settings"), DrupalPage),
    (("/siteassets/", "/globalassets/", "/contentassets/", "EPi."), EpiserverPage),
)


def choose_page_class(document: Document, agency: Agency | None) -> type[NewsPage]:
    """Return the page class set for the agency, or else that of the page's CMS, or else NewsPage."""
    return load_page_class(agency.page, agency) if agency and agency.page else detect_cms(document)


def detect_cms(document: Document) -> type[NewsPage]:
    generator = document.meta.get("generator", "").lower()
    for name, page in GENERATOR_CLASSES.items():
        if name in generator:
            return page
    beginning = document.text[:MAX_SCANNED_CHARACTERS]
    return next((page for traces, page in CMS_TRACES if any(trace in beginning for trace in traces)), NewsPage)


def load_page_class(dotted_name: str, agency: Agency) -> type[NewsPage]:
    """Import a page class by its dotted name. Raises AgencyError if there is no such class."""
    module, _, attribute = dotted_name.rpartition(".")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise AgencyError("agencies.toml", agency.slug, "page", f"{dotted_name!r} cannot be loaded: {error}") from error
    if not (isinstance(found, type) and issubclass(found, NewsPage)):
        raise AgencyError("agencies.toml", agency.slug, "page", f"{dotted_name!r} is not a page class")
    return found
