"""Rules for the shape of the code: one meaning per name, no module too long, imports from where a
name is defined.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = [path for name in ("archive", "scraper") for path in (ROOT / name).rglob("*.py")]
MAX_MODULES = 240
MAX_LINES = 950  # of a module
MAX_SAME_NAME = 3  # modules that define a public function of one name
# Datasette calls its hooks by name, Scrapy its commands by their class's.
HOOKS = {
    *(
        "asgi_wrapper",
        "extra_template_vars",
        "handle_exception",
        "register_routes",
        "startup",
        "prepare_connection",
    ),
}
COMMAND = "Command"


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.fixture(scope="module")
def modules() -> dict[str, ast.Module]:
    """The parsed modules; parsing them takes a second, which a run of other tests need not
    spend.
    """
    return {module_name(path): ast.parse(path.read_text("utf-8")) for path in SOURCES}


def defined_names(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def public_names(tree: ast.Module) -> set[str]:
    """Return the names in `__all__`: the interface of a deep package (docs/architecture.md)."""
    for node in tree.body:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == "__all__"
        ):
            return set(ast.literal_eval(node.value))
    return set()


def test_a_class_name_has_one_meaning(modules: dict[str, ast.Module]) -> None:
    where: dict[str, list[str]] = defaultdict(list)
    for name, tree in modules.items():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.ClassDef)
                and not node.name.startswith("_")
                and node.name != COMMAND
            ):
                where[node.name].append(name)
    assert {name: modules for name, modules in where.items() if len(modules) > 1} == {}


def test_a_function_name_is_no_catch_all(modules: dict[str, ast.Module]) -> None:
    where: dict[str, list[str]] = defaultdict(list)
    for name, tree in modules.items():
        for node in tree.body:
            if isinstance(
                node, ast.FunctionDef | ast.AsyncFunctionDef
            ) and not node.name.startswith("_"):
                where[node.name].append(name)
    shared = {
        name: modules
        for name, modules in where.items()
        if len(modules) > MAX_SAME_NAME and name not in HOOKS
    }
    assert shared == {}
    assert {"tell", "find", "choose", "to_entry", "say"} & where.keys() == set()


def test_modules_can_be_read_in_one_go() -> None:
    lines = {module_name(path): path.read_text("utf-8").count("\n") for path in SOURCES}
    assert {name: count for name, count in lines.items() if count > MAX_LINES} == {}


def test_there_are_few_modules() -> None:
    assert len(SOURCES) <= MAX_MODULES


def test_names_are_imported_from_where_they_are_defined(modules: dict[str, ast.Module]) -> None:
    known = {name: defined_names(tree) for name, tree in modules.items()}
    elsewhere = [
        f"{name}: {alias.name} is not defined in {node.module}"
        for name, tree in modules.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in known
        for alias in node.names
        if alias.name not in known[node.module] | public_names(modules[node.module])
        and f"{node.module}.{alias.name}" not in known
    ]
    assert elsewhere == []


def test_no_two_packages_import_each_other_not_even_for_types(
    modules: dict[str, ast.Module],
) -> None:
    """import-linter's layers leave out imports that are only for types."""
    imported: dict[str, set[str]] = defaultdict(set)
    for name, tree in modules.items():
        package = ".".join(name.split(".")[:2])
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.ImportFrom)
                and node.module
                and node.module.split(".")[0] in ("archive", "scraper")
            ):
                imported[package].add(".".join(node.module.split(".")[:2]))
    pairs = {
        (one, other)
        for one, others in imported.items()
        for other in others
        if one in imported.get(other, ())
    }
    assert {pair for pair in pairs if pair[0] < pair[1]} == set()
