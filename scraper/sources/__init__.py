"""Finds where releases are listed, and parses feeds, sitemaps, listings and lists in JSON.

Other packages use the names that this package exports, and this module:

    web_archives   indexes of the captures in web archives
"""

from scraper.sources.discovery import (
    MAX_PRESS_ROOMS,
    SourceURLs,
    find_sources,
    get_declared_sources,
    get_wire_sources,
    list_declared_urls,
)
from scraper.sources.endless_lists import TrapDetector
from scraper.sources.feeds import CutFeedError, parse_feed
from scraper.sources.json_lists import is_json
from scraper.sources.links import (
    NEWS_WORDS,
    ListingPage,
    SourceLink,
    is_release_url,
    parse_source_page,
    select_releases,
    split_form,
)
from scraper.sources.listings import needs_javascript, parse_listing
from scraper.sources.pager import states_more
from scraper.sources.xml_sitemaps import is_sitemap_unchanged, parse_robots_sitemaps, parse_sitemap

__all__ = [
    "MAX_PRESS_ROOMS",
    "NEWS_WORDS",
    "CutFeedError",
    "ListingPage",
    "SourceLink",
    "SourceURLs",
    "TrapDetector",
    "find_sources",
    "get_declared_sources",
    "get_wire_sources",
    "is_json",
    "is_release_url",
    "is_sitemap_unchanged",
    "list_declared_urls",
    "needs_javascript",
    "parse_feed",
    "parse_listing",
    "parse_robots_sitemaps",
    "parse_sitemap",
    "parse_source_page",
    "select_releases",
    "split_form",
    "states_more",
]
