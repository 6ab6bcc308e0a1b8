"""From a ReleaseItem, whose fields are strings as found on a page, to a Release, whose fields have
types.
"""

from scraper.normalise.conversion import to_release

__all__ = ["to_release"]
