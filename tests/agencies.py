"""Writes docs/agencies.md, the list of agencies and how right their stored pages are read: python
-m tests.agencies
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from archive.database.models import Release
from scraper.agency import Agency, SurveyMark, load_agencies
from scraper.probe.proposal import STORED_PAGES_DIR, get_expected_path
from tests.stored import ROOT, read_release, stored_rows

PAGE = Path(__file__).parents[1] / "docs/agencies.md"
MIN_SHARED_WORDS = 0.95  # of the words of two texts that are the same text
ASPECTS = ("title", "text", "dates")
# grades, the best first; each is a section of the page
PROVEN, SEEN_RIGHT, UNDOUBTED = "proven", "seen right", "read without doubt"
STORED, TRIED, DECLARED = "stored only", "tried", "declared only"
HEAD = """# The agencies

This page lists all {total} agencies, and shows how well their pages are read. The pages are stored real pages, and pages of
the live site that `scrapy survey` has tried. `make agencies` generates the page from `scraper/agencies.toml` and the stored
pages, so it changes when the parser does.

- *Proven* ({proven}): there are stored pages whose title, text or dates were written down independently of this project's
  code. Each figure is the number of pages on which the field was right, out of the pages on which it is known.
- *Seen right* ({seen_right}): a person compared releases on the live site with what was read, and all were right.
- *Read without doubt* ({undoubted}): a survey of the live site found no sign that anything was misread.
- *Stored only* ({stored}): stored pages were read without an error, but nobody has written down what is right.
- *Tried* ({tried}): a survey had doubts about the live site or could not read it, or a person found that a release was
  misread.
- *Declared only* ({declared}): no page has been read. The name and the address come from the register of government bodies.

Each agency is listed once, under the first of these that applies. The column *survey* gives the day of the survey, and
either the number of releases that a person judged right, or the survey's verdict.

What *right* means:

- Title: it has the same words, in the same order.
- Text: at least {shared:.0%} of the words are the same, with or without the lead, and none of the site's text around the
  release is included. Where only some passages are known, all of them are in the text. Contacts and files are separate
  fields.
- Dates: publication and update are the days (or, if they are known, the times) that the page states. No date is given
  that the page does not state.

The years are the years of the dates on the pages. *Rebuilt* pages have the agency's own words and markup, but the page
around them was reconstructed. A stored page says nothing about the agency's other pages. It cannot show whether the host
still responds, or whether its news is found.
"""
COLUMNS = {  # grade → the columns of its table, without the first and the last
    PROVEN: "pages | title | text | dates | years | ",
    SEEN_RIGHT: "",
    UNDOUBTED: "",
    STORED: "pages | years | ",
    TRIED: "",
}
OTHER_HEAD = """
## Other hosts

These are stored pages of bodies that are not in the list. They show how well the same rules read sites that they were not
made for.

