"""The report of a survey, and its review in a terminal; what needs a person comes first."""

from __future__ import annotations

import json
from collections import Counter
from difflib import unified_diff
from pathlib import Path

import click
from jinja2 import Environment, FileSystemLoader, select_autoescape

from archive.database.models import PART_TABLES
from scraper.agency import VERDICTS
from scraper.probe import MISSING_VALUE, format_item_value
from scraper.survey.survey_changes import list_changes
from scraper.survey.survey_record import Row, SurveyRecord, build_mark, list_table_pages

SHOWN_FIELDS = ("title", "published", "updated", "lead", "body", "language", "tags", *PART_TABLES)
MAX_TEXT, END = 400, 100  # characters of a text that are shown, and how many of its end
MAX_JUDGED = 3  # releases of an agency that a person is asked for
KEYS = {"r": "right", "w": "wrong", "s": "skip", "o": "open in the browser", "q": "quit"}


def _load_by_verdict(record: SurveyRecord) -> list[Row]:
    """Return the last try of each agency, in the order of VERDICTS."""
    order = list(VERDICTS)
    return sorted(record.load_all(), key=lambda row: order.index(row["verdict"]))


# The report


def write_reports(record: SurveyRecord) -> list[Path]:
    """Write report.html, report.md and report.json to the survey's folder; return their paths."""
    rows = _load_by_verdict(record)
    for row in rows:
        _, *earlier = record.load_tries(row["slug"], 2)
        changes = [list_changes(record.captures, before, row) for before in earlier]
        row["changes"] = changes[0] if changes else []
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
    """Return how the proposed table differs from the present one, as a diff; "" if it does not."""
    before, after = ((row[key] or "").splitlines() for key in ("declared", "proposed"))
    return "\n".join(list(unified_diff(before, after, n=99, lineterm=""))[3:]) if after else ""


def _list_read_pages(pages: list[Row]) -> list[Row]:
    """Return the pages that were read as releases, those with doubts first."""
    return sorted((page for page in pages if page["fields"]), key=lambda page: not page["doubts"])


def _list_shown_fields(page: Row) -> list[tuple[str, str]]:
    """Return the fields of a page that a person compares with it: long texts with their beginning
    and end, and questions, images, attachments and contacts as their number.
    """
    rows = []
    for name in SHOWN_FIELDS:
        value = page["fields"].get(name)
        text = format_item_value(len(value or ()) if name in PART_TABLES else value)
        if len(text) > MAX_TEXT:
            text = f"{text[: MAX_TEXT - END]} […] {text[-END:]} ({len(text)} characters)"
        rows.append((name, text or MISSING_VALUE))
    return rows


# The review


def review(record: SurveyRecord) -> int:
    """Ask whether releases were read correctly, those with doubts first; store each answer at once,
    and return their number.
    """
    answers = 0
    for row in _load_by_verdict(record):
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
    """Return pages that a crawl reads and nobody judged yet."""
    pages = _list_read_pages(list_table_pages(row))
    unjudged = [page for page in pages if not page["judged"]]
    return unjudged[: max(0, MAX_JUDGED - len(pages) + len(unjudged))]


def _ask(page: Row) -> str:
    """Return the key that was pressed: r, w, s or q."""
    key = ""
    while key not in KEYS:
        click.echo(f"{', '.join(map(' '.join, KEYS.items()))}: ", nl=False)
        key = click.getchar().lower()
        click.echo(key)
        if key == "o":
            click.launch(page["url"])
            key = ""
    return key
