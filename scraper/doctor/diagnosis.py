"""Which rule gave a field on the good page, what it finds on the bad one, and where the words stand there now."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from scraper.agency import SELECTOR_KEYS, Agency
from scraper.doctor.pages import Case, Sheet
from scraper.items import Evidence, ReleaseItem
from scraper.normalise.text import clean_line
from scraper.page_text import squeeze
from scraper.pages.document import Document
from scraper.pages.elements import Element, whole_text
from scraper.pages.evidence import path_of
from scraper.pages.skeleton import GENERATED, find_names
from scraper.probing.fields import told
from scraper.probing.findings import read

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
