"""The importance of changes, and their summary in one line."""

from __future__ import annotations

import pytest

from archive.changes.importance import (
    KIND_IMPORTANCE,
    MAX_FURTHER_POINTS,
    MIN_FURTHER_IMPORTANCE,
    PLAIN_SENTENCE_IMPORTANCE,
    SENTENCE_IMPORTANCE,
    SPEECH_POINTS,
)
from tests.archive.changes.states import compare_case, compare_fields

FACT = KIND_IMPORTANCE["time"]  # the least important fact that replaces another
MINOR = 20  # of less importance than this is what no reader would miss
CONSULTATION = "Remissvaren ska ha kommit in till departementet senast den 4 maj 2031."
ANSWERS = (
    "[till vilka instanser som regeringen har skickat förslaget|svaren från dem som Hamnverket"
    " har bett om svar]"
)


@pytest.mark.parametrize(
    ("important", "less"),
    [
        ("[Regionen|Staten] ska granska alla broar.", "Bron [invigs|öppnas] av regionen."),
        ("[Regionen|Staten] ska granska alla broar.", "Läs om [regionen|staten] i rapporten."),
        ("Läs om [regionen|staten] i rapporten.", "Bron [börjar|ska börja] byggas i vår."),
        ("Kommunen [ska|bör] bygga bron.", "Läs om [regionen|staten] i rapporten."),
        (
            "Granskningen ska göras av [regionerna|kommunerna].",
            "[Därför|Av det skälet] granskas broarna.",
        ),
        ("Eldningsförbudet [gäller|är hävt] i länet.", "Eldningsförbudet [gäller|råder] i länet."),
        (
            "Rådet är kvar.[|¶Förbudet upphävdes i går kväll.]",
            "Rådet är kvar.[|¶Förbudet gällde hela kusten.]",
        ),
        ("Bidraget är [4|5] kronor.", "Remiss om broar[|Diarienummer: Fö2031/00151]."),
        (f"Svar väntas.[¶{CONSULTATION}|]", f"Här kan du ta del av {ANSWERS}."),
        (
            "Budgeten är klar.[|¶Broar: 3 miljoner kronor¶Färjor: 4 miljoner kronor]",
            f"Svar väntas.[¶{CONSULTATION}|]",
        ),
        ("Bron byggs.[|¶Bron kostar 3 miljoner kronor.]", "Bron byggs.[|¶Bron är fin.]"),
        ("Bron kostar mycket.[|¶Den är dyr.]", "Bron kostar mycket.[|¶Läs mer om broar]"),
        (
            "Svar lämnas[| senast den 4 maj].",
            "Svar [lämnas via formuläret|tar vi gärna emot från den"
            " som vill på mötet den 4 maj] i hamnen på Vrångö.",
        ),
        ("Förmånen gäller [alla|vissa] barn.", "Förmånen gäller [alla barn|barnen]."),
    ],
)
def test_order_of_importance(important: str, less: str) -> None:
    assert compare_case(important).importance > compare_case(less).importance


@pytest.mark.parametrize(
    "case",
    [
        "Andelen är [25%|25 procent] i år.",
        "Remiss om broar[|Diarienummer: Fö2031/00151]",
        "Remiss om broar[|, dnr Fö2031/00151].",
        "Det är [inte ovanligt|vanligt] med köer.",
        "Broarna [startar|påbörjar] arbetet.",
        "Bron målas om.[|¶Läs mer om bron]",
        "Bron är [väldigt|mycket] fin.",
    ],
)
def test_what_says_the_same_is_minor(case: str) -> None:
    assert compare_case(case).importance < MINOR


@pytest.mark.parametrize(
    ("case", "least"),
    [
        ("Bron talades om av Ada [Lindqvist|Lindkvist].", 0),  # another spelling
        ("Resan går till [Island|Irland] nästa år.", FACT),
        ("Resan går till [Kalmar|Malmö] nästa år.", FACT),
    ],
)
def test_spelling_of_a_name(case: str, least: int) -> None:
    importance = compare_case(case).importance
    assert importance >= least
    assert (importance >= FACT) == (least == FACT)


def test_fact_that_the_other_version_has_elsewhere_makes_no_paragraph_important() -> None:
    bridge = "Bron kostar 300 miljoner kronor att bygga."
    repeated = compare_case(f"{bridge}[|¶Kostnaden, 300 miljoner kronor, är för hög.]").importance
    assert repeated == PLAIN_SENTENCE_IMPORTANCE
    assert (
        compare_case(f"{bridge}[|¶Kostnaden, 400 miljoner kronor, är för hög.]").importance
        > repeated
    )


