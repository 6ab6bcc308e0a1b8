"""The catalogues of interface texts agree with each other and with the code and templates that use
them.
"""

from __future__ import annotations

import ast
import re
import shutil
import string
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

from archive import i18n
from archive.attachments.attachment_store import PROBLEMS
from archive.changes.edits_and_removals import UPDATE_STAMPS
from archive.changes.importance import KIND_IMPORTANCE
from archive.database.removals import REMOVAL_KINDS
from archive.health.health_report import STATE_ORDER
from archive.health.metrics import TRACKED_FIELDS
from archive.i18n import CATALOGUE_FILE, IMPORTANCE_LEVELS, LANGUAGES, LOCALE_FOLDER, find_text
from archive.plugins.archive_site import VIEWS
from archive.search.search_request import FACETS
from archive.views.many_searches import BATCH_COLUMNS
from archive.views.search import CHANGE_COLUMNS, FORMER, LOOSE, SEARCH_COLUMNS, STRICT
from archive.web import list_routes
from archive.web.exports import NUMBER, RELEASE_COLUMNS
from scraper.normalise.conversion import KIND_PHRASES
from tests.archive.sample import ROOT

KEY = re.compile(r"[a-z_]+\.[\w.-]+")
FILE_NAME = re.compile(r".*\.(html|xml|json|csv|atom|txt|db|zip|css|svg|png|md|sql|toml|py)")
COMMAND_LINE = re.compile(r"python -m|scrapy |pip install|\bmake [a-z]+`|--\w")
NONE_FOUND = (
    "never_crawled",
    "never_crawled_agency",
    "unchecked",
    "none_hint",
    "none_since",
    "none_yet",
)


def read_columns() -> set[str]:
    """Return the columns of lists that are offered as Excel, also with the name of their list."""
    routes = (route for module in VIEWS for route in list_routes(module))
    operations = (getattr(view, "operation", None) for _, view in routes)
    shown = [each for each in operations if each and "xlsx" in each.formats]
    names = {"release", *RELEASE_COLUMNS, *BATCH_COLUMNS, *CHANGE_COLUMNS}
    names |= {name for columns in SEARCH_COLUMNS.values() for name in columns}
    names |= {name for each in shown for name in each.columns}
    names = {name.rstrip(NUMBER) for name in names}
    own = {f"{each.rows_name}.{name}" for each in shown for name in each.columns}
    return names | {name for name in own if find_text("sv", f"column.{name}")}


KEY_ENDINGS: dict[str, Iterable[str]] = {  # of keys that are built at run time, by their prefix
    "month_name.": map(str, range(1, 13)),
    "release_kind.": KIND_PHRASES,
    "importance.": (name for _, _, name in IMPORTANCE_LEVELS),
    "language.": ("sv", "en"),
    "removal.": (*REMOVAL_KINDS, "unlisted"),
    "removals.kind.": REMOVAL_KINDS,
    "edits.update_date.": UPDATE_STAMPS,
    "health.state.": STATE_ORDER,
    "health.field.": TRACKED_FIELDS,
    "status.field.": TRACKED_FIELDS,
    "search.facet.": FACETS,
    "alert.heading.": ("faults", "recoveries", "passed"),
    "alert.count.": ("faults", "recoveries", "passed"),
    "history.event.": ("first", "edit", "reread", "same", "import", "import.captured"),
    "release_status.": (
        *("gone", "doubt", "moved", "outage", "forbidden", "unread", "hidden", "redacted"),
        *("outage_since", "forbidden_since", "unread_since"),
    ),
    "edits.": NONE_FOUND,
    "removals.": (*NONE_FOUND, "unconfirmed"),
    "attachment.problem.": PROBLEMS,
    "attachment.pages.": ("pdf", "xlsx"),
    "search.in_attachment.": ("pdf", "docx", "xlsx", "odt"),
    "diff.": ("question_number", "answered_by"),
    "diff.note.": ("reordered", "layout_only"),
    "error.": map(str, (400, 403, 404, 405, 408, 413, 415, 429, 500, 503)),
    "change.action.": (
        f"{action}.{form}"
        for action in ("changed", "added", "removed", "moved")
        for form in ("common", "neuter", "plural")
    ),
    "column.": read_columns(),
    "value.match.": (STRICT, LOOSE, FORMER),
    "value.change.": ("former", "removed", "added", "edited"),
    "value.status.": ("current", "unchecked", "removed", "edited", "collection"),
    "value.takedown.": ("hide", "redact"),
    "value.period.": ("undated",),
    "change.": (*KIND_IMPORTANCE, "none", "hour_added", "hour_removed"),
}


