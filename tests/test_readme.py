"""The README is held true: its commands exist and its API examples answer."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import httpx
import pytest

from tests.archive.sample import fill, served

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
EXAMPLES = re.findall(r"^curl .+?(?<!\\)\n", README, re.MULTILINE | re.DOTALL)


def asked(example: str) -> str:
    """The path and query that a curl command asks for."""
    words = shlex.split(example.replace("\\\n", " "))
    pairs = dict(words[i + 1].split("=", 1) for i, word in enumerate(words) if word == "--data-urlencode")
    url = next(word for word in words if word.startswith("http"))
    parts = urlsplit(url)
    return f"{parts.path}?{urlencode(pairs) if pairs else quote(parts.query, safe='=&:%')}"


@pytest.mark.parametrize("example", EXAMPLES)
async def test_an_api_example_answers_with_rows(example: str, tmp_path: Path) -> None:
    with served(fill(tmp_path / "archive.db")) as datasette:
        answer: httpx.Response = await datasette.client.get(asked(example))
    assert answer.status_code == 200
    rows = answer.text.splitlines()[1:] if ".csv" in example else answer.json()
    assert len(rows) > 0


def test_there_are_three_examples() -> None:
    assert len(EXAMPLES) == 3


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"`?make (\w+)", README)) - {"is"} <= targets


def test_files_it_names_exist() -> None:
    named = re.findall(r"`((?:scraper|archive|tests)/[\w/.]+)`", README) + re.findall(r"\]\(([\w/.]+)\)", README)
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_commands_it_names_exist() -> None:
    listed = subprocess.run([sys.executable, "-m", "scrapy"], cwd=ROOT, capture_output=True, text=True, check=True)
    for command in set(re.findall(r"bin/scrapy (\w+)", README)):
        assert f"  {command} " in listed.stdout
