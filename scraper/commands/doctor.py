"""Last good page beside first bad one, dead rule, remedy.

The last good page of an agency beside the first bad one, read by today's rules.

Which rule gave a field on the good page, what it finds on the bad one, and where the words stand there now.

A diagnosis as text, one page of a terminal, and as JSON.

scrapy doctor SLUG: the last good page beside the first bad one, the rule that died, and what would read it.

Looking at an agency whose pages are read otherwise than before: what `scrapy doctor` tells.
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
from scraper.agency import DEFAULT_AGENCIES_FILE, SELECTOR_KEYS, Agency, load_agencies, select_agencies
from scraper.commands.probe import Command as Probe
from scraper.errors import AgencyError
from scraper.items import Provenance, ReleaseItem
from scraper.normalise.text import clean_line
from scraper.pages.document import Document, Element, format_element_path, get_text_content
from scraper.probe import ProbedPage, ProbeResult, probe_file, probe_page
from scraper.probe.report import MISSING_VALUE, format_item_value, format_proposed_table, shorten_line
from scraper.redesign import GENERATED_NAME, find_template_names, read_stored_body, to_comparable_text

MAX_GOOD_PAGES = 5  # pages until one is good
MAX_OTHER_PAGES = 10  # further pages a remedy is tried on


@dataclass(frozen=True, slots=True, kw_only=True)
class ReparsedPage:
    """One page: when it was read, and what today's rules make of its bytes."""

    url: str
    seen_at: str
    capture_id: int
    html: bytes
    page: ProbedPage


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What there is to look at. same: both pages are of one release, so that the same words can be looked for."""

    agency: Agency
    quarantined_count: int
    since: str | None  # when the first of what waits was read
    symptoms: dict[str, int]  # field, or source that lists too few → how many of what waits lack it
    good_page: ReparsedPage | None
    bad_page: ReparsedPage | None
    quarantine_id: int | None  # the bad page's row
    same_release: bool
    other_pages: tuple[ReparsedPage, ...]  # others that wait
    problems: tuple[str, ...]  # what could not be read at all, the latest first


def diagnose_agency(archive: Archive, captures: Captures, agency: Agency) -> Diagnosis:
    """The case of one agency; without pages where nothing is held back, or no bytes are kept."""
    quarantined = Quarantine(archive.db).list_pending(agency.slug)
    symptoms = Counter(key for kept in quarantined for key in sorted(kept.reason_keys))
    bad, kept = next(iter_bad_pages(archive, captures, agency, quarantined, symptoms), (None, None))
    good = None
    if kept:
        lacking = {key for key in kept.reason_keys if "://" not in key}
        sheets = list(iter_good_pages(archive, captures, agency, kept))
        good = next((sheet for sheet in sheets if has_fields(sheet, lacking)), sheets[0] if sheets else None)
    others = (
        reparse_capture(archive, captures, agency, one.capture)
        for one in quarantined[: MAX_OTHER_PAGES + 1]
        if one is not kept
    )
    return Diagnosis(
        agency=agency,
        quarantined_count=len(quarantined),
        since=quarantined[0].seen if quarantined else None,
        symptoms=dict(symptoms.most_common()),
        good_page=good,
        bad_page=bad,
        quarantine_id=kept.id if kept else None,
        same_release=kept is not None and kept.release is not None,
        other_pages=tuple(sheet for sheet in others if sheet),
        problems=tuple(read_problems(archive, agency.slug)),
    )


def iter_bad_pages(
    archive: Archive, captures: Captures, agency: Agency, quarantined: list[QuarantinedPage], symptoms: Counter[str]
) -> Iterator[tuple[ReparsedPage, QuarantinedPage]]:
    """What waits, first what was held before and lacks what most lack: it shows most."""
    commonest = next(iter(symptoms.most_common(1)), ("", 0))[0]
    for kept in sorted(quarantined, key=lambda one: (one.release is None, commonest not in one.reason_keys)):
        sheet = reparse_capture(archive, captures, agency, kept.capture)
        if sheet:
            yield sheet, kept


def iter_good_pages(
    archive: Archive, captures: Captures, agency: Agency, quarantined: QuarantinedPage
) -> Iterator[ReparsedPage]:
    """The page that the release is held from; of a new release, the agency's pages read last before it."""
    rows = archive.db.execute(
        "select v.capture from revisions v join releases r on r.id = v.release where r.agency = :agency"
        " and v.capture is not null and v.seen <= :seen and (:release is null or r.id = :release)"
        " order by v.seen desc, v.id desc limit :most",
        {"agency": agency.slug, "seen": quarantined.seen, "release": quarantined.release, "most": MAX_GOOD_PAGES},
    ).fetchall()
    for (capture,) in rows:
        sheet = reparse_capture(archive, captures, agency, capture)
        if sheet and sheet.page.release:
            yield sheet


