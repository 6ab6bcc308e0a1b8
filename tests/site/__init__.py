"""A small agency website on loopback: demo, tests and benchmark all crawl this one."""

from tests.site.listing import agencies_toml
from tests.site.releases import Release
from tests.site.server import Site

__all__ = ["Release", "Site", "agencies_toml"]
