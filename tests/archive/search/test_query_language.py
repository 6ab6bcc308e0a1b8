"""The query language: every text is parsed, and a note explains what was read differently than
typed.
"""

from __future__ import annotations

import re

import pytest

from archive.language.synonyms import NAMES_FILE, SYNONYMS_FILE
from archive.search.optional_words import list_optional_words, search_any_of
from archive.search.query_language import (
    LOOSE,
    MAX_QUERY_WORDS,
    QUOTED,
    REQUIRED,
    WORD,
    WRITTEN,
    AndNode,
    EditNode,
    FilterNode,
    NearNode,
    NotNode,
    OrNode,
    QueryNode,
    ReferenceNode,
    TermNode,
    find_terms,
    parse_query,
)
from scraper.agency import load_agencies


def term(
    *words: str,
    star: bool = False,
    field: str | None = None,
    match: str = WORD,
    added: bool = False,
) -> TermNode:
    return TermNode(words, star, field, match, is_added=added)


def quoted(*words: str, star: bool = False, field: str | None = None) -> TermNode:
    return term(*words, star=star, field=field, match=QUOTED)


def written(word: str, *, added: bool = False) -> TermNode:
    return term(word, match=WRITTEN, added=added)


SKOG, ALG = term("skog"), term("älg")
BOTH, EITHER, ONLY_SKOG = AndNode((SKOG, ALG)), OrNode((SKOG, ALG)), AndNode((SKOG, NotNode(ALG)))
ON_DATES = AndNode((FilterNode("from", "2024-02-01"), FilterNode("to", "2024-02-09")))
TREES: list[tuple[QueryNode | None, list[str]]] = [
    (None, ["", "  \t\n", "?!-–…", '""', "😀 ☃"]),
    (SKOG, ["skog", "(skog", "skog)", "((((((((((skog"]),
    (BOTH, ["skog älg", "skog AND älg", "skog OCH älg", "skog - älg", "skog –älg"]),
    (ONLY_SKOG, ["skog -älg", "skog −älg", "skog NOT älg"]),
    (EITHER, ["skog OR älg", "skog ELLER älg", "skog | älg", "skog|älg"]),
    (AndNode((term("varg"), EITHER)), ["varg skog OR älg"]),
    (OrNode((AndNode((term("varg"), SKOG)), ALG)), ["(varg skog) OR älg"]),
    (AndNode((SKOG, NotNode(OrNode((ALG, term("varg")))))), ["skog -(älg OR varg)"]),
    (SKOG, ["skog OR", "OR skog"]),
    (term("not"), ["NOT"]),
    (quoted("på", "natten"), ['"på natten"', "”på natten”", "»på natten«"]),
    (term("natten"), ['"på natten']),
    (AndNode((quoted("på", "natten"), ALG)), ['"på natten" älg']),
    (AndNode((SKOG, quoted("älg"))), ['skog"älg"']),
    (AndNode((SKOG, NotNode(quoted("på", "natten")))), ['skog -"på natten"']),
    (term("skog", star=True), ["skog*", "skog**,"]),
    (quoted("på", "natten", star=True), ['"på natten"*']),
    (term("sk"), ["sk*"]),
    (term("sk", "og"), ["sk*og"]),
    (NearNode((SKOG, ALG), 10), ["skog NEAR älg"]),
    (NearNode((SKOG, ALG), 3), ["skog NEAR/3 älg", "skog NÄRA/3 älg"]),
    (NearNode((SKOG, ALG), 5), ["NEAR(skog älg, 5)"]),
    (term("near"), ["NEAR("]),
    (term("skog", field="title"), ["rubrik:skog", "Title: skog"]),
    (quoted("på", "natten", field="lead"), ['ingress:"på natten"']),
    (
        AndNode((term("skog", field="question"), term("älg", field="answer"))),
        ["fraga:skog svar:älg"],
    ),
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
    (term("a2021", "1"), ["A2021/1"]),
    (term("anna", "ek", "verket", "se"), ["anna.ek@verket.se"]),
    (term("människo", "handel"), ["människo-handel"]),
    (term("förordning"), ["förordning(en)"]),
    (AndNode((term("12"), term("5", "3"))), ["§ 12 5,3 %"]),
    (written("eu"), ["EU:s", "(EU)"]),
    (written("sas"), ["SAS", "SAS,"]),
    (term("regeringen"), ["REGERINGEN"]),
    (AndNode((term("las"), term("regeringen"))), ["LAS REGERINGEN"]),
    (term("skog", match=REQUIRED), ["+skog"]),
    (AndNode((term("c"), term("d"))), ["C++ d"]),
    (AndNode((term("om", match=REQUIRED), SKOG)), ["+om skog"]),
    (AndNode((term("psykisk"), term("ohälsa"), term("unga"))), ["psykisk ohälsa hos unga"]),
    (AndNode((term("ny"), term("chef"))), ["vem är ny chef för", "who is ny chef"]),
    (AndNode((term("is"), term("snö"))), ["is snö"]),
    (AndNode((term("om"), term("för"))), ["om för"]),
    (AndNode((term("om"), FilterNode("from", "2024-01-01"))), ["om från:2024"]),
    (ReferenceNode("dnr", "S2022/03255"), ["dnr S2022/03255", "S2022/03255", "dnr:S2022/03255"]),
    (
        ReferenceNode("prop", "2023/24:99"),
        ["prop. 2023/24:99", "PROP 2023/24: 99", "propositionen 2023/24:99", "ref:prop 2023/24:99"],
    ),
    (ReferenceNode("sfs", "2013:319"), ["lagen (2013:319)", "SFS 2013:319", 'ref:"lag 2013:319"']),
    (ReferenceNode("committee", "Ju 2022:02"), ["ju 2022:02", "Ju2022:02", "om (Ju 2022:02)"]),
    (ReferenceNode("eu", "2016/679"), ["(EU) 2016/679", "förordning 2016/679", "EU 2016/679"]),
    (ReferenceNode("sou", "2023:12", "title"), ["rubrik:SOU 2023:12", "title:sou2023:12"]),
    (ReferenceNode("", "2013:319"), ["ref:2013:319", "hänvisning:2013:319,"]),
    (NotNode(ReferenceNode("dir", "2023:1")), ["-dir. 2023:1", "NOT dir 2023:1"]),
    (
        AndNode((ReferenceNode("bet", "2023/24:FiU1"), SKOG)),
        ["bet. 2023/24:fiu1 skog", "2023/24:FIU1 AND skog"],
    ),
    (
        AndNode((ReferenceNode("sou", "2023:1"), ReferenceNode("sou", "2023:2"))),
        ["SOU 2023:1 och 2023:2", "SOU 2023:1 SOU 2023:2", 'ref:"SOU 2023:1, 2023:2"'],
    ),
    (
        OrNode((ReferenceNode("sou", "2023:1"), ReferenceNode("ds", "2023:2"))),
        ["SOU 2023:1 OR Ds 2023:2", "ref:(SOU 2023:1 | Ds 2023:2)"],
    ),
    (EditNode(added=ReferenceNode("sou", "2023:1")), ["added:SOU 2023:1", "tillagt:ref:sou2023:1"]),
    (
        EditNode(added=OrNode((ReferenceNode("sfs", "2013:319"), SKOG))),
        ["added:(lagen (2013:319) OR skog)", "added:((lagen (2013:319)) OR (skog))"],
    ),
    (
        EditNode(added=OrNode((SKOG, ReferenceNode("eu", "2016/679")))),
        ["added:(skog OR (EU) 2016/679)", "added:(skog OR (förordning (EU) 2016/679))"],
    ),
    (term("sou", "2023", "1", match=QUOTED), ['"SOU 2023:1"']),
    (term("2023", "1", field="attachment", match=QUOTED), ["bilaga:SOU 2023:1"]),
    (term("2013", "319"), ["2013:319"]),
    (OrNode((AndNode((written("ets"), term("2"))), written("ets2", added=True))), ["ETS 2"]),
    (AndNode((term("skog"), term("2025"))), ["skog för 2025"]),
    (OrNode((term("säpo"), term("säkerhetspolisen", added=True))), ["säpo"]),
    (OrNode((term("säpos"), term("säkerhetspolisen", added=True))), ["säpos"]),
    (OrNode((term("säkerhetspolisens"), written("säpo", added=True))), ["säkerhetspolisens"]),
    (OrNode((written("brå"), term("brottsförebyggande", "rådet", added=True))), ["BRÅ"]),
    (
        OrNode((AndNode((term("brottsförebyggande"), term("rådet"))), written("brå", added=True))),
        ["Brottsförebyggande rådet"],
    ),
    (quoted("säpo"), ['"säpo"']),
    (term("ålder"), ["a\u030alder"]),  # decomposed
    (AndNode((term("x"), term("y"))), ["x\x00y", "x\ud800y"]),
]
QUERIES_BY_NOTE = {
    "open_quote": ['"på natten'],
    "short_star": ["sk*"],
    "lone": ["skog OR"],
    "only_not": ["-skog"],
    "no_day": ["från:mars"],
    "no_field": [
        "foo:bar",
        "skog datum:2024",
        'departement:"på natten"',
        "-foo:bar skog",
        "foo:a foo:bar",
    ],
    "no_time": ["från:2024 till:2020", "till:2023-12 skog från:2024"],
    "cut": ["skog " * (MAX_QUERY_WORDS + 1)],
    "no_value_of": [
        "rubrik:",
        "svar: OR skog",
        "rubrik:%",
        "myndighet:%",
        'ämne:""',
        "tag:(a)",
        "från:",
    ],
    "": ["", '"foo:bar"', "från:2024 till:2024", "skog -älg", "skog AND älg"],
}
ORDINARY_COLONS = (
    *(
        "EU:s",
        "tv:n",
        "SMS:et",
        "kl 10:30",
        "kl:10",
        "12:e",
        "1:a",
        "c:a",
        "S:ta Anna",
        "förslag:",
        "FN:s-uppdrag",
    ),
    *(
        "Dnr 2024:12",
        "dnr:2024/12",
        "SOU 2023:45",
        "SOU:2023:45",
        "https://a.se/x",
        "Polisen: två gripna",
    ),
    *("::", "a:", ":)"),
)