def reparse_capture(
    archive: Archive, captures: Captures, agency: Agency, capture_id: int | None
) -> ReparsedPage | None:
    """A capture, read; None where its bytes are not kept."""
    row = archive.db.execute("select url, seen, sha256 from captures where id = ?", [capture_id]).fetchone()
    html = read_stored_body(captures, row[2]) if row else None
    if html is None or capture_id is None:
        return None
    return ReparsedPage(
        url=row[0], seen_at=row[1], capture_id=capture_id, html=html, page=probe_page(html, row[0], agency)
    )


def has_fields(reparsed: ReparsedPage, fields: set[str]) -> bool:
    """Whether a page was read with all of some fields."""
    return all(getattr(reparsed.page.release, name, None) for name in fields)


def read_problems(archive: Archive, agency: str) -> Iterator[str]:
    """Why pages and sources of an agency could not be read, the latest first."""
    rows = archive.db.execute(
        "select problem from frontier where agency = ? and state in ('failed', 'refused') and problem is not null"
        " order by fetched desc limit 5",
        [agency],
    ).fetchall()
    return (problem for (problem,) in rows)


DIAGNOSED_FIELDS = ("title", "lead", "published", "updated", "tags", "questions", "contacts", "body")
ELEMENT_SELECTOR = re.compile(
    r"[a-z][a-z0-9]*(?:[.#][A-Za-z_][\w-]*)+"
)  # an element as path_of names it, and a selector as well
NO_PROVENANCE = Provenance(rule="", element="")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDiagnosis:
    """One field on both pages; died: it was read on the good one, and is not, or not so, on the bad one."""

    field: str
    old: str
    old_evidence: Provenance
    new: str
    new_evidence: Provenance
    died: bool
    selector: str | None = None  # what the rule that died looks for
    origin: str | None = None  # whose rule it is
    matches: int | None = None  # elements of the bad page that it finds
    stands: str | None = None  # where the same words stand on the bad page
    remedy: str | None = None  # a selector that reads them there
    cured: int = 0  # other pages held back in which it reads something
    tried: int = 0


def diagnose_fields(diagnosis: Diagnosis) -> list[FieldDiagnosis]:
    """Every field, in order; nothing where there are no two pages to compare."""
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
    """What the rule that died finds on the bad page, and a remedy where the same words stand there."""
    origin, selector = find_rule(finding, diagnosis)
    finding = replace(finding, origin=origin, selector=selector)
    if selector:
        finding = replace(finding, matches=len(document.select(selector)))
    element = (
        find_element_by_text(document, find_old_text(diagnosis, finding.field)) if diagnosis.same_release else None
    )
    if element is None or diagnosis.bad_page is None:
        return finding
    finding = replace(finding, stands=format_element_path(element))
    if finding.field not in SELECTOR_KEYS:
        return finding
    for css in suggest_selectors(element):
        if restores_value(diagnosis.bad_page, diagnosis.agency, finding, css):
            read_by = [matches_selector(sheet, diagnosis.agency, finding.field, css) for sheet in diagnosis.other_pages]
            return replace(finding, remedy=css, cured=sum(read_by), tried=len(read_by))
    return finding


