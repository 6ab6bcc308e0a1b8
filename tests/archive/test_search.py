"""The query language: anyone's typing is understood or explained, and nothing is an error."""

from __future__ import annotations

import random

import pytest

from archive.search.fts import PAIRS, Known, to_plan
from archive.search.params import Query, chosen, to_address
from archive.search.query import MOST_WORDS, All, Any, Fact, Near, Node, Not, Term, find_terms, parse_query


def term(*words: str, star: bool = False, field: str | None = None) -> Term:
    return Term(words, star, field)


SKOG, ALG = term("skog"), term("älg")
TREES: dict[str, Node | None] = {
    "": None,
    "  \t\n": None,
    "?!-–…": None,
    '""': None,
    "😀 ☃": None,
    "skog": SKOG,
    "SKOG": SKOG,
    "skog älg": All((SKOG, ALG)),
    '"på natten" älg': All((term("på", "natten"), ALG)),
    "”på natten”": term("på", "natten"),
    "»på natten«": term("på", "natten"),
    '"på natten': All((term("på"), term("natten"))),
    'skog"älg"': All((SKOG, ALG)),
    "skog*": term("skog", star=True),
    "skog**,": term("skog", star=True),
    '"på natten"*': term("på", "natten", star=True),
    "sk*": term("sk"),
    "sk*og": term("sk", "og"),
    "skog -älg": All((SKOG, Not(ALG))),
    "skog −älg": All((SKOG, Not(ALG))),  # a minus sign of its own
    "skog –älg": All((SKOG, ALG)),  # a dash that opens speech
    "skog - älg": All((SKOG, ALG)),
    'skog -"på natten"': All((SKOG, Not(term("på", "natten")))),
    "skog NOT älg": All((SKOG, Not(ALG))),
    "skog -(älg OR varg)": All((SKOG, Not(Any((ALG, term("varg")))))),
    "skog OR älg": Any((SKOG, ALG)),
    "skog ELLER älg": Any((SKOG, ALG)),
    "skog | älg": Any((SKOG, ALG)),
    "varg skog OR älg": All((term("varg"), Any((SKOG, ALG)))),
    "(varg skog) OR älg": Any((All((term("varg"), SKOG)), ALG)),
    "skog AND älg": All((SKOG, ALG)),
    "skog OCH älg": All((SKOG, ALG)),
    "skog OR": All((SKOG, term("or"))),
    "OR skog": All((term("or"), SKOG)),
    "NOT": term("not"),
    "(skog": SKOG,
    "skog)": SKOG,
    "((((((((((skog": SKOG,
    "förordning(en)": All((term("förordning"), term("en"))),
    "skog NEAR älg": Near((SKOG, ALG), 10),
    "skog NEAR/3 älg": Near((SKOG, ALG), 3),
    "skog NÄRA/3 älg": Near((SKOG, ALG), 3),
    "NEAR(skog älg, 5)": Near((SKOG, ALG), 5),
    "NEAR(": term("near"),
    "rubrik:skog": term("skog", field="title"),
    "Title: skog": term("skog", field="title"),
    'ingress:"på natten"': term("på", "natten", field="lead"),
    "fraga:skog svar:älg": All((term("skog", field="question"), term("älg", field="answer"))),
    "rubrik:(skog älg)": All((term("skog", field="title"), term("älg", field="title"))),
    "-rubrik:skog": Not(term("skog", field="title")),
    "rubrik:": term("rubrik"),
    "kl:10": term("kl", "10"),
    "myndighet:polisen": Fact("agency", "polisen"),
    'ämne:"Våtmarker & sjöar"': Fact("tag", "Våtmarker & sjöar"),
    "från:2024": Fact("from", "2024-01-01"),
    "från:2024-2 till:2024-2-9": All((Fact("from", "2024-02-01"), Fact("to", "2024-02-09"))),
    "skog|älg": Any((SKOG, ALG)),
    "till:2024-02": Fact("to", "2024-02-29"),
    "from:2024-06-03 to:2024-06-04": All((Fact("from", "2024-06-03"), Fact("to", "2024-06-04"))),
    "från:mars": All((term("från"), term("mars"))),
    "A2021/01234": term("a2021", "01234"),
    "anna.ek@verket.se": term("anna", "ek", "verket", "se"),
    "människo-handel": term("människo", "handel"),
    "§ 12 5,3 %": All((term("12"), term("5", "3"))),
    "EU:s": term("eu"),
    "a\u030alder": term("ålder"),  # a and a ring apart, as some systems type it
    "a\x00b": All((term("a"), term("b"))),
    "a\ud800b": All((term("a"), term("b"))),
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
    "skog " * (MOST_WORDS + 1): ["cut"],
    "skog -älg": [],
    "skog AND älg": [],
    "": [],
}


@pytest.mark.parametrize("text", TREES)
def test_typing_becomes_a_tree(text: str) -> None:
    asked = parse_query(text)
    assert asked.tree == TREES[text]
    assert asked.blank == bool(text.strip() and TREES[text] is None)


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
    assert [(note.key, note.words) for note in parse_query(text).notes] == [
        ("no_field", "Ort:"),
        ("no_value_of", "rubrik:"),
        ("no_time", "2024-03-01 – 2024-02-29"),
    ]


def test_a_flood_of_words_is_cut() -> None:
    assert len(find_terms(parse_query("fyrar " * 5000).tree)) == MOST_WORDS
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
        match = to_plan(parse_query(text).tree, Known()).match
        assert match.count('"') % 2 == 0
        assert not {*"^'\\%\x00+"} & {*match}


def test_words_lead_and_the_rest_are_conditions() -> None:
    plan = to_plan(parse_query("skog -älg från:2024 svar:vad myndighet:fyr").tree, Known(agencies={"fyr": ("a", "b")}))
    assert " NOT (" in plan.match
    assert [condition.split()[0] for condition in plan.conditions] == ["(ifnull(l.day", "(l.release", "(l.agency"]
    assert set(plan.values.values()) >= {"2024-01-01", "a", "b"}


def test_what_must_not_be_alone_is_a_condition() -> None:
    plan = to_plan(parse_query("-skog").tree, Known())
    assert plan.match == ""
    assert plan.conditions[0].startswith("not (l.release in (select rowid from search where search match :v0)")


def test_fields_of_the_other_table_are_conditions() -> None:
    assert to_plan(parse_query("svar:skog").tree, Known(), PAIRS).match == '{answer answer_parts}: ("skog")'
    assert to_plan(parse_query("rubrik:skog").tree, Known(), PAIRS).match == ""
    assert to_plan(parse_query("svar:skog").tree, Known()).match == ""
    mixed = to_plan(parse_query("skog OR svar:skog OR från:2024").tree, Known())
    assert mixed.match == ""
    assert mixed.conditions[0].count(" or ") == 2


def test_every_state_is_an_address() -> None:
    query = Query(text="a&b", include={"tag": ("x", "y")}, exclude={"agency": ("z",)}, order="newest", page=3)
    assert to_address(query, None) == "/search?q=a%26b&tag=x&tag=y&agency__not=z&order=newest&page=3"


def test_choosing_turns_a_value_on_and_off() -> None:
    query = chosen(Query(page=4), "tag", "x")
    assert (query.include, query.page) == ({"tag": ("x",)}, 1)
    assert chosen(query, "tag", "x").include == {}
    left_out = chosen(query, "tag", "x", exclude=True)
    assert (left_out.include, left_out.exclude) == ({}, {"tag": ("x",)})
