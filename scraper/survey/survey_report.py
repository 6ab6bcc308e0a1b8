"""The report of a survey, and its review in a terminal; what needs a person comes first."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from difflib import unified_diff
from pathlib import Path

import click
from jinja2 import Environment, FileSystemLoader, select_autoescape

from archive.database.models import PART_TABLES
from archive.times import now, to_iso
from scraper.probe import MISSING_VALUE, format_item_value
from scraper.survey.survey_record import SurveyedAgency, SurveyedPage, SurveyRecord
from scraper.survey.verdicts import VERDICTS

SHOWN_FIELDS = ("title", "published", "updated", "lead", "body", "language", "tags", *PART_TABLES)
MAX_TEXT, END = 400, 100  # characters of a text that are shown, and how many of its end
MAX_JUDGED = 3  # releases of an agency that a person is asked for
KEYS = "r right, w wrong, s skip, o open in the browser, q quit"


def _sort_by_verdict(agencies: Iterable[SurveyedAgency]) -> list[SurveyedAgency]:
    order = list(VERDICTS)
    return sorted(agencies, key=lambda agency: (order.index(agency.verdict), agency.slug))


# The report


def write_reports(
    agencies: Iterable[SurveyedAgency], changes: Mapping[str, list[str]], folder: Path
) -> list[Path]:
    """Write report.html, report.md and report.json to a folder; return their paths.

    changes: slug → what changed since the agency was tried before.
    """
    agencies = _sort_by_verdict(agencies)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        changes=changes,
        counts=Counter(agency.verdict for agency in agencies),
        diff=_format_table_diff,
        fields=_list_shown_fields,
        meanings=VERDICTS,
        read=_list_read_pages,
    )
    texts = {
        f"report.{suffix}": environment.get_template(f"survey_report.{suffix}").render(
            agencies=agencies
        )
        for suffix in ("html", "md")
    }
    rows = [asdict(agency) | {"changes": changes.get(agency.slug, [])} for agency in agencies]
    texts["report.json"] = json.dumps(rows, ensure_ascii=False, indent=2) + "\n"
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    return [folder / name for name in texts]


def _format_table_diff(agency: SurveyedAgency) -> str:
    """Return how the proposed table differs from the present one, as a diff; "" if it does not."""
    before, after = (agency.declared or "").splitlines(), (agency.proposed or "").splitlines()
    return "\n".join(list(unified_diff(before, after, n=99, lineterm=""))[3:]) if after else ""


def _list_read_pages(pages: list[SurveyedPage]) -> list[SurveyedPage]:
    """Return the pages that were read as releases, those with doubts first."""
    return sorted((page for page in pages if page.fields), key=lambda page: not page.doubts)


def _list_shown_fields(page: SurveyedPage) -> list[tuple[str, str]]:
    """Return the fields of a page that a person compares with it: long texts with their beginning
    and end, and questions, images, attachments and contacts as their number.
    """
    rows = []
    for name in SHOWN_FIELDS:
        value = page.fields.get(name)
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
    for agency in _sort_by_verdict(record.load_all()):
        for page in _choose_pages(agency):
            click.echo(f"\n{agency.name}: {agency.verdict}\n{page.url}")
            click.echo("".join(f"  ? {doubt}\n" for doubt in page.doubts), nl=False)
            for name, value in _list_shown_fields(page):
                click.echo(f"  {name:11} {value}")
            key = _ask(page)
            if key == "q":
                return answers
            if key in "rw":
                page.right, page.judged = key == "r", to_iso(now())
                record.update(agency)
                answers += 1
    return answers


def _choose_pages(agency: SurveyedAgency) -> list[SurveyedPage]:
    """Return pages that a crawl reads and nobody judged yet."""
    pages = [page for page in _list_read_pages(agency.crawled_pages) if not page.judged]
    return pages[: max(0, MAX_JUDGED - (agency.mark.judged or 0))]


def _ask(page: SurveyedPage) -> str:
    """Return the key that was pressed: r, w, s or q."""
    while True:
        click.echo(f"{KEYS}: ", nl=False)
        key = click.getchar().lower()
        click.echo(key)
        if key == "o":
            click.launch(page.url)
        elif key in ("r", "w", "s", "q"):
            return key
