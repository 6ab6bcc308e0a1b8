"""Stores parsed pages in the archive.

This package decides which release a page belongs to, and whether a change is an edit by the agency,
a redesign of the site or a misreading of the page.
"""

from scraper.ingest.candidates import is_other_address, read_stored_body
from scraper.ingest.edit_or_redesign import (
    FINGERPRINT_VERSION,
    GENERATED_NAME,
    PageVersion,
    count_template_names,
    fingerprint_template,
    is_redesign,
    reparse_stored,
    to_comparable_text,
)
from scraper.ingest.misreadings import (
    QuarantineCheck,
    describe_reasons,
    find_doubts,
    list_symptoms,
)
from scraper.ingest.parsed_page import FetchedPage, ParsedPage, build_file_item
from scraper.ingest.past_versions import save_captured_page
from scraper.ingest.saving import (
    CrawlRecorder,
    Ingest,
    accept_quarantined,
    accept_repaired,
    read_retention,
    resolve_superseded,
    review_quarantine,
    take_in_refused,
)

__all__ = [
    "FINGERPRINT_VERSION",
    "GENERATED_NAME",
    "CrawlRecorder",
    "FetchedPage",
    "Ingest",
    "PageVersion",
    "ParsedPage",
    "QuarantineCheck",
    "accept_quarantined",
    "accept_repaired",
    "build_file_item",
    "count_template_names",
    "describe_reasons",
    "find_doubts",
    "fingerprint_template",
    "is_other_address",
    "is_redesign",
    "list_symptoms",
    "read_retention",
    "read_stored_body",
    "reparse_stored",
    "resolve_superseded",
    "review_quarantine",
    "save_captured_page",
    "take_in_refused",
    "to_comparable_text",
]
