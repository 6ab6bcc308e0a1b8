"""Tests which quotations are found in a release, with which words, name and role.

All texts are invented.
"""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from archive.quotes import speakers
from archive.quotes.person_names import find_organisation
from archive.quotes.speakers import Quote, find_quotes

LEAD = "Hamnchef Anna Ek inviger kajen."


def words(quote: Quote, texts: dict[str, str]) -> list[str]:
    return [texts[quote.field][start:end] for start, end in quote.spans]


@pytest.mark.parametrize(
    ("body", "speech", "speaker", "role"),
    [
        ("– Kajen är klar, säger Bo Ek.", ["Kajen är klar"], "Bo Ek", None),
        ("- Kajen är klar, säger hamnchef Bo Ek.", ["Kajen är klar"], "Bo Ek", "hamnchef"),
        ("−Kajen är klar, sade hamnchef Bo von Ek.", ["Kajen är klar"], "Bo von Ek", "hamnchef"),
        (
            "–\u00a0Kajen är klar, berättar Bo Ek, chef för Hamnverket.",
            ["Kajen är klar"],
            "Bo Ek",
            "chef för Hamnverket",
        ),
        (
            "– Kajen är klar! säger Hamnverkets chef Bo Ek.",
            ["Kajen är klar!"],
            "Bo Ek",
            "Hamnverkets chef",
        ),
        (
            "– Det är klart, säger Bo Ek (X), ordförande i nämnden.",
            ["Det är klart"],
            "Bo Ek",
            "ordförande i nämnden",
        ),
        ("– Det är klart, sa talman Bo Ek vid mötet i går.", ["Det är klart"], "Bo Ek", "talman"),
        (
            "– Det är klart, säger chefen för Stora Kajen Bo Ek.",
            ["Det är klart"],
            "Bo Ek",
            "chefen för Stora Kajen",
        ),
        (
            "– Det är klart, säger hav- och sjöminister Bo Ek när han talar.",
            ["Det är klart"],
            "Bo Ek",
            "hav- och sjöminister",
        ),
        ("– Det är klart, jublade Bo Ek.", ["Det är klart"], "Bo Ek", None),
        ("– Det är klart, hamnchef Bo Ek.", ["Det är klart"], "Bo Ek", "hamnchef"),
        (
            "– Det är klart, Bo Ek, talesperson för Hamnpartiet.",
            ["Det är klart"],
            "Bo Ek",
            "talesperson för Hamnpartiet",
        ),
        ("– Det är klart säger, hamnchef Bo Ek.", ["Det är klart"], "Bo Ek", "hamnchef"),
        ("– Det är klart berättar hamnchef Bo Ek.", ["Det är klart"], "Bo Ek", "hamnchef"),
        ("– Det är klart nu. säger Bo Ek.", ["Det är klart nu."], "Bo Ek", None),
        (
            "– Det är klart, säger Bo Ek hamnpolitisk talesperson.",
            ["Det är klart"],
            "Bo Ek",
            "hamnpolitisk talesperson",
        ),
        (
            "– Det är klart, säger Bo Ek (X) ordförande i nämnden.",
            ["Det är klart"],
            "Bo Ek",
            "ordförande i nämnden",
        ),
        ("– Det är klart, säger Bo Ek, Hamnpartiet.", ["Det är klart"], "Bo Ek", None),
        ("– Det är klart, säger J. K. Ek, författare.", ["Det är klart"], "J. K. Ek", "författare"),
        ("”Det är klart nu”, säger Bo Ek, finns att läsa.", ["Det är klart nu"], "Bo Ek", None),
        (
            "– Det är klart, säger Bo Ek, Hamnpartiet, ordförande i nämnden.",
            ["Det är klart"],
            "Bo Ek",
            "ordförande i nämnden",
        ),
        (
            "– Det är klart, säger hamnchefen på kajen i Norrvik, Bo Ek.",
            ["Det är klart"],
            "Bo Ek",
            "hamnchefen på kajen i Norrvik",
        ),
        (
            "– Det är klart, säger Hamnpartiets talesperson, Bo Ek.",
            ["Det är klart"],
            "Bo Ek",
            "Hamnpartiets talesperson",
        ),
        ("– Det är klart, säger av Bo Ek, hamnchef.", ["Det är klart"], "Bo Ek", "hamnchef"),
        (
            "– Det är klart, säger Bo Ek, samtidigt som han pekar på kajen. Den är lång.",
            ["Det är klart"],
            "Bo Ek",
            None,
        ),
        ("– Det är klart, sa Bo Ek och nämnde kajen.", ["Det är klart"], "Bo Ek", None),
        ("– Det är klart! utbrister Bo Ek.", ["Det är klart!"], "Bo Ek", None),
        ("– Det är klart, slår Bo Ek fast.", ["Det är klart"], "Bo Ek", None),
        ("– Nu, säger chef Bo Ek, ska vi bygga.", ["Nu", "ska vi bygga."], "Bo Ek", "chef"),
        ("– Det är klart, säger tf. hamnchef Bo Ek.", ["Det är klart"], "Bo Ek", "tf. hamnchef"),
        ("– Det är klart, säger Bo Ek, 45, hamnchef.", ["Det är klart"], "Bo Ek", "hamnchef"),
        (
            "“It will be fine,” Minister for Harbours Bo Ek said.",
            ["It will be fine"],
            "Bo Ek",
            "Minister for Harbours",
        ),
        ("– Ja, säger chef Bo Ek. Vi bygger nu.", ["Ja", "Vi bygger nu."], "Bo Ek", "chef"),
        (
            "– Ja, det blir bra, säger chef Bo Ek. Han fortsätter:",
            ["Ja, det blir bra"],
            "Bo Ek",
            "chef",
        ),
        ("• Vi bygger nu, säger chef Bo Ek.", ["Vi bygger nu"], "Bo Ek", "chef"),
        ("”Det blir bra”, säger chef Bo Ek.", ["Det blir bra"], "Bo Ek", "chef"),
        ("Bo Ek sade: ”Det blir bra nu.”", ["Det blir bra nu."], "Bo Ek", None),
        ("I dag sade Bo Ek att ”det blir bra nu”.", ["det blir bra nu"], "Bo Ek", None),
        (
            "“It will be fine,” said Harbour Minister Bo Ek.",
            ["It will be fine"],
            "Bo Ek",
            "Harbour Minister",
        ),
    ],
)
def test_attributed_quotation(body: str, speech: list[str], speaker: str, role: str | None) -> None:
    texts = {"body": body}
    (quote,) = find_quotes(texts)
    assert (words(quote, texts), quote.speaker, quote.role) == (speech, speaker, role)
    assert quote.origin == "attribution"


