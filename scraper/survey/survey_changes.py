"""What differs between two surveys of an agency, or would with another table or parser."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import Any

from archive.database.captures import Captures
from scraper.agency import Agency
from scraper.ingest import PageVersion, is_redesign
from scraper.probe import shorten_line
from scraper.survey.survey_record import Row, SurveyRecord
from scraper.survey.survey_spider import survey_stored
from scraper.survey.verdicts import list_doubts

MAX_VALUE = 60  # characters of a value that are shown
SITE_FACTS = ("verdict", "final_home", "system", "problem", "robots")
DOUBTS = "doubts"  # name of the fact that is better without a value
EFFECTS = {True: "better", False: "worse"}  # of a change


def preview_changes(
    record: SurveyRecord, agencies: dict[str, Agency], known: dict[str, Agency]
) -> list[str]:
    """Return what differs if the stored pages of agencies are read with their tables and the parser
    as they are now, and how often it is better or worse.
    """
    lines = []
    for slug, agency in agencies.items():
        for before in record.load_tries(slug):
            after = survey_stored(record, before, agency, known)
            changes = list_changes(record.captures, before, after)
            urls = {page["url"] for page in after["pages"]}
            lost = [page["url"] for page in before["pages"] if page["url"] not in urls]
            changes += [f"{url}: worse: is no longer read" for url in lost]
            lines += [f"{slug}: {change}" for change in changes]
    counts = [f"{sum(f' {word}: ' in line for line in lines)} {word}" for word in EFFECTS.values()]
    return [*lines, f"{len(lines)} changes: {', '.join(counts)}"] if lines else []


def list_changes(captures: Captures, before: Row, after: Row) -> list[str]:
    """Return what changed: the verdict, the site, the sources that a crawl reads, the fields of the
    releases that both surveys read, and the template.
    """
    urls = {page["url"] for page in before["pages"]} & {page["url"] for page in after["pages"]}
    old, new = (_list_facts(row, urls) for row in (before, after))
    changes = [
        _describe_change(*key, old.get(key), new.get(key))
        for key in old | new
        if old.get(key) != new.get(key)
    ]
    old_pages, new_pages = (
        [
            PageVersion(page["url"], partial(captures.read, page["sha256"]))
            for page in row["pages"]
            if page["fields"] and page["sha256"]
        ]
        for row in (before, after)
    )
    if (
        old_pages
        and new_pages
        and all(is_redesign(*pair) for pair in product(old_pages, new_pages))
    ):
        changes.append("template: was replaced")
    return changes


def _list_facts(row: Row, urls: set[str]) -> dict[tuple[str, str], Any]:
    """Return what is compared: by "" or a URL, and a name. urls: of the releases."""
    doubtful = sum(bool(list_doubts(page)) for page in row["pages"])
    facts = {("", name): row[name] for name in SITE_FACTS}
    facts["", "pages with doubts"] = f"{doubtful} of {len(row['pages'])}"
    for source in row["sources"]:
        if source["is_crawled"]:
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
    texts = [shorten_line(str(value or "absent"), MAX_VALUE) for value in (old, new)]
    return f"{where}{effect}{name.replace('_', ' ')}: {texts[0]} → {texts[1]}"
