"""A month of sites with one response for every URL (placeholder, challenge, captive portal, 404),
and a clean-up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from rich.table import Table

from tests.harness.quarter.record import Record, Said
from tests.harness.quarter.script import START, Act, Part, Rhythm, at

DAYS = 28
END = START + timedelta(days=DAYS - 1)
SINCE = date(2027, 2, 15)
RHYTHM = Rhythm(chance=0.35)
MIN_CLEANED_UP = 6  # of the releases of a clean-up, those that come up for a check within the month
HEALS = 2  # days after the end of a fault on which it may still be reported
PLACEHOLDER = (
    "<!doctype html><html lang='sv'><head><title>Vi bygger om"
    " webbplatsen</title></head><body><main><h1>Vi bygger om webbplatsen</h1><p>Snart finns här"
    " något nytt. Under tiden når du oss på telefon.</p></main></body></html>"
)
CHALLENGE = (
    "<!doctype html><html lang='en'><head><title>Just a moment...</title></"
    "head><body><h1>www.exempel.se</h1>"
    "<script>window._cf_chl_opt = {cType: 'managed'};</script></body></html>"
)
PORTAL = {"status": 302, "headers": {"location": "http://192.168.4.1/login"}}


@dataclass(frozen=True, slots=True)
class Case:
    """What befalls an agency, and what is right to say of it. codes: none, where nothing shall be
    red.

    red_within: days until it is red; 1 is the next round. removes: whether releases are truly
    removed.
    """

    part: Part
    kind: str
    do: str = ""
    given: Mapping[str, object] | None = None
    begins: tuple[int, int] = (1, 2)  # week and weekday
    ends: tuple[int, int] | None = None
    codes: tuple[str, ...] = ()
    red_within: int = 1
    removes: bool = False

    @property
    def acts(self) -> list[Act]:
        slug = self.part.slug
        acts = [Act(at(*self.begins), slug, self.do, self.given or {})] if self.do else []
        return [*acts, Act(at(*self.ends), slug, "mend")] if self.ends else acts


def to_part(slug: str, name: str) -> Part:
    """Add an agency with three months of releases."""
    return Part(slug, name, RHYTHM, since=SINCE, until=END)


ALIKE, FAILS = ("pages_alike",), ("all_fails",)
CASES = (
    Case(to_part("skogsbruksradet", "Jämna rådet"), "nothing"),
    Case(
        to_part("farledsverket", "Platshållarverket"),
        *("a placeholder", "fail", {"body": PLACEHOLDER}),
        ends=(3, 0),
        codes=ALIKE,
    ),
    Case(
        to_part("lasframjandenamnden", "Utmaningsnämnden"),
        *("a challenge page", "fail", {"body": CHALLENGE}),
        ends=(2, 4),
        codes=FAILS,
        red_within=3,
    ),
    Case(
        to_part("hushallsmyndigheten", "Portalmyndigheten"),
        *("a captive portal", "fail", PORTAL),
        ends=(2, 1),
        codes=FAILS,
        red_within=3,
    ),
    Case(
        to_part("skogsbruksradet-2", "Tomma rådet"),
        *("404 for every address", "fail", {"status": 404}),
        ends=(2, 1),
        codes=ALIKE,
    ),
    Case(
        to_part("farledsverket-2", "Städverket"),
        *("a clean-up", "clean_up", {"number": 8}),
        removes=True,
    ),
)
PARTS = tuple(case.part for case in CASES)
ACTS = tuple(act for case in CASES for act in case.acts)


def judge_month(record: Record, cases: Sequence[Case] = CASES) -> list[str]:
    """Return the wrong reports of each agency, one line each."""
    return [*record.wrong, *(line for case in cases for line in judge_case(case, record))]


def judge_case(case: Case, record: Record) -> Iterator[str]:
    """Red from the next round to the end, no release called removed that is not, and well again by
    itself.
    """
    slug, begins = case.part.slug, at(*case.begins).date()
    days = [said for said in record.of(slug) if START <= said.day <= END]
    ends = at(*case.ends).date() if case.ends else END
    for said in days:
        during = begins + timedelta(days=case.red_within) <= said.day <= ends
        over = said.day > ends + timedelta(days=HEALS)
        if case.codes and during and not (said.red and said.code in case.codes):
            yield f"{said.day} {slug}: {case.kind}, and told as {said.state} ({said.code})"
        if said.red and (not case.codes or said.day <= begins or over):
            yield f"{said.day} {slug}: red without a fault ({said.code})"
        if said.removed and not case.removes:
            yield f"{said.day} {slug}: {said.removed} releases called removed"
        if case.ends and over and said.doubts:
            yield f"{said.day} {slug}: {said.doubts} releases still in doubt"
    if case.removes and (not days or days[-1].removed < MIN_CLEANED_UP):
        yield f"{slug}: only {days[-1].removed if days else 0} removals told of a clean-up"


def to_days(record: Record, cases: Sequence[Case] = CASES) -> Table:
    """Return the reports about each agency and its releases, with one row for equal days."""
    table = Table("agency", "case", "days", "state", "in doubt", "removed", "sentence")
    for case in cases:
        label = f"{case.kind}, {at(*case.begins):%d/%m}" + (
            f" to {at(*case.ends):%d/%m}" if case.ends else " on"
        )
        spells: list[list[Said]] = []
        for said in (said for said in record.of(case.part.slug) if START <= said.day <= END):
            if spells and (spells[-1][-1].state, spells[-1][-1].code) == (said.state, said.code):
                spells[-1].append(said)
            else:
                spells.append([said])
        for spell in spells:
            first, last = spell[0], spell[-1]
            doubts = to_range([said.doubts for said in spell])
            removed = to_range([said.removed for said in spell])
            state = f"[red]{last.state}[/]" if last.red else last.state
            days = f"{first.day:%d/%m}–{last.day:%d/%m}"
            heads = (case.part.name, label if spell is spells[0] else "")
            table.add_row(*heads, days, state, doubts, removed, last.why)
    return table


def to_range(numbers: Sequence[int]) -> str:
    return "–".join(dict.fromkeys((str(min(numbers)), str(max(numbers)))))
