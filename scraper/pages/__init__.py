"""From the bytes of a page to a ReleaseItem in the agency's own words. One module per field.

Other rooms use read_page and NewsPage, and:

    document       a parsed page and its elements
    page_reader    reading a document that is already parsed
    page_classes   classes for a CMS, and the choice of one
    agencies       classes for single agencies, named in agencies.toml
    page_type      which pages are not releases
    blocks  boilerplate  main_text  title   parts of it, for lists and for comparing pages
"""

from scraper.pages.page_classes import NewsPage
from scraper.pages.page_reader import adapt_agency, open_document, read_document, read_page

__all__ = ["NewsPage", "adapt_agency", "open_document", "read_document", "read_page"]
