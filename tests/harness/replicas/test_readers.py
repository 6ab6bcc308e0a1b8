"""Tests that the readers find words in every format that contains them, so that they notice what a
takedown left.
"""

from __future__ import annotations

import json

import pytest

from tests.harness.replicas.readers import Answer

WORDS = "Så & så"


@pytest.mark.parametrize(
    "body", ["<p>Så &amp; så</p>", json.dumps([WORDS]), json.dumps([WORDS], ensure_ascii=False)]
)
def test_words_are_seen_however_they_are_written(body: str) -> None:
    assert Answer(status=200, body=body.encode()).shows(WORDS)
    assert not Answer(status=200, body=body.encode()).shows("Så eller så")
