"""scrapy extract"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from scrapy.cmdline import execute
from scrapy.settings import Settings

from scraper.items import ReleaseItem

ROOT = Path(__file__).parents[3]
URL = "https://www.skog.example/nyheter/fler-algar"
PAGE = """<!doctype html><html lang="sv"><head><title>Fler älgar | Skogsrådet</title></head><body><main><article>
<h1>Fler älgar räknade i år</h1><p class="preamble">Årets räkning av älg är klar i hela landet.</p>
<p>Räkningen gjordes i mars av tvåhundra frivilliga, som gick tre mil var.</p>
<p>Uppdaterad: 15 mars 2024 kl. 10.30</p>{}</article></main></body></html>"""
CONTACT = "<h2>Presskontakt</h2><p>Eva Ek, pressansvarig, 010-123 45 67</p>"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "page.html"
    path.write_text(PAGE.format(CONTACT), "utf-8")
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run the command in this process and return its exit code, stdout and stderr."""
    settings = Settings()
    settings.setmodule("scraper.settings", priority="project")
    with pytest.raises(SystemExit) as caught:
        execute(["scrapy", "extract", *arguments], settings=settings)
    assert isinstance(caught.value.code, int)
    return caught.value.code, *capsys.readouterr()


@pytest.mark.slow("starts processes")
def test_page_is_printed_as_json(path: Path) -> None:
    command = [sys.executable, "-m", "scrapy", "extract", str(path), "--url", URL]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    release = json.loads(done.stdout)
    assert (release["title"], release["agency"]) == ("Fler älgar räknade i år", "skog.example")
    assert (release["published"], release["updated"]) == (None, "2024-03-15T10:30:00+01:00")
    assert release["contacts"] == [
        {"name": "Eva Ek", "role": "pressansvarig", "phone": "010-123 45 67", "email": None}
    ]


def test_broken_characters_are_a_warning(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(PAGE.replace("tvåhundra", "tv\ufffdhundra"), "utf-8")
    code, output, errors = run(capsys, str(path), "--url", URL)
    assert code == 0
    assert "tv\ufffdhundra frivilliga" in json.loads(output)["body"]
    quote = "mars av tv\ufffdhundra frivilliga, som"
    assert errors == f"scrapy extract: {URL}: body: has broken letters: {quote!r}\n"


@pytest.mark.parametrize("explain", [False, True])
def test_unreadable_date_is_an_error(
    path: Path, capsys: pytest.CaptureFixture[str], explain: bool
) -> None:
    path.write_text(PAGE.replace("15 mars", "35 mars"), "utf-8")
    code, output, errors = run(capsys, str(path), "--url", URL, *(["--explain"] if explain else []))
    assert code == 1
    assert errors.startswith(f"scrapy extract: {URL}: updated: ")
    assert "35 mars 2024" in errors
    if explain:
        assert "not read ← “Uppdaterad: 35 mars 2024" in output
    else:
        assert output == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.html", "--url", URL], "none.html"),
        (["page.html", "--url", URL, "--agency", "nobody"], "[nobody] is not in the list"),
    ],
)
def test_unknown_file_or_agency_is_an_error(
    path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    code, _, errors = run(capsys, str(path.with_name(arguments[0])), *arguments[1:])
    assert code == 2
    assert message in errors


def test_explain_prints_value_rule_and_element_of_every_field(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, output, errors = run(capsys, str(path), "--url", URL, "--explain")
    assert (code, errors) == (0, "")
    head, *lines = output.splitlines()
    rows = {line.split()[0]: line for line in lines}
    assert {field.name for field in fields(ReleaseItem)} - {"evidence"} <= rows.keys()
    assert "h1" in rows["title"][head.index("element") :]
    assert rows["updated"][head.index("value") :].startswith(
        "2024-03-15T10:30:00+01:00 ← “Uppdaterad: 15 mars 2024"
    )
    assert rows["updated"][head.index("rule") :].startswith("label Uppdaterad")
    assert rows["published"].split() == ["published", "absent"]
    assert "1: Eva Ek, pressansvarig, 010-123 45 67" in rows["contacts"]
    assert "heading 'Presskontakt'" in rows["contacts"]


def test_explain_names_selectors_that_find_nothing(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = (
        '[skog]\nname = "Skogsrådet"\nhome ='
        ' "https://www.skog.example/"\ntitle = "h1"\nlead = ".finnsinte"\n'
    )
    agencies = path.with_name("agencies.toml")
    agencies.write_text(table, "utf-8")
    arguments = (str(path), "--url", URL, "-s", f"AGENCIES={agencies}")
    code, output, errors = run(capsys, *arguments, "--explain")
    assert code == 0
    assert "Årets räkning av älg" in output
    assert errors == "scrapy extract: lead: the agency's selector .finnsinte finds nothing here\n"
    assert run(capsys, *arguments)[2] == ""
