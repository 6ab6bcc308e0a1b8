"""A search's address that asks for what there is not: answered all the same, and told in a note that names it."""

from __future__ import annotations

import json

import pytest

from tests.archive.sample import PAGED, ROOT, Site

SURE = "q=vägarna"


async def notes(site: Site, asked: str) -> list[tuple[str, str]]:
    answer = await site.get(f"/search.json?{asked}")
    assert answer.status_code == 200
    return [(note["note"], note["words"]) for note in answer.json()["notes"]]


@pytest.mark.parametrize(
    ("asked", "note"),
    [
        ("page=-1", "not_read"),
        ("page=0", "not_read"),
        ("page=abc", "not_read"),
        ("order=worst", "not_read"),
        ("show=elephants", "not_read"),
        ("size=abc", "not_read"),
        ("size=1000", "most_size"),
        ("agency=finnsinte", "no_value"),
        ("agency__not=finnsinte", "no_value"),
        ("kind=banana", "no_value"),
        ("year=abcd", "no_value"),
        ("tag=abc", "no_value"),
        ("tag__not=abc", "no_value"),
        ("questions=maybe", "no_value"),
    ],
)
async def test_what_there_is_not_is_named(site: Site, asked: str, note: str) -> None:
    assert (note, asked) in await notes(site, f"{SURE}&{asked}")
    for lang, words in (("sv", f"”{asked}” i adressen"), ("en", f"“{asked}” in the address")):
        page = await site.page(f"/search?{SURE}&{asked}&lang={lang}")
        assert any(words in told.text_content() for told in page.cssselect(".note"))


@pytest.mark.parametrize(
    "asked",
    [
        *("page=1", "page=3", "page=", "order=best", "order=", "show=questions", "size=100", "size=", "kind=none"),
        *("agency=vagmyndigheten", "agency=", "kind=news", "year=2023", "year=none", "tag=Väglag", "questions=no"),
        *("questions=yes", "agency__not=fyrstyrelsen", "lang=en"),
    ],
)
async def test_what_can_be_asked_for_is_no_news(site: Site, asked: str) -> None:
    keys = {key for key, _ in await notes(site, f"{SURE}&{asked}")}
    assert not keys & {"not_read", "no_value", "most_size"}


async def test_what_cannot_be_read_is_as_if_it_were_not_asked(site: Site) -> None:
    for asked in ("page=-1", "order=worst", "show=elephants", "size=abc"):
        told = (await site.get(f"/search.json?{SURE}&{asked}")).json()
        assert (told["page_number"], told["total"], len(told["releases"])) == (1, PAGED, 20)
        assert asked not in told["self"]
    assert (await site.get(f"/search.json?{SURE}&kind=banana")).json()["total"] == 0


async def test_more_values_than_are_read_are_told(site: Site) -> None:
    many = "&".join(f"tag__not={number}" for number in range(25))
    assert ("not_read", "tag__not=20") in await notes(site, f"{SURE}&{many}")
    assert ("no_value", f"tag={'x' * 60}…") in await notes(site, f"{SURE}&tag={'x' * 9_000}")


async def test_beyond_the_last_page_of_data_there_is_nothing(site: Site) -> None:
    for asked in ("page=4", "page=99999", f"page={'9' * 30}"):
        told = (await site.get(f"/search.json?{SURE}&{asked}")).json()
        assert (told["releases"], told["next"], told["total"], told["pages"]) == ([], None, PAGED, 3)
        assert [note["note"] for note in told["notes"]] == ["no_page"]
        assert len((await site.get(f"/search.csv?{SURE}&{asked}")).text.splitlines()) == 1


async def test_who_reads_until_a_page_is_empty_has_read_all(site: Site) -> None:
    seen: list[int] = []
    for page in range(1, 9):
        rows = (await site.get(f"/search.json?{SURE}&page={page}")).json()["releases"]
        if not rows:
            break
        seen += [row["release"] for row in rows]
    assert page == 4
    assert len(seen) == len(set(seen)) == PAGED


async def test_a_reader_is_shown_the_last_page(site: Site) -> None:
    page = await site.page(f"/search?{SURE}&page=99999&lang=en")
    assert "There is no page “99999”. The results end before it." in page.cssselect(".note")[0].text_content()
    assert len(page.cssselect("ol.releases > li")) == PAGED - 40
    assert page.cssselect("nav.pages span")[0].text == "Page 3 of 3"
    assert "page=3" in page.cssselect("aside a[href*='search.json']")[0].attrib["href"]


async def test_the_document_tells_so(site: Site) -> None:
    told = (await site.get(f"/search.json?{SURE}&kind=banana")).json()["notes"]
    assert f"`{json.dumps(told[0])}`" in (ROOT / "docs/api.md").read_text("utf-8")
