"""The order and number of hits, their pages, and the counts of facet values."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from archive.database.models import Release
from archive.database.sqlite_files import build_connection_runner
from archive.search.column_cache import ColumnCache
from archive.search.results import search, search_all
from archive.search.search_request import FACETS
from archive.store.releases import Archive
from tests.archive.sample import LIGHTHOUSES, PAGED, SEEN, UNDATED, WARBLERS
from tests.archive.search.conftest import Searcher, build_request, lower_limits, marks


async def test_without_words_newest_come_first(sample: Searcher) -> None:
    titles = await sample.titles()
    assert titles[:3] == [LIGHTHOUSES, WARBLERS, f"Läget på vägarna kring Storåsen, vecka {PAGED}"]
    assert (await sample.titles(page=99))[-1] == UNDATED, "sorted by its update, long ago"


async def test_dates_exclude_undated_releases_only_when_required(sample: Searcher) -> None:
    assert UNDATED in await sample.titles("-från:1990")
    assert UNDATED not in await sample.titles("från:1990 grusvägar")


# Pages


@pytest.mark.parametrize("order", ["best", "newest"])
async def test_pages_have_every_hit_once(sample: Searcher, order: str) -> None:
    pages = [
        await sample.find("vägarna", page=page, order=order, strict=True) for page in (1, 2, 3, 99)
    ]
    assert [(results.hit_page.page, results.hit_page.pages) for results in pages] == [
        (1, 3),
        (2, 3),
        (3, 3),
        (3, 3),
    ]
    assert {results.hit_page.total for results in pages} == {PAGED}
    ids = [hit.row["id"] for results in pages[:3] for hit in results.hits]
    assert len(ids) == len(set(ids)) == PAGED
    assert (await sample.find("dinosaurie", page=99, order=order)).hit_page.page == 1


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"text": "vägarna"},
        {"text": "vägarna", "order": "newest"},
        {"tag": "Väglag"},
        {"text": "från:2023"},
    ],
)
async def test_pages_beyond_the_limits_equal_the_whole_list(
    sample: Searcher, monkeypatch: pytest.MonkeyPatch, options: dict[str, str]
) -> None:
    monkeypatch.setattr("archive.search.loose_hits.ENOUGH_HITS", 10)
    unlimited = [
        hit.row["id"]
        for page in (1, 2, 3)
        for hit in (await sample.find(page=page, **options)).hits
    ]
    lower_limits(monkeypatch, 10)
    monkeypatch.setattr("archive.search.ranking.MAX_SORTED_HITS", 20)
    paged: list[int] = []
    for page in range(1, 30):
        results = await sample.find(page=page, size=4, **options)
        paged += [hit.row["id"] for hit in results.hits]
        if not results.hit_page.has_next:
            break
    batches = search_all(sample.run, build_request(**options))
    listed = [hit.row["id"] async for hits in batches for hit in hits]
    assert len(listed) == len(set(listed))
    assert paged == listed
    assert set(unlimited) <= set(listed)


# Totals


async def test_common_words_are_counted_up_to_the_limit(
    sample: Searcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    lower_limits(monkeypatch, 25)
    found = (await sample.find("vägarna")).hit_page
    assert (found.total, found.capped, found.pages) == (25, True, 2)
    assert not (await sample.find("tänds")).hit_page.capped
    lower_limits(monkeypatch, 10)
    found = (await sample.find("vägarna", year="2023", kind="news", size=5)).hit_page
    assert (found.capped, set(found.approximate_facets)) == (True, set(FACETS))
    assert (
        await sample.find("vägarna", year="2023", tag="Område 3", size=5)
    ).hit_page.approximate_facets == []


@pytest.mark.parametrize(
    ("facets", "approximate"),
    [
        ({}, []),
        ({"agency": "vagmyndigheten"}, []),
        ({"year": "2023", "kind": "news"}, ["speaker", "tag", "reference"]),
        ({"questions": "no"}, ["speaker", "tag", "reference"]),
    ],
    ids=["all", "agency", "year and kind", "without questions"],
)
async def test_search_without_words_is_counted_without_limit(
    sample: Searcher,
    monkeypatch: pytest.MonkeyPatch,
    facets: dict[str, str],
    approximate: list[str],
) -> None:
    expected = (await sample.find(size=5, **facets)).hit_page
    lower_limits(monkeypatch, 10)
    found = (await sample.find(size=5, **facets)).hit_page
    assert (found.total, found.pages, found.capped) == (expected.total, expected.pages, False)
    assert found.approximate_facets == approximate
    for name in set(FACETS) - set(approximate):
        assert found.facets[name] == expected.facets[name]


@pytest.mark.parametrize(
    "text", ["", "vägarna", "väg*", "från:2000 vägarna", "fyrar OR vägarna", "tag"]
)
@pytest.mark.parametrize("show", ["releases", "questions"])
async def test_oldest_first_is_the_reverse_of_newest_first(
    sample: Searcher, monkeypatch: pytest.MonkeyPatch, text: str, show: str
) -> None:
    chosen = {"text": text, "show": show} if text != "tag" else {"tag": "Väglag", "show": show}
    by_date = [
        (hit.row["published"] or hit.row["updated"], hit.row["pair" if hit.is_pair else "id"])
        for hit in (await sample.find(**chosen, order="newest", size=100)).hits
        if not hit.is_loose
    ]
    expected = [key for date, key in reversed(by_date) if date] + [
        key for date, key in by_date if not date
    ]
    for limit in (100, 10):
        lower_limits(monkeypatch, limit)
        pages = [
            (await sample.find(**chosen, order="oldest", size=4, page=page)).hit_page
            for page in (1, 2, 9, 16)
        ]
        assert {page.order for page in pages} == {"oldest"}
        for page in pages:
            strict = [key for key in page.ids if key not in page.loose.queries]
            start = (page.page - 1) * 4
            assert strict == expected[start : start + 4]


# Facets


async def test_facet_counts_equal_the_hits_of_each_choice(sample: Searcher) -> None:
    chosen = {"year": ("2023",), "tag": ("Område 3",)}
    for facet, choices in (await sample.find("vägarna", include=chosen)).hit_page.facets.items():
        assert choices or facet in ("speaker", "reference", "edited")  # which the sample has not
        for choice in choices:
            values = (choice.value,) if facet != "tag" else ("Område 3", choice.value)
            assert await sample.total("vägarna", include=chosen | {facet: values}) == choice.count


async def test_every_release_has_a_value_of_every_facet(sample: Searcher) -> None:
    found = (await sample.find()).hit_page
    for facet in ("agency", "kind", "year", "questions"):
        assert sum(choice.count for choice in found.facets[facet]) == found.total
    assert [choice.value for choice in found.facets["year"]] == ["2024", "2023", "2022", "none"]
    assert await sample.titles(year="none") == [UNDATED]
    assert await sample.titles(questions="yes") == [LIGHTHOUSES, WARBLERS]


async def test_facet_values_are_included_or_excluded(sample: Searcher) -> None:
    assert await sample.total(include={"agency": ("fyrstyrelsen", "fagelverket")}) == 3
    remaining = await sample.titles(exclude={"agency": ("vagmyndigheten",), "tag": ("Sjöfart",)})
    assert remaining == [WARBLERS, "Three lighthouses lit again"]
    assert await sample.total("vägarna", tag="Väglag", kind="news", year="2022") == 0


async def test_years_have_the_number_of_their_releases(sample: Searcher) -> None:
    found = (await sample.find("rörsångare OR tänds", agency="fyrstyrelsen")).hit_page
    assert [(year.value, year.count, year.total) for year in found.facets["year"]] == [
        ("2024", 1, 1)
    ]
    (year,) = (await sample.find("vägarna myndighet:vägmyndigheten till:2023-03")).hit_page.facets[
        "year"
    ]
    of_agency = {
        one.value: one.count
        for one in (await sample.find(agency="vagmyndigheten")).hit_page.facets["year"]
    }
    assert (year.value, year.total) == ("2023", of_agency["2023"])
    assert year.count < of_agency["2023"]
    assert {one.total for one in (await sample.find()).hit_page.facets["year"]} == {None}, (
        "all are hits"
    )


# More hits than are ranked

RELEASES, MAX_HITS, PAGE_SIZE = 400, 40, 12
TAG, YEAR = "Kust", "2021"


@pytest.fixture(scope="module")
def large_archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """Releases of six years, not stored by date; most have the word fyr, some in their title."""
    chance = random.Random(7)
    with Archive(tmp_path_factory.mktemp("large") / "archive.db") as archive, archive.transaction():
        archive.add_agency("prov", name="Provverket", home="https://prov.example/")
        for number in range(RELEASES):
            words = [
                word for word, share in (("fyr", 0.8), ("båt", 0.5)) if chance.random() < share
            ]
            title_words = [word for word in words if chance.random() < 0.2]
            days = timedelta(days=chance.randrange(2200))
            release = Release(
                agency="prov",
                url=f"https://prov.example/{number}",
                title=" ".join(["Nytt", *title_words]),
                body=" ".join(["Text", *words]),
                body_html="",
                published=date(2019, 1, 1) + days if chance.random() < 0.9 else None,
                tags=(TAG,) if chance.random() < 0.6 else (),
            )
            archive.save(release, seen_at=SEEN)
    with closing(sqlite3.connect(archive.path)) as db:
        db.row_factory = sqlite3.Row
        yield db


def list_expected_ids(
    db: sqlite3.Connection, *words: str, tag: str = "", year: str = ""
) -> list[int]:
    """Return the newest MAX_HITS hits in their order, from the tables alone."""
    rows = db.execute(
        "select r.id, r.title, r.body, r.published, exists"
        " (select 1 from release_tags where"
        " release = r.id) as tagged from releases r join release_facets l on l.release ="
        " r.id order by l.sort_date desc, r.id desc"
    ).fetchall()
    hits = [
        row
        for row in rows
        if all(word in row["body"] for word in words)
        and (row["tagged"] or not tag)
        and (row["published"] or "").startswith(year)
    ][:MAX_HITS]
    title_hits = [row["id"] for row in hits if all(word in row["title"] for word in words)]
    return title_hits + [row["id"] for row in hits if row["id"] not in title_hits]


@pytest.mark.parametrize("max_sorted", [50, 100_000], ids=["sorted by SQLite", "sorted in memory"])
@pytest.mark.parametrize(
    "max_window_share", [0.0, 0.4, 1.0], ids=["no window", "some windows", "all windows"]
)
@pytest.mark.parametrize(
    ("text", "facets"),
    [("fyr", {}), ("fyr båt", {}), ("fyr", {"tag": TAG}), ("fyr", {"year": YEAR})],
    ids=["one word", "two words", "tag", "year"],
)
async def test_newest_hits_come_first_with_title_hits_on_top(
    large_archive: sqlite3.Connection,
    monkeypatch: pytest.MonkeyPatch,
    *,
    max_sorted: int,
    max_window_share: float,
    text: str,
    facets: dict[str, Any],
) -> None:
    lower_limits(monkeypatch, MAX_HITS)
    monkeypatch.setattr("archive.search.query_sql.MAX_HITS", MAX_HITS)
    monkeypatch.setattr("archive.search.ranking.MAX_SORTED_HITS", max_sorted)
    monkeypatch.setattr("archive.search.date_window.MAX_WINDOW_SHARE", max_window_share)
    run = build_connection_runner(large_archive)
    columns = await ColumnCache().refresh(run)
    expected = list_expected_ids(large_archive, *text.split(), **facets)
    assert len(expected) == MAX_HITS
    ids: list[int] = []
    for page in range(1, -(-MAX_HITS // PAGE_SIZE) + 1):
        request = build_request(text, page=page, size=PAGE_SIZE, **facets)
        ids += (await search(run, request, columns)).hit_page.ids
    assert ids[:MAX_HITS] == expected
    assert len(set(ids)) == len(ids), "the last page continues with older hits"


# Relevance

TEXT = "Regeringen ger myndigheten i uppdrag att se över reglerna " * 4


@pytest.mark.parametrize(
    ("query", "best", "other"),
    [
        (
            "tiggeri",
            ("Utredning om tiggeri lämnas", f"{TEXT} tiggeri"),
            ("Pressträff om tiggeri", "Klockan 10."),
        ),
        (
            "Karin Ek vargar",
            ("Ny jakt på vargar", f"{TEXT} Karin Ek"),
            ("Karin Ek reser", f"{TEXT} vargar Karin Ek"),
        ),
        (
            "skog",
            ("Regler för skogsbruk", f"{TEXT} skog"),
            ("Nya regler", f"{TEXT} skog skog skog skog"),
        ),
    ],
    ids=["invitation without text", "name in the title", "compound in the title"],
)
async def test_most_relevant_comes_first(
    tmp_path: Path, query: str, best: tuple[str, str], other: tuple[str, str]
) -> None:
    fillers = [("Karin Ek tar emot", TEXT)] * 2 + [("Annat", TEXT)] * 12
    hits = await find_hits(tmp_path, [best, other, *fillers], query)
    assert [title for title, is_loose in hits if not is_loose] == [best[0], other[0]]


async def find_hits(
    folder: Path, releases: Iterable[tuple[str, str]], query: str
) -> list[tuple[str, bool]]:
    """Store releases with these titles and texts, and return the title of each hit, and whether it
    is loose.
    """
    with Archive(folder / "archive.db") as archive, archive.transaction():
        archive.add_agency("prov", name="Provverket", home="https://prov.example/")
        for number, (title, body) in enumerate(releases):
            url = f"https://prov.example/{number}"
            release = Release(
                agency="prov",
                url=url,
                title=title,
                body=body,
                body_html="",
                published=date(2024, 1, 1),
            )
            archive.save(release, seen_at=SEEN)
    with closing(sqlite3.connect(archive.path)) as db:
        db.row_factory = sqlite3.Row
        hits = (await search(build_connection_runner(db), build_request(query))).hits
    return [(hit.row["title"], hit.is_loose) for hit in hits]


SHORTCUTS = ("ranking.MAX_RARE_SHARE", "loose_hits._MAX_LOOKUP_SHARE")


@pytest.mark.parametrize(
    "options",
    [
        {"text": "fyr", "year": YEAR, "strict": True},
        {"text": "fyr", "include": {"year": ("2020", YEAR), "agency": ("prov",)}, "strict": True},
        {"text": "fyr -båt", "tag": TAG, "year": YEAR, "strict": True},
        {"text": "fyr båt text", "year": YEAR},
        {"text": "nytt båt", "year": YEAR},
    ],
    ids=str,
)
async def test_shortcuts_change_no_results(
    large_archive: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    """Limiting bm25 to the chosen facets, and looking up a few texts one by one."""
    monkeypatch.setattr("archive.search.loose_hits.MAX_HITS", MAX_HITS)  # others are common words
    found = []
    for share in (0.0, 2.0):
        for name in SHORTCUTS:
            monkeypatch.setattr(f"archive.search.{name}", share)
        request = build_request(size=RELEASES, **options)
        results = await search(build_connection_runner(large_archive), request)
        found.append((results.hit_page.ids, results.hit_page.total, results.hit_page.facets))
    assert found[0] == found[1]
    assert found[0][1] > 10


async def test_words_in_passing_come_after_looser_hits(tmp_path: Path) -> None:
    speech = f"{TEXT * 80} tandvård {TEXT * 80} avgifter"
    releases = [
        ("Tal i juni", speech),
        ("Dyrare tandvård för alla", TEXT),
        ("Utredning om avgifter", TEXT),
    ]
    hits = await find_hits(tmp_path, [*releases, *[("Annat", TEXT)] * 30], "avgifter tandvård")
    assert hits[-1] == ("Tal i juni", False)
    assert {*hits[:-1]} == {("Dyrare tandvård för alla", True), ("Utredning om avgifter", True)}


async def test_hits_with_words_that_the_best_share_follow(tmp_path: Path) -> None:
    releases = [
        ("Tiggeri och gatupengar", f"Om vräkning. {TEXT}"),
        ("Vräkning vid tiggeri", f"Om gatupengar. {TEXT}"),
    ]
    others = [("Nya gatupengar vid vräkning", TEXT), ("Gatupengar", TEXT)]
    hits = await find_hits(tmp_path, [*releases, *others, *[("Annat", TEXT)] * 40], "tiggeri")
    assert {*hits[:2]} == {("Tiggeri och gatupengar", False), ("Vräkning vid tiggeri", False)}
    assert hits[2:] == [("Nya gatupengar vid vräkning", True)], "most of the shared words"


# What is found, in which order; and looser hits after few strict ones

TITLES = (
    *(
        "Regeringen säger nej",
        "SAS får stöd",
        "Ny AI-strategi",
        "Be om råd",
        "Utredning om LAS",
        "Vi lägger fram förslag",
    ),
    *("Säpo varnar", "Säkerhetspolisen varnar", "FHM avråder", "Folkhälsomyndigheten avråder"),
    *("Skogen växer", "Skogsbruket växer", "Handeln ökar", "Människohandeln ökar"),
    *("Idrotten lyfter", "Idrottsrörelsen lyfter", "Vindkraftsparken invigs", "Sparken delas ut"),
    *("Elprisstöd till elintensiva företag", "Hemlösa personer räknas", "Hemlösheten minskar"),
    *("Friskolor granskas", "Fristående skolor granskas", "Sopor hämtas", "Avfall sorteras"),
    *(
        "Sverige söker medlemskap i Nato",
        "Natomedlemskapet firas",
        "Handel med utsläpp i ETS 2",
        "ETS2 införs",
    ),
    *("Höjt ROT-avdrag", "Rotavdraget höjs", "Psykisk ohälsa bland unga", "Psykiska besvär"),
    *("Ny generaldirektör för Migrationsverket", "Ny generaldirektör för Tullverket"),
)
SUBJECTS = [  # query → strict hits, in this order; loose hits
    ("SAS", ["SAS får stöd"], []),
    ("sas", ["SAS får stöd"], []),
    ("AI", ["Ny AI-strategi"], []),
    ("LAS", ["Utredning om LAS"], []),
    ("SÄPO", ["Säpo varnar", "Säkerhetspolisen varnar"], []),
    ("Säkerhetspolisen", ["Säkerhetspolisen varnar", "Säpo varnar"], []),
    ("FHM", ["FHM avråder", "Folkhälsomyndigheten avråder"], []),
    ('"Säpo"', ["Säpo varnar"], []),
    ("skog", ["Skogen växer", "Skogsbruket växer"], []),
    ("+skog", ["Skogen växer"], []),
    ("idrott", ["Idrotten lyfter", "Idrottsrörelsen lyfter"], []),
    ('"skogen"', ["Skogen växer"], []),
    ('"skog"', [], []),
    ("människohandel", ["Människohandeln ökar"], []),
    ("spark", ["Sparken delas ut"], []),
    ("park", ["Vindkraftsparken invigs"], []),
    ("elpriserna", ["Elprisstöd till elintensiva företag"], []),
    ("hemlösheten", ["Hemlösheten minskar"], ["Hemlösa personer räknas"]),
    ("friskolornas", ["Friskolor granskas"], ["Fristående skolor granskas"]),
    ('"friskolor"', ["Friskolor granskas"], []),
    ("Säkerhetspoliisen", [], ["Säkerhetspolisen varnar"]),
    ("avfallets", ["Avfall sorteras"], ["Sopor hämtas"]),
    ("ETS2", ["ETS2 införs", "Handel med utsläpp i ETS 2"], []),
    ("ROT-avdrag", ["Höjt ROT-avdrag", "Rotavdraget höjs"], []),
    ("rotavdrag", ["Rotavdraget höjs", "Höjt ROT-avdrag"], []),
    ("psykisk ohälsa hos unga", ["Psykisk ohälsa bland unga"], ["Psykiska besvär"]),
    ("+psykisk +ohälsa hos +unga", ["Psykisk ohälsa bland unga"], []),
]


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searcher]:
    """One release with each title, all with the same text and of the same day."""
    with (
        Archive(tmp_path_factory.mktemp("subjects") / "archive.db") as archive,
        archive.transaction(),
    ):
        archive.add_agency("prov", name="Provverket", home="https://prov.example/")
        for number, title in enumerate(TITLES):
            body = (
                "Ett kort meddelande utan ämne, som är längre än en"
                " inbjudan och därför inte"
                " räknas som en sådan. " * 2
            )
            url = f"https://prov.example/{number}"
            archive.save(
                Release(
                    agency="prov", url=url, title=title, body=body, body_html="", language="sv"
                ),
                seen_at=SEEN,
            )
    with closing(sqlite3.connect(archive.path)) as db:
        yield Searcher(build_connection_runner(db))


@pytest.mark.parametrize(("text", "strict", "loose"), SUBJECTS, ids=[row[0] for row in SUBJECTS])
async def test_what_is_found(
    subjects: Searcher, text: str, strict: list[str], loose: list[str]
) -> None:
    assert await subjects.titles(text) == strict
    assert set(loose) <= set(await subjects.titles(text, loose=True))
    if text[0] in '"+':
        assert await subjects.titles(text, loose=True) == []


async def test_question_finds_its_subject_first(subjects: Searcher) -> None:
    text = "vem är ny generaldirektör för Migrationsverket"
    assert await subjects.titles(text) == ["Ny generaldirektör för Migrationsverket"]
    assert (await subjects.titles(text, loose=True))[0] == "Ny generaldirektör för Tullverket"


async def test_part_of_a_word_with_its_own_meaning_is_no_hit(subjects: Searcher) -> None:
    assert "Människohandeln ökar" not in [
        *await subjects.titles("handel"),
        *await subjects.titles("handel", loose=True),
    ]


async def test_translated_word_is_found_loosely(subjects: Searcher) -> None:
    titles = await subjects.titles("Nato membership", loose=True)
    assert set(titles[:2]) == {"Sverige söker medlemskap i Nato", "Natomedlemskapet firas"}


@pytest.mark.parametrize("order", ["best", "newest"])
@pytest.mark.parametrize(
    "text", ["psykisk ohälsa", "hemlös", "xyz handel", "ny generaldirektör Migrationsverket"]
)
async def test_pages_continue_from_strict_to_loose_hits(
    subjects: Searcher, text: str, order: str
) -> None:
    whole = await subjects.find(text, order=order)
    flags = [hit.is_loose for hit in whole.hits]
    assert flags == sorted(flags)
    assert (flags.count(False), flags.count(True)) == (
        whole.hit_page.total,
        len(whole.hit_page.loose.queries),
    )
    paged = []
    for page in range(1, 99):
        results = await subjects.find(text, order=order, page=page, size=2)
        paged += [(hit.row["id"], hit.is_loose) for hit in results.hits]
        assert (results.hit_page.total, results.hit_page.loose) == (
            whole.hit_page.total,
            whole.hit_page.loose,
        )
        if not results.hit_page.has_next:
            break
    assert paged == [(hit.row["id"], hit.is_loose) for hit in whole.hits]
    batches = search_all(subjects.run, build_request(text, order=order))
    assert [(hit.row["id"], hit.is_loose) async for hits in batches for hit in hits] == paged
    for facet in ("agency", "year"):
        assert sum(value.count for value in whole.hit_page.facets[facet]) == whole.hit_page.total


async def test_no_looser_hits_follow_enough_strict_ones(
    subjects: Searcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = (await subjects.find("psykisk ohälsa")).hit_page
    assert few.total
    assert few.loose.queries
    monkeypatch.setattr("archive.search.loose_hits.ENOUGH_HITS", few.total)
    assert (await subjects.find("psykisk ohälsa")).hit_page.loose.queries == {}


async def test_long_question_needs_few_statements(subjects: Searcher) -> None:
    statements = []

    async def run(sql: str, values: dict[str, Any], /) -> Any:
        statements.append(sql)
        return await subjects.run(sql, values)

    words = (
        "stöd råd förslag varnar avråder växer lyfter invigs räknas granskas firas införs höjs"
        " unga priset besvär"
    )
    await search(run, build_request(words))
    assert len(statements) < 9 * len(words.split())


async def test_loose_hit_says_which_words_it_lacks(subjects: Searcher) -> None:
    hits = (await subjects.find("ny generaldirektör Migrationsverket xyz")).hits
    missing = {hit.row["title"]: [word.label for word in hit.missing] for hit in hits}
    assert missing["Ny generaldirektör för Migrationsverket"] == ["xyz"]
    assert missing["Ny generaldirektör för Tullverket"] == ["migrationsverket", "xyz"]
    hits = (await subjects.find("SAS rubrik:stöd råd råd")).hits
    missing = {hit.row["title"]: [word.label for word in hit.missing] for hit in hits}
    assert missing["Be om råd"] == ["SAS", "title:stöd"]
    assert missing["SAS får stöd"] == ["råd"]


async def test_loose_hit_has_a_bracket_only_with_all_its_fields(sample: Searcher) -> None:
    hits = (await sample.find("(fyrar svar:vassen) tänds")).hits
    (found,) = (hit for hit in hits if "tänds" in hit.row["title"])
    assert (found.row["title"], [word.label for word in found.missing]) == (
        LIGHTHOUSES,
        ["fyrar answer:vassen"],
    )


async def test_name_counts_as_one_word(tmp_path: Path) -> None:
    releases = [
        ("Karin Ek tar emot", f"Karin Ek {TEXT}"),
        ("Karin Ek inviger", f"Karin Ek {TEXT}"),
        ("Ett ek- och bokbestånd", TEXT),
        ("Karin Berg talar", f"Karin {TEXT}"),
        ("Dyrare tandvård", f"Tandvården kostar. {TEXT}"),
        *[("Annat", TEXT)] * 30,
    ]
    titles = [title for title, _ in await find_hits(tmp_path, releases, "Karin Ek tandvård")]
    assert titles.index("Dyrare tandvård") < titles.index("Karin Berg talar")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("fyrar skatt norr söder", ["Fyrar i norr", "Skatt på fyrar"]),
        ('fyrar skatt norr söder "3"', ["Höjd skatt 3"]),
    ],
    ids=["in all releases", "in a few"],
)
async def test_common_word_alone_is_only_looked_for_in_few_releases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: str, expected: list[str]
) -> None:
    monkeypatch.setattr("archive.search.loose_hits._MAX_FOUND", 4)
    releases = [
        ("Skatt på fyrar", TEXT),
        ("Fyrar i norr", TEXT),
        *[(f"Höjd skatt {n}", TEXT) for n in range(9)],
    ]
    assert await find_hits(tmp_path, releases, query) == [(title, True) for title in expected]


async def test_loose_hit_has_its_words_marked(subjects: Searcher) -> None:
    hits = [hit for hit in (await subjects.find("hemlösheten")).hits if hit.is_loose]
    assert [marks(hit.title) for hit in hits] == [["Hemlösa"]]
    related = {word.label: words for hit in hits for word, words in hit.related.items()}
    assert related == {"hemlösheten": ["hemlösa"]}
    assert [hit.missing for hit in hits] == [[]]
