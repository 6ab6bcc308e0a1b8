"""A small agency website on loopback, which the demo, the tests and the benchmark crawl."""

from tests.site.listing import agencies_toml
from tests.site.releases import Release
from tests.site.server import Site

__all__ = ["Release", "Site", "agencies_toml"]
