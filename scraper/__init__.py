"""Pages in, releases out: crawls agencies' news pages and gives typed releases to the archive."""

from importlib.metadata import version

__version__ = version("myndighetsarkivet")