def read_catalogue(language: str) -> Catalog:
    with (LOCALE_FOLDER / language / CATALOGUE_FILE).with_suffix(".po").open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


BUILT_KEYS = {
    prefix: {f"{prefix}{ending}" for ending in endings} for prefix, endings in KEY_ENDINGS.items()
}
CATALOGUES = {language: read_catalogue(language) for language in LANGUAGES}


def get_key(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


MESSAGES = {
    language: {get_key(message): message for message in catalogue if message.id}
    for language, catalogue in CATALOGUES.items()
}
KEYS = set(MESSAGES[LANGUAGES[0]])
GROUPS = {key.split(".")[0] for key in KEYS}


def get_forms(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ("",))


def find_placeholders(message: Message) -> set[str]:
    return {
        name
        for form in get_forms(message)
        for _, name, _, _ in string.Formatter().parse(form)
        if name
    }


@cache
def list_template_calls() -> list[nodes.Call]:
    parse, paths = Environment(autoescape=True).parse, (ROOT / "archive/templates").iterdir()
    return [
        call
        for path in paths
        for call in parse(path.read_text(encoding="utf-8")).find_all(nodes.Call)
    ]


def iter_template_calls(function: str) -> Iterator[tuple[nodes.Expr, set[str] | None]]:
    """Yield the first argument and the keywords of each call of a function; None if it has a **
    argument.
    """
    for call in list_template_calls():
        if isinstance(call.node, nodes.Name) and call.node.name == function:
            yield (
                call.args[0],
                None if call.dyn_kwargs else {keyword.key for keyword in call.kwargs},
            )


def iter_results(expression: nodes.Node | None) -> Iterator[str]:
    """Yield the texts that an expression may return, and the prefixes of those that it builds."""
    if isinstance(expression, nodes.Const):
        yield expression.value
    elif isinstance(expression, nodes.CondExpr):
        yield from iter_results(expression.expr1)
        yield from iter_results(expression.expr2)
    elif isinstance(expression, nodes.Concat):
        yield from iter_results(expression.nodes[0])


def iter_python_trees() -> Iterator[ast.AST]:
    for package in ("archive", "scraper"):
        for path in Path(ROOT / package).rglob("*.py"):
            yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def find_used_keys() -> tuple[set[str], set[str]]:
    """Return the keys in templates and code, and the prefixes of those that they build."""
    keys: set[str] = set()
    prefixes: set[str] = set()
    for argument, _ in iter_template_calls("t"):
        for constant in iter_results(argument):
            (prefixes if constant.endswith(".") else keys).add(constant)
    for argument, _ in iter_template_calls("t_code"):
        assert isinstance(argument, nodes.Const)
        prefixes.add(f"{argument.value}.")
    for node in iter_python_trees():
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and node.value.split(".")[0] in GROUPS
        ):
            if node.value.endswith("."):
                prefixes.add(node.value)
            elif node.value in KEYS or (
                KEY.fullmatch(node.value) and not FILE_NAME.fullmatch(node.value)
            ):
                keys.add(node.value)
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "translate_code"
        ):
            group = node.args[1]
            prefixes.add(f"{group.value!s}." if isinstance(group, ast.Constant) else "")
    return keys, prefixes - {""}


