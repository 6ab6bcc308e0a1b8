"""Parses the bytes of a page into a ReleaseItem, in the agency's own words.

Each field of a release has a module.

Other packages use `read_page`, `NewsPage` and these modules:

    document       a parsed page and its elements
    page_reader    reads a document that is already parsed
    page_classes   classes for individual CMSs, and the choice of a class
    agencies       classes for individual agencies, named in agencies.toml
    page_type      recognises pages that are not releases
    blocks  boilerplate  main_text  title   parts of the parser, which listings and comparisons use
"""

from scraper.pages.page_classes import NewsPage
from scraper.pages.page_reader import adapt_agency, open_document, read_document, read_page

__all__ = ["NewsPage", "adapt_agency", "open_document", "read_document", "read_page"]
