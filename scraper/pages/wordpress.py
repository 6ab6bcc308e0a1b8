"""WordPress: classic themes and the block editor."""

from __future__ import annotations

from typing import ClassVar

from scraper.pages.base import NewsPage


class WordPressPage(NewsPage):
    """Known by its generator meta and /wp-content/ in its links."""

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
