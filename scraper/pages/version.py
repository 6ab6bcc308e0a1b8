"""Which version of the reading rules this is: two states read by different ones may differ without any edit."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import scraper.normalise
import scraper.pages
from scraper.agency import Agency

LIBRARIES = ("lxml", "beautifulsoup4", "cssselect", "nh3")  # that read pages: a new release may read one otherwise


@cache
def rules_version(agency: Agency | None = None) -> str:
    """Twelve hex digits of the SHA-256 over what turns a page into a release: our files, the versions of the
    libraries below them, the agency's own table.
    """
    digest = hashlib.sha256(repr(agency).encode())
    for library in LIBRARIES:
        digest.update(f"{library} {version(library)}\0".encode())
    for package in (scraper.pages, scraper.normalise):
        for file in sorted(Path(package.__path__[0]).glob("*.py")):
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    digest.update(files("archive").joinpath("allowed.py").read_bytes())  # what body_html may hold
    return digest.hexdigest()[:12]
