"""The canned queries and the views answer, with their parameters and without."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archive.schema import VIEWS
from tests.archive.sample import ROOT, Site
from tests.archive.sample_history import AGENCY, MOVED

FILES = sorted((ROOT / "archive/queries").glob("*.sql"))
ASKED = {  # what a reader might fill in
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
NONE_HERE = {
    "attachments_of_type",
    "same_text",
    "crawl_record",
    "publishing_hours",
    "undated_releases",
}  # of that agency


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_a_query_answers(history_site: Site, path: Path) -> None:
    sql = path.read_text("utf-8")
    names = set(re.findall(r"(?<!:):([a-z_]+)", re.sub(r"'[^']*'", "", "\n".join(sql.split("\n\n")))))
    assert names <= set(ASKED)
    asked = {name: "" if path.stem in NONE_HERE and name == "agency" else ASKED[name] for name in names}
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    answer = await history_site.get(f"/archive/{path.stem}.json?_shape=array&{query}")
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json(), list)
    if path.stem != "same_text":  # the sample holds no text twice
        assert answer.json()
    page = (await history_site.get(f"/archive/{path.stem}?{query}")).text
    assert sql.splitlines()[0].removeprefix("-- ") in page


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_nothing_filled_in_is_no_error(history_site: Site, path: Path) -> None:
    assert (await history_site.get(f"/archive/{path.stem}.json?_shape=array")).status_code == 200


def test_there_are_a_dozen_with_parameters() -> None:
    texts = [path.read_text("utf-8") for path in FILES]
    assert sum(":agency" in text or ":person" in text or ":tag" in text for text in texts) >= 12
    for text in texts:
        title, about = text.splitlines()[:2]
        assert title.startswith("-- ")
        assert about.startswith("-- ")


@pytest.mark.parametrize("view", VIEWS)
async def test_a_view_holds_what_its_tables_hold(history_site: Site, view: str) -> None:
    rows = (await history_site.get(f"/archive/{view}.json?_shape=array&_size=max")).json()
    counts = {
        "releases_with_tags": "select count(*) from releases where moved_to is null",
        "questions_with_releases": "select count(*) from questions",
        "edits": "select count(*) from revisions where cause = 'source' and previous is not null",
    }
    counted = await history_site.datasette.get_database("archive").execute(counts[view])
    assert len(rows) == counted.single_value() > 0
    assert (await history_site.get(f"/archive/{view}")).status_code == 200
    assert (await history_site.get(f"/archive/{view}.csv")).status_code == 200


async def test_tags_stand_in_the_page_s_order(history_site: Site) -> None:
    (row,) = (await history_site.get("/archive/releases_with_tags.json?_shape=array&title=Så mår sångarna")).json()
    assert (row["tags"], row["questions"], row["edits"]) == ("Fåglar; Våtmarker & sjöar", 2, 0)
    moved = (await history_site.get(f"/archive/releases_with_tags.json?_shape=array&title={MOVED}")).json()
    assert len(moved) == 1