def test_no_text_is_missing_or_unused() -> None:
    used_keys, used_prefixes = find_used_keys()
    used_keys |= {key for key in KEYS if key.removesuffix(".captured") in used_keys}
    assert used_keys.union(*BUILT_KEYS.values()) - KEYS == set()
    assert {
        prefix for prefix in used_prefixes if not any(key.startswith(prefix) for key in KEYS)
    } == set()
    unlisted = tuple(used_prefixes - set(BUILT_KEYS))
    assert {
        key
        for key in KEYS.difference(used_keys, *BUILT_KEYS.values())
        if not key.startswith(unlisted)
    } == set()


def test_what_is_said_of_collections_is_said_of_web_archives_in_other_words() -> None:
    about = {key for key in KEYS if "collection" in find_placeholders(MESSAGES["sv"][key])}
    of_collections = {key for key in about if ".captured" not in key}
    assert {f"{key}.captured" for key in of_collections} <= KEYS
    read = re.compile(r"\bläst|\bkontrollera|\bsamling|\bimport", re.IGNORECASE)
    captured = [key for key in KEYS if key.endswith(".captured")]
    assert [
        key
        for key in captured
        if read.search(re.sub(r"{.*?}", "", str(get_forms(MESSAGES["sv"][key]))))
    ] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_text(language: str) -> None:
    messages = MESSAGES[language]
    assert set(messages) == KEYS
    assert [key for key, message in messages.items() if not all(get_forms(message))] == []
    assert [key for key, message in messages.items() if message.fuzzy] == []
    # `make texts` takes the plural away from a text that has none in Swedish
    assert {
        key
        for key in KEYS
        if messages[key].pluralizable != MESSAGES[LANGUAGES[0]][key].pluralizable
    } == set()
    assert not CATALOGUES[language].obsolete


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_are_those_that_templates_fill_in(language: str) -> None:
    default = MESSAGES[LANGUAGES[0]]
    placeholders = {key: find_placeholders(message) for key, message in MESSAGES[language].items()}
    assert [
        key for key, names in placeholders.items() if names != find_placeholders(default[key])
    ] == []
    assert [
        (argument.value, names)
        for argument, names in iter_template_calls("t")
        if isinstance(argument, nodes.Const)
        and names is not None
        and not placeholders[argument.value] <= names
    ] == []


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "sv"])
def test_no_text_is_left_in_swedish(language: str) -> None:
    """`make texts` copies the Swedish text of a new key to the other languages, where it must be
    translated.
    """
    same = [
        key
        for key, message in MESSAGES[language].items()
        if (text := get_forms(message)) == get_forms(MESSAGES["sv"][key])
        if " " in text[0] and re.search(r"[a-zåäö]{4}", re.sub(r"\{.*?\}", "", text[0]))
    ]
    assert [
        key for key in same if not key.startswith("search.example.") and key != "change.negation"
    ] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_for_readers_is_a_command_line(language: str) -> None:
    texts = {
        key: get_forms(message)
        for key, message in MESSAGES[language].items()
        if not key.startswith("guide.")
    }
    assert [
        key for key, forms in texts.items() if any(COMMAND_LINE.search(form) for form in forms)
    ] == []


def test_another_language_needs_only_a_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(LOCALE_FOLDER / "sv", tmp_path / "sv")
    source = (tmp_path / "fi" / CATALOGUE_FILE).with_suffix(".po")
    source.parent.mkdir(parents=True)
    source.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain;'
        ' charset=utf-8\\n"\n\nmsgid'
        ' "language_name"\nmsgstr "Suomi"\n'
    )
    monkeypatch.setattr(i18n, "LOCALE_FOLDER", tmp_path)
    finnish = i18n.read_catalogue("fi")
    assert (finnish.gettext("language_name"), finnish.gettext("site.search")) == ("Suomi", "Sök")
