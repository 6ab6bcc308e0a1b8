"""What a search finds: filters and facets agree, order, pages, other spellings, and what was searched."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from archive.database import RunQuery
from archive.search import Results, search, search_all
from archive.search.params import FACETS, SearchRequest
from archive.search.snippets import MarkedText, SearchHit
from tests.archive.sample import HOSTILE, LIGHTHOUSES, PAGED, UNDATED, WARBLERS, fill


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunQuery:
    path = fill(tmp_path_factory.mktemp("search") / "archive.db")

    async def run(sql: str, values: dict[str, Any], /) -> Sequence[Any]:
        connection = sqlite3.connect(path)
        connection.row_factory = sqlite3.Row
        rows = connection.execute(sql, values).fetchall()
        connection.close()
        return rows

    return run


async def ask(run: RunQuery, text: str = "", **more: Any) -> Results:
    include: dict[str, tuple[str, ...]] = {name: (more.pop(name),) for name in FACETS if name in more}
    return await search(run, SearchRequest(text=text, include=include, **more))


def lower_limits(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Let the sample be a large archive, of whose hits only so many are ranked and counted."""
    for name in ("MAX_HITS", "MAX_COUNTED_HITS"):
        monkeypatch.setattr(f"archive.search.ranking.{name}", most)


async def titles(run: RunQuery, text: str = "", **more: Any) -> list[str]:
    return [plain(hit.title) for hit in (await ask(run, text, **more)).hits]


async def total(run: RunQuery, text: str = "", **more: Any) -> int:
    return (await ask(run, text, **more)).hit_page.total


async def test_without_words_newest_first_and_undated_by_their_update(run: RunQuery) -> None:
    shown = await titles(run)
    assert shown[:3] == [LIGHTHOUSES, WARBLERS, f"Läget på vägarna kring Storåsen, vecka {PAGED}"]
    assert (await titles(run, page=99))[-1] == UNDATED, "its page tells of an update long ago, and of no publication"


async def test_days_that_must_not_be_leave_the_undated(run: RunQuery) -> None:
    assert UNDATED in await titles(run, "-från:1990")
    assert UNDATED not in await titles(run, "från:1990 grusvägar")


async def test_counts_that_are_cut_short_are_told(run: RunQuery, monkeypatch: pytest.MonkeyPatch) -> None:
    lower_limits(monkeypatch, 10)
    hit_page = (await ask(run, "vägarna", year="2023", kind="news", size=5)).hit_page
    assert hit_page.capped
    assert set(hit_page.approximate_facets) == set(FACETS)
    assert (await ask(run, "vägarna", year="2023", tag="Område 3", size=5)).hit_page.approximate_facets == []


