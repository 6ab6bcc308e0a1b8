"""Which passages of a text are quotations, and what counts as the same text."""

from __future__ import annotations

import time
from typing import Any

import pytest

from archive.quotes.quotation_comparison import (
    PassageText,
    ReleaseText,
    diff_original,
    find_original,
    find_quotations,
    remove_attributions,
)

NO_BREAK_SPACE = "\u00a0"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Hon sa ”vi är klara nu” i går.", ["vi är klara nu"]),
        ('Hon sa "vi är klara nu" i går.', ["vi är klara nu"]),
        ("Hon sa “vi är klara nu” i går.", ["vi är klara nu"]),
        ("Hon sa „vi är klara nu“ i går.", ["vi är klara nu"]),
        ("Hon sa »vi är klara nu» i går.", ["vi är klara nu"]),
        ("Hon sa »vi är klara nu« i går.", ["vi är klara nu"]),
        ("Hon sa «vi är klara nu» i går.", ["vi är klara nu"]),
        ("Hon sa ’vi är klara nu’ i går.", ["vi är klara nu"]),
        ("Hon sa ‘vi är klara nu’ i går.", ["vi är klara nu"]),
        ("”Nu”, sa hon, ”är vi klara.”", ["Nu", "är vi klara."]),
        ("(”Nu är vi klara”)", ["Nu är vi klara"]),
        ("”Rapporten ’Barn i dag’ är klar”", ["Rapporten ’Barn i dag’ är klar"]),
        ("Lars’ och Jonas’ båtar, 90-talet, don't, 5\" rör", []),
        ("”Nu är vi klara, sa hon.\n\nSedan gick hon.", ["Nu är vi klara, sa hon."]),
        ("“Ett stycke är här.\n\n“Ett till är här.”", ["Ett stycke är här.", "Ett till är här."]),
        *(
            (f"{dash}Nu är vi klara.", ["Nu är vi klara."])
            for dash in ("– ", "- ", "— ", "− ", "–", "-", "\u2013\u00a0")
        ),
        ("Hon nickar: – Nu är vi klara.", ["Nu är vi klara."]),
        ("- ett äpple\n- två päron", []),
        ("-5 grader var det. – 5 grader var det.", []),
        ("– Nu är vi\nklara med allt.\n– Ja då.", ["Nu är vi\nklara med allt.", "Ja då."]),
        ("– 120 miljoner räcker.", ["120 miljoner räcker."]),
        ("– Nu är vi klara, säger Bo Ek, chef.", ["Nu är vi klara"]),
        ("– Nu är vi klara! säger hon.", ["Nu är vi klara!"]),
        ("– Nu är vi klara, säger Bo Ek. Äntligen.", ["Nu är vi klara, säger Bo Ek. Äntligen."]),
        ("Inget citat – men ett tankstreck.", []),
        ("””, ” ”, –", []),
    ],
)
def test_find_quotations(text: str, found: list[str]) -> None:
    quotations = find_quotations(text)
    assert [quotation.text for quotation in quotations] == found
    assert [text[quotation.start : quotation.end] for quotation in quotations] == found


def test_unclosed_quotation_is_marked() -> None:
    assert [
        quotation.is_closed for quotation in find_quotations("”Ett två tre.\n\n”Fyra fem sex”")
    ] == [False, True]


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Vi är klara, säger Bo Ek.", "Vi är klara."),
        ("Vi är klara, säger Bo Ek, chef för t.ex. hamnar.", "Vi är klara."),
        ("Är vi klara? undrar hon. Ja.", "Är vi klara? Ja."),
        ("Vi är klara, säger jag ofta.", "Vi är klara, säger jag ofta."),
        ("Vi är klara, säger Bo Ek, men inte än.", "Vi är klara, säger Bo Ek, men inte än."),
        (
            "Det är bra, skriver Dagens Nyheter, men dyrt.",
            "Det är bra, skriver Dagens Nyheter, men dyrt.",
        ),
        (
            "Vi är klara, säger Bo Ek och lovar inte mer.",
            "Vi är klara, säger Bo Ek och lovar inte mer.",
        ),
        ("De kom, sa att Bo Ek var där.", "De kom, sa att Bo Ek var där."),
    ],
)
def test_remove_attributions(text: str, spoken: str) -> None:
    assert remove_attributions(text) == spoken


RELEASE: dict[str, Any] = {
    "title": "Fler båtar",
    "lead": "Regeringen ger stöd till båtar av trä.",
    "body": (
        f"Stödet blir 10{NO_BREAK_SPACE}000 kronor, eller 1,5 procent – inte mer.\n\n"
        "– Vi ska inte vänta, säger Bo Ek. Det är bråttom.\n\n– Nu börjar vi, säger han.\n\n"
        "– Hamnarna är redo, säger Siv Å.\n\nDet är dyrt,"
        " skriver Dagens Nyheter. Ingen vet mer.\n\n"
        "Upp\u00adsala får EU:s stöd. Är det nog? Ja!\n\n"
        "Avgiften ändras inte. Affixet ändras. Färre än <5 procent betalar, says Ek & Co. "
        "We won’t wait. Den byggs utan dröjsmål."
    ),
    "questions": [{"question": "Vem får stöd?", "answer": "Den som bygger."}],
    "images": [{"caption": "En båt av ek."}],
}


