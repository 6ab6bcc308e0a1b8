"""Excerpts are the original text; what a query found in it is marked, in whatever form it stands there."""

from __future__ import annotations

import pytest

from archive.search.query import parse_query
from archive.search.snippets import FRAGMENT_WORDS, HighlightedText, MarkedText, extract_query_terms

FILLER = "Här står ord som ingen frågar efter, ett efter ett, tills det är nog. "
MARKED = {
    ("myndighet", "Myndigheternas svar till myndigheten."): ["Myndigheternas", "myndigheten"],
    ("män", "En man, två män och mannens hatt. Men inte men."): ["man", "män", "mannens"],
    ("människohandel", "Människohandelsbrotten och människohandeln."): ["Människohandelsbrotten", "människohandeln"],
    ("handel", "Handeln och människohandeln."): ["Handeln"],
    ("minister", "Sjukvårdsministern mötte en minister."): ["Sjukvårdsministern", "minister"],
    ('"svar till"', "Svaret till er. Svar, till dem. Till svar."): ["Svaret till", "Svar, till"],
    ("kvinno*", "Kvinnofrid åt kvinnorna, en kvinna."): ["Kvinnofrid", "kvinnorna"],
    ("A2021/01234", "Ärendet A2021/01234 gäller 01234."): ["A2021/01234"],
    ("EU", "EU:s regler och EU."): ["EU:s", "EU"],
    ("skola -barn", "Barnens skola."): ["skola"],
    ("barn OR skola", "Barnens skola."): ["Barnens", "skola"],
    ("rubrik:skola", "Barnens skola."): [],
    ("för", "Far for för att fara."): ["för"],
    ("våld", "V\u00e5ldet, va\u030ald och vå\u00adld."): ["V\u00e5ldet", "våld", "vå\u00adld"],
}


def marks(parts: MarkedText) -> list[str]:
    return [text for text, marked in parts if marked]


def read(query: str, text: str, field: str = "body") -> HighlightedText:
    return HighlightedText(text, extract_query_terms(parse_query(query).tree), field, english=False)


@pytest.mark.parametrize(("query", "text"), MARKED)
def test_what_is_marked(query: str, text: str) -> None:
    assert marks(read(query, text).highlight_all()) == MARKED[query, text]


def test_english_words_in_an_english_text() -> None:
    text = HighlightedText(
        "The agencies met the agency.", extract_query_terms(parse_query("agencies").tree), "body", english=True
    )
    assert marks(text.highlight_all()) == ["agencies", "agency"]


def test_a_text_without_a_hit_begins_where_it_begins() -> None:
    parts = read("skola", FILLER * 20).excerpt()
    assert marks(parts) == []
    assert plain(parts).startswith("Här står ord")
    assert len(plain(parts).split()) == FRAGMENT_WORDS + 1
    assert plain(parts).endswith(" …")


def test_an_excerpt_is_a_run_of_the_original_from_the_sentence_on() -> None:
    text = FILLER * 10 + "Nu kom svaret om skolan. " + FILLER * 10
    parts = read("skola", text).excerpt()
    assert plain(parts).startswith("… Nu kom svaret")
    assert plain(parts).strip("… ") in text
    assert plain(parts).endswith(" …")


def test_two_fragments_where_one_lacks_a_word() -> None:
    parts = read("skola sjukhus", FILLER * 5 + "En skola. " + FILLER * 20 + "Ett sjukhus. " + FILLER * 5).excerpt()
    assert marks(parts) == ["skola", "sjukhus"]
    assert plain(parts).count("…") == 3


@pytest.mark.parametrize("text", ["", " \n", None, "…", "a", "ord " * 50])
def test_any_text_has_an_excerpt(text: str | None) -> None:
    for query in ("", "ord", "a OR ord", '"ord ord"'):
        found = HighlightedText(text, extract_query_terms(parse_query(query).tree), "body", english=False)
        assert " ".join(plain(found.highlight_all()).split()) == " ".join((text or "").split())
        assert len(plain(found.excerpt()).split()) <= FRAGMENT_WORDS + 2


def plain(parts: MarkedText) -> str:
    return "".join(text for text, _ in parts)
