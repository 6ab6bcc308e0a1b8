"""Lemmas and compound parts of Swedish and English words."""

from __future__ import annotations

import re
from itertools import islice, product
from string import ascii_uppercase
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.language.compounds import can_end_compound
from archive.language.lemmas import english_lemma, swedish_lemma
from archive.language.terms import (
    analyze,
    analyze_word,
    find_compound_parts,
    find_loose_parts,
    find_minor_parts,
    find_words,
)
from archive.search.query_sql import match_word

FORMS = """
    människohandel människohandeln människohandelns · myndighet myndigheterna myndigheternas · barn barnen barnens
    kvinna kvinnor kvinnors · handlingsplan handlingsplaner · lag lagar lagarna · skola skolorna · polis poliser
    beslut beslutet besluten · förslag förslagen · uppdrag uppdraget · stad städer städernas · bok böcker böckerna
    land länder · man män männens · hand händer · fot fötter · bror bröder · natt nätter · öga ögon · vän vänner
    förälder föräldrar · ledamot ledamöter · museum museet museer · gymnasium gymnasier · vapen vapnen · regel regler
    lärare läraren lärarna · boende boendet boenden · hot hotet · risk risken risker · gräns gränser · avgift avgifter
    ny nya nytt · stor stora större största · ung yngre yngst · gammal gamla äldre · god bättre bäst · trygg trygga
    fri fritt · öppen öppet öppna · viktig viktiga viktigt viktigare · digital digitala · svensk svenska svenskt
    besluta beslutar beslutade beslutat · utreda utreder utredde utretts · föreslå föreslog föreslås · gå gick gått
    öka ökad ökade ökat · stärka stärkt stärkte stärks · utsätta utsatt utsatta · sälja säljer sålt såld
    skrivbordslåda skrivbordslådorna · fyrvaktarbostad fyrvaktarbostäder · vassinventering vassinventeringarna
"""
DIFFERENT_WORDS = """
    för far · lag lager · handel handla · var vara · hus hand · beslut besluta · mot mod · hur hu · mars mara
    skulle skola · lång lag · våld vald · får far
"""


@pytest.mark.parametrize("forms", re.split("[·\n]", FORMS.strip()))
def test_forms_of_a_word_have_one_lemma(forms: str) -> None:
    (lemma,) = {swedish_lemma(form) for form in forms.split()}
    assert swedish_lemma(lemma) == lemma


@pytest.mark.parametrize("words", re.split("[·\n]", DIFFERENT_WORDS.strip()))
def test_different_words_have_different_lemmas(words: str) -> None:
    first, second = words.split()
    assert swedish_lemma(first) != swedish_lemma(second)


def test_names_lose_only_their_genitive() -> None:
    lemmas = analyze("Grusholms Tynnelius Roslund Paris", "sv").lemma_text
    assert lemmas == f"grusholm tynnelius roslund {swedish_lemma('paris')}"


@pytest.mark.parametrize(
    ("compound", "parts"),
    [
        ("människohandel", ()),  # in the dictionary, with a meaning of its own
        ("människohandelsbrotten", ("brott", "människohandel")),
        ("sjukvårdsministerns", ("minister", "sjukvård")),
        ("fyrvaktarbostäder", ("bostad", "fyrvaktare")),
        ("anslag", ()),
        ("minister", ()),
    ],
)
def test_compound_is_split(compound: str, parts: tuple[str, ...]) -> None:
    found = find_compound_parts(swedish_lemma(compound))
    assert set(found) <= set(parts) | {"fyrvaktar"}
    assert found[:1] == parts[:1]


@pytest.mark.parametrize(
    ("word", "minor", "loose"),
    [
        ("migrationsministern", "migration", "minister"),
        ("skogsbruket", "skog", "bruk"),
        ("idrottsrörelsen", "idrott", "rörelse"),
        ("riksidrottsförbundet", "idrott", "förbund idrottsförbund"),
        ("bredbandsutbyggnaden", "bredband", ""),
        ("ålderspensionssystemet", "ålder", "pension system"),
        ("ålderspensionen", "ålder", "pension"),
        ("friskolekommittén", "friskola", "skola"),
        ("elpriserna", "el", "pris"),
        ("elprisstöd", "el", "pris"),
        ("vindkraftsparken", "vind", "kraft"),
        ("havsvindkraftspark", "hav", "vindkraft vind kraft"),
        ("provstoppsavtalsorganisationen", "prov", "stopp avtal"),
        ("natomedlemskapet", "nato", ""),
        ("utrikeshandelsministern", "utrikeshandel", "minister"),
        ("människohandelsbrotten", "", ""),  # människohandel is no kind of handel
        ("människohandeln", "", ""),
        *(
            (word, "", "")
            for word in (
                "misshandel",
                "elände",
                "eleverna",
                "avtal",
                "uppdrag",
                "riksdagen",
                "minister",
            )
        ),
    ],
)
def test_compound_begins_with_minor_parts(word: str, minor: str, loose: str) -> None:
    lemma = swedish_lemma(word)
    assert [" ".join(find(lemma)) for find in (find_minor_parts, find_loose_parts)] == [
        minor,
        loose,
    ]