@pytest.mark.parametrize(
    ("body", "speech", "role", "origin"),
    [
        ("– Vi är klara, säger hon.", "Vi är klara", "Hamnchef", "pronoun"),
        ("– Vi är klara, sa hamnchefen.", "Vi är klara", "hamnchefen", "role"),
        ("– Vi är klara, säger Anna.", "Vi är klara", "Hamnchef", "attribution"),
        ("– Vi är klara nu.", "Vi är klara nu.", "Hamnchef", "context"),
        ("Hur känns det?\n– Vi är klara nu.", "Vi är klara nu.", "Hamnchef", "context"),
        (
            "Kajen är lång.\n– Nu bygger vi.\n– Vi är klara, säger kajchef Anna Ek.",
            "Nu bygger vi.",
            "Hamnchef",
            "context",
        ),
    ],
)
def test_speaker_is_named_elsewhere_in_the_release(
    body: str, speech: str, role: str, origin: str
) -> None:
    texts = {"lead": LEAD, "body": body}
    quote = find_quotes(texts)[0]
    assert (words(quote, texts), quote.speaker, quote.role, quote.origin) == (
        [speech],
        "Anna Ek",
        role,
        origin,
    )


@pytest.mark.parametrize(
    ("lead", "role"),
    [
        ("Kajen invigdes av ordföranden i Hamnrådet, Anna Ek.", "ordföranden i Hamnrådet"),
        ("Kajen invigdes av Hamnrådets ordförande, Anna Ek, i går.", "Hamnrådets ordförande"),
        ("Anna Ek gör sin fjärde dag som hamnchef i Norrvik.", "hamnchef i Norrvik"),
        ("Kajen invigdes av hamnchefen, Anna Ek var inte där.", None),
        ("Anna Ek, samtidigt hamnens granne, inviger kajen.", None),
    ],
)
def test_role_is_printed_with_the_name_elsewhere(lead: str, role: str | None) -> None:
    (quote,) = find_quotes({"lead": lead, "body": "– Vi är klara, säger Anna Ek."})
    assert (quote.speaker, quote.role) == ("Anna Ek", role)


