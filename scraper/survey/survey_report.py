"""Writes the report of a survey, finds what has changed, and lets a person review releases.

The changes are those since the previous survey, or those that result from parsing the stored pages
with the current table and parser. The review takes place in a terminal. Agencies and releases that
need a person's attention come first.
"""

from __future__ import annotations

import json
from collections import Counter
from difflib import unified_diff
from functools import partial
from itertools import product, starmap, takewhile
from pathlib import Path
from typing import Any

import click
from jinja2 import Environment, FileSystemLoader, select_autoescape

from archive.database.captures import Captures
from archive.database.models import PART_TABLES
from scraper.agency import VERDICTS, Agency
from scraper.ingest import PageVersion, is_redesign
from scraper.probe import MISSING_VALUE, format_item_value, shorten_line
from scraper.survey.survey_record import Row, SurveyRecord, build_mark, list_table_pages, select
from scraper.survey.survey_spider import survey_stored
from scraper.survey.verdicts import list_doubts

SHOWN_FIELDS = ("title", "published", "updated", "lead", "body", "language", "tags", *PART_TABLES)
MAX_TEXT, END = 400, 100  # characters of a text that are shown, and how many of its end
# characters of a changed value that are shown, and how many before the first one that differs
MAX_VALUE, MAX_SAME = 60, 25
SITE_FACTS = ("verdict", "final_home", "system", "problem", "robots")
DOUBTS = "doubts"  # name of the fact that is better without a value
EFFECTS = {True: "better", False: "worse"}  # of a change
MAX_JUDGED = 3  # releases of an agency that a person is asked for
KEYS = {"r": "right", "w": "wrong", "s": "skip", "o": "open in the browser", "q": "quit"}


def _load_by_verdict(record: SurveyRecord, only: tuple[str, ...] = ()) -> list[Row]:
    """Return the last survey of each agency, in the order of VERDICTS.

    only: the slugs of the agencies. If it is empty, all agencies are included.
    """
    order = list(VERDICTS)
    return sorted(record.load_all(only), key=lambda row: order.index(row["verdict"]))


# The report


def write_reports(record: SurveyRecord) -> list[Path]:
    """Write report.html, report.md and report.json into the survey's folder.

    Returns the paths of these files.
    """
    rows = _load_by_verdict(record)
    for row in rows:
        row["changes"] = [
            change
            for before in record.load_tries(row["slug"], 2)[1:]
            for change in list_changes(record.captures, before, row)
        ]
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        counts=Counter(row["verdict"] for row in rows),
        diff=_format_table_diff,
        fields=_list_shown_fields,
        mark=build_mark,
        meanings=VERDICTS,
        read=_list_read_pages,
        table_pages=list_table_pages,
    )
    texts = {
        f"report.{suffix}": environment.get_template(f"survey_report.{suffix}").render(
            agencies=rows
        )
        for suffix in ("html", "md")
    }
    texts["report.json"] = json.dumps(rows, ensure_ascii=False, indent=2) + "\n"
    for name, text in texts.items():
        (record.folder / name).write_text(text, "utf-8")
    return [record.folder / name for name in texts]


def _format_table_diff(row: Row) -> str:
    """Return a diff from an agency's current table to the proposed one.

    Returns "" if the tables do not differ, or if no table is proposed.
    """
    before, after = ((row[key] or "").splitlines() for key in ("declared", "proposed"))
    return "\n".join(list(unified_diff(before, after, n=99, lineterm=""))[3:]) if after else ""


def _list_read_pages(pages: list[Row]) -> list[Row]:
    """Return the pages that were parsed as releases, with doubtful releases first."""
    return sorted(select(pages, "fields"), key=lambda page: not page["doubts"])


def _list_shown_fields(page: Row) -> list[tuple[str, str]]:
    """Return the names and values of the fields that a person compares with the page.

    Only the beginning and the end of long texts are shown. For questions, images, attachments and
    contacts, only their number is shown.
    """
    rows = []
    for name in SHOWN_FIELDS:
        value = page["fields"].get(name)
        text = format_item_value(len(value or ()) if name in PART_TABLES else value)
        if len(text) > MAX_TEXT:
            text = f"{text[: MAX_TEXT - END]} […] {text[-END:]} ({len(text)} characters)"
        rows.append((name, text or MISSING_VALUE))
    return rows


# Changes


def preview_changes(
    record: SurveyRecord, agencies: dict[str, Agency], known: dict[str, Agency]
) -> list[str]:
    """Return what changes if stored pages are parsed with the current tables and parser.

    The changes are lines of text. The last line states the number of changes, and how many of them
    are better or worse.
    """
    lines = []
    for slug, agency in agencies.items():
        for before in record.load_tries(slug):
            after = survey_stored(record, before, agency, known)
            lines += [
                f"{slug}: {change}" for change in list_changes(record.captures, before, after)
            ]
            lines += [
                f"{slug}: {url}: worse: is no longer read"
                for url in sorted(_list_urls(before) - _list_urls(after))
            ]
    counts = [f"{sum(f' {word}: ' in line for line in lines)} {word}" for word in EFFECTS.values()]
    return [*lines, f"{len(lines)} changes: {', '.join(counts)}"]


