"""scrapy diagnose: shows why an agency's pages are no longer parsed as before, and how to fix it.

The last good page of an agency and a quarantined page are parsed with the current rules and
compared. The report shows which field is lost, which rule used to parse it, what the rule finds
now, where the field's text is now, and which selector would find it.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from scrapy.exceptions import UsageError

from archive.database.captures import Captures
from archive.database.quarantined_pages import Quarantine, QuarantinedPage
from archive.database.sqlite_files import check_database
from archive.store.releases import Archive
from scraper.agency import SELECTOR_KEYS, Agency
from scraper.errors import PageError, SourceError
from scraper.ingest import (
    GENERATED_NAME,
    count_template_names,
    fingerprint_template,
    list_symptoms,
    read_stored_body,
    to_comparable_text,
)
from scraper.items import Provenance, ReleaseItem
from scraper.normalise.text_cleaning import clean_line
from scraper.pages.document import Document, Element, format_element_path, get_text_content
from scraper.probe import (
    MISSING_VALUE,
    ProbedPage,
    ProbeResult,
    format_item_value,
    format_proposed_table,
    probe_file,
    probe_page,
    probe_site,
    shorten_line,
)
from scraper.project_command import ProjectCommand, option

MAX_GOOD_PAGES = 5  # candidates for the good page
MAX_OTHER_PAGES = 10  # further quarantined pages that a remedy is tried on
MAX_PROBLEMS = 5
DIAGNOSED_FIELDS = (
    "title",
    "lead",
    "published",
    "updated",
    "tags",
    "questions",
    "contacts",
    "body",
)
# A step of an element's path (format_element_path) that is also a selector specific enough to be
# proposed.
ELEMENT_SELECTOR = re.compile(r"[a-z][a-z0-9]*(?:[.#][A-Za-z_][\w-]*)+")
NON_TEXT_TAGS = ("script", "style", "title", "head", "meta", "html", "body")
NO_PROVENANCE = Provenance(rule="", element="")


class ReparsedPage(NamedTuple):
    """A capture and the result of parsing it with the current rules."""

    seen_at: str
    capture_id: int
    page: ProbedPage

    @property
    def class_name(self) -> str | None:
        item = self.page.item
        return item.parser_version.partition(" ")[0] if item and item.parser_version else None

    def summarise(self) -> dict[str, Any]:
        return {
            "url": self.page.url,
            "seen": self.seen_at,
            "capture": self.capture_id,
            "page_class": self.class_name,
        }


@dataclass(slots=True, kw_only=True)
class FieldDiagnosis:
    """A comparison of one field on the good page and on the bad page.

    Attribute names are the keys of the JSON output.
    """

    field: str
    old: str  # value on the good page
    old_evidence: Provenance
    new: str  # value on the bad page
    new_evidence: Provenance
    died: bool  # whether it was parsed on the good page, but not or wrongly on the bad one
    selector: str | None = None  # selector of the rule that no longer works
    origin: str | None = None  # where that rule is defined: agencies.toml or the page class
    matches: int | None = None  # number of elements of the bad page that the selector finds
    stands: str | None = None  # path of the element of the bad page that contains the same text
    remedy: str | None = None  # a selector that finds the field in that element
    cured: int = 0  # number of other quarantined pages on which the remedy works
    tried: int = 0  # other quarantined pages on which the remedy was tried


@dataclass(slots=True, kw_only=True)
class Diagnosis:
    agency: Agency
    quarantined_count: int
    since: str | None  # when the first quarantined page was fetched
    symptoms: dict[str, int]  # reason (list_symptoms) → number of quarantined pages
    bad: ReparsedPage | None  # None if no quarantined page has stored bytes
    good: ReparsedPage | None
    # whether both pages are of one release, so that the same text can be searched for
    same_release: bool
    problems: list[str]  # why pages and sources could not be read at all, latest first
    template_overlap: float | None = None  # similarity of the templates of both pages, from 0 to 1
    fields: list[FieldDiagnosis] = field(default_factory=list)  # empty unless there are two pages


def diagnose_agencies(archive_path: Path, agencies: Sequence[Agency]) -> list[Diagnosis]:
    """Return a diagnosis of each agency. Raises ArchiveError if there is no archive."""
    check_database(archive_path)
    with Archive(archive_path, rebuild_stale=False) as archive, Captures(archive_path) as captures:
        return [diagnose_agency(archive, captures, agency) for agency in agencies]


def diagnose_agency(archive: Archive, captures: Captures, agency: Agency) -> Diagnosis:
    quarantined = Quarantine(archive.db).list_pending(agency.slug)
    symptoms = dict(
        Counter(
            name for entry in quarantined for name in sorted(list_symptoms(entry))
        ).most_common()
    )
    commonest = next(iter(symptoms), "")
    # The most instructive page: one of a stored release, with the most common symptom.
    candidates = sorted(
        quarantined,
        key=lambda entry: (entry.release_id is None, commonest not in list_symptoms(entry)),
    )
    reparse = partial(reparse_capture, archive, captures, agency)
    bad_entry = bad = None
    for entry in candidates:
        if bad := reparse(entry.capture_id):
            bad_entry = entry
            break
    diagnosis = Diagnosis(
        agency=agency,
        quarantined_count=len(quarantined),
        since=quarantined[0].seen_at if quarantined else None,
        symptoms=symptoms,
        bad=bad,
        good=find_good_page(archive, captures, agency, bad_entry) if bad_entry else None,
        same_release=bad_entry is not None and bad_entry.release_id is not None,
        problems=_list_problems(archive, agency),
    )
    if diagnosis.good and diagnosis.bad:
        pages = diagnosis.good.page, diagnosis.bad.page
        templates = (fingerprint_template(Document(page.html, page.url)) for page in pages)
        both, either = count_template_names(*templates)
        diagnosis.template_overlap = both / max(1, either)
        entries = [entry for entry in quarantined[: MAX_OTHER_PAGES + 1] if entry is not bad_entry]
        others = filter(None, [reparse(entry.capture_id) for entry in entries])
        other_pages = [other.page for other in others]
        diagnosis.fields = list(
            diagnose_fields(diagnosis, diagnosis.good, diagnosis.bad, other_pages)
        )
    return diagnosis


def _list_problems(archive: Archive, agency: Agency) -> list[str]:
    """Return the reasons why pages of an agency could not be read at all, newest first."""
    problems = archive.db.execute(
        "select problem from frontier where agency = ? and state in ('failed', 'rejected')"
        " and problem is not null and role not in ('capture', 'captures')"
        " order by fetched desc limit ?",
        [agency.slug, MAX_PROBLEMS],
    )
    return [problem for (problem,) in problems]


def find_good_page(
    archive: Archive, captures: Captures, agency: Agency, bad: QuarantinedPage
) -> ReparsedPage | None:
    """Return an earlier version of the bad page or, for a new release, another page of the agency.

    A page that contains all the fields that the bad page lacks is preferred. Returns None if there
    is no page that can be parsed.
    """
    rows = archive.db.execute(
        "select v.capture from revisions v join releases r on r.id = v.release"
        " where r.agency = :agency and v.capture is not null and v.seen <= :seen"
        " and (:release is null or r.id = :release)"
        " order by v.seen desc, v.id desc limit :most",
        {
            "agency": agency.slug,
            "seen": bad.seen_at,
            "release": bad.release_id,
            "most": MAX_GOOD_PAGES,
        },
    ).fetchall()
    pages = [reparse_capture(archive, captures, agency, capture_id) for (capture_id,) in rows]
    candidates = [page for page in pages if page and page.page.release]
    missing = {key for key in bad.lost_keys if "://" not in key}  # the other keys are sources
    for page in candidates:
        if all(getattr(page.page.release, name, None) for name in missing):
            return page
    return candidates[0] if candidates else None


def reparse_capture(
    archive: Archive, captures: Captures, agency: Agency, capture_id: int | None
) -> ReparsedPage | None:
    row = archive.db.execute(
        "select url, seen, sha256 from captures where id = ?", [capture_id]
    ).fetchone()
    html = read_stored_body(captures, row[2]) if row else None
    if html is None or capture_id is None:
        return None
    return ReparsedPage(row[1], capture_id, probe_page(html, row[0], agency))


def diagnose_fields(
    diagnosis: Diagnosis, good: ReparsedPage, bad: ReparsedPage, other_pages: Sequence[ProbedPage]
) -> Iterator[FieldDiagnosis]:
    """Yield a comparison of each field.

    For a lost field, the comparison includes the rule that parsed it and a remedy that was tried on
    other pages.
    """
    old, new = good.page.item, bad.page.item or ReleaseItem(url=bad.page.url)
    if old is None:
        return
    document = Document(bad.page.html, bad.page.url)
    for name in DIAGNOSED_FIELDS:
        old_value, new_value = getattr(old, name), getattr(new, name)
        finding = FieldDiagnosis(
            field=name,
            old=clean_line(format_item_value(old_value)),
            old_evidence=old.evidence.get(name, NO_PROVENANCE),
            new=clean_line(format_item_value(new_value)),
            new_evidence=new.evidence.get(name, NO_PROVENANCE),
            died=bool(old_value) and (name in diagnosis.symptoms or not new_value),
        )
        if finding.died:
            finding.origin, finding.selector = find_rule(finding, diagnosis.agency, good)
            if finding.selector:
                finding.matches = len(document.select(finding.selector))
            # The body is too long to be searched for.
            is_searched = diagnosis.same_release and name != "body"
            text = _format_first_value(old_value if is_searched else None)
            element = find_element_by_text(document, text)
            if element is not None:
                finding.stands = format_element_path(element)
                find_remedy(finding, element, diagnosis.agency, bad.page, other_pages)
        yield finding


def _format_first_value(value: object) -> str:
    """Format a value, or only the first value of a list."""
    return format_item_value(value[0] if isinstance(value, list) and value else value)


def find_rule(
    finding: FieldDiagnosis, agency: Agency, good: ReparsedPage
) -> tuple[str, str | None]:
    """Return the rule that parsed a field on the good page: where it is defined, and its selector.

    The rule is defined in agencies.toml or in a page class. The selector is None if it is unknown.
    """
    own: str | None = getattr(agency, finding.field, None)
    if own and finding.old_evidence.rule == "selector":
        return "agencies.toml", own
    step = finding.old_evidence.element.rpartition(" > ")[2]
    return good.class_name or "", step if ELEMENT_SELECTOR.fullmatch(step) else None


def find_element_by_text(document: Document, text: str) -> Element | None:
    """Return the element with the shortest text that contains `text`.

    If nested elements have the same text, the innermost of them is returned.

    Returns None if no element contains the text.
    """
    wanted, best, shortest = to_comparable_text(text), None, 0
    if not wanted:
        return None
    for element in document.root.iter("*"):
        if element.tag in NON_TEXT_TAGS:
            continue
        content = to_comparable_text(element.get("datetime") or get_text_content(element))
        if wanted in content and (best is None or len(content) <= shortest):
            best, shortest = element, len(content)
    return best


def find_remedy(
    finding: FieldDiagnosis,
    element: Element,
    agency: Agency,
    bad: ProbedPage,
    others: Sequence[ProbedPage],
) -> None:
    """Set the remedy for a lost field: the simplest selector that finds the field's old value.

    Also sets the number of other pages on which the selector was tried, and the number of these on
    which it finds the field.
    """
    for css in suggest_selectors(element) if finding.field in SELECTOR_KEYS else ():
        fixed_agency = replace(agency, **{finding.field: css})  # type: ignore[arg-type] # a name of SELECTOR_KEYS
        item = probe_page(bad.html, bad.url, fixed_agency).item
        value = format_item_value(getattr(item, finding.field)) if item else None
        if value is not None and to_comparable_text(value) == to_comparable_text(finding.old):
            items = [probe_page(other.html, other.url, fixed_agency).item for other in others]
            rules = [item.evidence.get(finding.field, NO_PROVENANCE).rule for item in items if item]
            finding.remedy, finding.cured, finding.tried = css, rules.count("selector"), len(others)
            return


def suggest_selectors(element: Element) -> Iterator[str]:
    for owner, suffix in ((element, ""), (element.getparent(), f" > {element.tag!s}")):
        for name in (owner.get("class") or "").split() if owner is not None else ():
            if ELEMENT_SELECTOR.fullmatch(f"p.{name}") and not GENERATED_NAME.search(name):
                yield f".{name}{suffix}"


def propose_table(diagnosis: Diagnosis, probed: ProbeResult | None) -> ProbeResult | None:
    """Return a proposed table with the remedies.

    The table is based on a probe of the site or, without a probe, on the bad page. Returns None if
    there is neither a probe nor a bad page.
    """
    if probed is None and diagnosis.bad:
        page, agency = diagnosis.bad.page, diagnosis.agency
        probed = probe_file(page.html, page.url, {agency.slug: agency})
    for finding in diagnosis.fields:
        if probed and finding.remedy:
            remedy = {finding.field: finding.remedy}
            probed.agency = replace(probed.agency, **remedy)  # type: ignore[arg-type] # a name of SELECTOR_KEYS
    return probed


# The command


class Command(ProjectCommand):
    """Show why an agency's pages are no longer parsed as before, and what would fix it.

    The last good page is compared with a quarantined one, field by field. For each lost field, the
    report says which rule used to parse it, what that rule finds now, and where the field's text is
    now. It also proposes a table for agencies.toml. Only stored pages are parsed, unless --ask is
    given: the site is then probed as well. Exit code 0: done; 2: wrong arguments.
    """

    requires_crawler_process = True
    usage = "SLUG [SLUG …] [--json] [--save DIR] [--ask]"
    takes_arguments = True
    logs_only_warnings = True

    options = (
        option("--json", action="store_true", help="print JSON"),
        option("--save", type=Path, metavar="DIR", help="write both pages to this folder"),
        option("--ask", action="store_true", help="probe the site as well (one agency only)"),
    )

    def execute(self, args: list[str], opts: argparse.Namespace) -> int:
        if not args or (opts.ask and len(args) > 1):
            raise UsageError("name one agency" if opts.ask else "name agencies")
        diagnoses = diagnose_agencies(self.archive_path, list(self.select_agencies(args).values()))
        if opts.save:
            save_pages(diagnoses, opts.save)
        probed = self.probe(diagnoses[0].agency) if opts.ask else None
        if opts.json:
            texts = [format_diagnosis_json(diagnosis, probed) for diagnosis in diagnoses]
            print(f"[{', '.join(texts)}]")
        else:
            width = shutil.get_terminal_size((150, 40)).columns
            texts = [
                "\n".join(iter_diagnosis_lines(diagnosis, probed, width)) for diagnosis in diagnoses
            ]
            print("\n\n".join(texts))
        return 0

    def probe(self, agency: Agency) -> ProbeResult | None:
        """Probe an agency's site. If that fails, report why and return None."""
        try:
            return probe_site(self.crawler_process, agency.home, self.load_agencies())
        except (PageError, SourceError) as error:
            self.report_error(error)
            return None


