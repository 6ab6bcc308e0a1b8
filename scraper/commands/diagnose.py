"""scrapy diagnose SLUG: shows why an agency's pages are parsed differently than before, and what would fix it.

It compares the last good page of an agency with the first quarantined one, both parsed by the current rules: which
field is lost, which rule read it, what that rule finds now, where the same text is on the bad page, and which selector
would read it there.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from scrapy.exceptions import UsageError

from archive.captures import Captures
from archive.database import ArchiveError
from archive.quarantine import Quarantine, QuarantinedPage
from archive.store import Archive
from scraper.agency import SELECTOR_KEYS, Agency, load_agencies, select_agencies
from scraper.command import CONFIGURATION_ERRORS, find_agencies_file
from scraper.commands.probe import Command as ProbeCommand
from scraper.items import Provenance, ReleaseItem
from scraper.normalise.text import clean_line
from scraper.pages.document import Document, Element, format_element_path, get_text_content
from scraper.probe.report import MISSING_VALUE, format_item_value, format_proposed_table, shorten_line
from scraper.probe.result import ProbedPage, ProbeResult, probe_file, probe_page
from scraper.redesign import GENERATED_NAME, find_template_names, read_stored_body, to_comparable_text

MAX_GOOD_PAGES = 5  # candidates for the good page
MAX_OTHER_PAGES = 10  # further quarantined pages that a remedy is tried on
DIAGNOSED_FIELDS = ("title", "lead", "published", "updated", "tags", "questions", "contacts", "body")
# A step of an element's path (format_element_path) that is also a selector specific enough to be proposed.
ELEMENT_SELECTOR = re.compile(r"[a-z][a-z0-9]*(?:[.#][A-Za-z_][\w-]*)+")
NO_PROVENANCE = Provenance(rule="", element="")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReparsedPage:
    """A captured page and what the current rules read from it."""

    url: str
    seen_at: str
    capture_id: int
    html: bytes
    page: ProbedPage


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What is known about an agency's quarantined pages. The pages are None if there are none, or none is stored."""

    agency: Agency
    quarantined_count: int
    since: str | None  # when the first of them was fetched
    symptoms: dict[str, int]  # quarantined pages by what they lack: a field, or a source that lists too few
    good_page: ReparsedPage | None
    bad_page: ReparsedPage | None
    quarantine_id: int | None  # of the bad page
    same_release: bool  # whether both pages are of one release, so that the same text can be searched for
    other_pages: tuple[ReparsedPage, ...]  # other quarantined pages
    problems: tuple[str, ...]  # why pages and sources could not be read at all, the latest first


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDiagnosis:
    """One field on the good and on the bad page. The names of the attributes are keys of the JSON output."""

    field: str
    old: str  # on the good page
    old_evidence: Provenance
    new: str  # on the bad page
    new_evidence: Provenance
    died: bool  # read on the good page, and on the bad one not or wrongly
    selector: str | None = None  # of the rule that died
    origin: str | None = None  # of that rule: agencies.toml or the page class
    matches: int | None = None  # elements of the bad page that the selector finds
    stands: str | None = None  # path of the element of the bad page with the same text
    remedy: str | None = None  # a selector that reads the field there
    cured: int = 0  # other quarantined pages on which the remedy reads the field
    tried: int = 0  # other quarantined pages on which the remedy was tried


