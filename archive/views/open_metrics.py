"""/metrics: figures for an operator's monitoring, as OpenMetrics 1.0 text.

The status is 404 unless metadata.json contains `"plugins": {"metrics": {"enabled": true}}`. Figures
about requests and the process cover only the process that responds, and only the time since it
started.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

from datasette import NotFound, Response
from prometheus_client import ProcessCollector
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

from archive.changes.edits_and_removals import HIDDEN_RELEASES_SQL, count_edits, parse_edits_query
from archive.database.captures import CAPTURES_FILE
from archive.database.redaction import WITHHELD_FILE
from archive.health.health_report import STATE_ORDER, read_agency_health
from archive.views.agencies import read_agency_overview
from archive.web import SiteRequest, site_view
from archive.web.request_limits import BODY

FIGURES: Mapping[str, tuple[str | None, str]] = {  # name → label, if it has one, and help
    "build_info": ("version", "Version of the program."),
    "releases": ("agency", "Releases."),
    "versions": (None, "Versions of releases."),
    "edits": (None, "Edits that agencies made."),
    "removals": (None, "Removals by agencies."),
    "agencies": ("state", "Agencies by health."),
    "agency_fault": ("agency", "1 for a fault that nobody has acknowledged."),
    "quarantined_releases": ("agency", "Releases in quarantine that wait for a decision."),
    "crawl_finished_timestamp_seconds": ("agency", "End of the agency's latest finished crawl."),
    "file_size_bytes": ("file", "Size of a file of the archive."),
    "requests_running": ("work", "Requests that are being served."),
    "requests_waiting": ("work", "Requests that wait in the queue."),
    "requests_refused": ("work", "Requests answered 503 because too many waited."),
}
COUNTS_SQL = f"""
    select (select count(*) from revisions) as versions,
      (select count(*) from removals where confirmed is not null and confirmed is not ended
        and kind <> 'moved' and release not in ({HIDDEN_RELEASES_SQL})) as removals
"""
QUARANTINE_SQL = """
    select agency, count(*) as releases from quarantine
    where decision = 'confirmed' and decided is null group by agency
"""


@site_view("/metrics")
async def _show_metrics(site: SiteRequest) -> Response:
    if not (site.datasette.plugin_config("metrics") or {}).get("enabled"):
        raise NotFound("the operator has not enabled the metrics")
    values = {**await _read_archive_values(site), **_read_server_values(site)}
    families = list(ProcessCollector(registry=None).collect())
    for name, (label, text) in FIGURES.items():
        family_class = CounterMetricFamily if name == "requests_refused" else GaugeMetricFamily
        family = family_class(f"myndighetsarkivet_{name}", text, labels=[label] if label else [])
        for key, value in values[name].items():
            family.add_metric([key] if label else [], value)
        families.append(family)
    return Response(
        generate_latest(SimpleNamespace(collect=lambda: families)).decode(),  # type: ignore[no-untyped-call]
        headers={"cache-control": "no-store"},
        content_type=CONTENT_TYPE_LATEST,
    )


async def _read_archive_values(site: SiteRequest) -> dict[str, Mapping[str, float]]:
    (counts,) = await site.run(COUNTS_SQL, {})
    agencies = await read_agency_overview(site.run)
    health = await read_agency_health(site.run, site.language)
    quarantined = {row["agency"]: row["releases"] for row in await site.run(QUARANTINE_SQL, {})}
    return {
        "releases": {agency["slug"]: agency["releases"] for agency in agencies},
        "versions": {"": counts["versions"]},
        "edits": {"": (await count_edits(site.run, parse_edits_query(site.args)))["total"]},
        "removals": {"": counts["removals"]},
        "agencies": dict.fromkeys(STATE_ORDER, 0) | Counter(row["state"] for row in health),
        "agency_fault": {row["agency"]: row["is_unacknowledged"] for row in health},
        "quarantined_releases": {
            agency["slug"]: quarantined.get(agency["slug"], 0) for agency in agencies
        },
        "crawl_finished_timestamp_seconds": {
            agency["slug"]: datetime.fromisoformat(agency["crawled"]).timestamp()
            for agency in agencies
            if agency["crawled"]
        },
    }


def _read_server_values(site: SiteRequest) -> dict[str, Mapping[str, float]]:
    """Return the metrics of the server process: its version, its queues and the sizes of its files.

    If the server serves a snapshot, archive.db is its only file.
    """
    archive = Path(site.datasette.get_database("archive").path)
    files = map(
        archive.with_name, (archive.name, f"{archive.name}-wal", CAPTURES_FILE, WITHHELD_FILE)
    )
    queues = dict(site.request.scope["archive_queues"])
    del queues[BODY]  # bodies have no queue
    return {
        "build_info": {version("myndighetsarkivet"): 1},
        "file_size_bytes": {file.name: file.stat().st_size for file in files if file.is_file()},
        "requests_running": {
            kind: queue.work.running - queue.free_slots for kind, queue in queues.items()
        },
        "requests_waiting": {kind: queue.waiting for kind, queue in queues.items()},
        "requests_refused": {kind: queue.refused for kind, queue in queues.items()},
    }