@pytest.mark.parametrize(
    ("body", "speech"),
    [
        ("– Vi måste\nbygga kajen, säger Anna Ek.", ["Vi måste", "bygga kajen"]),
        (
            "– Kajen är klar.\nNu bygger vi hamnen, säger Anna Ek.",
            ["Kajen är klar.", "Nu bygger vi hamnen"],
        ),
        ("– Kajen är klar.\nAnna Ek har byggt vår hamn, säger hon.", ["Kajen är klar."]),
    ],
)
def test_attribution_is_in_the_line_below(body: str, speech: list[str]) -> None:
    texts = {"lead": LEAD, "body": body}
    (quote,) = find_quotes(texts)
    assert (words(quote, texts), quote.speaker) == (speech, "Anna Ek")


@pytest.mark.parametrize(
    ("title", "body", "speakers"),
    [
        ("Hamnchef Anna Ek inviger kajen", "– Jag är glad över kajen.", ["Anna Ek"]),
        ("Hamnchef Anna Ek inviger kajen", "– En rad gäster kommer till kajen.", []),
        ("Anna Ek och Bo Al inviger kajen", "– Jag är glad över kajen.", []),
    ],
)
def test_title_names_who_says_the_first_reply(title: str, body: str, speakers: list[str]) -> None:
    assert [quote.speaker for quote in find_quotes({"title": title, "body": body})] == speakers


def test_organisation_in_the_place_of_a_role() -> None:
    (quote,) = find_quotes({"body": "– Det är klart, säger Bo Ek, Hamnpartiet."})
    assert (quote.role, quote.organisation) == (None, "Hamnpartiet")


@pytest.mark.parametrize(
    "body",
    [
        "Därefter fortsätter dagen med ”Kajen och hamnen i dag”.",
        "I rapporten skriver Hamnverket att Norrvik är ”den bästa hamnen i landet”.",
        "– Kajen är klar, enligt World Port Forum.",
    ],
)
def test_who_is_no_person_says_nothing(body: str) -> None:
    assert find_quotes({"body": body}) == []


def test_pronoun_stands_for_nobody_of_another_release() -> None:
    assert find_quotes({"body": "– Vi är klara, säger hon."}) == []


def test_paragraphs_of_an_answer_are_one_quotation() -> None:
    texts = {
        "lead": LEAD,
        "body": "Hur gick det?\n– Det gick bra.\nVi var många.\nVad händer nu?\n– Vi vilar.",
    }
    assert [words(quote, texts) for quote in find_quotes(texts)] == [
        ["Det gick bra.", "Vi var många."],
        ["Vi vilar."],
    ]
    assert {quote.kind for quote in find_quotes(texts)} == {"interview"}


def test_statement_below_its_introduction_is_a_block() -> None:
    texts = {
        "body": (
            "Anna Ek, hamnchef, har gjort följande uttalande:\nVi bygger.\nDet går bra.\nLäs mer"
        )
    }
    (quote,) = find_quotes(texts)
    assert (quote.kind, words(quote, texts), quote.role) == (
        "block",
        ["Vi bygger.", "Det går bra."],
        "hamnchef",
    )


