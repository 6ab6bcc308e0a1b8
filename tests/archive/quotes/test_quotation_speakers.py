"""Quotations that a text gives to somebody else than the release does."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from archive.database.sqlite_files import build_connection_runner
from archive.quotes.quotation_comparison import find_quotations
from archive.quotes.quotation_lookup import (
    QuotationCheck,
    QuotationResult,
    add_speakers,
    is_person,
    may_be_same,
)
from tests.archive.quotes.test_quotation_lookup import QuotedArchive

WORDS = "Vi bygger tre nya fyrar vid sundet i år"
OTHER_WORDS = "Kajen i Norrhamn ska stå klar före jul"
RELEASE = (
    f"– {WORDS}, säger sjöfartsminister Gunvor Strömbäck.",
    f"– {OTHER_WORDS}, säger hamnchef Ivar Lodin.",
)
ORGANISATIONS = (
    *(
        "Ericsson",
        "Volvo",
        "Saab",
        "Sida",
        "Nordea",
        "Spotify",
        "Greenpeace",
        "Kommunal",
        "Vattenfall",
        "Reuters",
    ),
    *(
        "Bloomberg",
        "Kaliber",
        "Rapport",
        "Centern",
        "Rosenbad",
        "Kreml",
        "Bryssel",
        "Berlin",
        "Ryssland",
        "Facebook",
    ),
    *(
        "Frontex",
        "Unicef",
        "Göteborgs Hamn",
        "Stena Line",
        "White House",
        "Swedish Match",
        "Norrhamns Rederi",
    ),
    *("Vita Huset", "Dagens Nyheter", "Rädda Barnen", "Statsrådet Ek"),
)


@pytest.fixture
def quoted(tmp_path: Path) -> QuotedArchive:
    archive = QuotedArchive(tmp_path / "archive.db")
    archive.read("fyrar", 1, *RELEASE)
    return archive


def check(quoted: QuotedArchive, text: str) -> list[QuotationResult]:
    with closing(sqlite3.connect(quoted.path)) as db:
        checker = QuotationCheck(build_connection_runner(db), seconds=60)
        return asyncio.run(checker.check(add_speakers(text, find_quotations(text))))


def check_one(quoted: QuotedArchive, text: str) -> tuple[str, str | None, list[str | None]]:
    (result,) = check(quoted, text)
    return result.verdict, result.quotation.speaker, [each["name"] for each in result.speakers]


@pytest.mark.parametrize(
    ("text", "speaker"),
    [
        (f"Ebba Wrede sade: ”{WORDS}.”", "Ebba Wrede"),
        (f"– {WORDS}, säger Ebba Wrede.", "Ebba Wrede"),
        (f"”{WORDS}”, säger Ebba Wrede (KD).", "Ebba Wrede"),
        (f"Ebba Wrede talade i går. ”{WORDS}”, sade Wrede.", "Ebba Wrede"),
        (f"Kajen blir klar i vår. Ebba Wrede skriver: ”{WORDS}”. Bygget har börjat.", "Ebba Wrede"),
        (f"Ebba Wrede sade: – {WORDS}.", "Ebba Wrede"),
        (f"{'Kajen blir klar i vår. ' * 20}Ebba Wrede sade: ”{WORDS}.”", "Ebba Wrede"),
        (f"Ivar Lodin sade: ”{WORDS}.”", "Ivar Lodin"),
        (f"“{WORDS},” Ebba Wrede said.", "Ebba Wrede"),
        (f"Eva Hansen sade: ”{WORDS}.”", "Eva Hansen"),
        (f"”{WORDS}”, säger energiminister Ebba Wrede.", "Ebba Wrede"),
        (f"”{WORDS}”, säger energiministern Ebba Wrede (KD) i ett uttalande.", "Ebba Wrede"),
        (f"”{WORDS}”, säger Ebba Wrede till tidningen.", "Ebba Wrede"),
        (f"– {WORDS}, sade Ebba Wrede till TT.", "Ebba Wrede"),
        (f"Bron är öppen. – {WORDS}, säger energiminister Ebba Wrede.", "Ebba Wrede"),
        (f"”{WORDS}”, enligt Ebba Wrede.", "Ebba Wrede"),
        (f"Energiminister Ebba Wrede sade i ett uttalande: ”{WORDS}.”", "Ebba Wrede"),
        (f"Enligt Ebba Wrede: ”{WORDS}.”", "Ebba Wrede"),
        (f"Bron är öppen. Enligt energiminister Ebba Wrede är det så att ”{WORDS}”.", "Ebba Wrede"),
        (f"According to Ebba Wrede, “{WORDS}”.", "Ebba Wrede"),
    ],
)
def test_another_person_is_named(quoted: QuotedArchive, text: str, speaker: str) -> None:
    assert check_one(quoted, text) == ("wrong_speaker", speaker, ["Gunvor Strömbäck"])


@pytest.mark.parametrize(
    "text",
    [
        f"Gunvor Strömbäck sade: ”{WORDS}.”",
        f"”{WORDS}”, säger Strömbäck.",
        f"”{WORDS}”, säger Gunvor Strömback.",  # misspelt
        f"”{WORDS}”, säger Gunvor Strömbäck Wrede.",
        f"Sjöfartsministern sade: ”{WORDS}.”",  # a role is no name
        f"Energiministern sade: ”{WORDS}.”",
        f"”{WORDS}”, säger hon.",
        f"Nu är det klart: ”{WORDS}.”",
        f"Svenska Sundsbladet skriver: ”{WORDS}.”",
        f"Polisen skriver: ”{WORDS}.”",
        f"Statens sjöfartsverk skriver: ”{WORDS}.”",
        f"”{WORDS}”, säger Wrede.",  # of whom the text has no full name
        f"Ebba Wrede och Bo Wrede talade i går. ”{WORDS}”, sade Wrede.",
        f"Gunvor Strömbäck talade i går. Ebba Wrede sade: ”{WORDS}.”",
        f"Sjöfartsministern svarade Ebba Wrede: ”{WORDS}.”",
        f"På en fråga från Ebba Wrede svarade ministern: ”{WORDS}.”",
        f"Till Ebba Wrede sade ministern: ”{WORDS}.”",
        f"Ebba Wrede fick höra av hamnchefen: ”{WORDS}.”",
        f"The minister told Ebba Wrede: “{WORDS}.”",
        f"Ebba Wrede hänvisade till sjöfartsministern, som sade: ”{WORDS}.”",
        f"Ebba Wrede upprepade vad sjöfartsministern sade: ”{WORDS}.”",
        f"Lars Larsson, reporter på Hamnradion, skriver att ministern lovade: ”{WORDS}.”",
        f"Ebba Wrede är kritisk mot formuleringen: ”{WORDS}.”",
        f"Ebba Wrede kommenterade ministerns uttalande: ”{WORDS}.”",
        f'Ebba Wrede noted that the minister had said: "{WORDS}."',
        f"Mark Rådman höll med svenskarna om formuleringen: ”{WORDS}.”",
        f"Enligt Ebba Wrede sade ministern: ”{WORDS}.”",
        f"Ebba Wrede sade: ”{WORDS}”, vilket är ministerns ord.",
        f"Ebba Wrede sade att ministern lovade detta: ”{WORDS}.”",
        f"”{WORDS}”, säger sjöfartsministern genom sin pressekreterare Ebba Wrede.",
        f"”{WORDS}”, säger ministern till Ebba Wrede.",
        f"”{WORDS}”, skriver Ebba Wrede, som citerar ministern.",
        f"”Ja”, säger Ebba Wrede. {'Hamnen är öppen och ' * 20}: ”{WORDS}.”",
        f"”Ja”, säger Ebba Wrede. {'Hamnen är öppen och ' * 14}klar: ”{WORDS}.”",
        *(f"{name} skriver: ”{WORDS}.”" for name in ORGANISATIONS),
        *(f"”{WORDS}”, säger {name}." for name in ORGANISATIONS),
        f"Ebba Wrede menar att Gunvor Strömbäck sade: ”{WORDS}.”",
        f"Enligt Ebba Wrede lovade ministern att ”{WORDS}”.",
        f"Enligt Ebba Wrede och ministern är ”{WORDS}”.",
        f"Enligt Ebba Wrede: ”{WORDS}”, vilket är ministerns ord.",
        f"”{WORDS}”, säger statssekreteraren hos energiminister Ebba Wrede.",
        f"”{WORDS}”, säger en vän till familjen Ebba Wrede.",
        f"”{WORDS}”, säger ministern som mötte Ebba Wrede.",
        f"”{WORDS}”, säger Ebba Wrede och ministern i ett uttalande.",
        f"– {WORDS}, säger Ebba Wrede genom ministern.",
        f"Statsministern, som mötte Ebba Wrede, sade i går: ”{WORDS}.”",
        f"Ebba Wrede gick när ministern sade: ”{WORDS}.”",
    ],
)
def test_no_other_person_is_certainly_named(quoted: QuotedArchive, text: str) -> None:
    result = next(
        each
        for each in check(quoted, text)
        if each.verdict != "short" and WORDS in each.quotation.text
    )
    assert (result.verdict, [each["name"] for each in result.speakers]) == (
        "verbatim",
        ["Gunvor Strömbäck"],
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"– {WORDS}, säger sjöfartsministern.", "not compared"),
        (f"– {WORDS}, säger sjöfartsministern i ett uttalande.", "not compared"),
        (f"– {WORDS}, says the new minister.", "not compared"),
        (f"Bron är öppen. – {WORDS}, säger ministern.", "not compared"),
        (f"”{WORDS}”", "not compared"),
        (f"”{WORDS}”, säger hon.", "not compared"),
        (f"– {WORDS}, säger sjöfartsminister Gunvor Strömbäck till TT.", "same"),
        (f"”{WORDS}”, säger Strömbäck. Gunvor Strömbäck är glad.", "same"),
        (f"Ebba Wrede sade: ”{WORDS}.”", "other"),
        (f"– {WORDS} eller så, säger ministern.", None),
    ],
)
def test_whether_the_speaker_was_compared(
    quoted: QuotedArchive, text: str, expected: str | None
) -> None:
    (result,) = check(quoted, text)
    assert result.speaker_verdict == expected
    assert result.verdict == {None: "altered", "other": "wrong_speaker"}.get(expected, "verbatim")


def test_two_people_are_quoted(quoted: QuotedArchive) -> None:
    right = f"Gunvor Strömbäck sade: ”{WORDS}.” Ivar Lodin svarade: ”{OTHER_WORDS}.”"
    assert [result.verdict for result in check(quoted, right)] == ["verbatim", "verbatim"]
    swapped = f"Ivar Lodin sade: ”{WORDS}.” Gunvor Strömbäck svarade: ”{OTHER_WORDS}.”"
    assert [result.verdict for result in check(quoted, swapped)] == ["wrong_speaker"] * 2
    in_paragraphs = swapped.replace(".” ", ".”\n\n")
    assert [result.verdict for result in check(quoted, in_paragraphs)] == ["wrong_speaker"] * 2


def test_a_release_in_which_the_person_says_it_is_preferred(quoted: QuotedArchive) -> None:
    key = quoted.read("fyrar-2", 2, f"– {WORDS}, säger energiminister Ebba Wrede.")
    (result,) = check(quoted, f"Ebba Wrede sade: ”{WORDS}.”")
    assert (result.verdict, result.releases) == ("verbatim", 2)
    sql = "select release from revisions where id = ?"
    assert quoted.archive.db.execute(sql, [result.revision]).fetchone() == (key,)
    assert check_one(quoted, f"Ivar Lodin sade: ”{WORDS}.”")[0] == "wrong_speaker"


def test_words_that_the_release_gives_to_nobody(quoted: QuotedArchive) -> None:
    quoted.read("text", 3, "Sju nya bojar läggs ut utanför Skärhamn under våren.")
    text = "Ebba Wrede sade: ”Sju nya bojar läggs ut utanför Skärhamn under våren.”"
    assert check_one(quoted, text) == ("verbatim", "Ebba Wrede", [])


@pytest.mark.parametrize(
    "paragraph",
    [
        f"– {WORDS}, säger Gunvor Strömbäck och Ebba Wrede.",
        f"– {WORDS}, säger Gunvor Strömbäck tillsammans med Ebba Wrede.",
        f"– {WORDS}, säger Gunvor Strömbäck, Ebba Wrede och Bo Li.",
        f"”{WORDS}”, skriver Gunvor Strömbäck (M), Ebba Wrede (KD) och Bo Li (L).",
        f"– {WORDS}. Det har Ebba Wrede lovat, säger Gunvor Strömbäck.",
        f"– {WORDS}, säger Gunvor Strömbäck och energiministern.",
        f"Gunvor Strömbäck och Ebba Wrede gör följande uttalande:\n{WORDS}.",
    ],
)
def test_a_release_that_names_the_person_beside_the_words(tmp_path: Path, paragraph: str) -> None:
    archive = QuotedArchive(tmp_path / "archive.db")
    archive.read("fyrar", 1, "Fyrarna blir färdiga nästa år.", paragraph)
    assert check_one(archive, f"Ebba Wrede sade: ”{WORDS}.”")[0] == "verbatim"


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("Vladimir Selenskij", "Volodymyr Zelenskyj"),
        ("Volodymyr Zelenskyj", "Vladimir Selenskij"),
        ("Victoria Ek", "kronprinsessan Victoria"),
        ("Victoria Ek", "Kronprinsessan"),
        ("Ebba Wrede", "Ebba Strömbäck"),  # before she married
        ("Wojtek Kowal", "Vojtech Koval"),
    ],
)
def test_another_spelling_of_the_name(tmp_path: Path, name: str, printed: str) -> None:
    archive = QuotedArchive(tmp_path / "archive.db")
    archive.read("fyrar", 1, f"– {WORDS}, säger {printed}.")
    assert check_one(archive, f"{name} sade: ”{WORDS}.”")[0] == "verbatim"


@pytest.mark.parametrize(
    ("name", "other", "expected"),
    [
        ("Per Ek", "Pär Ek", True),
        ("Johan Pehrson", "Johan Persson", True),
        ("Karin Andersson", "Maria Andersson", True),  # she may have two first names
        ("Anna Ek", "Anna Berg", True),
        ("Karin Andersson", "Maria Strömbäck", False),
        ("Oskar Lindqvist", "Petra Sandberg", False),
    ],
)
def test_names_of_one_person(name: str, other: str, *, expected: bool) -> None:
    assert may_be_same(name, other) is may_be_same(other, name) is expected


def test_full_names_of_people() -> None:
    names = (
        "Ebba Wrede",
        "Nils von Ek",
        "Eva Hansen",
        "Karin Dahlgren",
        "Anna-Karin O’Leary",
        *ORGANISATIONS,
    )
    assert [name for name in names if is_person(name)] == list(names[:5])


def test_a_long_line_takes_little_time() -> None:
    text = "\n".join("”Vi bygger tre nya” sade " * 80 for _ in range(25))
    quotations = find_quotations(text)
    assert len(quotations) == 2_000
    start = time.process_time()
    assert not any(quotation.speaker for quotation in add_speakers(text, quotations))
    assert time.process_time() - start < 1