"""


@dataclass(slots=True)
class StoredPage:
    """A stored page that is a release, and what is known about it.

    A date in `dates` may be None: the page has none.
    """

    path: Path
    url: str
    host: str
    label: str = ""  # "news" or "rebuilt"; "" for other real pages
    titles: list[str] = field(default_factory=list)
    # each is the whole text: without and with the lead
    texts: list[str] = field(default_factory=list)
    passages: list[str] = field(default_factory=list)
    unwanted: list[str] = field(default_factory=list)
    dates: dict[str, str | None] = field(default_factory=dict)

    @property
    def html(self) -> bytes:
        stored = self.path.read_bytes()
        return gzip.decompress(stored) if self.path.suffix == ".gz" else stored


@dataclass(slots=True)
class Score:
    """How the stored pages of an agency or host were read."""

    labels: Counter[str] = field(default_factory=Counter)
    known: Counter[str] = field(default_factory=Counter)  # aspect → pages on which it is known
    right: Counter[str] = field(default_factory=Counter)
    read: int = 0  # pages with a title and a text
    proven: int = 0  # pages on which everything that is known is right
    years: set[int] = field(default_factory=set)

    def add(self, page: StoredPage, agency: Agency | None) -> None:
        """Read a page and count what is right on it."""
        release = read_release(page.html, page.url, agency)
        aspects = judge(page, release)
        self.labels[page.label] += 1
        self.known.update(list(aspects))
        self.right.update(aspect for aspect, right in aspects.items() if right)
        self.proven += bool(aspects) and all(aspects.values())
        self.read += release is not None and bool(release.title and (release.lead or release.body))
        stated = [day for day in page.dates.values() if day] or (
            [str(day) for day in (release.published, release.updated) if day] if release else []
        )
        self.years.update(int(day[:4]) for day in stated)

    def format_pages(self) -> str:
        """Return the number of pages, and how many are of a special kind: "60 (33 news)"."""
        special = [f"{count} {label}" for label, count in sorted(self.labels.items()) if label]
        return f"{self.labels.total()}" + (f" ({', '.join(special)})" if special else "")

    def format_years(self) -> str:
        if not self.years:
            return "–"
        first, last = min(self.years), max(self.years)
        return str(first) if first == last else f"{first}–{last}"

    def format_counts(self) -> str:
        """Return the cells of title, text and dates."""
        counts = {name: f"{self.right[name]} of {self.known[name]}" for name in ASPECTS}
        return " | ".join(counts[name] if self.known[name] else "–" for name in ASPECTS)


def main() -> None:
    """Write the page.

    The stored pages must be here: without them, every agency would become a declared one.
    """
    if missing := [part for part in ("nordic", "pages", "questions") if not stored_rows(part)]:
        raise SystemExit(
            f"no stored pages in {ROOT} ({', '.join(missing)}): name their folder with PAGES="
        )
    agencies = load_agencies()
    PAGE.write_text(to_page(agencies, score_pages(agencies)), encoding="utf-8")


def score_pages(agencies: dict[str, Agency]) -> dict[str, Score]:
    """Read all stored pages; return scores by the slug of the agency, or by host where no agency
    owns it.
    """
    scores: dict[str, Score] = {}
    for page in find_stored_pages():
        owners = (
            agency
            for agency in agencies.values()
            if agency.slug == page.host or agency.owns(f"//{page.host}/")
        )
        owner = next(owners, None)
        scores.setdefault(owner.slug if owner else page.host, Score()).add(page, owner)
    return scores


def judge(page: StoredPage, release: Release | None) -> dict[str, bool]:
    """Return whether title, text and dates are right, each only if it is known; `release` is None
    if reading failed.
    """
    right: dict[str, bool] = {}
    body = release.body or "" if release else ""
    whole = f"{release.lead or ''}\n{body}" if release else ""
    if page.titles:
        titles = [split_words(title) for title in page.titles]
        right["title"] = release is not None and split_words(release.title) in titles
    if page.texts or page.passages:
        found = " ".join(split_words(whole))
        shares = [share_words(a, b) for a in page.texts for b in (body, whole)] or [1.0]
        right["text"] = (
            max(shares) >= MIN_SHARED_WORDS
            and all(" ".join(split_words(passage)) in found for passage in page.passages)
            and not any(" ".join(split_words(passage)) in found for passage in page.unwanted)
        )
    if page.dates:
        right["dates"] = release is not None and all(
            is_same_date(getattr(release, name), stated) for name, stated in page.dates.items()
        )
    return right


def is_same_date(read: datetime | date | None, stated: str | None) -> bool:
    if read is None or stated is None:
        return read is None and stated is None
    if "T" in stated:
        return read == datetime.fromisoformat(stated)
    return str(read)[:10] == stated


def split_words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def share_words(text: str, other: str) -> float:
    """Return the share of words, each as often as it occurs, that two texts have in common (Dice
    coefficient).
    """
    words, others = Counter(split_words(text)), Counter(split_words(other))
    total = words.total() + others.total()
    return 2 * (words & others).total() / total if total else 1.0


def find_stored_pages() -> Iterator[StoredPage]:
    """Yield every stored page but listings, error pages and stubs."""
    for row in stored_rows("nordic"):
        text, lead = "\n".join(row["body"]), "" if row["lead"] in (None, "skip") else row["lead"]
        yield StoredPage(
            ROOT / "nordic" / row["file"],
            row["url"],
            row["host"],
            "news" if row["kind"] == "news" else "",
            titles=[row["title"], *row.get("title_also", ())],
            texts=[text, f"{lead}\n{text}"],
            unwanted=row["must_not"],
            dates={name: row[name] for name in ("published", "updated") if row[name] != "skip"},
        )
    for row in stored_rows("pages"):
        if row.get("is_release", True) and row.get("contains") != "listing":
            host = Path(row["file"]).parts[0]
            has_lead = "lead_starts" in row
            yield StoredPage(
                ROOT / "pages" / row["file"],
                row["url"] or f"https://{host}/page",
                host,
                "news" if "title" in row else "",
                titles=[row["title"]] if "title" in row else [],
                passages=[row["lead_starts"].rstrip(".…")] if has_lead else row.get("body_has", []),
                unwanted=row.get("body_lacks", []),
                dates={"published": row["published"]} if row.get("published") else {},
            )
    seed, seeds = ROOT / "seed/gold.json", []
    if seed.exists():
        seeds.append({**json.loads(seed.read_text("utf-8")), "file": "release.html"})
    for part, rows in (("questions", stored_rows("questions")), ("seed", seeds)):
        for row in rows:
            yield StoredPage(
                ROOT / part / row["file"],
                row["url"],
                row["url"].split("/")[2],
                "rebuilt",
                titles=[row["title"]],
                passages=[row["lead"] or "", *list_answers(row["questions"])],
                dates={name: row.get(name) for name in ("published", "updated")},
            )
    # by `scrapy probe --store`: what is expected of them was read by this project's own code, so
    # they prove nothing
    for path in sorted(STORED_PAGES_DIR.glob("*/*.html")):
        agreed = json.loads(get_expected_path(path).read_text("utf-8"))
        if not agreed["url"].split("/")[2].endswith(".example"):
            yield StoredPage(path, agreed["address"], path.parent.name)


def list_answers(questions: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield all questions and the paragraphs of their answers."""
    for pair in questions:
        yield pair["question"]
        yield from pair["answer"].split("\n") if isinstance(pair["answer"], str) else pair["answer"]