def test_quotation_that_the_body_repeats_from_the_lead_is_found_once() -> None:
    reply = "– Vi är klara, säger Bo Ek."
    assert [
        quote.field for quote in find_quotes({"lead": reply, "body": f"{reply}\nKajen är lång."})
    ] == ["lead"]


def test_person_without_country_is_meant_by_a_role_alone() -> None:
    texts = {
        "lead": "Statsminister Bo Ek tog emot Norges statsminister Eva Li.",
        "body": "– Vi är ense, sa statsministern.",
    }
    assert [quote.speaker for quote in find_quotes(texts)] == ["Bo Ek"]


@pytest.mark.parametrize(
    "body",
    [
        "Anna Ek ser till att\n– kajen byggs,\n– hamnen rensas.",
        "Anna Ek lägger fram två förslag:\n– Kajen ska byggas.\n– Hamnen ska rensas.",
        "Anna Ek vill\n– Bygga kajen.\n– Rensa hamnen.",
        "Förslaget innebär följande:\n– Kajen ska byggas.\n– Hamnen ska rensas.",
        "Rapporten ”Kajen och hamnen i dag” säger mycket.",
        "Anna Ek betonar att kajen är klar.",
        "Kajen är klar, skriver Hamnverket.",
        "Kajen är klar, menar Anna Ek. Hamnen rensas.",
    ],
)
def test_what_is_no_quotation(body: str) -> None:
    assert find_quotes({"lead": LEAD, "body": body}) == []


def test_reply_that_names_its_speaker_is_narration() -> None:
    texts = {"body": "– Vi är klara, säger Bo Ek.\n– Under dagen besöker Bo Ek kajen."}
    assert [words(quote, texts) for quote in find_quotes(texts)] == [["Vi är klara"]]


def test_texts_may_be_missing() -> None:
    assert find_quotes({"title": "Kajen", "lead": None, "body": ""}) == []


@pytest.mark.parametrize(
    ("role", "organisation"),
    [
        ("UD:s rättschef", "UD"),
        ("Försäkringskassans generaldirektör", "Försäkringskassan"),
        ("ordförande i riksdagens näringsutskott", "riksdagens näringsutskott"),
        ("statsminister", None),
        ("minister för civilt försvar", None),
    ],
)
def test_organisation_in_a_role(role: str, organisation: str | None) -> None:
    assert find_organisation(role) == organisation


@pytest.mark.slow("extreme input")
@pytest.mark.parametrize(
    "body",
    [
        "– " + "A, säger Bo Ek " * 3000,
        "– " + "a-" * 20_000 + ", säger Bo Ek.",
        "– Ja, säger " + "och " * 20_000 + "Bo Ek.",
        "– Ja visst det är bra.\n" * 2000,
        "”Ja det är bra”, säger hon. " * 2000,
        "Bo Ek " * 10_000 + "chefs " * 10_000,
        "Bo Ek sade att ”Det är mycket bra nu” och " * 400,
    ],
    ids=("attributions", "hyphens", "words", "replies", "marks", "names", "introductions"),
)
def test_long_text_takes_little_time(body: str) -> None:
    started = time.process_time()
    find_quotes({"body": body})
    assert time.process_time() - started < 3


def test_continued_answer_of_an_unknown_person_is_no_quote() -> None:
    body = (
        "Vad händer nu?\n\n– Vi väntar.\n\nTa gärna bilder men flytta ingenting.\n\nHur"
        " länge?\n\n– Ett år."
    )
    assert find_quotes({"body": body}) == []


