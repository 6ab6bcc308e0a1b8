"""Crawls agencies' news pages and turns them into releases for the archive."""

from importlib.metadata import version

__version__ = version("myndighetsarkivet")
