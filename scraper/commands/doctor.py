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
from archive.quarantine import Aside, QuarantinedPage
from archive.store import Archive
from scraper.agency import DEFAULT_LIST, SELECTOR_KEYS, Agency, choose_agencies, load_agencies
from scraper.commands.probe import Command as Probe
from scraper.errors import AgencyError
from scraper.items import Evidence, ReleaseItem
from scraper.normalise.text import clean_line
from scraper.pages.document import Document, Element, path_of, whole_text
from scraper.probe import Findings, Page, from_file, read
from scraper.probe.report import ABSENT, shorten, to_table, told
from scraper.redesign import GENERATED, find_names, read_bytes, squeeze

LOOKED_AT = 5  # pages until one is good
REST = 10  # further pages a remedy is tried on


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One page: when it was read, and what today's rules make of its bytes."""

    url: str
    seen: str
    capture: int
    html: bytes
    page: Page


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What there is to look at. same: both pages are of one release, so that the same words can be looked for."""

    agency: Agency
    waiting: int
    since: str | None  # when the first of what waits was read
    symptoms: dict[str, int]  # field, or source that lists too few → how many of what waits lack it
    good: Sheet | None
    bad: Sheet | None
    held_back: int | None  # the bad page's row
    same: bool
    rest: tuple[Sheet, ...]  # others that wait
    problems: tuple[str, ...]  # what could not be read at all, the latest first


def open_case(archive: Archive, captures: Captures, agency: Agency) -> Case:
    """The case of one agency; without pages where nothing is held back, or no bytes are kept."""
    waiting = Aside(archive.db).waiting(agency.slug)
    symptoms = Counter(key for kept in waiting for key in sorted(kept.keys))
    bad, kept = next(find_bad(archive, captures, agency, waiting, symptoms), (None, None))
    good = None
    if kept:
        lacking = {key for key in kept.keys if "://" not in key}
        sheets = list(find_good(archive, captures, agency, kept))
        good = next((sheet for sheet in sheets if has_all(sheet, lacking)), sheets[0] if sheets else None)
    others = (sheet_of(archive, captures, agency, one.capture) for one in waiting[: REST + 1] if one is not kept)
    return Case(
        agency=agency,
        waiting=len(waiting),
        since=waiting[0].seen if waiting else None,
        symptoms=dict(symptoms.most_common()),
        good=good,
        bad=bad,
        held_back=kept.id if kept else None,
        same=kept is not None and kept.release is not None,
        rest=tuple(sheet for sheet in others if sheet),
        problems=tuple(find_problems(archive, agency.slug)),
    )


def find_bad(
    archive: Archive, captures: Captures, agency: Agency, waiting: list[QuarantinedPage], symptoms: Counter[str]
) -> Iterator[tuple[Sheet, QuarantinedPage]]:
    """What waits, first what was held before and lacks what most lack: it shows most."""
    commonest = next(iter(symptoms.most_common(1)), ("", 0))[0]
    for kept in sorted(waiting, key=lambda one: (one.release is None, commonest not in one.keys)):
        sheet = sheet_of(archive, captures, agency, kept.capture)
        if sheet:
            yield sheet, kept


def find_good(archive: Archive, captures: Captures, agency: Agency, kept: QuarantinedPage) -> Iterator[Sheet]:
    """The page that the release is held from; of a new release, the agency's pages read last before it."""
    rows = archive.db.execute(
        "select v.capture from revisions v join releases r on r.id = v.release where r.agency = :agency"
        " and v.capture is not null and v.seen <= :seen and (:release is null or r.id = :release)"
        " order by v.seen desc, v.id desc limit :most",
        {"agency": agency.slug, "seen": kept.seen, "release": kept.release, "most": LOOKED_AT},
    ).fetchall()
    for (capture,) in rows:
        sheet = sheet_of(archive, captures, agency, capture)
        if sheet and sheet.page.release:
            yield sheet