def list_changes(captures: Captures, before: Row, after: Row) -> list[str]:
    """Return what changed between two surveys of an agency, as lines of text.

    The following are compared: the verdict, the site, the sources that a crawl reads, the template,
    and the fields of those releases that are in both surveys.
    """
    urls = _list_urls(before) & _list_urls(after)
    old, new = (_list_facts(row, urls) for row in (before, after))
    changes = [
        _describe_change(*key, old.get(key), new.get(key))
        for key in old | new
        if old.get(key) != new.get(key)
    ]
    old_pages, new_pages = (_load_read_pages(captures, row) for row in (before, after))
    if old_pages and new_pages and all(starmap(is_redesign, product(old_pages, new_pages))):
        changes.append("template: was replaced")
    return changes


def _list_urls(row: Row) -> set[str]:
    return {page["url"] for page in row["pages"]}


def _load_read_pages(captures: Captures, row: Row) -> list[PageVersion]:
    pages = select(select(row["pages"], "fields"), "sha256")
    return [PageVersion(page["url"], partial(captures.read, page["sha256"])) for page in pages]


def _list_facts(row: Row, urls: set[str]) -> dict[tuple[str, str], Any]:
    """Return the facts of a survey that are compared, as a map from (URL, name) to value.

    The URL is "" for facts about the agency.

    urls: the URLs of the releases whose fields are included.
    """
    doubtful = sum(bool(list_doubts(page)) for page in row["pages"])
    facts = {("", name): row[name] for name in SITE_FACTS}
    facts["", "pages with doubts"] = f"{doubtful} of {len(row['pages'])}"
    for source in select(row["sources"], "is_crawled"):
        facts[source["url"], "source"] = source["problem"] or source["note"] or "complete"
    for page in row["pages"]:
        # every change of the parser changes its version
        fields = {**page["fields"], "parser_version": None, DOUBTS: "; ".join(list_doubts(page))}
        if page["url"] in urls:
            facts |= {(page["url"], name): value for name, value in fields.items()}
    return facts


def _describe_change(url: str, name: str, old: object, new: object) -> str:
    where, effect = f"{url}: " if url else "", ""
    if url and bool(old) != bool(new):
        effect = f"{EFFECTS[bool(new) == (name != DOUBTS)]}: "
    texts = [str(value or "absent") for value in (old, new)]
    same_letters = takewhile(lambda pair: pair[0] == pair[1], zip(*texts, strict=False))
    same = len(list(same_letters)) - MAX_SAME  # more than that would hide what differs
    texts = [shorten_line(f"…{text[same:]}" if same > 0 else text, MAX_VALUE) for text in texts]
    return f"{where}{effect}{name.replace('_', ' ')}: {texts[0]} → {texts[1]}"


# The review


def review(record: SurveyRecord, only: tuple[str, ...] = ()) -> int:
    """Ask a person whether releases were parsed correctly, and return the number of answers.

    Doubtful releases come first. Each answer is stored at once.

    only: the slugs of the agencies. If it is empty, all agencies are included.
    """
    answers = 0
    for row in _load_by_verdict(record, only):
        for page in _choose_pages(row):
            click.echo(f"\n{row['name']}: {row['verdict']}\n{page['url']}")
            click.echo("".join(f"  ? {doubt}\n" for doubt in page["doubts"]), nl=False)
            for name, value in _list_shown_fields(page):
                click.echo(f"  {name:11} {value}")
            key = _ask(page)
            if key == "q":
                return answers
            if key != "s":
                record.judge(page, is_right=key == "r")
                answers += 1
    return answers


def _choose_pages(row: Row) -> list[Row]:
    """Return the releases of an agency that a person should judge.

    These are releases that a crawl would read and that nobody has judged yet. Including those
    already judged, there are at most MAX_JUDGED of them.
    """
    pages = _list_read_pages(list_table_pages(row))
    unjudged = [page for page in pages if not page["judged"]]
    return unjudged[: max(0, MAX_JUDGED - len(pages) + len(unjudged))]


def _ask(page: Row) -> str:
    """Ask for a key until r, w, s or q is pressed, and return it. The key o opens the page."""
    key = ""
    while key not in KEYS:
        click.echo(f"{', '.join(map(' '.join, KEYS.items()))}: ", nl=False)
        key = click.getchar().lower()
        click.echo(key)
        if key == "o":
            click.launch(page["url"])
            key = ""
    return key