class Command(ProbeCommand):
    """Reads stored pages, and requests something only with --ask. Exit code 0: done; 2: wrong use."""

    def syntax(self) -> str:
        return "SLUG [SLUG …] [--json] [--save DIR] [--ask]"

    def short_desc(self) -> str:
        return "Tell why an agency's pages are read otherwise than before, and what would mend it"

    def long_desc(self) -> str:
        return (
            "For each agency: its last good page beside the first one that was quarantined, field by field; the rule"
            " that read what is lost, what it finds now, and where the same words stand; a table for agencies.toml."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super(ProbeCommand, self).add_options(parser)
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.add_argument("--save", type=Path, metavar="DIR", help="write both pages to this folder")
        parser.add_argument("--ask", action="store_true", help="probe the agency's site as well (of one agency)")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if not args or (opts.ask and len(args) > 1):
            raise UsageError("name one agency" if opts.ask else "name agencies")
        assert self.settings is not None  # noqa: S101 - Scrapy sets it before run
        file, archive_path = find_agencies_file(self.settings), Path(self.settings["ARCHIVE"])
        try:
            every = load_agencies(file)
            agencies = select_agencies(every, args, file)
            diagnoses = diagnose_agencies(archive_path, list(agencies.values()))
            for diagnosis in diagnoses if opts.save else ():
                save_pages(diagnosis, opts.save)
            probed, problem = self.probe_site(diagnoses[0].agency.home, every) if opts.ask else (None, None)
        except CONFIGURATION_ERRORS as error:
            self.report_error(error)
            self.exitcode = 2
            return
        if problem:
            self.report_error(problem)
        if opts.json:
            print(f"[{', '.join(format_diagnosis_json(diagnosis, probed) for diagnosis in diagnoses)}]")
        else:
            width = shutil.get_terminal_size((150, 40)).columns
            print("\n\n".join(format_diagnosis(diagnosis, probed, width) for diagnosis in diagnoses))


# The pages


def diagnose_agencies(archive_path: Path, agencies: list[Agency]) -> list[Diagnosis]:
    """Diagnose some agencies. Raises ArchiveError if there is no archive."""
    if not archive_path.is_file():
        raise ArchiveError(archive_path, "no such file")
    with Archive(archive_path, rebuild_stale=False) as archive, Captures(archive_path) as captures:
        return [diagnose_agency(archive, captures, agency) for agency in agencies]


def diagnose_agency(archive: Archive, captures: Captures, agency: Agency) -> Diagnosis:
    """Choose the good and the bad page of an agency, and collect what else is known."""
    quarantined = Quarantine(archive.db).list_pending(agency.slug)
    symptoms = Counter(key for entry in quarantined for key in sorted(entry.reason_keys))
    bad_page, bad = next(iter_bad_pages(archive, captures, agency, quarantined, symptoms), (None, None))
    good_page = None
    if bad:
        missing = {key for key in bad.reason_keys if "://" not in key}  # fields; the others are sources
        candidates = list(iter_good_pages(archive, captures, agency, bad))
        good_page = next(
            (page for page in candidates if has_fields(page, missing)), candidates[0] if candidates else None
        )
    others = (
        reparse_capture(archive, captures, agency, entry.capture_id)
        for entry in quarantined[: MAX_OTHER_PAGES + 1]
        if entry is not bad
    )
    return Diagnosis(
        agency=agency,
        quarantined_count=len(quarantined),
        since=quarantined[0].seen_at if quarantined else None,
        symptoms=dict(symptoms.most_common()),
        good_page=good_page,
        bad_page=bad_page,
        quarantine_id=bad.id if bad else None,
        same_release=bad is not None and bad.release_id is not None,
        other_pages=tuple(page for page in others if page),
        problems=tuple(read_problems(archive, agency.slug)),
    )


def iter_bad_pages(
    archive: Archive, captures: Captures, agency: Agency, quarantined: list[QuarantinedPage], symptoms: Counter[str]
) -> Iterator[tuple[ReparsedPage, QuarantinedPage]]:
    """Yield quarantined pages, the most instructive first: of a stored release, with the commonest symptom."""
    commonest = next(iter(symptoms.most_common(1)), ("", 0))[0]
    for entry in sorted(quarantined, key=lambda entry: (entry.release_id is None, commonest not in entry.reason_keys)):
        page = reparse_capture(archive, captures, agency, entry.capture_id)
        if page:
            yield page, entry


def iter_good_pages(
    archive: Archive, captures: Captures, agency: Agency, bad: QuarantinedPage
) -> Iterator[ReparsedPage]:
    """Yield the earlier pages of the bad page's release; if that is new, the agency's last pages before it."""
    rows = archive.db.execute(
        "select v.capture from revisions v join releases r on r.id = v.release where r.agency = :agency"
        " and v.capture is not null and v.seen <= :seen and (:release is null or r.id = :release)"
        " order by v.seen desc, v.id desc limit :most",
        {"agency": agency.slug, "seen": bad.seen_at, "release": bad.release_id, "most": MAX_GOOD_PAGES},
    ).fetchall()
    for (capture_id,) in rows:
        page = reparse_capture(archive, captures, agency, capture_id)
        if page and page.page.release:
            yield page


def reparse_capture(
    archive: Archive, captures: Captures, agency: Agency, capture_id: int | None
) -> ReparsedPage | None:
    """Parse a capture with the current rules; return None if its bytes are not stored."""
    row = archive.db.execute("select url, seen, sha256 from captures where id = ?", [capture_id]).fetchone()
    html = read_stored_body(captures, row[2]) if row else None
    if html is None or capture_id is None:
        return None
    return ReparsedPage(
        url=row[0], seen_at=row[1], capture_id=capture_id, html=html, page=probe_page(html, row[0], agency)
    )


def has_fields(page: ReparsedPage, fields: set[str]) -> bool:
    """Return whether all of some fields were read from a page."""
    return all(getattr(page.page.release, name, None) for name in fields)


def read_problems(archive: Archive, agency: str) -> Iterator[str]:
    """Return why pages and sources of an agency could not be read, the latest first."""
    rows = archive.db.execute(
        "select problem from frontier where agency = ? and state in ('failed', 'rejected') and problem is not null"
        " order by fetched desc limit 5",
        [agency],
    ).fetchall()
    return (problem for (problem,) in rows)


def save_pages(diagnosis: Diagnosis, folder: Path) -> None:
    """Write both pages to a folder, named after the agency, and print their paths to stderr."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in (("good", diagnosis.good_page), ("bad", diagnosis.bad_page)):
        if page:
            path = folder / f"{diagnosis.agency.slug}-{name}.html"
            path.write_bytes(page.html)
            print(f"{name}: {path}", file=sys.stderr)


# The fields


def diagnose_fields(diagnosis: Diagnosis) -> list[FieldDiagnosis]:
    """Compare the fields of both pages; return nothing unless there are two pages."""
    if diagnosis.good_page is None or diagnosis.bad_page is None or diagnosis.good_page.page.item is None:
        return []
    old, new = diagnosis.good_page.page.item, diagnosis.bad_page.page.item or ReleaseItem(url=diagnosis.bad_page.url)
    document = Document(diagnosis.bad_page.html, diagnosis.bad_page.url)
    findings = []
    for name in DIAGNOSED_FIELDS:
        finding = FieldDiagnosis(
            field=name,
            old=clean_line(format_item_value(getattr(old, name))),
            old_evidence=old.evidence.get(name, NO_PROVENANCE),
            new=clean_line(format_item_value(getattr(new, name))),
            new_evidence=new.evidence.get(name, NO_PROVENANCE),
            died=bool(getattr(old, name)) and (name in diagnosis.symptoms or not getattr(new, name)),
        )
        findings.append(diagnose_lost_field(finding, diagnosis, document) if finding.died else finding)
    return findings


def diagnose_lost_field(finding: FieldDiagnosis, diagnosis: Diagnosis, document: Document) -> FieldDiagnosis:
    """Add what the rule finds on the bad page, and a remedy if the same text is there. document: of the bad page."""
    origin, selector = find_rule(finding, diagnosis)
    finding = replace(finding, origin=origin, selector=selector)
    if selector:
        finding = replace(finding, matches=len(document.select(selector)))
    text = find_old_text(diagnosis, finding.field) if diagnosis.same_release else ""
    element = find_element_by_text(document, text)
    if element is None or diagnosis.bad_page is None:
        return finding
    finding = replace(finding, stands=format_element_path(element))
    if finding.field not in SELECTOR_KEYS:
        return finding
    for css in suggest_selectors(element):
        if restores_value(diagnosis.bad_page, diagnosis.agency, finding, css):
            others = [matches_selector(page, diagnosis.agency, finding.field, css) for page in diagnosis.other_pages]
            return replace(finding, remedy=css, cured=sum(others), tried=len(others))
    return finding


def find_rule(finding: FieldDiagnosis, diagnosis: Diagnosis) -> tuple[str, str | None]:
    """Return where the rule that read the field on the good page is defined, and its selector, if it has one."""
    own: str | None = getattr(diagnosis.agency, finding.field, None)
    if own and finding.old_evidence.rule == "selector":
        return "agencies.toml", own
    step = finding.old_evidence.element.rpartition(" > ")[2]
    return find_page_class(diagnosis.good_page) or "", step if ELEMENT_SELECTOR.fullmatch(step) else None


def find_page_class(page: ReparsedPage | None) -> str | None:
    """Return the name of the class that parsed a page; None if it was not parsed."""
    item = page.page.item if page else None
    return item.parser_version.partition(" ")[0] if item and item.parser_version else None


def find_old_text(diagnosis: Diagnosis, field: str) -> str:
    """Return the text of a field on the good page: its first value, and nothing for the body, which is too long."""
    value = getattr(diagnosis.good_page.page.item, field) if diagnosis.good_page and field != "body" else None
    return format_item_value(value[0] if isinstance(value, list) and value else value)


def find_element_by_text(document: Document, text: str) -> Element | None:
    """Return the element with the shortest text that contains `text`; the innermost one of several."""
    wanted, best, shortest = to_comparable_text(text), None, 0
    if not wanted:
        return None
    for element in document.root.iter("*"):
        if element.tag in ("script", "style", "title", "head", "meta", "html", "body"):
            continue
        content = to_comparable_text(element.get("datetime") or get_text_content(element))
        if wanted in content and (best is None or len(content) <= shortest):
            best, shortest = element, len(content)
    return best


def suggest_selectors(element: Element) -> Iterator[str]:
    """Yield selectors for an element, the simplest first, without class names that change with each build."""
    parent = element.getparent()
    names = [name for name in (element.get("class") or "").split() if not GENERATED_NAME.search(name)]
    yield from (f".{name}" for name in names if ELEMENT_SELECTOR.fullmatch(f"p.{name}"))
    if parent is not None:
        names = [name for name in (parent.get("class") or "").split() if ELEMENT_SELECTOR.fullmatch(f"p.{name}")]
        yield from (f".{name} > {element.tag!s}" for name in names if not GENERATED_NAME.search(name))


def restores_value(page: ReparsedPage, agency: Agency, finding: FieldDiagnosis, css: str) -> bool:
    """Return whether a selector reads the value of the good page."""
    item = probe_page(page.html, page.url, with_selector(agency, finding.field, css)).item
    if item is None:
        return False
    value = format_item_value(getattr(item, finding.field))
    return to_comparable_text(value) == to_comparable_text(finding.old)


def matches_selector(page: ReparsedPage, agency: Agency, field: str, css: str) -> bool:
    """Return whether a selector reads the field on another page."""
    item = probe_page(page.html, page.url, with_selector(agency, field, css)).item
    return item is not None and item.evidence.get(field, NO_PROVENANCE).rule == "selector"


def with_selector(agency: Agency, field: str, css: str) -> Agency:
    """Return the agency with a selector of its own for a field."""
    return replace(agency, **{field: css})  # type: ignore[arg-type] # a name of SELECTOR_KEYS


def compute_template_overlap(diagnosis: Diagnosis) -> float | None:
    """Return how similar the templates of both pages are, from 0 to 1; None unless there are two pages."""
    if diagnosis.good_page is None or diagnosis.bad_page is None:
        return None
    good, bad = (
        find_template_names(Document(page.html, page.url)) for page in (diagnosis.good_page, diagnosis.bad_page)
    )
    return len(good & bad) / max(1, len(good | bad))


def propose_table(
    diagnosis: Diagnosis, probed: ProbeResult | None, findings: list[FieldDiagnosis]
) -> ProbeResult | None:
    """Return a proposed table with the remedies: from a probe of the site, otherwise from the bad page alone."""
    if probed is None and diagnosis.bad_page:
        probed = probe_file(diagnosis.bad_page.html, diagnosis.bad_page.url, {diagnosis.agency.slug: diagnosis.agency})
    for finding in findings:
        if probed and finding.remedy:
            probed.agency = with_selector(probed.agency, finding.field, finding.remedy)
    return probed


# The output


def format_diagnosis(diagnosis: Diagnosis, probed: ProbeResult | None, width: int) -> str:
    """Return a diagnosis as text, `width` characters wide. probed: a probe of the site, if one was made."""
    findings = diagnose_fields(diagnosis)
    lines = [*format_quarantine_line(diagnosis), *format_pages(diagnosis), *format_field_rows(findings, width)]
    lines += [line for finding in findings if finding.died for line in format_lost_field(finding, diagnosis)]
    if diagnosis.problems:
        lines += ["", "could not be read at all"]
        lines += [f"  {shorten_line(problem, width - 2)}" for problem in diagnosis.problems]
    if proposed := propose_table(diagnosis, probed, findings):
        origin = "asked just now" if probed else "from the bad page alone; --ask asks"
        lines += ["", f"what probe would propose ({origin})", format_proposed_table(proposed)]
    return "\n".join([*lines, *format_next_steps(diagnosis)])


def format_quarantine_line(diagnosis: Diagnosis) -> Iterator[str]:
    """Yield how many pages are quarantined, and for what."""
    if not diagnosis.quarantined_count:
        yield f"{diagnosis.agency.slug}: nothing is quarantined"
        return
    since, count = (diagnosis.since or "")[:16], diagnosis.quarantined_count
    symptoms = ", ".join(f"{key} in {number}" for key, number in diagnosis.symptoms.items())
    yield f"{diagnosis.agency.slug}: {count} quarantined since {since}: {symptoms}"


def format_pages(diagnosis: Diagnosis) -> Iterator[str]:
    """Yield lines on both pages, and how similar their templates are."""
    for name, page in (("good", diagnosis.good_page), ("bad", diagnosis.bad_page)):
        if page:
            yield f"{name:4}  {page.seen_at[:16]}  {find_page_class(page) or 'not read'}  {page.url}"
            if page.page.problem:
                yield f"      not read: {page.page.problem}"
    overlap = compute_template_overlap(diagnosis)
    if overlap is not None:
        kind = "the same release" if diagnosis.same_release else "two releases"
        yield f"      {kind}; of the names the pages are built with, {overlap:.0%} are shared".replace("%", " %")


def format_field_rows(findings: list[FieldDiagnosis], width: int) -> Iterator[str]:
    """Yield a table with each field's value on both pages; lost fields are marked."""
    if not findings:
        return
    room = max(16, (width - 14) // 2)
    yield ""
    yield f"{'':2}{'field':10}{'on the good page':{room}}  on the bad page".rstrip()
    for finding in findings:
        mark = "✗ " if finding.died else "  "
        old, new = (shorten_line(value or MISSING_VALUE, room - 1) for value in (finding.old, finding.new))
        yield f"{mark}{finding.field:10}{old:{room}}  {new}".rstrip()


def format_lost_field(finding: FieldDiagnosis, diagnosis: Diagnosis) -> Iterator[str]:
    """Yield lines on a lost field: which rule read it, and what would read it now."""
    evidence = finding.old_evidence
    yield ""
    origin = f" of {finding.origin}" if finding.origin else ""
    yield f"{finding.field}: was read by “{evidence.rule or 'a rule without a name'}”{origin}, from {evidence.element}"
    if finding.selector and finding.matches is not None:
        yield f"  {finding.selector} finds {finding.matches or 'no'} element(s) on the bad page"
    if finding.new:
        yield f"  instead “{finding.new_evidence.rule}” reads {finding.new_evidence.element}"
    if finding.stands:
        yield f"  the same words stand in {finding.stands}"
    elif diagnosis.same_release and finding.field != "body":
        yield "  the same words do not stand on the bad page"
    if finding.remedy:
        others = f", and something on {finding.cured} of {finding.tried} others quarantined" if finding.tried else ""
        yield f'  {finding.field} = "{finding.remedy}" reads them{others}'


def format_next_steps(diagnosis: Diagnosis) -> Iterator[str]:
    """Yield what the operator can do with quarantined pages."""
    if diagnosis.quarantined_count:
        yield ""
        yield f"mended: scrapy reparse --agency {diagnosis.agency.slug} takes in what is read whole then"
        yield f"the agency's own doing: scrapy quarantine --accept {diagnosis.agency.slug} (rubbish: --drop)"


def format_diagnosis_json(diagnosis: Diagnosis, probed: ProbeResult | None) -> str:
    """Return a diagnosis as a JSON object. probed: a probe of the site, if one was made."""
    findings = diagnose_fields(diagnosis)
    proposed = propose_table(diagnosis, probed, findings)
    values = {
        "agency": diagnosis.agency.slug,
        "quarantined": diagnosis.quarantined_count,
        "since": diagnosis.since,
        "symptoms": diagnosis.symptoms,
        "good": summarise_page(diagnosis.good_page),
        "bad": summarise_page(diagnosis.bad_page),
        "likeness": compute_template_overlap(diagnosis),
        "fields": [asdict(finding) for finding in findings],
        "problems": diagnosis.problems,
        "proposal": format_proposed_table(proposed) if proposed else None,
    }
    return json.dumps(values, ensure_ascii=False, indent=2)


def summarise_page(page: ReparsedPage | None) -> dict[str, Any] | None:
    """Return a page as an object of the JSON output."""
    if page is None:
        return None
    return {"url": page.url, "seen": page.seen_at, "capture": page.capture_id, "page_class": find_page_class(page)}
