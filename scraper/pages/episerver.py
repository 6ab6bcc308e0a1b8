"""Episerver, now Optimizely: the commonest system among agencies; its editors name the lead preamble or ingress."""

from __future__ import annotations

from typing import ClassVar

from scraper.pages.base import NewsPage


class EpiserverPage(NewsPage):
    """Known by /siteassets/, /globalassets/ and /contentassets/ in its links, or by EPi metas."""

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
