"""Passages in any spelling, redacted in a state."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from archive.database.models import to_state
from archive.database.redaction import redact_state
from tests.archive.sample_evidence import release
from tests.case_tables import load_table

NAME = "Nora Kvist"


@pytest.mark.parametrize(("passage", "text", "expected"), load_table(__file__, "passages.tsv"))
def test_passage_is_redacted_in_every_spelling_and_nothing_else_is(
    passage: str, text: str, expected: str
) -> None:
    state = to_state(
        replace(
            release(1, 0), body=text, body_html="<p>" + text.replace("\n\n", "</p><p>") + "</p>"
        )
    )
    redacted = redact_state(state, [passage])
    assert redacted["body"] == expected
    assert re.sub("</?p>", "", redacted["body_html"]) == expected
    assert {**redacted, "body": text, "body_html": state["body_html"]} == state


def test_table_cells_and_line_breaks_separate_words() -> None:
    cells = (
        "<table><tr><td>3</td><td>010-<b>123</b> 45 67</td></tr></"
        "table><p>a<br>nora.kvist@ek.se</p>"
    )
    state = to_state(replace(release(1, 0), body_html=cells))
    found = redact_state(state, ["0101234567", NAME])["body_html"]
    assert found == "<table><tr><td>3</td><td>█████<b></b></td></tr></table><p>a<br>█████</p>"
