"""The query language: every text is parsed, and a note explains what was read differently than typed."""

from __future__ import annotations

import pytest

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
BOTH, EITHER, ONLY_SKOG = AndNode((SKOG, ALG)), OrNode((SKOG, ALG)), AndNode((SKOG, NotNode(ALG)))
ON_DATES = AndNode((FilterNode("from", "2024-02-01"), FilterNode("to", "2024-02-09")))
TREES: list[tuple[QueryNode | None, list[str]]] = [
    (None, ["", "  \t\n", "?!-–…", '""', "😀 ☃"]),
    (SKOG, ["skog", "SKOG", "(skog", "skog)", "((((((((((skog"]),
    (BOTH, ["skog älg", 'skog"älg"', "skog AND älg", "skog OCH älg", "skog - älg", "skog –älg"]),
    (ONLY_SKOG, ["skog -älg", "skog −älg", "skog NOT älg"]),
    (EITHER, ["skog OR älg", "skog ELLER älg", "skog | älg", "skog|älg"]),
    (AndNode((term("varg"), EITHER)), ["varg skog OR älg"]),
    (OrNode((AndNode((term("varg"), SKOG)), ALG)), ["(varg skog) OR älg"]),
    (AndNode((SKOG, NotNode(OrNode((ALG, term("varg")))))), ["skog -(älg OR varg)"]),
    (AndNode((SKOG, term("or"))), ["skog OR"]),
    (AndNode((term("or"), SKOG)), ["OR skog"]),
    (term("not"), ["NOT"]),
    (term("på", "natten"), ['"på natten"', "”på natten”", "»på natten«"]),
    (AndNode((term("på"), term("natten"))), ['"på natten']),
    (AndNode((term("på", "natten"), ALG)), ['"på natten" älg']),
    (AndNode((SKOG, NotNode(term("på", "natten")))), ['skog -"på natten"']),
    (term("skog", star=True), ["skog*", "skog**,"]),
    (term("på", "natten", star=True), ['"på natten"*']),
    (term("sk"), ["sk*"]),
    (term("sk", "og"), ["sk*og"]),
    (NearNode((SKOG, ALG), 10), ["skog NEAR älg"]),
    (NearNode((SKOG, ALG), 3), ["skog NEAR/3 älg", "skog NÄRA/3 älg"]),
    (NearNode((SKOG, ALG), 5), ["NEAR(skog älg, 5)"]),
    (term("near"), ["NEAR("]),
    (term("skog", field="title"), ["rubrik:skog", "Title: skog"]),
    (term("på", "natten", field="lead"), ['ingress:"på natten"']),
    (AndNode((term("skog", field="question"), term("älg", field="answer"))), ["fraga:skog svar:älg"]),
    (AndNode((term("skog", field="title"), term("älg", field="title"))), ["rubrik:(skog älg)"]),
    (NotNode(term("skog", field="title")), ["-rubrik:skog"]),
    (term("rubrik"), ["rubrik:"]),
    (FilterNode("agency", "polisen"), ["myndighet:polisen"]),
    (FilterNode("tag", "Våtmarker & sjöar"), ['ämne:"Våtmarker & sjöar"']),
    (FilterNode("from", "2024-01-01"), ["från:2024"]),
    (FilterNode("to", "2024-02-29"), ["till:2024-02"]),
    (ON_DATES, ["från:2024-2 till:2024-2-9", "from:2024-02-01 to:2024-02-09"]),
    (AndNode((term("från"), term("mars"))), ["från:mars"]),
    (term("kl", "10"), ["kl:10"]),
    (term("a2021", "01234"), ["A2021/01234"]),
    (term("anna", "ek", "verket", "se"), ["anna.ek@verket.se"]),
    (term("människo", "handel"), ["människo-handel"]),
    (AndNode((term("förordning"), term("en"))), ["förordning(en)"]),
    (AndNode((term("12"), term("5", "3"))), ["§ 12 5,3 %"]),
    (term("eu"), ["EU:s"]),
    (term("ålder"), ["a\u030alder"]),  # decomposed
    (AndNode((term("a"), term("b"))), ["a\x00b", "a\ud800b"]),
]
QUERIES_BY_NOTE = {
    "open_quote": ['"på natten'],
    "short_star": ["sk*"],
    "lone": ["skog OR"],
    "only_not": ["-skog"],
    "no_day": ["från:mars"],
    "no_field": ["foo:bar", "skog datum:2024", 'departement:"på natten"', "-foo:bar skog", "foo:a foo:bar"],
    "no_time": ["från:2024 till:2020", "till:2023-12 skog från:2024"],
    "cut": ["skog " * (MAX_QUERY_WORDS + 1)],
    "no_value_of": ["rubrik:", "svar: OR skog", "rubrik:%", "myndighet:%", 'ämne:""', "tag:(a)", "från:"],
    "": ["", '"foo:bar"', "från:2024 till:2024", "skog -älg", "skog AND älg"],
}
ORDINARY_COLONS = (
    *("EU:s", "tv:n", "SMS:et", "kl 10:30", "kl:10", "12:e", "1:a", "c:a", "S:ta Anna", "förslag:", "FN:s-uppdrag"),
    *("Dnr 2024:12", "dnr:2024/12", "SOU 2023:45", "SOU:2023:45", "https://a.se/x", "Polisen: två gripna"),
    *("::", "a:", ":)"),
)


@pytest.mark.parametrize(("tree", "text"), [(tree, text) for tree, texts in TREES for text in texts])
def test_query_is_parsed_to_tree(tree: QueryNode | None, text: str) -> None:
    query = parse_query(text)
    assert query.tree == tree
    assert query.is_blank == bool(text.strip() and tree is None)


@pytest.mark.parametrize(("note", "text"), [(note, text) for note, texts in QUERIES_BY_NOTE.items() for text in texts])
def test_query_has_note(note: str, text: str) -> None:
    assert [found.key for found in parse_query(text).notes] == ([note] if note else [])


@pytest.mark.parametrize("text", ORDINARY_COLONS)
def test_colon_in_ordinary_words_has_no_note(text: str) -> None:
    assert parse_query(text).notes == ()


def test_note_has_the_words_it_is_about() -> None:
    text = "Ort:Umeå rubrik: från:2024-03 till:2024-02"
    assert [(note.key, note.value) for note in parse_query(text).notes] == [
        ("no_field", "Ort:"),
        ("no_value_of", "rubrik:"),
        ("no_time", "2024-03-01 – 2024-02-29"),
    ]


@pytest.mark.parametrize(("text", "count"), [("fyrar " * 5000, MAX_QUERY_WORDS), ("x.y." * 2500, 1), ("(" * 10_000, 0)])
def test_long_query_is_cut(text: str, count: int) -> None:
    assert len(find_terms(parse_query(text).tree)) == count
