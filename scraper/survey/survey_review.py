"""The review of a survey in a terminal: a person says with one key whether a release is right."""

from __future__ import annotations

from collections.abc import Iterator

import click

from archive.times import now, to_iso
from scraper.survey.survey_record import SurveyedAgency, SurveyedPage, SurveyRecord
from scraper.survey.survey_report import list_shown_fields, sort_by_verdict

MAX_JUDGED = 3  # pages of an agency that a person is asked for
KEYS = "r right, w wrong, s skip, o open in the browser, q quit"


def review(record: SurveyRecord) -> int:
    """Ask for releases, those with doubts first; store each answer at once, and return their
    number.
    """
    answers = 0
    for agency in sort_by_verdict(record.load_all()):
        for page in _choose_pages(agency):
            click.echo(f"\n{agency.name}: {agency.verdict}\n{page.url}")
            click.echo("".join(f"  ? {doubt}\n" for doubt in page.doubts), nl=False)
            for name, value in list_shown_fields(page):
                click.echo(f"  {name:10} {value}")
            key = _ask(page)
            if key == "q":
                return answers
            if key in "rw":
                page.right, page.judged = key == "r", to_iso(now())
                record.update(agency)
                answers += 1
    return answers


def _choose_pages(agency: SurveyedAgency) -> Iterator[SurveyedPage]:
    """Yield the pages that nobody judged yet, those with doubts first."""
    judged = sum(page.right is not None for page in agency.pages)
    pages = [page for page in agency.pages if page.fields and page.right is None]
    pages.sort(key=lambda page: not page.doubts)
    yield from pages[: max(0, MAX_JUDGED - judged)]


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
