"""Tests that scraper/deploy/nginx.conf matches what the archive says about caches and languages,
and runs here.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archive.i18n import choose_language
from tests.harness.replicas.proxy import CONF, write
from tests.harness.world.processes import ROOT

TEXT = CONF.read_text("utf-8")
ACCEPTED = (
    "",
    "sv",
    "en",
    "en-GB,en;q=0.9",
    "sv-SE,sv;q=0.8,en;q=0.5",
    "de, en-GB;q=0.8, sv;q=0.5",
    "de",
    "*",
    "fr,nb",
)


@pytest.mark.parametrize("accepted", ACCEPTED)
def test_the_proxy_chooses_the_language_that_the_archive_would(accepted: str) -> None:
    (pattern,) = re.findall(r'"~\*(.+)" en;', TEXT)
    assert ("en" if re.search(pattern, accepted, re.IGNORECASE) else "sv") == choose_language(
        None, accepted
    )


def test_the_cache_has_the_language_in_its_key_and_leaves_visitors_sql_alone() -> None:
    assert "proxy_cache_key $archive_language$request_uri;" in TEXT
    data = TEXT.index(r"location ~ ^/archive(\.|/[^/]*$|$)")
    assert "proxy_cache off;" in TEXT[data : TEXT.index("}", data)]
    assert data < TEXT.index(r"location ~ \.(atom|json|csv)$"), (
        "the first pattern that fits is taken"
    )


def test_an_excel_file_is_waited_for_and_not_asked_for_again() -> None:
    begin = TEXT.index(r"location ~ \.xlsx$")
    block = TEXT[begin : TEXT.index("}", begin)]
    assert begin < TEXT.index("location ~ ^/archive"), "the first pattern that fits is taken"
    for line in ("proxy_read_timeout 3600s;", "proxy_next_upstream error;", "proxy_cache off;"):
        assert line in block


def test_the_documented_proxy_without_a_cache_has_the_same_rules() -> None:
    documented = (ROOT / "docs" / "security.md").read_text("utf-8")
    places = [
        re.findall(r"^    location (.+) \{$", text, re.MULTILINE) for text in (TEXT, documented)
    ]
    assert set(places[0]) - set(places[1]) == {r"~ \.(atom|json|csv)$", "/-/evidence/"}, (
        "which are about the cache"
    )
    assert set(places[1]) <= set(places[0])
    for rule in re.findall(
        r"^ *((?:limit_|client_|log_format|access_log|error_log|map|listen|ssl_).+)",
        TEXT,
        re.MULTILINE,
    ):
        if "accept_language" not in rule:
            assert rule in documented


def test_what_make_replicas_tries_is_this_file(tmp_path: Path) -> None:
    text = write(tmp_path, 1, (2, 3), 4).read_text("utf-8")
    assert [f"127.0.0.1:{port}" in text for port in (1, 2, 3, 4)] == [True] * 4
    assert not re.search(r"^(?!#).*(ssl|limit_|/var/|/etc/)", text, re.MULTILINE)
