"""The canned queries and the views answer, with their parameters and without."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archive.database.schema import read_schema
from archive.i18n import translate
from tests.archive.sample import ROOT, Site
from tests.archive.sample_history import AGENCY, MOVED

QUERIES = sorted((ROOT / "archive/queries").glob("*.sql"))
VALUES = {
    "agency": AGENCY,
    "person": "Bo Ek",
    "importance": "20",
    "kind": "attachment",
    "named": "pressansvarig",
    "tag": "Båtar",
    "words": "stödet",
    "media_type": "pdf",
    "url": f"https://{AGENCY}.example/nyheter/batbyggare",
    "from": "2024-01-01",
    "to": "2030-01-01",
}
# queries for which the sample has rows of other agencies only
OTHER_AGENCIES = {
    "attachments_of_type",
    "same_text",
    "crawl_record",
    "publishing_hours",
    "undated_releases",
}
VIEW_COUNTS = {
    "releases_with_tags": "select count(*) from releases where moved_to is null",
    "questions_with_releases": "select count(*) from questions",
    "edits": "select count(*) from revisions where cause = 'source' and previous is not null",
}

VIEWS = [name for name, statement in read_schema().items() if statement.startswith("create view")]


def list_parameters(sql: str) -> set[str]:
    return set(re.findall(r"(?<!:):([a-z_]+)", re.sub(r"'[^']*'", "", sql)))


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
async def test_query_answers_with_and_without_parameters(history_site: Site, path: Path) -> None:
    sql = path.read_text("utf-8")
    title, description = sql.splitlines()[:2]
    assert title.startswith("-- ")
    assert description.startswith("-- ")
    values = {**VALUES, "agency": ""} if path.stem in OTHER_AGENCIES else VALUES
    query = "&".join(f"{name}={values[name]}" for name in list_parameters(sql))
    response = await history_site.get(f"/archive/{path.stem}.json?_shape=array&{query}")
    assert response.status_code == 200, response.text
    assert isinstance(response.json(), list)
    assert response.json() or path.stem == "same_text"  # the sample has no text twice
    shown = translate("sv", f"data.question.{path.stem}")
    assert shown in (await history_site.get(f"/archive/{path.stem}?{query}")).text
    assert (await history_site.get(f"/archive/{path.stem}.json?_shape=array")).status_code == 200


def test_a_dozen_queries_have_parameters() -> None:
    parameters = [list_parameters(path.read_text("utf-8")) for path in QUERIES]
    assert sum(bool(names & {"agency", "person", "tag"}) for names in parameters) >= 12


@pytest.mark.parametrize("view", VIEWS)
async def test_view_has_the_rows_of_its_tables(history_site: Site, view: str) -> None:
    rows = (await history_site.get(f"/archive/{view}.json?_shape=array&_size=max")).json()
    counted = await history_site.datasette.get_database("archive").execute(VIEW_COUNTS[view])
    assert len(rows) == counted.single_value() > 0
    assert (await history_site.get(f"/archive/{view}")).status_code == 200
    assert (await history_site.get(f"/archive/{view}.csv")).status_code == 200


async def test_releases_with_tags_has_one_row_per_release(history_site: Site) -> None:
    (row,) = (
        await history_site.get(
            "/archive/releases_with_tags.json?_shape=array&title=Så mår sångarna"
        )
    ).json()
    # in the page's order
    assert (row["tags"], row["questions"], row["edits"]) == ("Fåglar; Våtmarker & sjöar", 2, 0)
    moved = (
        await history_site.get(f"/archive/releases_with_tags.json?_shape=array&title={MOVED}")
    ).json()
    assert len(moved) == 1