def find_rule(finding: FieldDiagnosis, diagnosis: Diagnosis) -> tuple[str, str | None]:
    """Whose rule read the field on the good page, and the selector it comes to."""
    own: str | None = getattr(diagnosis.agency, finding.field, None)
    if own and finding.old_evidence.rule == "selector":
        return "agencies.toml", own
    step = finding.old_evidence.element.rpartition(" > ")[2]
    reader = diagnosis.good_page.page.item.reader if diagnosis.good_page and diagnosis.good_page.page.item else None
    return (reader or "").partition(" ")[0], step if ELEMENT_SELECTOR.fullmatch(step) else None


def find_old_text(diagnosis: Diagnosis, field: str) -> str:
    """What to look for of a field's value on the good page: of several things the first; nothing of a whole text."""
    value = getattr(diagnosis.good_page.page.item, field) if diagnosis.good_page and field != "body" else None
    return format_item_value(value[0] if isinstance(value, list) and value else value)


def find_element_by_text(document: Document, text_to_find: str) -> Element | None:
    """The innermost element whose text is these words, else the innermost that holds them."""
    wanted, best, least = to_comparable_text(text_to_find), None, 0
    if not wanted:
        return None
    for element in document.root.iter("*"):
        if element.tag in ("script", "style", "title", "head", "meta", "html", "body"):
            continue
        text = to_comparable_text(element.get("datetime") or get_text_content(element))
        if wanted in text and (best is None or len(text) <= least):
            best, least = element, len(text)
    return best


def suggest_selectors(element: Element) -> Iterator[str]:
    """Selectors that name an element, the plainest first; names made anew at every build are none."""
    around = element.getparent()
    names = [name for name in (element.get("class") or "").split() if not GENERATED_NAME.search(name)]
    yield from (f".{name}" for name in names if ELEMENT_SELECTOR.fullmatch(f"p.{name}"))
    if around is not None:
        outer = [name for name in (around.get("class") or "").split() if ELEMENT_SELECTOR.fullmatch(f"p.{name}")]
        yield from (f".{name} > {element.tag}" for name in outer if not GENERATED_NAME.search(name))


def restores_value(reparsed: ReparsedPage, agency: Agency, finding: FieldDiagnosis, css: str) -> bool:
    """Whether a selector reads what was read on the good page."""
    item = probe_page(reparsed.html, reparsed.url, with_selector(agency, finding.field, css)).item
    return item is not None and to_comparable_text(
        format_item_value(getattr(item, finding.field))
    ) == to_comparable_text(finding.old)


def matches_selector(reparsed: ReparsedPage, agency: Agency, field: str, css: str) -> bool:
    """Whether a selector itself reads the field of another page."""
    item = probe_page(reparsed.html, reparsed.url, with_selector(agency, field, css)).item
    return item is not None and item.evidence.get(field, NO_PROVENANCE).rule == "selector"


def with_selector(agency: Agency, field: str, css: str) -> Agency:
    """An agency with a selector of its own for a field."""
    return replace(agency, **{field: css})  # type: ignore[arg-type] # a name of SELECTOR_KEYS


def compute_template_overlap(diagnosis: Diagnosis) -> float | None:
    """How alike both pages are built, 0 to 1; None where there are no two."""
    if diagnosis.good_page is None or diagnosis.bad_page is None:
        return None
    one, other = (
        find_template_names(Document(sheet.html, sheet.url).root) for sheet in (diagnosis.good_page, diagnosis.bad_page)
    )
    return len(one & other) / max(1, len(one | other))


