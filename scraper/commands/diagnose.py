"""scrapy diagnose: shows why an agency's pages are no longer parsed as before, and a remedy."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scrapy.exceptions import UsageError

from scraper.command import ProjectCommand
from scraper.diagnosis import Diagnosis, FieldDiagnosis, ReparsedPage, diagnose_agencies, propose_table
from scraper.errors import PageError, SourceError
from scraper.probe.report import MISSING_VALUE, format_proposed_table, shorten_line
from scraper.probe.result import ProbeResult
from scraper.probe.spider import probe_site


class Command(ProjectCommand):
    """Show why an agency's pages are no longer parsed as before, and what would fix it.

    The last good page is compared with a quarantined one, field by field: which rule read a lost field, what that rule
    finds now, where the same text is, and a table for agencies.toml. Only stored pages are read, unless --ask is given.
    Exit code 0: done; 2: wrong arguments.
    """

    requires_crawler_process = True
    usage = "SLUG [SLUG …] [--json] [--save DIR] [--ask]"
    takes_arguments = True
    logs_only_warnings = True

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.add_argument("--save", type=Path, metavar="DIR", help="write both pages to this folder")
        parser.add_argument("--ask", action="store_true", help="probe the site as well (one agency only)")

    def execute(self, args: list[str], opts: argparse.Namespace) -> int:
        if not args or (opts.ask and len(args) > 1):
            raise UsageError("name one agency" if opts.ask else "name agencies")
        diagnoses = diagnose_agencies(self.archive_path, list(self.select_agencies(args).values()))
        if opts.save:
            save_pages(diagnoses, opts.save)
        probed = None
        if opts.ask:
            try:
                probed = probe_site(self.crawler_process, diagnoses[0].agency.home, self.load_agencies())
            except (PageError, SourceError) as error:
                self.report_error(error)
        if opts.json:
            print(f"[{', '.join(format_diagnosis_json(diagnosis, probed) for diagnosis in diagnoses)}]")
        else:
            width = shutil.get_terminal_size((150, 40)).columns
            print("\n\n".join("\n".join(iter_diagnosis_lines(diagnosis, probed, width)) for diagnosis in diagnoses))
        return 0


def save_pages(diagnoses: list[Diagnosis], folder: Path) -> None:
    """Write the pages to files in a folder, named after their agencies, and print their paths to stderr."""
    folder.mkdir(parents=True, exist_ok=True)
    for diagnosis in diagnoses:
        for name, reparsed in (("good", diagnosis.good), ("bad", diagnosis.bad)):
            if reparsed:
                path = folder / f"{diagnosis.agency.slug}-{name}.html"
                path.write_bytes(reparsed.page.html)
                print(f"{name}: {path}", file=sys.stderr)


def iter_diagnosis_lines(diagnosis: Diagnosis, probed: ProbeResult | None, width: int) -> Iterator[str]:
    """Yield the lines of a report, `width` characters wide. probed: a probe of the site, if one was made."""
    slug = diagnosis.agency.slug
    if diagnosis.quarantined_count:
        symptoms = ", ".join(f"{key} in {number}" for key, number in diagnosis.symptoms.items())
        since = (diagnosis.since or "")[:16]
        yield f"{slug}: {diagnosis.quarantined_count} quarantined since {since}: {symptoms}"
    else:
        yield f"{slug}: nothing is quarantined"
    for name, reparsed in (("good", diagnosis.good), ("bad", diagnosis.bad)):
        if reparsed:
            yield f"{name:4}  {reparsed.seen_at[:16]}  {reparsed.class_name or 'not parsed'}  {reparsed.page.url}"
            if reparsed.page.problem:
                yield f"      not parsed: {reparsed.page.problem}"
    if diagnosis.template_overlap is not None:
        kind = "the same release" if diagnosis.same_release else "two releases"
        yield f"      {kind}; their templates share {100 * diagnosis.template_overlap:.0f} % of class names and ids"
    yield from iter_field_table(diagnosis.fields, width)
    for finding in diagnosis.fields:
        if finding.died:
            yield from iter_lost_field_lines(finding, same_release=diagnosis.same_release)
    if diagnosis.problems:
        yield from ("", "could not be read at all")
        yield from (f"  {shorten_line(problem, width - 2)}" for problem in diagnosis.problems)
    if proposed := propose_table(diagnosis, probed):
        origin = "the site was probed just now" if probed else "from the bad page alone; --ask probes the site"
        yield from ("", f"proposed table ({origin})", format_proposed_table(proposed))
    if diagnosis.quarantined_count:
        yield ""
        yield f"if you fixed a rule: scrapy reparse --agency {slug} accepts the pages that have all fields then"
        yield f"if the agency changed its pages: scrapy quarantine --accept {slug} (if they are useless: --drop)"


def iter_field_table(findings: list[FieldDiagnosis], width: int) -> Iterator[str]:
    """Yield a table with each field's value on both pages, with lost fields marked."""
    if not findings:
        return
    room = max(16, (width - 14) // 2)
    yield ""
    yield f"{'':2}{'field':10}{'on the good page':{room}}  on the bad page"
    for finding in findings:
        mark = "✗ " if finding.died else "  "
        old, new = (shorten_line(value or MISSING_VALUE, room - 1) for value in (finding.old, finding.new))
        yield f"{mark}{finding.field:10}{old:{room}}  {new}"


def iter_lost_field_lines(finding: FieldDiagnosis, *, same_release: bool) -> Iterator[str]:
    """Yield lines about a lost field: which rule read it, and what would read it now."""
    evidence = finding.old_evidence
    yield ""
    origin = f" of {finding.origin}" if finding.origin else ""
    yield f"{finding.field}: was read by “{evidence.rule or 'a rule without a name'}”{origin}, from {evidence.element}"
    if finding.matches is not None:
        yield f"  {finding.selector} finds {finding.matches or 'no'} element(s) on the bad page"
    if finding.new:
        yield f"  instead “{finding.new_evidence.rule}” reads {finding.new_evidence.element}"
    if finding.stands:
        yield f"  the same text is in {finding.stands}"
    elif same_release and finding.field != "body":
        yield "  the same text is not on the bad page"
    if finding.remedy:
        others = (
            f", and finds text on {finding.cured} of {finding.tried} other quarantined pages" if finding.tried else ""
        )
        yield f'  {finding.field} = "{finding.remedy}" reads it{others}'


def format_diagnosis_json(diagnosis: Diagnosis, probed: ProbeResult | None) -> str:
    """Return a diagnosis as a JSON object. probed: a probe of the site, if one was made."""
    proposed = propose_table(diagnosis, probed)
    values = {
        "agency": diagnosis.agency.slug,
        "quarantined": diagnosis.quarantined_count,
        "since": diagnosis.since,
        "symptoms": diagnosis.symptoms,
        "good": summarise_page(diagnosis.good),
        "bad": summarise_page(diagnosis.bad),
        "likeness": diagnosis.template_overlap,
        "fields": [asdict(finding) for finding in diagnosis.fields],
        "problems": diagnosis.problems,
        "proposal": format_proposed_table(proposed) if proposed else None,
    }
    return json.dumps(values, ensure_ascii=False, indent=2)


def summarise_page(reparsed: ReparsedPage | None) -> dict[str, Any] | None:
    if reparsed is None:
        return None
    return {
        "url": reparsed.page.url,
        "seen": reparsed.seen_at,
        "capture": reparsed.capture_id,
        "page_class": reparsed.class_name,
    }
