"""docs/reference says what the code says, and a schema of agencies.toml refuses what the loader
refuses.
"""

from __future__ import annotations

import inspect
import json
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from scrapy.settings import default_settings

import scraper.settings
from archive.database.schema import read_metadata
from scraper.agency import (
    AGENCY_KEYS,
    DEFAULT_AGENCIES_FILE,
    JSON_KEYS,
    MARK_TYPES,
    WIRE_SERVICES,
    Agency,
    JSONSource,
    parse_agency,
    parse_agency_value,
)
from scraper.errors import AgencyError
from tests.reference import BUILDERS, ROOT
from tests.reference.agency_keys import (
    read_entry_comments,
    read_field_comments,
    read_keys,
)
from tests.reference.agency_schema import SCHEMA_FILE
from tests.reference.commands import list_spiders, read_arguments
from tests.reference.settings import read_settings, read_variables
from tests.site import Site, agencies_toml

LIST = Path("list.toml")
TABLE = 'name = "Skogsrådet"\nhome = "https://www.skog.example/"\n'
# set by a command of ours for others
INTERNAL_SETTINGS = {"DISTRIBUTED_TOKEN", "DISTRIBUTED_HOST"}


@pytest.mark.parametrize("path", BUILDERS, ids=lambda path: path.name)
def test_a_generated_file_is_current(path: Path) -> None:
    assert path.read_text("utf-8") == BUILDERS[path](), "run: make reference"


@pytest.mark.parametrize("path", [path for path in BUILDERS if path.suffix == ".md"])
def test_a_generated_page_says_so_first(path: Path) -> None:
    paragraph = path.read_text("utf-8").split("\n\n")[1]
    assert "generated from the code by `make reference`" in " ".join(paragraph.split())


def test_every_setting_of_ours_is_described() -> None:
    own = {name for name in vars(scraper.settings) if name.isupper()} - vars(
        default_settings
    ).keys()
    described = [setting.name for setting in read_settings()]
    assert own - INTERNAL_SETTINGS <= set(described)
    assert len(described) == len(set(described))


def test_a_default_of_the_page_is_that_of_the_settings() -> None:
    for setting in read_settings():
        if setting.variable:
            assert setting.variable == setting.name
        else:
            assert getattr(scraper.settings, setting.name) == setting.default


def test_every_environment_variable_is_described() -> None:
    described = {name for section in read_variables().values() for name in section}
    described |= {setting.variable for setting in read_settings()}
    example = (ROOT / "scraper/deploy/environment.example").read_text("utf-8")
    named = set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))
    assert {re.sub("^PING_.+", "PING_<NAME>", name) for name in named} - described == set()


def test_every_key_of_an_agency_is_described() -> None:
    assert read_field_comments(Agency.__name__).keys() == AGENCY_KEYS.keys()
    assert read_field_comments(JSONSource.__name__).keys() == JSON_KEYS.keys()
    assert read_entry_comments("MARK_TYPES").keys() == MARK_TYPES.keys()
    listed = {name for name, service in WIRE_SERVICES.items() if service.list_url}
    assert read_entry_comments("WIRE_SERVICES").keys() == listed


@pytest.mark.parametrize("key", list(read_keys(Agency)), ids=lambda key: key.name)
def test_an_example_of_a_key_is_valid(key: Any) -> None:
    ((name, value),) = tomllib.loads(key.comment.example).items()
    assert name == key.name
    parse_agency_value(name, value)


def test_every_argument_of_a_spider_is_described() -> None:
    for name, cls in list_spiders().items():
        accepted, described = set[str](), set[str]()
        for each in cls.__mro__:
            if each.__module__.startswith("scraper."):
                if constructor := vars(each).get("__init__"):
                    accepted |= inspect.signature(constructor).parameters.keys()
                described |= {text.partition("=")[0] for text in read_arguments(each)}
        assert accepted - {"self", "arguments"} == described, name