def format_diagnosis(diagnosis: Diagnosis, probe_findings: ProbeResult | None, width: int) -> str:
    """The whole of it, `width` characters wide; found: what a probe of the site told just now."""
    findings = diagnose_fields(diagnosis)
    lines = [*format_quarantine_line(diagnosis), *format_pages(diagnosis), *format_field_rows(findings, width)]
    lines += [line for finding in findings if finding.died for line in format_lost_field(finding, diagnosis)]
    if diagnosis.problems:
        lines += [
            "",
            "could not be read at all",
            *(f"  {shorten_line(problem, width - 2)}" for problem in diagnosis.problems),
        ]
    if proposed := propose_table(diagnosis, probe_findings, findings):
        lines += [
            "",
            f"what probe would propose ({'asked just now' if probe_findings else 'from the bad page alone; --ask asks'})",
        ]
        lines.append(format_proposed_table(proposed))
    return "\n".join([*lines, *format_next_steps(diagnosis)])


def format_diagnosis_json(diagnosis: Diagnosis, probe_findings: ProbeResult | None) -> str:
    """The same for machines; an object an agency."""
    findings = diagnose_fields(diagnosis)
    proposed = propose_table(diagnosis, probe_findings, findings)
    told: dict[str, Any] = {
        **{
            "agency": diagnosis.agency.slug,
            "held_back": diagnosis.quarantined_count,
            "since": diagnosis.since,
            "symptoms": diagnosis.symptoms,
        },
        **{
            "good": summarise_page(diagnosis.good_page),
            "bad": summarise_page(diagnosis.bad_page),
            "likeness": compute_template_overlap(diagnosis),
        },
        "fields": [asdict(finding) for finding in findings],
        "problems": diagnosis.problems,
        "proposal": format_proposed_table(proposed) if proposed else None,
    }
    return json.dumps(told, ensure_ascii=False, indent=2)


def propose_table(
    diagnosis: Diagnosis, probe_findings: ProbeResult | None, findings: list[FieldDiagnosis]
) -> ProbeResult | None:
    """What a probe told, else what the bad page alone makes one propose; with the remedies in its table."""
    if probe_findings is None and diagnosis.bad_page:
        probe_findings = probe_file(
            diagnosis.bad_page.html, diagnosis.bad_page.url, {diagnosis.agency.slug: diagnosis.agency}
        )
    for finding in findings:
        if probe_findings and finding.remedy:
            probe_findings.agency = with_selector(probe_findings.agency, finding.field, finding.remedy)
    return probe_findings


def summarise_page(reparsed: ReparsedPage | None) -> dict[str, Any] | None:
    """Where a page is from."""
    if reparsed is None:
        return None
    item = reparsed.page.item
    reader = item.reader.partition(" ")[0] if item and item.reader else None
    return {"url": reparsed.url, "seen": reparsed.seen_at, "capture": reparsed.capture_id, "reader": reader}


def format_quarantine_line(diagnosis: Diagnosis) -> Iterator[str]:
    """How much is held back, and for what."""
    if not diagnosis.quarantined_count:
        yield f"{diagnosis.agency.slug}: nothing is held back"
        return
    told = ", ".join(f"{key} in {number}" for key, number in diagnosis.symptoms.items())
    yield f"{diagnosis.agency.slug}: {diagnosis.quarantined_count} held back since {(diagnosis.since or '')[:16]}: {told}"


def format_pages(diagnosis: Diagnosis) -> Iterator[str]:
    """Which two pages these are, and how alike they are built."""
    for name, sheet in (("good", diagnosis.good_page), ("bad", diagnosis.bad_page)):
        if told := summarise_page(sheet):
            yield f"{name:4}  {told['seen'][:16]}  {told['reader'] or 'not read'}  {told['url']}"
            if sheet and sheet.page.problem:
                yield f"      not read: {sheet.page.problem}"
    alike = compute_template_overlap(diagnosis)
    if alike is not None:
        kind = "the same release" if diagnosis.same_release else "two releases"
        yield f"      {kind}; of the names the pages are built with, {alike:.0%} are shared".replace("%", " %")