async def test_without_words_all_are_counted_however_many(run: RunQuery, monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[dict[str, str]] = [
        {},
        {"agency": "vagmyndigheten"},
        {"year": "2023", "kind": "news"},
        {"questions": "no"},
    ]
    whole = [(await ask(run, size=5, **request)).hit_page for request in requests]
    lower_limits(monkeypatch, 10)
    for request, expected in zip(requests, whole, strict=True):
        found = (await ask(run, size=5, **request)).hit_page
        assert (found.total, found.pages, found.capped) == (expected.total, expected.pages, False)
        exact = [name for name in FACETS if name not in found.approximate_facets]
        assert {name: found.facets[name] for name in exact} == {name: expected.facets[name] for name in exact}
        assert found.approximate_facets == ([] if set(request) <= {"agency"} else ["tag"])


@pytest.mark.parametrize(
    "search_for",
    [{}, {"text": "vägarna"}, {"text": "vägarna", "order": "newest"}, {"tag": "Väglag"}, {"text": "från:2023"}],
)
async def test_pages_and_the_whole_list_have_every_hit_once(
    run: RunQuery, monkeypatch: pytest.MonkeyPatch, search_for: dict[str, str]
) -> None:
    whole = [hit.row["id"] for page in (1, 2, 3) for hit in (await ask(run, page=page, **search_for)).hits]
    lower_limits(monkeypatch, 10)
    monkeypatch.setattr("archive.search.ranking.MAX_SORTED_HITS", 20)
    pages: list[int] = []
    for number in range(1, 30):
        results = await ask(run, page=number, size=4, **search_for)
        pages += [hit.row["id"] for hit in results.hits]
        if not results.hit_page.has_next:
            break
    include = {"tag": (search_for["tag"],)} if "tag" in search_for else {}
    request = SearchRequest(text=search_for.get("text", ""), order=search_for.get("order", ""), include=include)
    every = await search_all(run, request)
    listed = [hit.row["id"] async for hits in every.batches for hit in hits]
    assert len(listed) == len(set(listed)) == every.total
    assert pages == listed
    assert sorted(listed) == sorted(set(whole) | set(listed))


async def test_years_tell_how_many_releases_they_have(run: RunQuery) -> None:
    found = (await ask(run, "rörsångare OR tänds", agency="fyrstyrelsen")).hit_page
    assert [(year.value, year.count, year.total) for year in found.facets["year"]] == [("2024", 1, 1)]
    found = (await ask(run, "vägarna myndighet:vägmyndigheten till:2023-03")).hit_page
    (year,) = found.facets["year"]
    everything = {one.value: one.count for one in (await ask(run, agency="vagmyndigheten")).hit_page.facets["year"]}
    assert (year.value, year.total) == ("2023", everything["2023"])
    assert year.count < everything["2023"]
    assert {one.total for one in (await ask(run)).hit_page.facets["year"]} == {None}, "all are hits"


async def test_words_in_any_form_and_all_of_them(run: RunQuery) -> None:
    assert await titles(run, "fyr tänd") == [LIGHTHOUSES]
    assert await titles(run, "TÄNDS igen") == [LIGHTHOUSES]
    assert await total(run, "tänds rörsångaren") == 0
    assert await total(run, "tands") == 0, "å, ä and ö are letters of their own"


async def test_phrases_near_or_not_and_stars(run: RunQuery) -> None:
    assert await total(run, '"tänds igen"') == 1
    assert await total(run, '"igen tänds"') == 0
    assert await titles(run, "fyrar NEAR/1 tänds") == [LIGHTHOUSES]
    assert await total(run, "NEAR(tre igen, 0)") == 0
    assert await total(run, "vassen OR fyrar") == 2
    assert await titles(run, "vassen OR fyrar -rörsångaren") == [LIGHTHOUSES]
    assert await titles(run, "inventer*") == [WARBLERS]
    assert await total(run, "-vägarna") == 5


async def test_fields(run: RunQuery) -> None:
    assert await titles(run, "rubrik:fyrar") == [LIGHTHOUSES]
    assert await total(run, "ingress:fyrar") == 0
    assert await titles(run, "svar:hamnarna") == [LIGHTHOUSES]
    assert await total(run, "fråga:hamnarna") == 0
    assert await titles(run, "question:betala answer:staten") == [LIGHTHOUSES]
    assert await total(run, "-fråga:betala") == PAGED + 4
    assert await titles(run, "fråga:betala OR rubrik:sångarna", order="newest") == [LIGHTHOUSES, WARBLERS]


async def test_agencies_tags_and_days(run: RunQuery) -> None:
    assert await total(run, "myndighet:fyrstyrelsen") == 2
    assert await total(run, "agency:roads") == PAGED + 2
    assert await titles(run, "ämne:sjöfart") == [LIGHTHOUSES]
    assert await titles(run, 'tag:"våtmarker & sjöar" vassen') == [WARBLERS]
    assert await titles(run, "från:2024-06") == [LIGHTHOUSES]
    assert await titles(run, "till:2022") == [HOSTILE]
    assert await titles(run, "from:2024-05-28 to:2024-05-28") == [WARBLERS]
    unknown = await ask(run, "myndighet:rymdstyrelsen")
    assert [(note.key, note.value) for note in unknown.notes] == [("no_agency", "rymdstyrelsen")]
    assert unknown.hit_page.total == 0


async def test_facets_count_what_a_choice_would_bring(run: RunQuery) -> None:
    chosen: dict[str, tuple[str, ...]] = {"year": ("2023",), "tag": ("Område 3",)}
    results = await search(run, SearchRequest(text="vägarna", include=chosen))
    for facet, choices in results.hit_page.facets.items():
        assert choices
        for choice in choices:
            values = (choice.value,) if facet != "tag" else ("Område 3", choice.value)
            other = await search(run, SearchRequest(text="vägarna", include=chosen | {facet: values}))
            assert other.hit_page.total == choice.count


async def test_every_release_has_a_place_in_every_facet(run: RunQuery) -> None:
    results = await ask(run)
    for facet in ("agency", "kind", "year", "questions"):
        assert sum(choice.count for choice in results.hit_page.facets[facet]) == results.hit_page.total
    assert [choice.value for choice in results.hit_page.facets["year"]] == ["2024", "2023", "2022", "none"]
    assert await titles(run, year="none") == [UNDATED]
    assert await titles(run, questions="yes") == [LIGHTHOUSES, WARBLERS]


async def test_include_any_and_exclude(run: RunQuery) -> None:
    both = await search(run, SearchRequest(include={"agency": ("fyrstyrelsen", "fagelverket")}))
    assert both.hit_page.total == 3
    left = await search(run, SearchRequest(exclude={"agency": ("vagmyndigheten",), "tag": ("Sjöfart",)}))
    assert [plain(hit.title) for hit in left.hits] == [WARBLERS, "Three lighthouses lit again"]
    assert await total(run, "vägarna", tag="Väglag", kind="news", year="2022") == 0


async def test_pages_join_without_gap_or_overlap(run: RunQuery) -> None:
    for order in ("best", "newest"):
        seen = []
        for page in (1, 2, 3):
            results = await ask(run, "vägarna", page=page, order=order)
            assert (results.hit_page.total, results.hit_page.pages, results.hit_page.page) == (PAGED, 3, page)
            seen += [hit.row["id"] for hit in results.hits]
        assert len(seen) == len(set(seen)) == PAGED


async def test_a_page_beyond_the_last_is_the_last(run: RunQuery) -> None:
    assert (await ask(run, "vägarna", page=99)).hit_page.page == 3
    assert (await ask(run, "dinosaurie", page=99)).hit_page.page == 1


async def test_common_words_are_counted_no_further_than_the_cap(run: RunQuery, monkeypatch: pytest.MonkeyPatch) -> None:
    lower_limits(monkeypatch, 25)
    found = (await ask(run, "vägarna")).hit_page
    assert (found.total, found.capped, found.pages) == (25, True, 2)
    assert not (await ask(run, "tänds")).hit_page.capped


async def test_questions_are_results_of_their_own(run: RunQuery) -> None:
    results = await ask(run, "betalar", show="questions")
    assert [plain(hit.title) for hit in results.hits] == ["Vem betalar?"]
    assert results.hits[0].row["title"] == LIGHTHOUSES
    assert results.hits[0].question_position == 2
    assert await titles(run, show="questions", agency="fagelverket", order="newest") == [
        "Hur många finns det?",
        "Varför sjunger rörsångaren på natten?",
    ]
    assert await titles(run, "rubrik:fyrar hamnarna", show="questions") == ["Vem betalar?"]


async def test_other_spellings(run: RunQuery) -> None:
    for typed, meant in (
        ("rorsangaren", "rörsångaren"),
        ("invnteringen", "inventeringen"),
        ("rör sångaren", "rörsångaren"),
    ):
        results = await ask(run, typed)
        assert [other.request.text for other in results.suggestions] == [meant]
        assert results.suggestions[0].total == 1
    assert (await ask(run, "vägarna")).suggestions == []
    assert (await ask(run, "xyzzy")).suggestions == []
    kept = await ask(run, 'rubrik:fyar -krig "TRE"')
    assert [other.request.text for other in kept.suggestions] == ['rubrik:fyrar -krig "TRE"']


async def test_no_other_spelling_of_what_is_no_date_is_offered(run: RunQuery) -> None:
    assert (await ask(run, "till vägarn")).suggestions[0].request.text == "till vägarna"
    assert (await ask(run, "till:vägarn")).suggestions == []


async def test_words_of_a_phrase_that_stand_apart(run: RunQuery) -> None:
    results = await ask(run, '"igen fyrar"')
    assert [(other.request.text, other.reason, other.total) for other in results.suggestions] == [
        ("igen fyrar", "loose", 1)
    ]


async def test_what_was_searched_is_told(run: RunQuery) -> None:
    searched = (await ask(run, "dinosaurie")).scope
    assert searched is not None
    assert {choice.value: choice.count for choice in searched.agencies} == {
        "vagmyndigheten": PAGED + 2,
        "fyrstyrelsen": 2,
        "fagelverket": 1,
    }
    assert (await ask(run, "fyrar")).scope is None
    for words in ("dinosaurie", "fyrar"):
        fresh = (await ask(run, words)).freshness
        assert (fresh.crawled, fresh.newest) == ("2024-06-03T08:20:00+00:00", "2024-06-01")


@pytest.mark.parametrize(
    ("words", "chosen", "searched"),
    [
        ("dinosaurie från:2024-06", {}, {"fyrstyrelsen": 1}),
        ("dinosaurie", {"year": "2022"}, {"vagmyndigheten": 1}),
        ("dinosaurie myndighet:fyrstyrelsen OR myndighet:fågelverket", {}, {"fyrstyrelsen": 2, "fagelverket": 1}),
        ("dinosaurie -myndighet:vägmyndigheten", {"tag": "Sjöfart"}, {"fyrstyrelsen": 1}),
        ("dinosaurie från:1990 till:1991", {}, {}),
    ],
)
async def test_what_was_searched_is_what_the_limits_leave(
    run: RunQuery, words: str, chosen: dict[str, str], searched: dict[str, int]
) -> None:
    scope = (await ask(run, words, **chosen)).scope
    assert scope is not None
    assert {choice.value: choice.count for choice in scope.agencies} == searched
    assert (scope.total, scope.stored, scope.is_limited) == (sum(searched.values()), PAGED + 5, True)


async def test_the_index_of_words_leads(tmp_path: Path) -> None:
    """Were releases read first, each would be looked up in the index: seconds on a large archive."""
    connection = sqlite3.connect(fill(tmp_path / "archive.db"))
    connection.row_factory = sqlite3.Row
    plans: list[str] = []

    async def explain(sql: str, values: dict[str, Any], /) -> Sequence[Any]:
        if "match :" in sql:
            plan = [row[3] for row in connection.execute(f"explain query plan {sql}", values)]
            plans.append(next(step for step in plan if step.split()[1] in ("l", "search", "search_questions")))
        return connection.execute(sql, values).fetchall()

    for show in ("releases", "questions"):
        include = {"agency": ("vagmyndigheten",), "tag": ("Väglag",), "year": ("2023",)}
        await search(explain, SearchRequest(text="vägarna", include=include, show=show))
    connection.close()
    assert len(plans) >= 6
    assert all(step.startswith("SCAN search") for step in plans)


def plain(parts: MarkedText) -> str:
    """The text of a title or excerpt without its marks."""
    return "".join(part for part, _ in parts)


def of(hit: SearchHit) -> dict[str, dict[str, dict[str, int]]]:
    """Why a hit was found, by what was asked."""
    return {why.query_term: why.forms for why in hit.explanations}


async def test_why_a_hit_is_one(run: RunQuery) -> None:
    hit = (await ask(run, "rörsångare vass")).hits[0]
    assert of(hit)["rörsångare"] == {
        "lead": {"rörsångaren": 1},
        "body": {"rörsångaren": 1},
        "question": {"rörsångaren": 1},
    }
    assert of(hit)["vass"]["lead"] == {"vassarna": 1}
    (lights,) = (await ask(run, "hamnarna")).hits
    assert (lights.question_position, of(lights)) == (2, {"hamnarna": {"answer": {"hamnarna": 1}}})


async def test_markup_in_a_text_stays_text(run: RunQuery) -> None:
    hit = (await ask(run, "skylten")).hits[0]
    assert plain(hit.title) == HOSTILE
    assert "<script>" in plain(hit.excerpt)
