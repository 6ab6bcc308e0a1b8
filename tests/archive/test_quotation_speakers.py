"""Quotations that a text gives to somebody else than the release does."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from archive.database import build_connection_runner
from archive.quotation_check import (
    QuotationCheck,
    QuotationResult,
    find_attributed_quotations,
    may_be_same,
)
from tests.archive.test_quotation_check import QuotedArchive

WORDS = "Vi bygger tre nya fyrar vid sundet i år"
OTHER_WORDS = "Kajen i Norrhamn ska stå klar före jul"
RELEASE = (
    f"– {WORDS}, säger sjöfartsminister Gunvor Strömbäck.",
    f"– {OTHER_WORDS}, säger hamnchef Ivar Lodin.",
)


@pytest.fixture
def quoted(tmp_path: Path) -> QuotedArchive:
    archive = QuotedArchive(tmp_path / "archive.db")
    archive.read("fyrar", 1, *RELEASE)
    return archive


def check(quoted: QuotedArchive, text: str) -> list[QuotationResult]:
    with closing(sqlite3.connect(quoted.path)) as db:
        checker = QuotationCheck(build_connection_runner(db), seconds=60)
        return asyncio.run(checker.check(find_attributed_quotations(text)))


def check_one(quoted: QuotedArchive, text: str) -> tuple[str, str | None, list[str | None]]:
    (result,) = check(quoted, text)
    return result.verdict, result.quotation.speaker, [each["name"] for each in result.speakers]


@pytest.mark.parametrize(
    ("text", "speaker"),
    [
        (f"Ebba Wrede sade: ”{WORDS}.”", "Ebba Wrede"),
        (f"– {WORDS}, säger Ebba Wrede.", "Ebba Wrede"),
        (f"”{WORDS}”, säger energiminister Ebba Wrede (KD) till tidningen.", "Ebba Wrede"),
        (f"Ebba Wrede talade i går. ”{WORDS}”, sade Wrede.", "Ebba Wrede"),
        (f"”{WORDS}”, säger Wrede.", "Wrede"),
        (f"Ivar Lodin sade: ”{WORDS}.”", "Ivar Lodin"),
        (f"“{WORDS},” Ebba Wrede said.", "Ebba Wrede"),
        (f"Eva Hansen sade: ”{WORDS}.”", "Eva Hansen"),
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
        f"Ebba Wrede menar att Gunvor Strömbäck sade: ”{WORDS}.”",
    ],
)
def test_no_other_person_is_certainly_named(quoted: QuotedArchive, text: str) -> None:
    assert check_one(quoted, text)[::2] == ("verbatim", ["Gunvor Strömbäck"])


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
    ("name", "other", "expected"),
    [
        ("Per Ek", "Pär Ek", True),
        ("Johan Pehrson", "Johan Persson", True),
        ("Karin Andersson", "Maria Andersson", False),
        ("Anna Ek", "Anna Berg", False),
    ],
)
def test_names_of_one_person(name: str, other: str, *, expected: bool) -> None:
    assert may_be_same(name, other) is may_be_same(other, name) is expected
