"""What a site offers, as a proposed table for agencies.toml."""

from scraper.probe.probe_report import (
    MISSING_VALUE,
    build_field_rows,
    format_columns,
    format_item_value,
    format_probe_report,
    format_proposed_table,
    shorten_line,
)
from scraper.probe.probe_spider import probe_site, quieten_loggers, request_page
from scraper.probe.proposal import (
    STORED_PAGES_DIR,
    ProbedPage,
    ProbeResult,
    find_unused_selectors,
    probe_file,
    probe_page,
    store_page,
)
from scraper.probe.site_probe import SiteProbe

__all__ = [
    "MISSING_VALUE",
    "STORED_PAGES_DIR",
    "ProbeResult",
    "ProbedPage",
    "SiteProbe",
    "build_field_rows",
    "find_unused_selectors",
    "format_columns",
    "format_item_value",
    "format_probe_report",
    "format_proposed_table",
    "probe_file",
    "probe_page",
    "probe_site",
    "quieten_loggers",
    "request_page",
    "shorten_line",
    "store_page",
]