@pytest.mark.parametrize(
    ("tree", "text"), [(tree, text) for tree, texts in TREES for text in texts]
)
def test_query_is_parsed_to_tree(tree: QueryNode | None, text: str) -> None:
    query = parse_query(text)
    assert query.tree == tree
    assert query.is_blank == bool(text.strip() and tree is None)


@pytest.mark.parametrize(
    ("note", "text"), [(note, text) for note, texts in QUERIES_BY_NOTE.items() for text in texts]
)
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


@pytest.mark.parametrize(
    ("text", "count"), [("fyrar " * 5000, MAX_QUERY_WORDS), ("x.y." * 2500, 1), ("(" * 10_000, 0)]
)
def test_long_query_is_cut(text: str, count: int) -> None:
    assert len(find_terms(parse_query(text).tree)) == count


def test_names_of_agencies_are_distinct_and_have_a_source() -> None:
    lines = [line.split("\t") for line in NAMES_FILE.read_text("utf-8").splitlines()]
    assert lines[0] == ["name", "other name", "source"]
    assert all(len(line) == 3 and all(line) for line in lines)
    assert len({tuple(line[:2]) for line in lines}) == len(lines)
    addresses = [
        (name, other) for name, other, source in lines if source == "address in agencies.toml"
    ]
    agencies = {agency.name: agency for agency in load_agencies().values()}
    for name, other in addresses:
        hosts = [agencies[name].home, *agencies[name].aliases]
        assert any(other.lower() in re.split("[./]", host) for host in hosts), (name, other)


