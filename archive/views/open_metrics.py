"""/metrics: what an operator's monitoring reads, as OpenMetrics 1.0 text.

It answers 404 unless metadata.json has `"plugins": {"metrics": {"enabled": true}}`. The counters
and queues are those of the process that answers, since it started.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from datasette import NotFound, Response
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from archive.changes.edits_and_removals import HIDDEN_RELEASES_SQL, count_edits, parse_edits_query
from archive.database.captures import CAPTURES_FILE
from archive.database.redaction import WITHHELD_FILE
from archive.health.health_report import STATE_ORDER, read_agency_health
from archive.views.agencies import read_agency_overview
from archive.web import SiteRequest, site_view
from archive.web.request_limits import BODY, WorkQueue

PREFIX = "myndighetsarkivet_"
COUNTS_SQL = f"""
    select (select count(*) from revisions) as versions,
      (select count(*) from removals where confirmed is not null and confirmed is not ended
        and kind <> 'moved' and release not in ({HIDDEN_RELEASES_SQL})) as removals
"""
QUARANTINE_SQL = """
    select agency, count(*) as releases from quarantine
    where decision = 'confirmed' and decided is null group by agency
"""


@dataclass(eq=False, slots=True)
class SiteFigures(Collector):
    """The figures of one response."""

    figures: Iterable[Metric]

    def collect(self) -> Iterable[Metric]:
        return self.figures


@site_view("/metrics")
async def _show_metrics(site: SiteRequest) -> Response:
    if not (site.datasette.plugin_config("metrics") or {}).get("enabled"):
        raise NotFound("the operator has not enabled the metrics")
    figures = [
        *await _read_archive_figures(site),
        *_list_file_figures(Path(site.datasette.get_database("archive").path)),
        *_list_queue_figures(site.request.scope["archive_queues"]),
    ]
    registry = CollectorRegistry()
    registry.register(SiteFigures(figures))
    ProcessCollector(registry=registry)
    text = generate_latest(registry).decode()  # type: ignore[no-untyped-call]
    headers = {"cache-control": "no-store"}
    return Response(text, headers=headers, content_type=CONTENT_TYPE_LATEST)


async def _read_archive_figures(site: SiteRequest) -> list[Metric]:
    (counts,) = await site.run(COUNTS_SQL, {})
    edits = await count_edits(site.run, parse_edits_query(site.args))
    agencies = await read_agency_overview(site.run)
    releases = {agency["slug"]: agency["releases"] for agency in agencies}
    crawled = {
        agency["slug"]: datetime.fromisoformat(agency["crawled"]).timestamp()
        for agency in agencies
        if agency["crawled"]
    }
    health = await read_agency_health(site.run, site.language)
    states = Counter(row["state"] for row in health)
    faults = {row["agency"]: row["is_unacknowledged"] for row in health}
    quarantined = {row["agency"]: row["releases"] for row in await site.run(QUARANTINE_SQL, {})}
    program = InfoMetricFamily(f"{PREFIX}build", "Version of the program.")
    program.add_metric([], {"version": version("myndighetsarkivet")})
    return [
        program,
        _build_gauge("releases", "Releases.", releases, "agency"),
        _build_gauge("versions", "Versions of releases.", {"": counts["versions"]}),
        _build_gauge("edits", "Edits that agencies made.", {"": edits["total"]}),
        _build_gauge("removals", "Removals by agencies.", {"": counts["removals"]}),
        _build_gauge(
            "agencies", "Agencies by health.", {each: states[each] for each in STATE_ORDER}, "state"
        ),
        _build_gauge(
            "agency_fault", "1 for a fault that nobody has acknowledged.", faults, "agency"
        ),
        _build_gauge(
            "quarantined_releases",
            "Releases in quarantine that wait for a decision.",
            dict.fromkeys(releases, 0) | quarantined,
            "agency",
        ),
        _build_gauge(
            "crawl_finished_timestamp_seconds",
            "When the agency's latest finished crawl ended.",
            crawled,
            "agency",
        ),
    ]


def _list_file_figures(archive: Path) -> Iterator[Metric]:
    """Yield the sizes of the archive's files; a server of snapshots has only archive.db."""
    names = (archive.name, f"{archive.name}-wal", CAPTURES_FILE, WITHHELD_FILE)
    files = [archive.with_name(name) for name in names]
    sizes = {file.name: file.stat().st_size for file in files if file.is_file()}
    yield _build_gauge("file_size_bytes", "Size of a file of the archive.", sizes, "file")


def _list_queue_figures(queues: Mapping[str, WorkQueue]) -> Iterator[Metric]:
    work = {kind: queue for kind, queue in queues.items() if kind != BODY}
    running = {kind: queue.work.running - queue.free_slots for kind, queue in work.items()}
    yield _build_gauge("requests_running", "Requests that are being served.", running, "work")
    waiting = {kind: queue.waiting for kind, queue in work.items()}
    yield _build_gauge("requests_waiting", "Requests that wait in the queue.", waiting, "work")
    refused = CounterMetricFamily(
        f"{PREFIX}requests_refused",
        "Requests answered 503 because too many waited.",
        labels=["work"],
    )
    for kind, queue in work.items():
        refused.add_metric([kind], queue.refused)
    yield refused


def _build_gauge(
    name: str, text: str, values: Mapping[str, float], label: str | None = None
) -> Metric:
    """Return a figure with a value for each value of a label; without a label, values[""]."""
    gauge = GaugeMetricFamily(PREFIX + name, text, labels=[label] if label else [])
    for key, value in values.items():
        gauge.add_metric([key] if label else [], value)
    return gauge
