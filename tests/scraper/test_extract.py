"""scrapy extract: one stored page as JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

from scraper.items import ReleaseItem

ROOT = Path(__file__).parents[2]
URL = "https://www.skog.example/nyheter/fler-algar"
PAGE = """<!doctype html><html lang="sv"><head><title>Fler älgar | Skogsrådet</title></head><body><main><article>
<h1>Fler älgar räknade i år</h1><p class="preamble">Årets räkning av älg är klar i hela landet.</p>
<p>Räkningen gjordes i mars av tvåhundra frivilliga, som gick tre mil var.</p>
<p>Uppdaterad: 15 mars 2024 kl. 10.30</p></article></main></body></html>"""


def extract(*arguments: str) -> tuple[int, str, str]:
    """The command's exit code, stdout and stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "scrapy", "extract", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_a_page_becomes_json_with_whole_times(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(PAGE, "utf-8")
    code, printed, complaint = extract(str(tmp_path / "page.html"), "--url", URL)
    assert (code, complaint) == (0, "")
    release = json.loads(printed)
    assert release["title"] == "Fler älgar räknade i år"
    assert release["updated"] == "2024-03-15T10:30:00+01:00"
    assert release["published"] is None
    assert release["agency"] == "skog.example"


def test_contacts_are_printed_and_explained(tmp_path: Path) -> None:
    contact = "<h2>Presskontakt</h2><p>Eva Ek, pressansvarig, 010-123 45 67</p></article>"
    (tmp_path / "page.html").write_text(PAGE.replace("</article>", contact), "utf-8")
    code, printed, complaint = extract(str(tmp_path / "page.html"), "--url", URL)
    assert (code, complaint) == (0, "")
    assert json.loads(printed)["contacts"] == [
        {"name": "Eva Ek", "role": "pressansvarig", "phone": "010-123 45 67", "email": None}
    ]
    _, printed, _ = extract(str(tmp_path / "page.html"), "--url", URL, "--explain")
    row = next(line for line in printed.splitlines() if line.startswith("contacts"))
    assert "1: Eva Ek, pressansvarig, 010-123 45 67" in row
    assert "heading 'Presskontakt'" in row


def test_broken_letters_are_told_of_and_the_release_is_printed(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(PAGE.replace("tvåhundra", "tv\ufffdhundra"), "utf-8")
    code, printed, complaint = extract(str(tmp_path / "page.html"), "--url", URL)
    assert (code, "tv\ufffdhundra frivilliga" in json.loads(printed)["body"]) == (0, True)
    told = "mars av tv\ufffdhundra frivilliga, som"
    assert complaint == f"scrapy extract: {URL}: body: has broken letters: {told!r}\n"


def test_an_unreadable_date_names_address_and_field(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(PAGE.replace("15 mars", "35 mars"), "utf-8")
    code, printed, complaint = extract(str(tmp_path / "page.html"), "--url", URL)
    assert (code, printed) == (1, "")
    assert complaint.startswith(f"scrapy extract: {URL}: updated: ")
    assert "35 mars 2024" in complaint


def test_what_is_no_file_or_agency_is_named(tmp_path: Path) -> None:
    code, _, complaint = extract(str(tmp_path / "none.html"), "--url", URL)
    assert (code, "none.html" in complaint) == (2, True)
    (tmp_path / "page.html").write_text(PAGE, "utf-8")
    code, _, complaint = extract(str(tmp_path / "page.html"), "--url", URL, "--agency", "nobody")
    assert (code, "[nobody] is not in the list" in complaint) == (2, True)


def test_explain_tells_value_rule_and_element_of_every_field(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(PAGE, "utf-8")
    code, printed, complaint = extract(str(tmp_path / "page.html"), "--url", URL, "--explain")
    assert (code, complaint) == (0, "")
    head, *lines = printed.splitlines()
    rows = {line.split()[0]: line for line in lines}
    assert {field.name for field in fields(ReleaseItem)} - {"evidence"} <= rows.keys()
    assert "h1" in rows["title"][head.index("element") :]
    assert rows["updated"][head.index("value") :].startswith("2024-03-15T10:30:00+01:00 ← “Uppdaterad: 15 mars 2024")
    assert rows["updated"][head.index("rule") :].startswith("label Uppdaterad")
    assert rows["published"].split() == ["published", "absent"]


def test_explain_shows_a_field_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(PAGE.replace("15 mars", "35 mars"), "utf-8")
    code, printed, complaint = extract(str(tmp_path / "page.html"), "--url", URL, "--explain")
    assert (code, "35 mars 2024" in complaint) == (1, True)
    assert "not read ← “Uppdaterad: 35 mars 2024" in printed


def test_explain_tells_which_selectors_of_the_agency_find_nothing(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(PAGE, "utf-8")
    table = '[skog]\nname = "Skogsrådet"\nhome = "https://www.skog.example/"\ntitle = "h1"\nlead = ".finnsinte"\n'
    (tmp_path / "agencies.toml").write_text(table, "utf-8")
    asked = (str(tmp_path / "page.html"), "--url", URL, "-s", f"AGENCIES={tmp_path / 'agencies.toml'}")
    code, printed, complaint = extract(*asked, "--explain")
    assert (code, "Årets räkning av älg" in printed) == (0, True)
    assert complaint == "scrapy extract: lead: the agency's selector .finnsinte finds nothing here\n"
    assert extract(*asked)[2] == "", "only what explains"
