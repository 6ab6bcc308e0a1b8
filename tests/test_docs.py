"""README.md and docs/ are true: commands, options, files, links and anchors exist, and examples
work.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest
import yaml
from markdown_it import MarkdownIt

from archive.mail_and_webhooks import sign_webhook
from archive.views.docs import READING_ORDER
from tests.archive.sample import fill, served
from tests.archive.web.serving import serve_with_limits
from tests.forks import run_module
from tests.test_deploy import check_command

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
ENGLISH_PAGES = sorted(DOCS.glob("*.md"))
SWEDISH_PAGES = sorted((DOCS / "sv").glob("*.md"))
REFERENCE_PAGES = sorted((DOCS / "reference").glob("*.md"))  # tests/test_reference.py has more
PAGES = [ROOT / "README.md", *ENGLISH_PAGES, *SWEDISH_PAGES, *REFERENCE_PAGES]
ROOT_PAGES = [ROOT / "SECURITY.md", ROOT / "CONTRIBUTING.md"]
MAX_README_WORDS = 700
NAMED_FILE = re.compile(r"`((?:scraper|archive|tests|docs)/[\w/.-]+)`")
COMMAND = re.compile(r"(?:scrapy [a-z]+|python -m archive [a-z-]+)(?: [\w$=@:.…/-]+)*")
# a busy machine does not fail the test
PATIENT_LIMITS = {"request_seconds": 60.0, "worker_start_timeout": 60.0}
SCRAPY_WORDS = ("check", "fetch", "view", "shell", "runspider")  # Scrapy's own commands


def name_page(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def read_page(path: Path) -> str:
    return path.read_text("utf-8")


def read_code_blocks(path: Path, language: str) -> str:
    tokens = MarkdownIt("commonmark").parse(read_page(path))
    return "\n".join(
        token.content for token in tokens if token.type == "fence" and token.info == language
    )


def find_headings(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and the site form them."""
    titles = re.findall(r"^#+ (.+)$", read_page(path), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_readme_is_short() -> None:
    assert len(read_page(PAGES[0]).split()) <= MAX_README_WORDS


def test_the_readme_counts_the_agencies_as_their_page_does() -> None:
    counts = re.findall(
        r"^- \*(.+?)\* \((\d+)\)", read_page(ROOT / "docs/agencies.md"), re.MULTILINE
    )
    by_proof = {name: int(count) for name, count in counts}
    shown = re.search(
        r"Of the (\d+) agencies .+? (\d+) have been verified .+? of (\d+) more .+? other (\d+) have",
        read_page(PAGES[0]).replace("\n", " "),
    )
    assert shown, "README.md says how many agencies are proven"
    assert [int(number) for number in shown.groups()] == [
        sum(by_proof.values()),
        by_proof["Proven"],
        by_proof["Stored only"],
        by_proof["Declared only"],
    ]


def test_the_readme_leads_to_every_page() -> None:
    text = read_page(PAGES[0]).partition("## Documentation")[2]
    linked = re.findall(r"\]\(docs/([\w-]+)\.md\)", text)
    assert tuple(linked) == READING_ORDER, "the site lists the pages in the order of the README"
    assert set(linked) == {path.stem for path in ENGLISH_PAGES}
    referred = re.findall(r"\]\((docs/reference/[\w-]+\.md)\)", text)
    assert set(referred) == set(map(name_page, REFERENCE_PAGES))
    assert "](docs/sv)" in text


def test_every_page_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    patterns = [
        pattern
        for files in project["tool"]["setuptools"]["data-files"].values()
        for pattern in files
    ]
    installed = {path for pattern in patterns for path in ROOT.glob(pattern)}
    assert set(DOCS.rglob("*.md")) <= installed


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"].partition(" AND ")[0]  # else the fonts' own
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()


def test_the_entry_for_software_catalogues_is_of_this_version() -> None:
    """The limits are those of the publiccode.yml standard. The repository's address is not known here."""
    entry = yaml.safe_load((ROOT / "publiccode.yml").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert entry["softwareVersion"] == project["version"]
    assert entry["legal"]["license"] == project["license"]
    assert entry["description"]["en"]["shortDescription"] == project["description"]
    assert set(entry["localisation"]["availableLanguages"]) == set(entry["description"])
    for text in entry["description"].values():
        assert len(text["shortDescription"]) <= 150
        assert 150 <= len(text["longDescription"]) <= 10_000
        assert 5 <= len(text["features"]) <= 20


@pytest.mark.parametrize("path", [*PAGES, *ROOT_PAGES], ids=name_page)
def test_files_links_and_anchors_exist(path: Path) -> None:
    text = re.sub(r"^```.*?^```", "", read_page(path), flags=re.DOTALL | re.MULTILINE)
    missing = [name for name in NAMED_FILE.findall(text) if not (ROOT / name).exists()]
    for link in re.findall(r"\]\((?!https?:|/)([^)\s]+)\)", text):
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        if not target.exists() or (anchor and anchor not in find_headings(target)):
            missing.append(link)
        elif path.is_relative_to(DOCS):
            assert target.resolve().is_relative_to(DOCS), (
                f"{link} leads out of what the site serves"
            )
    assert missing == []


def list_parts(path: Path) -> list[str]:
    """Return a page's headings (as levels), tables, rows, list items and code blocks, in order."""
    parts = []
    for token in MarkdownIt("commonmark").enable("table").parse(read_page(path)):
        match token.type:
            case "heading_open":
                parts.append(token.tag)
            case "fence":
                parts.append(f"code {token.info}")
            case "table_open":
                parts.append("table")
            case "tr_open":
                parts.append("row")
            case "list_item_open":
                parts.append("item")
    return parts


@pytest.mark.parametrize("path", SWEDISH_PAGES, ids=name_page)
def test_a_swedish_page_has_the_parts_of_the_english_one(path: Path) -> None:
    """Whoever adds a section, row, item or example to one must add it to the other."""
    assert list_parts(path) == list_parts(DOCS / path.name)


@pytest.mark.parametrize("path", SWEDISH_PAGES, ids=name_page)
def test_a_swedish_page_has_the_commands_of_the_english_one(path: Path) -> None:
    """Only comments and invented addresses are translated."""
    english = DOCS / path.name
    for language in ("sh", "python", "yaml", ""):
        code = re.sub(" *# .*", "", read_code_blocks(path, language).replace("arkiv.", "archive."))
        code = code.replace('"Arkivet <arkiv@', '"Archive <archive@')
        assert code == re.sub(" *# .*", "", read_code_blocks(english, language))


@pytest.mark.parametrize("path", PAGES, ids=name_page)
def test_tables_are_whole(path: Path) -> None:
    """A blank line ends a table: its remaining rows would be printed as text."""
    blocks = re.split(r"\n{2,}", read_page(path))
    assert [
        block for block in blocks if block.startswith("|") and not re.match(r".+\n\| *---", block)
    ] == []


@pytest.mark.parametrize("path", PAGES, ids=name_page)
def test_make_targets_exist(path: Path) -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"`make (\w+)", read_page(path)))
    named |= set(re.findall(r"^make (\w+)", read_code_blocks(path, "sh"), re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("path", PAGES, ids=name_page)
def test_commands_and_their_options_exist(path: Path) -> None:
    code = read_code_blocks(path, "sh").replace("\\\n", " ")
    for command in COMMAND.findall(re.sub(r"\".*?\"|\[.*?\]", "text", code)):
        words = command.split()
        if words[1] not in SCRAPY_WORDS:
            check_command(words)


def test_scrapy_lists_the_commands_of_the_readme() -> None:
    code, printed = run_module("scrapy", [])
    assert code == 0
    for command in set(re.findall(r"bin/scrapy (\w+)", read_page(PAGES[0]))):
        assert f"  {command} " in printed


def test_the_example_of_a_page_class_is_that_file() -> None:
    file = ROOT / "scraper/pages/agencies/lakemedelsverket.py"
    assert read_code_blocks(ROOT / "docs/add-an-agency.md", "python") == file.read_text("utf-8")


FILE_NAME = re.compile(r"\w/|\w\.(?:py|html|sql|svg|tsv|toml|css|json)$")
SYMBOL = re.compile(r"_?[A-Za-z]+(?:_[a-z]+)*|[A-Z]+(?:_[A-Z]+)*")


def iter_missing_places(row: str, folder: Path) -> Iterator[str]:
    """Yield what a row of "Where do I change …" names and is not there.

    A file is beside the one before it, or in the folder of its table, or has its whole path. A
    name in brackets is in the file before it.
    """
    place = folder
    for name in re.findall(r"`([^`]+)`", row.rsplit(" | ", maxsplit=1)[-1]):
        if FILE_NAME.search(name):
            beside = place if place.is_dir() else place.parent
            found = [base / name for base in (beside, folder, ROOT) if (base / name).exists()]
            place = found[0] if found else place
        elif SYMBOL.fullmatch(name):
            found = [place] if place.is_file() and name in place.read_text("utf-8") else []
        else:
            continue  # a command
        if not found:
            yield name


def test_the_places_to_change_exist() -> None:
    section = read_page(ROOT / "docs/architecture.md").partition("## Where do I change")[2]
    tables = section.partition("\n## ")[0].split("\n### ")[1:]
    rows = [
        (re.findall(r"`(\S+/)`", table.splitlines()[0])[0], row)
        for table in tables
        for row in re.findall(r"^\| .+$", table, re.MULTILINE)
    ]
    assert len(rows) > 80
    missing = {
        row: names
        for folder, row in rows
        if (names := list(iter_missing_places(row, ROOT / folder)))
    }
    assert missing == {}


def find_examples() -> list[str]:
    """Return the curl commands of the first page about queries."""
    text = read_page(DOCS / "getting-started.md")
    return re.findall(r"^curl (?!-X).+?(?<!\\)\n", text, re.MULTILINE | re.DOTALL)


def build_path(example: str) -> str:
    """Return the path and query that a curl command requests."""
    words = shlex.split(example.replace("\\\n", " "))
    pairs = dict(
        words[i + 1].split("=", 1) for i, word in enumerate(words) if word == "--data-urlencode"
    )
    parts = urlsplit(next(word for word in words if word.startswith("http")))
    return f"{parts.path}?{urlencode(pairs) if pairs else quote(parts.query, safe='=&:%')}"


@pytest.mark.parametrize("number", range(3))
async def test_an_example_of_a_query_returns_rows(number: int, tmp_path: Path) -> None:
    example, archive = find_examples()[number], fill(tmp_path / "archive.db")
    with serve_with_limits(archive, PATIENT_LIMITS, sql_time_limit_ms=60_000) as site:
        response = await site.get(build_path(example))
    assert response.status_code == 200, response.text
    rows = response.text.splitlines()[1:] if ".csv" in example else response.json()
    assert len(rows) > 0


SEARCH_PAGES = [DOCS / "search.md", DOCS / "sv/search.md"]
# the archive of this test lacks the agency, person, tag or document, or the page explains the note
EXPECTED_NOTES = {"no_agency", "no_speaker", "no_tag", "no_reference", "day", "english"}


def find_searches(path: Path) -> list[str]:
    """Return the examples of searches; `field:` alone, `+` and parts of words are not whole."""
    spans = re.findall(r"`([^`\n]+)`", read_page(path))
    return [span for span in dict.fromkeys(spans) if len(span) > 1 and not span.endswith(":")]


@pytest.mark.parametrize("path", SEARCH_PAGES, ids=name_page)
async def test_searches_mean_what_the_page_says(path: Path, tmp_path: Path) -> None:
    """No example is misunderstood: the search would note an unknown field, say."""
    searches = find_searches(path)
    assert len(searches) > 40
    with served(fill(tmp_path / "archive.db"), sql_time_limit_ms=60_000) as datasette:
        for search in searches:
            response = await datasette.client.get(f"/search.json?{urlencode({'q': search})}")
            assert response.status_code == 200, response.text
            notes = {note["note"] for note in response.json()["notes"]}
            assert notes <= EXPECTED_NOTES, search


@pytest.mark.parametrize("path", [DOCS / "follow.md", DOCS / "sv/follow.md"], ids=name_page)
def test_the_example_verifies_the_signature_of_a_webhook(path: Path) -> None:
    names: dict[str, Any] = {}
    exec(compile(read_code_blocks(path, "python"), str(path), "exec"), names)  # noqa: S102
    key, body, now = b"skogsbruk", b'{"type": "subscription.report"}', datetime.now(UTC)
    secret = f"whsec_{b64encode(key).decode()}"
    headers = sign_webhook(key, "msg_1", now, body)
    assert names["is_genuine"](secret, headers, body)
    assert not names["is_genuine"](secret, headers, body + b" ")
    assert not names["is_genuine"](f"whsec_{b64encode(b'fisk').decode()}", headers, body)
    old = sign_webhook(key, "msg_1", now - timedelta(hours=1), body)
    assert not names["is_genuine"](secret, old, body)
