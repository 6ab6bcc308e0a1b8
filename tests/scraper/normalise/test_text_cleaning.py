"""Texts: misread characters, white space, speech dashes and sanitised HTML."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from scraper.normalise.text_cleaning import (
    clean_text,
    repair_text,
    sanitise_body_html,
    strip_speech_dash,
)
from tests.case_tables import load_table

INTACT_TEXTS = (
    "Å, ä och ö – “så här” skrivs ÅÄÖ i ”RÅ”, «GÅ» och SÃO… é, ü, €, § 5, ½, ï, â, Â och Ã är"
    " bokstäver; AT&T, a&b;",
    "Davviriikkalaš sámi giellabálkkašupmi, Đorđe Čović, Łódź,"
    " Øresund, Þór, naïve, crème brûlée, français",
    "¡Hola! MAÇÃ, São Paulo, Việt Nam, Türkiye’de, 5 °C · 20 µg/m³ ± 3 ‰ − 7 × 2 ≤ 15",
    "ANARÂŠKIELÂ",  # alone, these words could be UTF-8 that was misread
    "ihâžž",
    "VUÂLŽÂŽ ÂŽ Âšš oo\u00adlâš\u00a0ja kuávžâ”",
    "Skriv <p> & </p>, &lt;br&gt; eller ?a=1&copy=2",
)


def read_as_windows_1252(text: str) -> str:
    """Read UTF-8 as browsers read windows-1252: bytes without a character become control
    characters.
    """
    return "".join(
        bytes([byte]).decode("windows-1252", "ignore") or chr(byte) for byte in text.encode()
    )


@pytest.mark.parametrize("text", INTACT_TEXTS)
def test_intact_text_is_not_changed(text: str) -> None:
    assert repair_text(text) == text


@pytest.mark.parametrize("text", INTACT_TEXTS[:3])
@pytest.mark.parametrize(
    "misread",
    [
        read_as_windows_1252,
        lambda text: text.encode().decode("latin-1"),
        lambda text: read_as_windows_1252(read_as_windows_1252(text)),
    ],
    ids=["windows-1252", "latin-1", "windows-1252 twice"],
)
def test_misread_text_is_repaired(text: str, misread: Callable[[str], str]) -> None:
    assert misread(text) != text
    assert repair_text(misread(text)) == text


@pytest.mark.parametrize(("misread", "text"), load_table(__file__, "misread_parts.tsv"))
def test_misread_part_of_text_is_repaired(misread: str, text: str) -> None:
    assert repair_text(misread) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(
            (f"{dash}Vi är nöjda.", "Vi är nöjda.")
            for dash in ("– ", "- ", "–\u00a0", "−\u00a0", "— ", "–", "-")
        ),
        ("Vi – alla – är nöjda.", "Vi – alla – är nöjda."),
        ("-5 grader i natt", "-5 grader i natt"),
    ],
)
def test_strip_speech_dash(text: str, expected: str) -> None:
    assert strip_speech_dash(text) == expected


def test_clean_text_keeps_lines_and_paragraphs() -> None:
    assert clean_text(" a\u00a0 b \n• c\n\n \n\nd\u00ad\u200be ") == "a b\n• c\n\nde"


def test_body_html_can_neither_run_nor_load() -> None:
    html = (
        '<h2 id="question-2" onclick="x()">F?</h2><p id="own" style="color:red">A <img'
        ' src="https://b.se/i.png"><a href="javascript:x()">b</a> <a'
        ' href="mailto:a@b.se">c</a></p><script>x()</script><iframe src="/y"></iframe>'
    )
    assert sanitise_body_html(html) == (
        '<h2 id="question-2">F?</h2><p>A <a rel="noopener noreferrer">b</a>'
        ' <a href="mailto:a@b.se" rel="noopener noreferrer">c</a></p>'
    )