def test_every_table_is_described() -> None:
    page = (ROOT / "docs/reference/tables.md").read_text("utf-8")
    for name, table in read_metadata()["databases"]["archive"]["tables"].items():
        assert (f"| `{name}` |" if table.get("hidden") else f"## {name}\n") in page


# The schema of agencies.toml


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json.loads(SCHEMA_FILE.read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def to_json(value: Any) -> Any:
    """Return a value of TOML as editors give it to a schema: dates are strings."""
    return json.loads(json.dumps(value, default=date.isoformat))


def find_errors(validator: Draft202012Validator, text: str) -> list[str]:
    found = validator.iter_errors(to_json(tomllib.loads(text)))
    return [f"{error.json_path}: {error.message}" for error in found]


def load(text: str) -> None:
    for slug, table in tomllib.loads(text).items():
        parse_agency(slug, table, LIST)


def test_the_lists_of_the_project_and_the_sample_site_fit_the_schema(
    validator: Draft202012Validator,
) -> None:
    text = DEFAULT_AGENCIES_FILE.read_text("utf-8")
    assert text.startswith(f"#:schema {SCHEMA_FILE.name}\n")
    assert find_errors(validator, text) == []
    with Site() as site:
        assert find_errors(validator, agencies_toml(site, "links")) == []


def test_all_examples_fit_the_schema(validator: Draft202012Validator) -> None:
    examples = [key.comment.example for key in read_keys(Agency)]
    assert find_errors(validator, "\n".join(["[skog]", *examples])) == []


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[Skog_1]\n…", "'Skog_1' does not match"),
        ("skog = 42", "42 is not of type 'object'"),
        ('[skog]\nname = "Skogsrådet"', "'home' is a required property"),
        ('[skog]\n…feedz = ["https://www.skog.example/rss"]', "'feedz' was unexpected"),
        ('[skog]\n…feeds = "https://www.skog.example/rss"', "is not of type 'array'"),
        ('[skog]\n…listings = ["www.skog.example/nyheter"]', "does not match"),
        ('[skog]\n…aliases = ["https://skog.example"]', "does not match"),
        ('[skog]\n…paused = " "', "does not match"),
        ("[skog]\n…browser = 1", "1 is not of type 'boolean'"),
        ('[skog]\n…attachments = "pdf"', "'pdf' is not one of"),
        ('[skog]\n…page = "polis"', "'polis' is not one of"),
        ('[skog]\n…wire = "viatt"', "'viatt' is not valid under any"),
        ('[skog]\n…wire = ["tt:5"]', "is not valid under any"),
        ('[skog]\n…past = ["web.archive.org"]', "does not match"),
        ('[skog]\n…json = {url = "https://skog.example/n", items = "a"}', "is not valid under any"),
        (
            '[skog]\n…survey = {tried = 2026-12-01, verdict = "good", read = 1}',
            "'good' is not one of",
        ),
        (
            '[skog]\n…survey = {tried = 2026-12-01, verdict = "works", read = 1, right = 1}',
            "'judged' is a dependency of 'right'",
        ),
    ],
)
def test_what_the_schema_refuses_the_loader_refuses_too(
    text: str, error: str, validator: Draft202012Validator
) -> None:
    text = text.replace("…", TABLE)
    assert error in str(find_errors(validator, text))
    with pytest.raises(AgencyError):
        load(text)


def test_the_schema_refuses_nothing_else(validator: Draft202012Validator) -> None:
    """What the loader accepts, although it looks unusual."""
    text = f"""
[a-1]
{TABLE}
wire = [" viatt : 3235664 ", "mynewsdesk:https://www.mynewsdesk.com/se/skog/pressreleases"]
json = []
listings = ["HTTP://Skogsrådet.example:8080/nyheter"]
past = [" https://web.archive.org/  Ett arkiv "]
survey = {{tried = 2026-12-01, verdict = "gone", read = 0, judged = 0, right = 0, seen = 2026-12-02}}
files = false
paused = " x "
"""
    load(text)
    assert find_errors(validator, text) == []