@pytest.mark.parametrize(
    "text",
    [
        "Stödet blir 10 000 kronor",
        "stödet blir 10000 kronor,",
        "Kronor, eller 1,5 procent — inte mer.",
        "Vi ska inte vänta. Det är bråttom.",
        "Vi ska inte vänta, säger Bo Ek. Det är bråttom",
        "Det är bråttom. Nu börjar vi.",
        "inte mer. Vi ska inte vänta",
        "Uppsala får EU:s ”stöd”",
        "Är det nog?",
        "stödet … eller 1,5 procent",
        "Stödet blir […] eller 1,5 procent",
        "Stödet blir (...) Det är bråttom",
        "…eller 1,5 procent…",
        "Vem får stöd?",
        "Den som bygger.",
        "En båt av ek",
        "A\ufb03xet ändras",
        "Avgi\u2060ften\u200e ändras inte.",
        "Färre än <5 procent",
        "Avgiften ändras",
        "Avgiften … Färre än <5 procent",
        "Den byggs.",
    ],
)
def test_same_text(text: str) -> None:
    assert is_verbatim(text)


@pytest.mark.parametrize(
    "text",
    [
        "Stödet blir 10 001 kronor",
        "Stödet blir 10 kronor",
        "eller 1.5 procent",
        "eller 15 procent",
        "vi ska vänta",
        "Vi ska … vänta",
        "Vi ska [inte] vänta nu",
        "Det är bråttom. Vi ska inte vänta",
        "Det är bråttom … Vi ska inte vänta",
        "Är det nog.",
        "Är det nog!",
        "får eu:s stöd",
        "kronor eller 1,5 procent",
        "Stödet blir 10 000 krono",
        "Fler båtar Regeringen ger stöd",
        "Den som bygger. En båt",
        "Uppsala får EU stöd",
        "Nu börjar vi. Hamnarna är redo.",
        "Det är dyrt. Ingen vet mer.",
        "ska inte vänta, säger Siv Å",
        "Avgiften ändras.",
        "Avgiften ändras … Färre än <5 procent",
        "Vi ska … vänta. Det är bråttom",
        "Hamnarna … vet mer",
        "We … wait",
        "Färre än 5 procent",
        "Färre än >5 procent",
        "says Ek Co",
        "Fler båtar \ue020 Regeringen ger stöd",
    ],
)
def test_other_text(text: str) -> None:
    assert not is_verbatim(text)


def is_verbatim(text: str) -> bool:
    (quotation,) = find_quotations(f"»{text}»")
    match = ReleaseText(RELEASE).find_verbatim(quotation.pieces)
    return match is not None and not match.hides_negation


def test_omitted_words_are_counted() -> None:
    (quotation,) = find_quotations("”stödet … eller 1,5 procent”")
    match = ReleaseText(RELEASE).find_verbatim(quotation.pieces)
    assert match
    assert match.omitted == 3


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("stödet blir 11 000 kronor", "stödet blir -10000 kronor- +11000 kronor+"),
        ("Vi ska vänta. Det är bråttom", "Vi ska -inte- vänta. Det är bråttom"),
        ("Uppsala får statens stöd", "Uppsala får -EU:s- +statens+ stöd"),
        ("Vi ska … vänta", "Vi ska-inte- vänta"),
        ("Hamnarna är redo … ska inte vänta", "Hamnarna är redo+…+ ska inte vänta"),
        (
            "stödet blir 10 000 kronor … eller 2,5 procent",
            "stödet blir 10000 kronor … eller -1,5 procent- +2,5 procent+",
        ),
    ],
)
def test_difference(text: str, marked: str) -> None:
    (quotation,) = find_quotations(f"”{text}”")
    original = find_original(
        quotation.pieces, ReleaseText(RELEASE).spoken, dict.fromkeys(quotation.words, 0.5)
    )
    assert original
    marks = {"same": "", "del": "-", "ins": "+"}
    segments = diff_original(original)
    found = "".join(
        f"{marks[part.op]}{part.text.strip() if part.op != 'same' else part.text}{marks[part.op]}"
        + (" " if part.op != "same" else "")
        for part in segments
    )
    assert " ".join(found.split()).rstrip(" .") == marked


def test_sentences_from_far_apart_are_found_one_by_one() -> None:
    (quotation,) = find_quotations(
        "”Stödet blir 10 000 kronor, eller 1,5 procent. Hamnarna är klara”"
    )
    far = RELEASE | {
        "body": RELEASE["body"].replace("\n\n– Nu", "\n\nFler båtar byggs. " * 60 + "\n\n– Nu")
    }
    original = find_original(
        quotation.pieces, ReleaseText(far).spoken, dict.fromkeys(quotation.words, 0.5)
    )
    assert original
    assert (original.is_marked, len(original.windows)) == (False, 2)
    assert ("del", ". […] ") in [(part.op, part.text) for part in diff_original(original)]


def test_passage_text_of_nothing() -> None:
    assert PassageText(" ”” ").words == []


HOSTILE = (
    "”" + ",." * 25_000 + "a",
    "– " + "\n" * 50_000 + "a.",
    "- a, säger " * 5_000,
    "”'" * 25_000,
    "a\n" * 25_000,
)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_take_little_time(text: str) -> None:
    started = time.process_time()
    find_quotations(text)
    assert time.process_time() - started < 2
