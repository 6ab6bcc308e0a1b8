"""Telling which system made a page, and so which class reads it."""

from __future__ import annotations

from importlib import import_module

from scraper.agency import Agency
from scraper.errors import AgencyError
from scraper.pages.base import NewsPage
from scraper.pages.document import Document
from scraper.pages.drupal import DrupalPage
from scraper.pages.episerver import EpiserverPage
from scraper.pages.sitevision import SiteVisionPage
from scraper.pages.wordpress import WordPressPage

# What each system leaves on every page it makes. A page embedding another's file must not be taken for its page,
# so the generator meta decides first.
GENERATORS: dict[str, type[NewsPage]] = {
    "wordpress": WordPressPage,
    "drupal": DrupalPage,
    "sitevision": SiteVisionPage,
    "episerver": EpiserverPage,
    "optimizely": EpiserverPage,
}
HEAD = 60_000  # characters; stylesheets, icons and menus have shown the system's habits by then
HABITS: tuple[tuple[tuple[str, ...], type[NewsPage]], ...] = (
    (("sv-text-portlet", "sv-layout", "/download/18."), SiteVisionPage),
    (("/wp-content/", "/wp-includes/"), WordPressPage),
    (("data-drupal-", "/sites/default/files/", "Drupal.settings"), DrupalPage),
    (("/siteassets/", "/globalassets/", "/contentassets/", "EPi."), EpiserverPage),
)


def choose_page(document: Document, agency: Agency | None) -> type[NewsPage]:
    """The agency's own class where its table names one, else the class of the page's CMS, else NewsPage."""
    if agency and agency.page:
        return load_page(agency.page, agency)
    return tell_cms(document)


def tell_cms(document: Document) -> type[NewsPage]:
    """The class for the system that made a page; NewsPage where nothing tells."""
    generator = document.meta.get("generator", "").lower()
    for name, page in GENERATORS.items():
        if name in generator:
            return page
    beginning = document.text[:HEAD]
    return next((page for traces, page in HABITS if any(trace in beginning for trace in traces)), NewsPage)


def load_page(name: str, agency: Agency) -> type[NewsPage]:
    """A page class by its dotted name."""
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise AgencyError("agencies.toml", agency.slug, "page", f"{name!r} cannot be loaded: {error}") from error
    if not (isinstance(found, type) and issubclass(found, NewsPage)):
        raise AgencyError("agencies.toml", agency.slug, "page", f"{name!r} is no page class")
    return found
