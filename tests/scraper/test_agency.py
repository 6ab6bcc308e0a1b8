"""The list of agencies: read whole, or a fault that names file, table and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from scraper.agency import DEFAULT_AGENCIES_FILE, Agency, check_contact, load_agencies, select_agencies
from scraper.errors import AgencyError

WHOLE = """
[skog]
name = "Skogsrådet"
home = "https://www.skog.example/"
aliases = ["skogsradet.example"]
feeds = ["https://www.skog.example/feed"]
releases = '^/nyheter/\\d+'
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "list.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_becomes_an_agency(tmp_path: Path) -> None:
    agency = load_agencies(written(tmp_path, WHOLE))["skog"]
    assert (agency.slug, agency.name, agency.feeds) == ("skog", "Skogsrådet", ("https://www.skog.example/feed",))
    assert agency.owns("http://skog.example/x")
    assert agency.owns("https://www.skogsradet.example/x")
    assert not agency.owns("https://notskog.example/x")


@pytest.mark.parametrize("host", ["www.skogsrådet.example", "www.Skogsrådet.example", "www.xn--skogsrdet-b3a.example"])
def test_a_host_may_be_written_with_swedish_letters(tmp_path: Path, host: str) -> None:
    text = WHOLE.replace("www.skog.example", host).replace("skogsradet.example", "skogsmyndigheten-å.example")
    agency = load_agencies(written(tmp_path, text))["skog"]
    assert agency.home == "https://www.xn--skogsrdet-b3a.example/"
    assert agency.feeds == ("https://www.xn--skogsrdet-b3a.example/feed",)
    assert agency.owns("https://skogsrådet.example/x")
    assert agency.owns("https://www.XN--skogsrdet-b3a.example/x")
    assert agency.owns("https://skogsmyndigheten-å.example/x")
    assert not agency.owns("https://skogsradet.example/x")


def test_the_list_of_this_project_is_whole() -> None:
    agencies = load_agencies()
    assert {"jamstalldhetsmyndigheten", "polisen", "regeringen"} <= set(agencies)
    assert len(agencies) >= 12


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("feeds", "feedz"), r"list\.toml: \[skog\] feedz is not a key; the keys are name, home"),
        (('"https://www.skog.example/"', '"skog.example"'), r"\[skog\] home 'skog\.example' is not an http or https"),
        (('["https://www.skog.example/feed"]', '"https://x.example"'), r"\[skog\] feeds must be a list of strings"),
        (('"Skogsrådet"', "7"), r"\[skog\] name must be a string"),
        (("feeds =", 'paused = ""\nfeeds ='), r"\[skog\] paused must not be empty"),
        (('["https://www.skog.example/feed"]', '[" "]'), r"\[skog\] feeds must not contain an empty string"),
        (("name =", "name_en ="), r"\[skog\] name is missing"),
        (("[skog]", "[Skog_1]"), r"\[Skog_1\] a slug is"),
        (("feeds =", 'lead = "..["\nfeeds ='), r"\[skog\] lead '\.\.\[' is not a CSS selector"),
        (("feeds =", 'zone = "Nowhere/X"\nfeeds ='), r"\[skog\] zone 'Nowhere/X' is not a time zone"),
        (('"skogsradet.example"', '"https://x.example"'), r"\[skog\] aliases must be host names"),
        (('"https://www.skog.example/"', '"http://["'), r"\[skog\] home 'http://\[' is not an http or https"),
        (('"https://www.skog.example/"', '"https://å..example/"'), r"home 'https://å\.\.example/' is not an http"),
        (('"https://www.skog.example/"', '"https://skog℀.example/"'), r"home 'https://skog℀\.example/' is not an"),
        ((r"^/nyheter/\d+", "("), r"\[skog\] releases is not a regular expression"),
        (
            ("feeds =", 'page = "scraper.pages.cms.PolisenPge"\nfeeds ='),
            r"page '.*PolisenPge' cannot be loaded",
        ),
        (("feeds =", 'page = "PolisenPage"\nfeeds ='), r"\[skog\] page 'PolisenPage' cannot be loaded"),
        (("feeds =", 'page = "scraper.agency.Agency"\nfeeds ='), r"\[skog\] page 'scraper.agency.Agency' is not a"),
        (("[skog]", "[skog"), "is not TOML"),
        (("[skog]", "answer = 42\n[skog]"), "answer is outside a table"),
    ],
)
def test_a_fault_is_named(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    with pytest.raises(AgencyError, match=message):
        load_agencies(written(tmp_path, WHOLE.replace(*change)))


def test_a_missing_or_empty_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(AgencyError, match=r"none\.toml: no such file"):
        load_agencies(tmp_path / "none.toml")
    with pytest.raises(AgencyError, match="declares no agency"):
        load_agencies(written(tmp_path, ""))


def test_only_the_wanted_are_chosen(tmp_path: Path) -> None:
    agencies = load_agencies(written(tmp_path, WHOLE))
    assert select_agencies(agencies, [], DEFAULT_AGENCIES_FILE) == agencies
    with pytest.raises(AgencyError, match=r"\[sjo\] is not in the list"):
        select_agencies(agencies, ["sjo"], DEFAULT_AGENCIES_FILE)


def test_live_crawls_need_a_contact() -> None:
    here = Agency(slug="skog", name="Skog", home="http://skog.localhost:8002/")
    live = Agency(slug="skog", name="Skog", home="https://skog.example/")
    check_contact({"skog": here}, "")
    check_contact({"skog": live}, "me@skog.example")
    with pytest.raises(AgencyError, match="CONTACT must be set"):
        check_contact({"skog": live}, " ")
