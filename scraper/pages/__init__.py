"""From the bytes of a page to a ReleaseItem, whose fields are the agency's own words: one module
for each field.
"""

from scraper.pages.page_classes import NewsPage
from scraper.pages.page_reader import open_document, read_document, read_page

__all__ = ["NewsPage", "open_document", "read_document", "read_page"]
