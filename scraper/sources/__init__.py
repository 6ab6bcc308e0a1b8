"""Sources of links: feeds, sitemaps and listings, declared for an agency or found on its home page."""

from scraper.sources.discovery import find_sources
from scraper.sources.feeds import parse_feed, parse_sitemap
from scraper.sources.listings import parse_listing

__all__ = ["find_sources", "parse_feed", "parse_listing", "parse_sitemap"]
