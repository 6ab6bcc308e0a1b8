"""References to documents, by invented sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from archive.language.reference_patterns import (
    REFERENCE_TYPES,
    find_references,
    format_reference,
)

LINES = Path(__file__).with_name("references.tsv").read_text("utf-8").splitlines()[1:]


@pytest.mark.parametrize("line", LINES)
def test_references_of_a_sentence(line: str) -> None:
    sentence, _, expected = line.partition("\t")
    for text in (sentence, sentence.replace(" ", "\u00a0")):
        found = [f"{each.type} {each.number}" for each in find_references(text)]
        assert "; ".join(found) == expected


@pytest.mark.parametrize("kind", REFERENCE_TYPES)
def test_a_written_reference_is_read_again(kind: str) -> None:
    expected = {
        tuple(each.split(" ", 1))
        for line in LINES
        for each in line.partition("\t")[2].split("; ")
        if each.startswith(f"{kind} ")
    }
    assert expected
    for _, number in expected:
        text = format_reference(kind, number)
        assert [each[:4] for each in find_references(text)] == [(kind, number, 0, len(text))]