def save_pages(diagnoses: list[Diagnosis], folder: Path) -> None:
    """Write each diagnosis's good and bad page to files in a folder, and print their paths to
    stderr.

    The files are named after the agencies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for diagnosis in diagnoses:
        for name, reparsed in (("good", diagnosis.good), ("bad", diagnosis.bad)):
            if reparsed:
                path = folder / f"{diagnosis.agency.slug}-{name}.html"
                path.write_bytes(reparsed.page.html)
                print(f"{name}: {path}", file=sys.stderr)


def iter_diagnosis_lines(
    diagnosis: Diagnosis, probed: ProbeResult | None, width: int
) -> Iterator[str]:
    """Yield the lines of a report, `width` characters wide.

    probed: a probe of the site, if one was made.
    """
    slug = diagnosis.agency.slug
    if diagnosis.quarantined_count:
        symptoms = ", ".join(f"{key} in {number}" for key, number in diagnosis.symptoms.items())
        since = (diagnosis.since or "")[:16]
        yield f"{slug}: {diagnosis.quarantined_count} quarantined since {since}: {symptoms}"
    else:
        yield f"{slug}: nothing is quarantined"
    yield from _iter_page_lines(diagnosis)
    yield from iter_field_table(diagnosis.fields, width)
    for finding in diagnosis.fields:
        if finding.died:
            yield from iter_lost_field_lines(finding, same_release=diagnosis.same_release)
    if diagnosis.problems:
        yield from ("", "could not be read at all")
        yield from (f"  {shorten_line(problem, width - 2)}" for problem in diagnosis.problems)
    if proposed := propose_table(diagnosis, probed):
        origin = (
            "the site was probed just now"
            if probed
            else "from the bad page alone; --ask probes the site"
        )
        yield from ("", f"proposed table ({origin})", format_proposed_table(proposed))
    if diagnosis.quarantined_count:
        yield ""
        yield (
            f"if you fixed a rule: scrapy reparse --agency {slug} accepts the pages that have all"
            " fields then"
        )
        yield (
            f"if the agency changed its pages: scrapy quarantine --accept {slug} (if they are"
            " useless: --drop)"
        )


def _iter_page_lines(diagnosis: Diagnosis) -> Iterator[str]:
    """Yield the lines about the good page and the bad page. A page that does not exist is left
    out.
    """
    for name, reparsed in (("good", diagnosis.good), ("bad", diagnosis.bad)):
        if reparsed:
            seen, class_name = reparsed.seen_at[:16], reparsed.class_name or "not parsed"
            yield f"{name:4}  {seen}  {class_name}  {reparsed.page.url}"
            if reparsed.page.problem:
                yield f"      not parsed: {reparsed.page.problem}"
    if diagnosis.template_overlap is not None:
        kind = "the same release" if diagnosis.same_release else "two releases"
        share = f"{100 * diagnosis.template_overlap:.0f} %"
        yield f"      {kind}; their templates share {share} of class names and ids"


def iter_field_table(findings: list[FieldDiagnosis], width: int) -> Iterator[str]:
    """Yield the lines of a table with each field's value on both pages. Lost fields are marked."""
    room = max(16, (width - 14) // 2)
    if findings:
        yield from ("", f"{'':2}{'field':10}{'on the good page':{room}}  on the bad page")
    for finding in findings:
        mark = "✗ " if finding.died else "  "
        old, new = (
            shorten_line(value or MISSING_VALUE, room - 1) for value in (finding.old, finding.new)
        )
        yield f"{mark}{finding.field:10}{old:{room}}  {new}"


def iter_lost_field_lines(finding: FieldDiagnosis, *, same_release: bool) -> Iterator[str]:
    """Yield lines about a lost field: the rule that parsed it, and a selector that finds it now."""
    evidence = finding.old_evidence
    yield ""
    origin = f" of {finding.origin}" if finding.origin else ""
    rule = evidence.rule or "a rule without a name"
    yield f"{finding.field}: was read by “{rule}”{origin}, from {evidence.element}"
    if finding.matches is not None:
        yield f"  {finding.selector} finds {finding.matches or 'no'} element(s) on the bad page"
    if finding.new:
        yield f"  instead “{finding.new_evidence.rule}” reads {finding.new_evidence.element}"
    if finding.stands:
        yield f"  the same text is in {finding.stands}"
    elif same_release and finding.field != "body":
        yield "  the same text is not on the bad page"
    if finding.remedy:
        yield f'  {finding.field} = "{finding.remedy}" reads it{_describe_trial(finding)}'


def _describe_trial(finding: FieldDiagnosis) -> str:
    """Describe on how many other pages a remedy worked.

    Returns "" if the remedy was not tried on any other page.
    """
    if not finding.tried:
        return ""
    return f", and finds text on {finding.cured} of {finding.tried} other quarantined pages"


def format_diagnosis_json(diagnosis: Diagnosis, probed: ProbeResult | None) -> str:
    """Return a diagnosis as a JSON object.

    probed: a probe of the site, if one was made.
    """
    proposed = propose_table(diagnosis, probed)
    values = {
        "agency": diagnosis.agency.slug,
        "quarantined": diagnosis.quarantined_count,
        "since": diagnosis.since,
        "symptoms": diagnosis.symptoms,
        "good": diagnosis.good and diagnosis.good.summarise(),
        "bad": diagnosis.bad and diagnosis.bad.summarise(),
        "likeness": diagnosis.template_overlap,
        "fields": [asdict(finding) for finding in diagnosis.fields],
        "problems": diagnosis.problems,
        "proposal": format_proposed_table(proposed) if proposed else None,
    }
    return json.dumps(values, ensure_ascii=False, indent=2)