def sheet_of(archive: Archive, captures: Captures, agency: Agency, capture: int | None) -> Sheet | None:
    """A capture, read; None where its bytes are not kept."""
    row = archive.db.execute("select url, seen, sha256 from captures where id = ?", [capture]).fetchone()
    html = read_bytes(captures, row[2]) if row else None
    if html is None or capture is None:
        return None
    return Sheet(url=row[0], seen=row[1], capture=capture, html=html, page=read(html, row[0], agency))


def has_all(sheet: Sheet, fields: set[str]) -> bool:
    """Whether a page was read with all of some fields."""
    return all(getattr(sheet.page.release, name, None) for name in fields)


def find_problems(archive: Archive, agency: str) -> Iterator[str]:
    """Why pages and sources of an agency could not be read, the latest first."""
    rows = archive.db.execute(
        "select problem from frontier where agency = ? and state in ('failed', 'refused') and problem is not null"
        " order by fetched desc limit 5",
        [agency],
    ).fetchall()
    return (problem for (problem,) in rows)


FIELDS = ("title", "lead", "published", "updated", "tags", "questions", "contacts", "body")
STEP = re.compile(r"[a-z][a-z0-9]*(?:[.#][A-Za-z_][\w-]*)+")  # an element as path_of names it, and a selector as well
NOTHING = Evidence(rule="", element="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One field on both pages; died: it was read on the good one, and is not, or not so, on the bad one."""

    field: str
    old: str
    old_evidence: Evidence
    new: str
    new_evidence: Evidence
    died: bool
    selector: str | None = None  # what the rule that died looks for
    origin: str | None = None  # whose rule it is
    matches: int | None = None  # elements of the bad page that it finds
    stands: str | None = None  # where the same words stand on the bad page
    remedy: str | None = None  # a selector that reads them there
    cured: int = 0  # other pages held back in which it reads something
    tried: int = 0


def compare_pages(case: Case) -> list[Finding]:
    """Every field, in order; nothing where there are no two pages to compare."""
    if case.good is None or case.bad is None or case.good.page.item is None:
        return []
    old, new = case.good.page.item, case.bad.page.item or ReleaseItem(url=case.bad.url)
    document = Document(case.bad.html, case.bad.url)
    findings = []
    for name in FIELDS:
        finding = Finding(
            field=name,
            old=clean_line(told(getattr(old, name))),
            old_evidence=old.evidence.get(name, NOTHING),
            new=clean_line(told(getattr(new, name))),
            new_evidence=new.evidence.get(name, NOTHING),
            died=bool(getattr(old, name)) and (name in case.symptoms or not getattr(new, name)),
        )
        findings.append(examine(finding, case, document) if finding.died else finding)
    return findings


def examine(finding: Finding, case: Case, document: Document) -> Finding:
    """What the rule that died finds on the bad page, and a remedy where the same words stand there."""
    origin, selector = rule_of(finding, case)
    finding = replace(finding, origin=origin, selector=selector)
    if selector:
        finding = replace(finding, matches=len(document.select(selector)))
    element = find_words(document, words_in(case, finding.field)) if case.same else None
    if element is None or case.bad is None:
        return finding
    finding = replace(finding, stands=path_of(element))
    if finding.field not in SELECTOR_KEYS:
        return finding
    for css in selectors_for(element):
        if cures(case.bad, case.agency, finding, css):
            read_by = [fills(sheet, case.agency, finding.field, css) for sheet in case.rest]
            return replace(finding, remedy=css, cured=sum(read_by), tried=len(read_by))
    return finding


def rule_of(finding: Finding, case: Case) -> tuple[str, str | None]:
    """Whose rule read the field on the good page, and the selector it comes to."""
    own: str | None = getattr(case.agency, finding.field, None)
    if own and finding.old_evidence.rule == "selector":
        return "agencies.toml", own
    step = finding.old_evidence.element.rpartition(" > ")[2]
    reader = case.good.page.item.reader if case.good and case.good.page.item else None
    return (reader or "").partition(" ")[0], step if STEP.fullmatch(step) else None


def words_in(case: Case, field: str) -> str:
    """What to look for of a field's value on the good page: of several things the first; nothing of a whole text."""
    value = getattr(case.good.page.item, field) if case.good and field != "body" else None
    return told(value[0] if isinstance(value, list) and value else value)


def find_words(document: Document, words: str) -> Element | None:
    """The innermost element whose text is these words, else the innermost that holds them."""
    wanted, best, least = squeeze(words), None, 0
    if not wanted:
        return None
    for element in document.root.iter("*"):
        if element.tag in ("script", "style", "title", "head", "meta", "html", "body"):
            continue
        text = squeeze(element.get("datetime") or whole_text(element))
        if wanted in text and (best is None or len(text) <= least):
            best, least = element, len(text)
    return best


def selectors_for(element: Element) -> Iterator[str]:
    """Selectors that name an element, the plainest first; names made anew at every build are none."""
    around = element.getparent()
    names = [name for name in (element.get("class") or "").split() if not GENERATED.search(name)]
    yield from (f".{name}" for name in names if STEP.fullmatch(f"p.{name}"))
    if around is not None:
        outer = [name for name in (around.get("class") or "").split() if STEP.fullmatch(f"p.{name}")]
        yield from (f".{name} > {element.tag}" for name in outer if not GENERATED.search(name))


def cures(sheet: Sheet, agency: Agency, finding: Finding, css: str) -> bool:
    """Whether a selector reads what was read on the good page."""
    item = read(sheet.html, sheet.url, with_selector(agency, finding.field, css)).item
    return item is not None and squeeze(told(getattr(item, finding.field))) == squeeze(finding.old)


def fills(sheet: Sheet, agency: Agency, field: str, css: str) -> bool:
    """Whether a selector itself reads the field of another page."""
    item = read(sheet.html, sheet.url, with_selector(agency, field, css)).item
    return item is not None and item.evidence.get(field, NOTHING).rule == "selector"


def with_selector(agency: Agency, field: str, css: str) -> Agency:
    """An agency with a selector of its own for a field."""
    return replace(agency, **{field: css})  # type: ignore[arg-type] # a name of SELECTOR_KEYS


def likeness(case: Case) -> float | None:
    """How alike both pages are built, 0 to 1; None where there are no two."""
    if case.good is None or case.bad is None:
        return None
    one, other = (find_names(Document(sheet.html, sheet.url).root) for sheet in (case.good, case.bad))
    return len(one & other) / max(1, len(one | other))


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
        file, path = Path(self.settings.get("AGENCIES") or DEFAULT_LIST), Path(self.settings["ARCHIVE"])
        try:
            every = load_agencies(file)
            agencies = choose_agencies(every, args, file)
            cases = open_cases(path, list(agencies.values()))
            for case in cases if opts.save else ():
                save_pages(case, opts.save)
            found, problem = self.visit(cases[0].agency.home, every) if opts.ask else (None, None)
        except (AgencyError, ArchiveError, OSError) as error:
            sys.stderr.write(f"scrapy doctor: {error}\n")
            self.exitcode = 2
            return
        if opts.ask and problem:
            sys.stderr.write(f"scrapy doctor: {problem}\n")
        width = shutil.get_terminal_size((150, 40)).columns
        told = [to_json(case, found) if opts.json else to_report(case, found, width) for case in cases]
        print(f"[{', '.join(told)}]" if opts.json else "\n\n".join(told))


def open_cases(path: Path, agencies: list[Agency]) -> list[Case]:
    """The cases of some agencies; ArchiveError where there is no archive."""
    if not path.is_file():
        raise ArchiveError(path, "no such file")
    with Archive(path, renew=False) as archive, Captures(path) as captures:
        return [open_case(archive, captures, agency) for agency in agencies]


def save_pages(case: Case, folder: Path) -> None:
    """Both pages as files, under the agency's slug."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, sheet in (("good", case.good), ("bad", case.bad)):
        if sheet:
            (folder / f"{case.agency.slug}-{name}.html").write_bytes(sheet.html)
            print(f"{name}: {folder / f'{case.agency.slug}-{name}.html'}", file=sys.stderr)
