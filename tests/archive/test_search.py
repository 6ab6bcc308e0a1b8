"""The query language: anyone's typing is understood or explained, and nothing is an error."""

from __future__ import annotations

import random

import pytest

from archive.search.fts import QUESTION_INDEX, ResolvedNames, build_plan
from archive.search.params import SearchRequest, build_search_url, toggle_facet_value
from archive.search.query import (
    MAX_QUERY_WORDS,
    AndNode,
    FilterNode,
    NearNode,
    NotNode,
    OrNode,
    QueryNode,
    TermNode,
    find_terms,
    parse_query,
)


def term(*words: str, star: bool = False, field: str | None = None) -> TermNode:
    return TermNode(words, star, field)


SKOG, ALG = term("skog"), term("älg")
TREES: dict[str, QueryNode | None] = {
    "": None,
    "  \t\n": None,
    "?!-–…": None,
    '""': None,
    "😀 ☃": None,
    "skog": SKOG,
    "SKOG": SKOG,
    "skog älg": AndNode((SKOG, ALG)),
    '"på natten" älg': AndNode((term("på", "natten"), ALG)),
    "”på natten”": term("på", "natten"),
    "»på natten«": term("på", "natten"),
    '"på natten': AndNode((term("på"), term("natten"))),
    'skog"älg"': AndNode((SKOG, ALG)),
    "skog*": term("skog", star=True),
    "skog**,": term("skog", star=True),
    '"på natten"*': term("på", "natten", star=True),
    "sk*": term("sk"),
    "sk*og": term("sk", "og"),
    "skog -älg": AndNode((SKOG, NotNode(ALG))),
    "skog −älg": AndNode((SKOG, NotNode(ALG))),  # a minus sign of its own
    "skog –älg": AndNode((SKOG, ALG)),  # a dash that opens speech
    "skog - älg": AndNode((SKOG, ALG)),
    'skog -"på natten"': AndNode((SKOG, NotNode(term("på", "natten")))),
    "skog NOT älg": AndNode((SKOG, NotNode(ALG))),
    "skog -(älg OR varg)": AndNode((SKOG, NotNode(OrNode((ALG, term("varg")))))),
    "skog OR älg": OrNode((SKOG, ALG)),
    "skog ELLER älg": OrNode((SKOG, ALG)),
    "skog | älg": OrNode((SKOG, ALG)),
    "varg skog OR älg": AndNode((term("varg"), OrNode((SKOG, ALG)))),
    "(varg skog) OR älg": OrNode((AndNode((term("varg"), SKOG)), ALG)),
    "skog AND älg": AndNode((SKOG, ALG)),
    "skog OCH älg": AndNode((SKOG, ALG)),
    "skog OR": AndNode((SKOG, term("or"))),
    "OR skog": AndNode((term("or"), SKOG)),
    "NOT": term("not"),
    "(skog": SKOG,
    "skog)": SKOG,
    "((((((((((skog": SKOG,
    "förordning(en)": AndNode((term("förordning"), term("en"))),
    "skog NEAR älg": NearNode((SKOG, ALG), 10),
    "skog NEAR/3 älg": NearNode((SKOG, ALG), 3),
    "skog NÄRA/3 älg": NearNode((SKOG, ALG), 3),
    "NEAR(skog älg, 5)": NearNode((SKOG, ALG), 5),
    "NEAR(": term("near"),
    "rubrik:skog": term("skog", field="title"),
    "Title: skog": term("skog", field="title"),
    'ingress:"på natten"': term("på", "natten", field="lead"),
    "fraga:skog svar:älg": AndNode((term("skog", field="question"), term("älg", field="answer"))),
    "rubrik:(skog älg)": AndNode((term("skog", field="title"), term("älg", field="title"))),
    "-rubrik:skog": NotNode(term("skog", field="title")),
    "rubrik:": term("rubrik"),
    "kl:10": term("kl", "10"),
    "myndighet:polisen": FilterNode("agency", "polisen"),
    'ämne:"Våtmarker & sjöar"': FilterNode("tag", "Våtmarker & sjöar"),
    "från:2024": FilterNode("from", "2024-01-01"),
    "från:2024-2 till:2024-2-9": AndNode((FilterNode("from", "2024-02-01"), FilterNode("to", "2024-02-09"))),
    "skog|älg": OrNode((SKOG, ALG)),
    "till:2024-02": FilterNode("to", "2024-02-29"),
    "from:2024-06-03 to:2024-06-04": AndNode((FilterNode("from", "2024-06-03"), FilterNode("to", "2024-06-04"))),
    "från:mars": AndNode((term("från"), term("mars"))),
    "A2021/01234": term("a2021", "01234"),
    "anna.ek@verket.se": term("anna", "ek", "verket", "se"),
    "människo-handel": term("människo", "handel"),
    "§ 12 5,3 %": AndNode((term("12"), term("5", "3"))),
    "EU:s": term("eu"),
    "a\u030alder": term("ålder"),  # a and a ring apart, as some systems type it
    "a\x00b": AndNode((term("a"), term("b"))),
    "a\ud800b": AndNode((term("a"), term("b"))),
}
NOTES = {
    '"på natten': ["open_quote"],
    "sk*": ["short_star"],
    "skog OR": ["lone"],
    "-skog": ["only_not"],
    "från:mars": ["no_day"],
    "foo:bar": ["no_field"],
    "skog datum:2024": ["no_field"],
    'departement:"på natten"': ["no_field"],
    "-foo:bar skog": ["no_field"],
    "foo:a foo:bar": ["no_field"],
    '"foo:bar"': [],
    "från:2024 till:2020": ["no_time"],
    "till:2023-12 skog från:2024": ["no_time"],
    "från:2024 till:2024": [],
    "skog " * (MAX_QUERY_WORDS + 1): ["cut"],
    "skog -älg": [],
    "skog AND älg": [],
    "": [],
}


