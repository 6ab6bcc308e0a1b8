"""Excerpts of the original text, with the words of a query marked in any form."""

from __future__ import annotations

import pytest

from archive.search.excerpts import FRAGMENT_WORDS, HighlightedText, SearchHit
from archive.search.marked_words import extract_query_terms
from archive.search.query_language import parse_query
from tests.archive.sample import HOSTILE
from tests.archive.search.conftest import Searcher, marks, plain

FILLER = "Här står ord som ingen frågar efter, ett efter ett, tills det är nog. "


def highlight(query: str, text: str | None, *, english: bool = False) -> HighlightedText:
    return HighlightedText(
        text, extract_query_terms(parse_query(query).tree), "body", english=english
    )


@pytest.mark.parametrize(
    ("query", "text", "marked"),
    [
        ("myndighet", "Myndigheternas svar till myndigheten.", ["Myndigheternas", "myndigheten"]),
        ("män", "En man, två män och mannens hatt. Men inte men.", ["man", "män", "mannens"]),
        ("handel", "Handeln och människohandeln.", ["Handeln"]),
        ("minister", "Sjukvårdsministern mötte en minister.", ["Sjukvårdsministern", "minister"]),
        ('"svar till"', "Svaret till er. Svar, till dem. Till svar.", ["Svar, till"]),
        ("SAS", "Vi säger att SAS flyger.", ["SAS"]),
        ("skog", "Skogsbruket och skogarna.", ["Skogsbruket", "skogarna"]),
        ("skogsbruk", "Skogs-bruk och skogsbruket.", ["Skogs-bruk", "skogsbruket"]),
        ("+skog", "Skogsbruket och skogarna.", ["skogarna"]),
        (
            "pension",
            "Pensionen, ålderspensionen och pensionssystemet.",
            ["Pensionen", "pensionssystemet"],
        ),
        ("kvinno*", "Kvinnofrid åt kvinnorna, en kvinna.", ["Kvinnofrid", "kvinnorna"]),
        ("A2021/01234", "Ärendet A2021/01234 gäller 01234.", ["A2021/01234"]),
        ("EU", "EU:s regler och EU.", ["EU:s", "EU"]),
        ("skola -barn", "Barnens skola.", ["skola"]),
        ("barn OR skola", "Barnens skola.", ["Barnens", "skola"]),
        ("rubrik:skola", "Barnens skola.", []),
        ("för", "Far for för att fara.", ["för"]),
        ("våld", "V\u00e5ldet, va\u030ald och vå\u00adld.", ["V\u00e5ldet", "våld", "vå\u00adld"]),
        (
            *("människohandel", "Människohandelsbrotten och människohandeln."),
            ["Människohandelsbrotten", "människohandeln"],
        ),
    ],
)
def test_forms_of_query_words_are_marked(query: str, text: str, marked: list[str]) -> None:
    assert marks(highlight(query, text).highlight_all()) == marked


def test_english_forms_are_marked_in_english_text() -> None:
    parts = highlight("agencies", "The agencies met the agency.", english=True).highlight_all()
    assert marks(parts) == ["agencies", "agency"]


def test_excerpt_without_match_is_the_beginning() -> None:
    parts = highlight("skola", FILLER * 20).excerpt()
    assert marks(parts) == []
    assert plain(parts).startswith("Här står ord")
    assert len(plain(parts).split()) == FRAGMENT_WORDS + 1
    assert plain(parts).endswith(" …")


def test_excerpt_starts_with_the_sentence_of_the_match() -> None:
    text = FILLER * 10 + "Nu kom svaret om skolan. " + FILLER * 10
    excerpt = plain(highlight("skola", text).excerpt())
    assert excerpt.startswith("… Nu kom svaret")
    assert excerpt.strip("… ") in text
    assert excerpt.endswith(" …")


def test_excerpt_has_second_fragment_for_missing_word() -> None:
    text = FILLER * 5 + "En skola. " + FILLER * 20 + "Ett sjukhus. " + FILLER * 5
    parts = highlight("skola sjukhus", text).excerpt()
    assert marks(parts) == ["skola", "sjukhus"]
    assert plain(parts).count("…") == 3


@pytest.mark.parametrize("query", ["", "ord", "a OR ord", '"ord ord"'])
@pytest.mark.parametrize("text", ["", " \n", None, "…", "a", "ord " * 50])
def test_any_text_has_an_excerpt(text: str | None, query: str) -> None:
    highlighted = highlight(query, text)
    assert " ".join(plain(highlighted.highlight_all()).split()) == " ".join((text or "").split())
    assert len(plain(highlighted.excerpt()).split()) <= FRAGMENT_WORDS + 2


def list_forms(hit: SearchHit) -> dict[str, dict[str, dict[str, int]]]:
    return {match.query_term: match.forms for match in hit.explanations}


async def test_hit_lists_matched_forms_by_field(sample: Searcher) -> None:
    hit = (await sample.find("rörsångare vass")).hits[0]
    forms = list_forms(hit)
    assert forms["rörsångare"] == {
        name: {"rörsångaren": 1} for name in ("lead", "body", "question")
    }
    assert forms["vass"]["lead"] == {"vassarna": 1}
    (hit,) = (await sample.find("hamnarna")).hits
    assert hit.question_position == 2
    assert list_forms(hit) == {"hamnarna": {"answer": {"hamnarna": 1}}}


async def test_markup_in_text_stays_text(sample: Searcher) -> None:
    hit = (await sample.find("skylten")).hits[0]
    assert plain(hit.title) == HOSTILE
    assert "<script>" in plain(hit.excerpt)
