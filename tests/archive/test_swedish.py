"""Lemmas and compounds: a word's forms agree, words that only look alike do not, and nothing typed is an error."""

from __future__ import annotations

import random
import re

import pytest

from archive.analysis import analyze, analyze_word, find_compound_parts, find_words
from archive.analysis.lemmatizer import swedish_lemma
from archive.search.fts import match_word

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
APART = """
    för far · lag lager · handel handla · var vara · hus hand · beslut besluta · mot mod · hur hu · mars mara
    skulle skola · lång lag · våld vald · får far
"""


@pytest.mark.parametrize("forms", re.split("[·\n]", FORMS.strip()))
def test_forms_of_a_word_have_one_lemma(forms: str) -> None:
    assert len({swedish_lemma(form) for form in forms.split()}) == 1


@pytest.mark.parametrize("words", re.split("[·\n]", APART.strip()))
def test_other_words_have_other_lemmas(words: str) -> None:
    first, second = words.split()
    assert swedish_lemma(first) != swedish_lemma(second)


@pytest.mark.parametrize("word", FORMS.replace("·", "").split())
def test_the_lemma_of_a_lemma_is_itself(word: str) -> None:
    assert swedish_lemma(swedish_lemma(word)) == swedish_lemma(word)


def test_names_lose_their_genitive_alone() -> None:
    assert analyze("Grusholms Tynnelius Roslund Paris", "sv").lemma_text == "grusholm tynnelius roslund paris".replace(
        "paris", swedish_lemma("paris")
    )


@pytest.mark.parametrize(
    ("compound", "parts"),
    {
        "människohandel": (),  # the dictionary's own
        "människohandelsbrotten": ("brott", "människohandel"),
        "sjukvårdsministerns": ("minister", "sjukvård"),
        "fyrvaktarbostäder": ("bostad", "fyrvaktare"),
        "anslag": (),
        "minister": (),
    }.items(),
)
def test_compounds_are_split(compound: str, parts: tuple[str, ...]) -> None:
    assert set(find_compound_parts(swedish_lemma(compound))) <= set(parts) | {"fyrvaktar"}
    assert find_compound_parts(swedish_lemma(compound))[:1] == parts[:1]


def test_words_are_parted_as_people_write_them() -> None:
    assert find_words("EU:s, 12:e 25-åriga A2021/01234 § 3 Tid\u00adning a\u030alder") == [
        *("eu", "12", "25", "åriga", "a2021", "01234", "3", "tidning", "ålder")
    ]


def test_english_texts_have_english_lemmas() -> None:
    assert analyze("The agencies' children", "en").lemma_text == "the agency child"
    assert analyze("The ships of the harbour were late", None) == analyze("The ships of the harbour were late", "en-GB")
    assert analyze("Skeppen kom sent till hamnen och det var mörkt", None).lemma_text.split()[0] == "skepp"


def test_a_word_is_read_in_both_languages_where_that_harms_none() -> None:
    assert analyze_word("children")[-1] == "child"
    assert analyze_word("led") == ("led", "lead")
    assert analyze_word("men") == ("men",), "or it would find every man"


def test_a_word_of_several_is_a_phrase() -> None:
    assert analyze_word("EU-kommissionen")[0] == "eu kommission"
    assert "parts" not in match_word("EU-kommissionen")
    assert match_word("?!") == ""


def test_nothing_typed_is_an_error() -> None:
    chance = random.Random(20240603)
    signs = "aåäöbcdefsnrt'-:*\"(){}§%@0189 ٣م中é\u0301ßİıŠ😀\u00ad\x00\n_"
    for _ in range(1500):
        text = "".join(chance.choice(signs) for _ in range(chance.randint(0, 14)))
        lemmas = [*analyze_word(text), analyze(text, chance.choice((None, "sv", "en"))).lemma_text]
        lemmas += find_compound_parts(text)
        assert all(c.isalnum() or c == " " for lemma in lemmas for c in lemma)
    for long in ("människo" * 1250, "a" * 10_000, "skolbarn" * 7):
        assert analyze_word(long)
