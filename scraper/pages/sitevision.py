"""SiteVision: pages are rows of portlets, and the system's own words tell when a page was last changed."""

from __future__ import annotations

from typing import ClassVar

from scraper.pages.base import NewsPage


class SiteVisionPage(NewsPage):
    """Known by its generator meta, sv- classes and /download/18.<hex>/ links."""

    lead_css: ClassVar[tuple[str, ...]] = (
        "main .sv-text-portlet .ingress",
        "main p.ingress",
        ".sv-text-portlet-content p.ingress",
        ".sv-font-ingress",
    )
    drop_css: ClassVar[tuple[str, ...]] = (
        ".sv-toc-portlet",
        ".sv-searchform-portlet",
        ".sv-linkmenu-portlet",
        ".sv-breadcrumb-portlet",
        ".sv-print-link",
    )
