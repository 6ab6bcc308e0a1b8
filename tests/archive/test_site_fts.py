"""Datasette's own search reads words as the search page does; raw stays raw; an old index is not served."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import pytest

from archive.store import Archive
from tests.archive.sample import LIGHTHOUSES, Site, fill, served


async def titles(site: Site, query: str) -> list[str]:
    answer = await site.get(f"/archive/releases.json?_shape=array&_size=100&{query}")
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()
    return [row["title"] for row in rows]


@pytest.mark.parametrize(
    "words", ["fyren", "FYRARNAS", '"tre fyrar"', "fyr -dinosaurie", "dinosaurie OR fyrarna", "fyr*"]
)
async def test_the_table_page_finds_by_lemmas(site: Site, words: str) -> None:
    assert LIGHTHOUSES in await titles(site, f"_search={words}")


async def test_it_finds_no_other(site: Site) -> None:
    assert await titles(site, "_search=dinosaurie") == []
    assert await titles(site, "_search=?!") == []


async def test_a_column_alone(site: Site) -> None:
    assert await titles(site, "_search_title=fyren") == [LIGHTHOUSES]
    assert await titles(site, "_search_title=fyren&_search_lead=dinosaurie") == []


async def test_raw_is_the_index_own_language(site: Site) -> None:
    assert LIGHTHOUSES in await titles(site, "_searchmode=raw&_search=title:fyr")
    assert await titles(site, "_searchmode=raw&_search=fyrarnas") == []
    assert (await site.get('/archive/releases.json?_searchmode=raw&_search="')).status_code == 400


@pytest.mark.parametrize(
    "words",
    [
        *(
            "myndighet:fyrstyrelsen",
            "myndighet:vägmyndigheten vägarna",
            "ämne:sjöfart OR rubrik:sångarna",
            "från:2024-06",
        ),
        *("till:2023", "fyrar från:2020", "-vägarna", "-från:2020", "fråga:betalar", "svar:hamnarna -rubrik:fyrar", ""),
        *(
            "fråga:betalar OR rubrik:sångarna",
            "myndighet:ingen",
            '"\ue000" AND (',
            "(från:2024 OR -vägarna) fyr*",
            "?!",
        ),
    ],
)
async def test_it_finds_what_the_search_page_finds(site: Site, words: str) -> None:
    found = (await site.get(f"/search.json?size=100&q={quote(words)}")).json()
    assert sorted(await titles(site, f"_search={quote(words)}")) == sorted(row["title"] for row in found["releases"])


async def test_of_an_expression_alone_what_it_cannot_say_is_looked_for_as_words(site: Site) -> None:
    sql = "select count(*) as n from search where search match escape_fts('myndighet:dinosaurie')"
    assert (await site.get(f"/archive.json?_shape=array&sql={quote(sql)}")).json() == [{"n": 0}]
    for hostile in ('"', "NEAR(", "-", "*", "a AND", "(((", "för:till", "{title}: x", "%00", "'"):
        await titles(site, f"_search={hostile}")


async def test_csv_and_facets_agree(site: Site) -> None:
    lines = (await site.get("/archive/releases.csv?_search=fyrarnas&_col=title")).text.strip().splitlines()
    assert len(lines) - 1 == len(await titles(site, "_search=fyrarnas"))
    page = await site.text("/archive/releases?_search=fyrarnas&_facet=agency")
    assert LIGHTHOUSES in page


async def test_an_index_of_another_version_is_not_served(tmp_path: Path) -> None:
    path = fill(tmp_path / "archive.db")
    with Archive(path) as archive:
        archive.db.execute("update search_meta set value = 'older' where name = 'version'")
        archive.db.execute("insert or ignore into search_meta values ('version', 'older')")
    with served(path) as datasette, pytest.raises(click.ClickException, match="python -m archive reindex"):
        await datasette.invoke_startup()