def to_page(agencies: dict[str, Agency], scores: dict[str, Score]) -> str:
    """Return the page: agencies by grade, then the hosts of no agency."""
    grades = (PROVEN, SEEN_RIGHT, UNDOUBTED, STORED, TRIED, DECLARED)
    graded: dict[str, list[Agency]] = {grade: [] for grade in grades}
    for slug, agency in agencies.items():
        graded[find_grade(scores.get(slug, Score()), agency.survey)].append(agency)
    names = ("proven", "seen_right", "undoubted", "stored", "tried", "declared")
    counts = dict(zip(names, map(len, graded.values()), strict=True))
    parts = [HEAD.format(total=len(agencies), shared=MIN_SHARED_WORDS, **counts)]
    for grade, columns in COLUMNS.items():
        if graded[grade]:
            parts.append(f"\n## {grade.capitalize()}\n\n")
            parts += format_table(f"name | slug | home | {columns}survey")
        for agency in graded[grade]:
            cells = format_cells(scores.get(agency.slug, Score()), grade)
            mark = format_mark(agency.survey)
            parts.append(f"| {format_agency(agency)} | {cells}{mark} |\n")
    parts.append("\n## Declared only\n")
    by_name = sorted(graded[DECLARED], key=lambda agency: get_sort_key(agency.name))
    for letter, group in groupby(by_name, key=lambda agency: agency.name[0].upper()):
        rows = " ·\n".join(f"[{agency.name}]({agency.home}) `{agency.slug}`" for agency in group)
        parts.append(f"\n**{letter}** {rows}\n")
    parts.append(OTHER_HEAD)
    parts += format_table("host | pages | title | text | dates | years")
    others = {host: score for host, score in sorted(scores.items()) if host not in agencies}
    parts += (f"| {host} | {format_score(score)} |\n" for host, score in others.items())
    return "".join(parts)


def find_grade(score: Score, mark: SurveyMark | None) -> str:
    """Return the best grade that an agency's stored pages and survey give."""
    if score.proven:
        return PROVEN
    if mark and mark.get("judged") and mark["right"] == mark["judged"]:
        return SEEN_RIGHT
    if mark and not mark.get("judged") and mark["verdict"] == "works":
        return UNDOUBTED
    if score.read:
        return STORED
    return TRIED if mark else DECLARED


def format_cells(score: Score, grade: str) -> str:
    """Return the cells about stored pages that a grade's table has."""
    if grade == PROVEN:
        return f"{format_score(score)} | "
    return f"{score.format_pages()} | {score.format_years()} | " if grade == STORED else ""


def format_mark(mark: SurveyMark | None) -> str:
    if mark is None:
        return "–"
    if "seen" in mark:
        return f"{mark['seen']}: {mark['right']} of {mark['judged']} right"
    return f"{mark['tried']}: {mark['verdict']}"


def parse_page(text: str) -> list[tuple[str, str, str]]:
    """Return name, slug and home of all agencies on such a page."""
    rows = re.findall(r"^\| (.+) \| `(.+)` \| <(.+)> \|", text, re.MULTILINE)
    links = re.findall(r"\[([^\]]+)\]\((\S+)\) `([^`]+)`(?: ·)?$", text, re.MULTILINE)
    return rows + [(name, slug, home) for name, home, slug in links]


def format_table(columns: str) -> list[str]:
    return [f"| {columns} |\n", "|" + " --- |" * (columns.count("|") + 1) + "\n"]


def format_agency(agency: Agency) -> str:
    return f"{agency.name} | `{agency.slug}` | <{agency.home}>"


def format_score(score: Score) -> str:
    return f"{score.format_pages()} | {score.format_counts()} | {score.format_years()}"


def get_sort_key(name: str) -> str:
    """Return a key that puts å, ä and ö last, in this order."""
    return name.casefold().translate(str.maketrans("åäö", "{|}"))


if __name__ == "__main__":
    main()