@pytest.mark.parametrize("text", TREES)
def test_typing_becomes_a_tree(text: str) -> None:
    asked = parse_query(text)
    assert asked.tree == TREES[text]
    assert asked.is_blank == bool(text.strip() and TREES[text] is None)


COLONS = (  # in ordinary words
    *(
        "EU:s",
        "tv:n",
        "SMS:et",
        "kl 10:30",
        "kl:10",
        "Dnr 2024:12",
        "dnr:2024/12",
        "SOU 2023:45",
        "SOU:2023:45",
        "12:e",
    ),
    *("Polisen: två gripna", "https://a.se/x", "S:ta Anna", "c:a", "::", "a:", "1:a", ":)", "förslag:", "FN:s-uppdrag"),
)


@pytest.mark.parametrize("text", COLONS)
def test_a_colon_in_words_is_no_news(text: str) -> None:
    assert parse_query(text).notes == ()


@pytest.mark.parametrize("text", ["rubrik:", "svar: OR skog", "rubrik:%", "myndighet:%", 'ämne:""', "tag:(a)", "från:"])
def test_a_field_without_a_value_is_noted(text: str) -> None:
    assert [note.key for note in parse_query(text).notes] == ["no_value_of"]


@pytest.mark.parametrize("text", NOTES)
def test_what_was_read_otherwise_is_noted(text: str) -> None:
    assert [note.key for note in parse_query(text).notes] == NOTES[text]


def test_a_note_tells_what_it_is_about() -> None:
    text = "Ort:Umeå rubrik: från:2024-03 till:2024-02"
    assert [(note.key, note.value) for note in parse_query(text).notes] == [
        ("no_field", "Ort:"),
        ("no_value_of", "rubrik:"),
        ("no_time", "2024-03-01 – 2024-02-29"),
    ]


def test_a_flood_of_words_is_cut() -> None:
    assert len(find_terms(parse_query("fyrar " * 5000).tree)) == MAX_QUERY_WORDS
    assert len(find_terms(parse_query("x.y." * 2500).tree)) == 1
    assert len(find_terms(parse_query("(" * 10_000).tree)) == 0


def test_a_sign_never_stands_where_sqlite_would_read_it() -> None:
    """Whatever is typed, the words alone reach SQLite, each in quotation marks."""
    chance = random.Random(20240603)
    pieces = [
        '"',
        "*",
        "(",
        ")",
        ":",
        "^",
        "-",
        "+",
        "'",
        "NEAR(",
        "AND",
        "{title}",
        "\\",
        "%",
        "\x00",
        "é",
        "å",
        "xyz",
    ]
    for _ in range(500):
        text = "".join(chance.choice([*pieces, " "]) for _ in range(chance.randint(1, 14)))
        match = build_plan(parse_query(text).tree, ResolvedNames()).match
        assert match.count('"') % 2 == 0
        assert not {*"^'\\%\x00+"} & {*match}


def test_words_lead_and_the_rest_are_conditions() -> None:
    plan = build_plan(
        parse_query("skog -älg från:2024 svar:vad myndighet:fyr").tree, ResolvedNames(agencies={"fyr": ("a", "b")})
    )
    assert " NOT (" in plan.match
    assert [condition.split()[0] for condition in plan.conditions] == ["(ifnull(l.sort_day", "(l.release", "(l.agency"]
    assert set(plan.values.values()) >= {"2024-01-01", "a", "b"}


def test_what_must_not_be_alone_is_a_condition() -> None:
    plan = build_plan(parse_query("-skog").tree, ResolvedNames())
    assert plan.match == ""
    assert plan.conditions[0].startswith("(not (l.release in (select rowid from search where search match :v0)")


def test_fields_of_the_other_table_are_conditions() -> None:
    assert (
        build_plan(parse_query("svar:skog").tree, ResolvedNames(), QUESTION_INDEX).match
        == '{answer answer_parts}: ("skog")'
    )
    assert build_plan(parse_query("rubrik:skog").tree, ResolvedNames(), QUESTION_INDEX).match == ""
    assert build_plan(parse_query("svar:skog").tree, ResolvedNames()).match == ""
    mixed = build_plan(parse_query("skog OR svar:skog OR från:2024").tree, ResolvedNames())
    assert mixed.match == ""
    assert mixed.conditions[0].count(" or ") == 2


def test_every_state_is_an_address() -> None:
    query = SearchRequest(text="a&b", include={"tag": ("x", "y")}, exclude={"agency": ("z",)}, order="newest", page=3)
    assert build_search_url(query, None) == "/search?q=a%26b&tag=x&tag=y&agency__not=z&order=newest&page=3"


def test_choosing_turns_a_value_on_and_off() -> None:
    query = toggle_facet_value(SearchRequest(page=4), "tag", "x")
    assert (query.include, query.page) == ({"tag": ("x",)}, 1)
    assert toggle_facet_value(query, "tag", "x").include == {}
    left_out = toggle_facet_value(query, "tag", "x", exclude=True)
    assert (left_out.include, left_out.exclude) == ({}, {"tag": ("x",)})