@pytest.mark.parametrize(
    ("compound", "last"),
    [
        ("vindkraftspark", "park"),
        ("livshotande", "hota"),
        ("bergslag", ""),
        ("natomedlemskap", "medlemskap"),
    ],
)
def test_joining_s_is_no_part_of_the_last_word(compound: str, last: str) -> None:
    assert "".join(find_compound_parts(compound)[:1]) == last


@pytest.mark.parametrize(
    "word",
    [
        "sas",
        "ai",
        "las",
        "jas",
        "säpo",
        "fhm",
        "it",
        "eg",
        "ets",
        "hiv",
        "rut",
        "ap",
        "kd",
        "pts",
        "nis",
        "dna",
    ],
)
def test_short_word_is_no_form_of_a_verb(word: str) -> None:
    assert swedish_lemma(word) == word


def test_word_in_capitals_is_no_inflected_form() -> None:
    text = analyze("DIGG och RISE. RISE och ris, LAGARNA", "sv")
    assert text.lemma_text == "digg och rise rise och ris lag"
    assert analyze("LAGEN GÄLLER", "sv").lemma_text == "lag gälla"


def test_hyphenated_word_is_also_found_joined() -> None:
    assert "rotavdrag" in analyze("Höjt ROT-avdrag", "sv").compound_parts


def test_find_words_splits_signs_and_drops_case_endings() -> None:
    words = find_words("EU:s, 12:e 25-åriga A2021/01234 § 3 Tid\u00adning a\u030alder")
    assert words == ["eu", "12", "25", "åriga", "a2021", "01234", "3", "tidning", "ålder"]


def test_analyze_uses_declared_or_guessed_language() -> None:
    assert analyze("The agencies' children", "en").lemma_text == "the agency child"
    assert analyze("The ships of the harbour were late", None) == analyze(
        "The ships of the harbour were late", "en-GB"
    )
    assert (
        analyze("Skeppen kom sent till hamnen och det var mörkt", None).lemma_text.split()[0]
        == "skepp"
    )


def test_query_word_has_lemmas_of_both_languages() -> None:
    assert analyze_word("children")[-1] == "child"
    assert analyze_word("led") == ("led", "lead")
    assert analyze_word("men") == ("men",), "not the English plural of man"


def test_query_word_with_a_hyphen_is_a_phrase() -> None:
    assert analyze_word("EU-kommissionen")[0] == "eu kommission"
    assert "parts" not in match_word("EU-kommissionen")
    assert match_word("?!") == ""


@settings(derandomize=True, deadline=None, max_examples=50)
@given(
    st.text("aåäöbcdefsnrt'-:*\"(){}§%@0189 ٣م中é\u0301ßİıŠ😀\u00ad\x00\n_", max_size=14),
    st.sampled_from([None, "sv", "en"]),
)
def test_lemmas_of_any_text_are_alphanumeric(text: str, language: str | None) -> None:
    lemmas = [*analyze_word(text), analyze(text, language).lemma_text, *find_compound_parts(text)]
    assert all(c.isalnum() or c == " " for lemma in lemmas for c in lemma)


@pytest.mark.parametrize("word", ["människo" * 1250, "a" * 10_000, "skolbarn" * 7], ids=len)
def test_long_words_are_analyzed(word: str) -> None:
    assert analyze_word(word)


@pytest.mark.parametrize("language", [None, "en"])
@pytest.mark.parametrize("word", ["a", "minister", "förvaltnings", "qvzx", "KAJ"])
def test_unbroken_word_is_analyzed_in_linear_time(word: str, language: str | None) -> None:
    text = word * (400_000 // len(word))
    started = process_time()
    analyzed = analyze(f"{text} och hamnarna", language)
    assert process_time() - started < 2
    assert analyzed.lemmas[text.lower()] == text.lower()
    assert not any(
        text.lower() in parts for parts in (analyzed.compound_parts, analyzed.minor_parts)
    )


def test_long_words_are_kept_in_no_cache() -> None:
    caches = (
        swedish_lemma,
        english_lemma,
        find_compound_parts,
        find_minor_parts,
        find_loose_parts,
        can_end_compound,
    )
    text = " ".join(f"{'z' * 100}{letter}minister" for letter in ascii_uppercase.lower())
    for language in ("sv", "en"):
        sizes = [cache.cache_info().misses for cache in caches]
        assert analyze(text, language).words
        assert [cache.cache_info().misses for cache in caches] == sizes


def test_list_of_many_abbreviations_is_analyzed_in_linear_time() -> None:
    codes = map("".join, islice(product(ascii_uppercase, repeat=4), 20_000))
    started = process_time()
    analyze(" ".join(codes) + " och", "sv")
    assert process_time() - started < 4
