"""The report of a survey: JSON, Markdown, and one page of HTML; what needs a person comes first."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from difflib import unified_diff
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, select_autoescape

from scraper.survey.survey_record import SurveyedAgency, SurveyedPage
from scraper.survey.verdicts import VERDICTS

SHOWN_FIELDS = ("title", "published", "updated", "lead", "body", "tags")


def sort_by_verdict(agencies: Iterable[SurveyedAgency]) -> list[SurveyedAgency]:
    return sorted(agencies, key=lambda agency: (VERDICTS.index(agency.verdict), agency.slug))


def write_reports(
    agencies: Iterable[SurveyedAgency], changes: Mapping[str, list[str]], folder: Path
) -> list[Path]:
    """Write report.html, report.md and report.json to a folder; return their paths.

    changes: slug → what changed since the agency was tried before.
    """
    agencies = sort_by_verdict(agencies)
    counts = Counter(agency.verdict for agency in agencies)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        diff=_format_table_diff, sample=_choose_sample_page, fields=list_shown_fields
    )
    texts = {
        f"report.{suffix}": environment.get_template(f"survey_report.{suffix}").render(
            agencies=agencies,
            changes=changes,
            verdicts=[(name, counts[name]) for name in VERDICTS if counts[name]],
        )
        for suffix in ("html", "md")
    }
    rows = [asdict(agency) | {"changes": changes.get(agency.slug, [])} for agency in agencies]
    texts["report.json"] = json.dumps(rows, ensure_ascii=False, indent=2) + "\n"
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    return [folder / name for name in texts]


def _format_table_diff(agency: SurveyedAgency) -> str:
    """Return how the proposed table differs from the one in agencies.toml, as a diff; "" if they
    are the same.
    """
    before, after = (agency.declared or "").splitlines(), (agency.proposed or "").splitlines()
    return "\n".join(list(unified_diff(before, after, n=99, lineterm=""))[3:])


def _choose_sample_page(agency: SurveyedAgency) -> SurveyedPage | None:
    """Return a page that was read: one with doubts if there is one, else the first."""
    read = [page for page in agency.pages if page.fields]
    return next((page for page in read if page.doubts), read[0] if read else None)


def list_shown_fields(page: SurveyedPage) -> list[tuple[str, str]]:
    """Return the fields of a page that a person compares with it; long texts are shortened."""
    rows = []
    for name in SHOWN_FIELDS:
        value = page.fields.get(name)
        text = (", ".join(value) if isinstance(value, list) else value) or "absent"
        rows.append(
            (name, text if len(text) <= 300 else f"{text[:300]} … ({len(text)} characters)")
        )
    return rows