@pytest.mark.parametrize(
    ("body", "speakers"),
    [
        # an attribution without a name is nobody whom the release names elsewhere
        ("Anna Ek lämnar rapporten.\n– Kajen är kall, säger en besökare.\n– Jag fryser.", []),
        ("– Kajen är kall, säger Anna Ek.\n– Ja, säger en besökare.\n– Jag fryser.", ["Anna Ek"]),
        ("Anna Ek är hamnchef.\n– Kajen är kall, sa den norska hamnchefen.", []),
        ("Anna Ek är hamnchef.\n– Kajen är kall, säger den lokala samordnaren Bo Ek.", ["Bo Ek"]),
        # who is spoken to or of, places and bodies
        ("Anna Ek är hamnchef.\n– Vi bygger nu, säger hamnchefen till Bo Lund.", ["Anna Ek"]),
        ("– Hon är duktig, säger chefen om Anna Ek.", [None]),
        ("– Kajen är kall, säger ambassadören i Costa Rica.", [None]),
        ("– Kajen är kall, säger Röda Korset.", []),
        ("– Hon är duktig, säger Anna Eks kollega.", []),
        ("– Hon är duktig, säger Anna Eks kollega Bo Lund.", ["Bo Lund"]),
        # a deputy is another person
        ("Anna Ek är generaldirektör.\n– Vi bygger nu, säger vice generaldirektören.", [None]),
        (
            "Vice generaldirektör Anna Ek talade.\n– Vi bygger nu, säger vice generaldirektören.",
            ["Anna Ek"],
        ),
        ("Hamnchef Anna Ek mötte Bo Lund i går.\n– Vi bygger nu, säger hon.", ["Anna Ek"]),
        ("Hej Anna Ek!\nVad gör du?\n– Jag bygger kajer.", ["Anna Ek"]),
        ("Anna Ek föreslår:\n– Fler kajer.\n– Fler båtar.", []),
        ("– , säger Anna Ek.", []),
        ("“The quay is cold,” a spokesperson for Anna Ek said.", []),
        (
            "Frågor till hamnchef Anna Ek\nBo Lund frågar: Är kajen klar?\n– Ja, det är den.",
            ["Anna Ek"],
        ),
    ],
)
def test_words_are_given_to_nobody_else(body: str, speakers: list[str | None]) -> None:
    assert [quote.speaker for quote in find_quotes({"body": body})] == speakers


@pytest.mark.slow("starts processes")
def test_speakers_do_not_depend_on_the_order_of_sets() -> None:
    code = "from archive.quotes.speakers import find_quotes as f; import sys; "
    code += "print([q.speaker for q in f({'body': sys.argv[1]})])"
    body = (
        "Anna Ek och Bo Ek, Cia Ek och Dan Ek bygger.\n– Det är klart, säger Ek.\nEk är"
        " nöjd.\n– Bra, säger hon."
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code, body],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2", "3")
    }
    assert len(outputs) == 1


@pytest.mark.slow("extreme input")
def test_speakers_of_many_paragraphs_are_found_in_linear_time() -> None:
    def measure(paragraphs: int) -> float:
        started = time.process_time()
        assert len(find_quotes({"body": "– Bra, säger Eva Ek.\n\n" * paragraphs})) == paragraphs
        return time.process_time() - started

    measure(100)
    assert measure(8_000) < 12 * measure(2_000)  # 4 times as long; before, 16 times


@pytest.mark.parametrize(
    ("template", "function"),
    [
        pytest.param(
            "Bo Ek sade att ”Det är mycket bra nu” och ",
            "parse_lead_in",
            id="introduced, in a paragraph",
        ),
        pytest.param(
            "Det står ”en kall kaj” på skylten. ",
            "parse_lead_in",
            id="no quotations, in a paragraph",
        ),
        pytest.param(
            "– Kajen är kall, säger Bo Ek{letters}.\n", "name_in", id="each by another speaker"
        ),
    ],
)
def test_work_grows_with_the_number_of_quotations(
    monkeypatch: pytest.MonkeyPatch, template: str, function: str
) -> None:
    texts, original = list[str](), getattr(speakers, function)

    def count(*values: str) -> object:
        texts.append(values[-1])
        return original(*values)

    monkeypatch.setattr(speakers, function, count)
    work = []
    for number in (40, 80):
        texts.clear()
        letters = (f"{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(number))
        find_quotes({"body": "".join(template.format(letters=each) for each in letters)})
        work.append(sum(map(len, texts)))
    assert work[1] <= 2.5 * work[0]
