"""polisen.se: event notices, press releases and news from the police."""

from __future__ import annotations

from typing import ClassVar

from scraper.pages.page_classes import EpiserverPage


class PolisenPage(EpiserverPage):
    """Page of polisen.se.

    The site has used three templates, which have the dates in span.date, time.date or dl. In all
    three templates, the dates are next to the text.
    """

    title_css: ClassVar[tuple[str, ...]] = ("#main-content h1", *EpiserverPage.title_css)
    lead_css: ClassVar[tuple[str, ...]] = ("#main-content .preamble", *EpiserverPage.lead_css)
    drop_css: ClassVar[tuple[str, ...]] = (
        ".event-page > .block",
        ".share-links",
        ".c-social-media",
        *EpiserverPage.drop_css,
    )
    metadata_css: ClassVar[tuple[str, ...]] = (
        ".meta-data-container",
        ".page-meta-data",
        *EpiserverPage.metadata_css,
    )
