"""Crawls agencies' news pages and turns them into typed releases for the archive."""

from importlib.metadata import version

__version__ = version("myndighetsarkivet")
