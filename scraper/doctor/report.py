"""A diagnosis as text, one page of a terminal, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from scraper.doctor.diagnosis import Finding, compare_pages, likeness, with_selector
from scraper.doctor.pages import Case, Sheet
from scraper.probing.fields import ABSENT, shorten
from scraper.probing.findings import Findings, from_file
from scraper.probing.report import to_table


def to_report(case: Case, found: Findings | None, width: int) -> str:
    """The whole of it, `width` characters wide; found: what a probe of the site told just now."""
    findings = compare_pages(case)
    lines = [*opening(case), *both_pages(case), *rows(findings, width)]
    lines += [line for finding in findings if finding.died for line in autopsy(finding, case)]
    if case.problems:
        lines += ["", "could not be read at all", *(f"  {shorten(problem, width - 2)}" for problem in case.problems)]
    if proposed := propose(case, found, findings):
        lines += [
            "",
            f"what probe would propose ({'asked just now' if found else 'from the bad page alone; --ask asks'})",
        ]
        lines.append(to_table(proposed))
    return "\n".join([*lines, *closing(case)])


def to_json(case: Case, found: Findings | None) -> str:
    """The same for machines; an object an agency."""
    findings = compare_pages(case)
    proposed = propose(case, found, findings)
    told: dict[str, Any] = {
        **{"agency": case.agency.slug, "held_back": case.waiting, "since": case.since, "symptoms": case.symptoms},
        **{"good": about(case.good), "bad": about(case.bad), "likeness": likeness(case)},
        "fields": [asdict(finding) for finding in findings],
        "problems": case.problems,
        "proposal": to_table(proposed) if proposed else None,
    }
    return json.dumps(told, ensure_ascii=False, indent=2)


def propose(case: Case, found: Findings | None, findings: list[Finding]) -> Findings | None:
    """What a probe told, else what the bad page alone makes one propose; with the remedies in its table."""
    if found is None and case.bad:
        found = from_file(case.bad.html, case.bad.url, {case.agency.slug: case.agency})
    for finding in findings:
        if found and finding.remedy:
            found.agency = with_selector(found.agency, finding.field, finding.remedy)
    return found


def about(sheet: Sheet | None) -> dict[str, Any] | None:
    """Where a page is from."""
    if sheet is None:
        return None
    item = sheet.page.item
    reader = item.reader.partition(" ")[0] if item and item.reader else None
    return {"url": sheet.url, "seen": sheet.seen, "capture": sheet.capture, "reader": reader}


def opening(case: Case) -> Iterator[str]:
    """How much is held back, and for what."""
    if not case.waiting:
        yield f"{case.agency.slug}: nothing is held back"
        return
    told = ", ".join(f"{key} in {number}" for key, number in case.symptoms.items())
    yield f"{case.agency.slug}: {case.waiting} held back since {(case.since or '')[:16]}: {told}"


def both_pages(case: Case) -> Iterator[str]:
    """Which two pages these are, and how alike they are built."""
    for name, sheet in (("good", case.good), ("bad", case.bad)):
        if told := about(sheet):
            yield f"{name:4}  {told['seen'][:16]}  {told['reader'] or 'not read'}  {told['url']}"
            if sheet and sheet.page.problem:
                yield f"      not read: {sheet.page.problem}"
    alike = likeness(case)
    if alike is not None:
        kind = "the same release" if case.same else "two releases"
        yield f"      {kind}; of the names the pages are built with, {alike:.0%} are shared".replace("%", " %")


def rows(findings: list[Finding], width: int) -> Iterator[str]:
    """Field by field, the good page's value beside the bad one's; what died is marked."""
    if not findings:
        return
    room = max(16, (width - 14) // 2)
    yield ""
    yield f"{'':2}{'field':10}{'on the good page':{room}}  on the bad page".rstrip()
    for finding in findings:
        mark = "✗ " if finding.died else "  "
        old, new = shorten(finding.old or ABSENT, room - 1), shorten(finding.new or ABSENT, room - 1)
        yield f"{mark}{finding.field:10}{old:{room}}  {new}".rstrip()


def autopsy(finding: Finding, case: Case) -> Iterator[str]:
    """What died, and what would read it."""
    evidence = finding.old_evidence
    yield ""
    whose = f" of {finding.origin}" if finding.origin else ""
    yield f"{finding.field}: was read by “{evidence.rule or 'a rule without a name'}”{whose}, from {evidence.element}"
    if finding.selector and finding.matches is not None:
        yield f"  {finding.selector} finds {finding.matches or 'no'} element(s) on the bad page"
    if finding.new:
        yield f"  instead “{finding.new_evidence.rule}” reads {finding.new_evidence.element}"
    if finding.stands:
        yield f"  the same words stand in {finding.stands}"
    elif case.same and finding.field != "body":
        yield "  the same words do not stand on the bad page"
    if finding.remedy:
        others = f", and something on {finding.cured} of {finding.tried} others held back" if finding.tried else ""
        yield f'  {finding.field} = "{finding.remedy}" reads them{others}'


def closing(case: Case) -> Iterator[str]:
    """What to do next."""
    if case.waiting:
        yield ""
        yield f"mended: scrapy reparse --agency {case.agency.slug} takes in what is read whole then"
        yield f"the agency's own doing: scrapy takein {case.agency.slug} (rubbish: --drop)"
