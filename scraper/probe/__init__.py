"""Probes a site, and proposes a table for the site in agencies.toml."""

from scraper.probe.probe_report import (
    MISSING_VALUE,
    build_field_rows,
    format_columns,
    format_item_value,
    format_probe_report,
    format_proposed_table,
    shorten_line,
)
from scraper.probe.probe_spider import ProbeSpider, probe_site, run_probes
from scraper.probe.proposal import (
    STORED_PAGES_DIR,
    ProbedPage,
    ProbedSource,
    ProbeResult,
    find_unused_selectors,
    format_agency_toml,
    probe_file,
    probe_page,
    propose_slug,
    store_page,
)
from scraper.probe.site_probe import Fetch, SiteProbe

__all__ = [
    "MISSING_VALUE",
    "STORED_PAGES_DIR",
    "Fetch",
    "ProbeResult",
    "ProbeSpider",
    "ProbedPage",
    "ProbedSource",
    "SiteProbe",
    "build_field_rows",
    "find_unused_selectors",
    "format_agency_toml",
    "format_columns",
    "format_item_value",
    "format_probe_report",
    "format_proposed_table",
    "probe_file",
    "probe_page",
    "probe_site",
    "propose_slug",
    "run_probes",
    "shorten_line",
    "store_page",
]