def format_field_rows(findings: list[FieldDiagnosis], width: int) -> Iterator[str]:
    """Field by field, the good page's value beside the bad one's; what died is marked."""
    if not findings:
        return
    room = max(16, (width - 14) // 2)
    yield ""
    yield f"{'':2}{'field':10}{'on the good page':{room}}  on the bad page".rstrip()
    for finding in findings:
        mark = "✗ " if finding.died else "  "
        old, new = (
            shorten_line(finding.old or MISSING_VALUE, room - 1),
            shorten_line(finding.new or MISSING_VALUE, room - 1),
        )
        yield f"{mark}{finding.field:10}{old:{room}}  {new}".rstrip()


def format_lost_field(finding: FieldDiagnosis, diagnosis: Diagnosis) -> Iterator[str]:
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
    elif diagnosis.same_release and finding.field != "body":
        yield "  the same words do not stand on the bad page"
    if finding.remedy:
        others = f", and something on {finding.cured} of {finding.tried} others held back" if finding.tried else ""
        yield f'  {finding.field} = "{finding.remedy}" reads them{others}'


def format_next_steps(diagnosis: Diagnosis) -> Iterator[str]:
    """What to do next."""
    if diagnosis.quarantined_count:
        yield ""
        yield f"mended: scrapy reparse --agency {diagnosis.agency.slug} takes in what is read whole then"
        yield f"the agency's own doing: scrapy takein {diagnosis.agency.slug} (rubbish: --drop)"


class Command(Probe):
    """Reads what is kept, and asks nobody unless told to. Exit code 0: told, 2: wrong use."""

    def syntax(self) -> str:
        return "SLUG [SLUG …] [--json] [--save DIR] [--ask]"

    def short_desc(self) -> str:
        return "Tell why an agency's pages are read otherwise than before, and what would mend it"

    def long_desc(self) -> str:
        return (
            "For each agency: its last good page beside the first one that was held back, field by field; the rule"
            " that read what is lost, what it finds now, and where the same words stand; a table for agencies.toml."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super(Probe, self).add_options(parser)
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.add_argument("--save", type=Path, metavar="DIR", help="write both pages to this folder")
        parser.add_argument("--ask", action="store_true", help="probe the agency's site as well (of one agency)")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if not args or (opts.ask and len(args) > 1):
            raise UsageError("name one agency" if opts.ask else "name agencies")
        assert self.settings is not None  # noqa: S101 - Scrapy sets it before run
        file, path = Path(self.settings.get("AGENCIES") or DEFAULT_AGENCIES_FILE), Path(self.settings["ARCHIVE"])
        try:
            every = load_agencies(file)
            agencies = select_agencies(every, args, file)
            cases = diagnose_agencies(path, list(agencies.values()))
            for case in cases if opts.save else ():
                save_pages(case, opts.save)
            found, problem = self.probe_site(cases[0].agency.home, every) if opts.ask else (None, None)
        except (AgencyError, ArchiveError, OSError) as error:
            sys.stderr.write(f"scrapy doctor: {error}\n")
            self.exitcode = 2
            return
        if opts.ask and problem:
            sys.stderr.write(f"scrapy doctor: {problem}\n")
        width = shutil.get_terminal_size((150, 40)).columns
        told = [
            format_diagnosis_json(case, found) if opts.json else format_diagnosis(case, found, width) for case in cases
        ]
        print(f"[{', '.join(told)}]" if opts.json else "\n\n".join(told))


def diagnose_agencies(archive_path: Path, agencies: list[Agency]) -> list[Diagnosis]:
    """The cases of some agencies; ArchiveError where there is no archive."""
    if not archive_path.is_file():
        raise ArchiveError(archive_path, "no such file")
    with Archive(archive_path, rebuild_stale=False) as archive, Captures(archive_path) as captures:
        return [diagnose_agency(archive, captures, agency) for agency in agencies]


def save_pages(diagnosis: Diagnosis, folder: Path) -> None:
    """Both pages as files, under the agency's slug."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, sheet in (("good", diagnosis.good_page), ("bad", diagnosis.bad_page)):
        if sheet:
            (folder / f"{diagnosis.agency.slug}-{name}.html").write_bytes(sheet.html)
            print(f"{name}: {folder / f'{diagnosis.agency.slug}-{name}.html'}", file=sys.stderr)
