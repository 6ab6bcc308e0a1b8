"""Crawl agencies' news pages and turn them into typed releases for the archive."""

from importlib.metadata import version

__version__ = version("myndighetsarkivet")
