"""Drupal: fields stand in elements named after them."""

from __future__ import annotations

from typing import ClassVar

from scraper.pages.base import NewsPage


class DrupalPage(NewsPage):
    """Known by its generator meta, data-drupal attributes and /sites/default/files/ links."""

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
    beside_css: ClassVar[tuple[str, ...]] = (".field--type-file", ".field-type-file")
