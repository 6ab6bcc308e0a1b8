"""polisen.se: event notices, press releases and news of the police."""

from __future__ import annotations

from typing import ClassVar

from scraper.pages.episerver import EpiserverPage


class PolisenPage(EpiserverPage):
    """Three generations of one template: span.date, time.date and dl; each keeps the dates beside the text."""

    title_css: ClassVar[tuple[str, ...]] = ("#main-content h1", *EpiserverPage.title_css)
    lead_css: ClassVar[tuple[str, ...]] = ("#main-content .preamble", *EpiserverPage.lead_css)
    drop_css: ClassVar[tuple[str, ...]] = (
        ".event-page > .block",
        ".share-links",
        ".c-social-media",
        *EpiserverPage.drop_css,
    )
    beside_css: ClassVar[tuple[str, ...]] = (".meta-data-container", ".page-meta-data", *EpiserverPage.beside_css)