def test_synonyms_are_distinct_and_have_a_source() -> None:
    lines = [line.split("\t") for line in SYNONYMS_FILE.read_text("utf-8").splitlines()]
    assert lines[0] == ["word", "other word", "source"]
    assert all(
        len(line) == 3 and all(line) and line[:2] == [text.lower() for text in line[:2]]
        for line in lines[1:]
    )
    assert len({frozenset(line[:2]) for line in lines}) == len(lines)


@pytest.mark.parametrize(
    ("text", "parts", "any_of_them"),
    [
        ("skog", ["skog"], "skog~"),
        ("skog varg", ["skog", "varg"], "skog~ | varg~"),
        ("skog -varg från:2024", ["skog"], "skog~ -varg from"),
        ('skog "varg"', ["skog"], "skog~ varg"),
        ("asylum seekers", ["asylum seekers"], "asylum~ seekers~ | asylsökande"),
        ("stöd och service", ["stöd service"], "stöd~ service~ | lss"),
        ("LSS", ["lss"], "lss | stöd och service"),
        ("SAS varg", ["sas", "varg"], "sas | varg~"),
        *(
            (text, [], text)
            for text in ('"skog"', "+skog", "skog*", "från:2024", "-skog", "skog NEAR varg")
        ),
    ],
)
def test_loose_hit_need_not_have_every_word(text: str, parts: list[str], any_of_them: str) -> None:
    def write(node: QueryNode | None) -> str:
        if isinstance(node, TermNode):
            return " ".join(node.words) + ("~" if node.match == LOOSE else "")
        if isinstance(node, NotNode):
            return f"-{write(node.part)}"
        if isinstance(node, AndNode | OrNode):
            return (" " if isinstance(node, AndNode) else " | ").join(map(write, node.parts))
        return node.field if isinstance(node, FilterNode) else ""

    query = parse_query(text)
    optional = list_optional_words(query)
    assert [write(word.typed) for word in optional] == parts
    if parts:
        changed = search_any_of(query, [word.loose for word in optional])
        assert write(changed.tree) == any_of_them
    else:
        assert search_any_of(query, []).tree == query.tree