def test_title_is_more_important_than_lead_and_lead_than_body() -> None:
    title, lead, body = (
        compare_fields(**{field: ("Bron målas 4 maj.", "Bron målas 5 maj.")}).importance
        for field in ("title", "lead", "body")
    )
    assert title > lead > body


def test_hour_of_publication_has_little_importance() -> None:
    day, hour = "2024-05-28", "2024-05-28T15:14:00+02:00"
    added, removed = (
        compare_fields(published=pair).importance for pair in ((day, hour), (hour, day))
    )
    assert added == removed < MIN_FURTHER_IMPORTANCE
    assert compare_fields(published=(day, None)).importance == KIND_IMPORTANCE["published"]


def test_further_changes_add_few_points() -> None:
    one, many = (
        compare_case(
            "¶".join(
                f"Bro nummer {n} är en [vacker|farlig] plats att besöka." for n in range(count)
            )
        ).importance
        for count in (1, 20)
    )
    assert one < many <= one + MAX_FURTHER_POINTS


def test_added_paragraph_with_figures_or_speech_is_more_important_but_less_than_a_fact() -> None:
    plain, speech, figures = (
        compare_case(f"Färjan går hela sommaren.[|¶{text} varmt välkomna.]").importance
        for text in ("Hamnen hälsar alla", "– Hamnen hälsar alla", "Hamnen hälsar 300 båtar")
    )
    assert (plain, figures) == (PLAIN_SENTENCE_IMPORTANCE, SENTENCE_IMPORTANCE["number"])
    assert speech == plain + SPEECH_POINTS
    assert figures < FACT


@pytest.mark.parametrize(
    ("case", "swedish", "english"),
    [
        ("Bron stängs.", "Ingen ändring", "No change"),
        (
            "Det kostar [3 kr|5 kr] den [4 maj|9 maj].",
            "1 belopp, 1 datum ändrat",
            "1 amount, 1 date changed",
        ),
        (
            "Bron stängs den [4 maj|5 maj].¶Färjan går"
            " som [vanligt|planerat] i"
            " år.[|¶Välkommen.¶Hej då.]",
            "1 datum, 1 formulering ändrade; 2 stycken tillagda",
            "1 date, 1 wording changed; 2 paragraphs added",
        ),
        ("Bron [stängs|målas] nu.", "1 formulering ändrad", "1 wording changed"),
        ("Bron stängs den [4 maj|5 maj].", "1 datum ändrat", "1 date changed"),
        (
            "Bron [stängs|målas] nu.¶Färjan går som [vanligt|planerat] i år.",
            "2 formuleringar ändrade",
            "2 wordings changed",
        ),
        ("Bron stängs.[¶Färjan går som vanligt.|]", "1 stycke borttaget", "1 paragraph removed"),
        (
            "[Bron stängs nu.¶|]Färjan går i år.¶Hej då.[|¶Bron stängs nu.]",
            "1 stycke flyttat",
            "1 paragraph moved",
        ),
        (
            "Bron stängs[| inte] nu.[|¶Hej.]",
            "1 negation, 1 stycke tillagda",
            "1 negation, 1 paragraph added",
        ),
        ("Bron stängs den 4 maj[.|!]", "skiljetecken ändrat", "punctuation changed"),
        ("Bron [stängs|målas] den 4 maj[.|!]", "1 formulering ändrad", "1 wording changed"),
    ],
)
def test_summary(case: str, swedish: str, english: str) -> None:
    diff = compare_case(case)
    assert (diff.summary("sv"), diff.summary("en")) == (swedish, english)
    importances = [change.importance for change in diff.changes]
    assert importances == sorted(importances, reverse=True)
    assert bool(importances) == bool(diff.importance)


def test_summary_of_paragraphs_and_tags() -> None:
    diff = compare_fields(
        body=("Bron stängs.", "Bron stängs.\n\nVälkommen hit.\n\nHej då."), tags=([], ["Broar"])
    )
    assert diff.summary("sv") == "2 stycken, 1 ämnesord tillagda"


def test_summary_counts_the_same_change_in_two_places_once() -> None:
    diff = compare_fields(
        title=("Talare: Ada Ek", "Talare: Ada Ekh"),
        body=("Ada Ek talar.\n\nSedan går Ada Ek hem.", "Ada Ekh talar.\n\nSedan går Ada Ekh hem."),
    )
    assert diff.summary("sv") == "1 namn ändrat"


def test_summary_in_another_language_is_an_error() -> None:
    with pytest.raises(ValueError, match="no texts in 'de'"):
        compare_case("[4 maj|5 maj]").summary("de")
