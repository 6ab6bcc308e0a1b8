"""Rules for the shape of the code: one meaning per name, no module too long, imports from where a
name is defined.
"""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = [path for name in ("archive", "scraper") for path in (ROOT / name).rglob("*.py")]
MAX_MODULES = 264
MAX_LINES = 1_000  # of a module
MAX_FACE_NAMES = 30  # that a package offers itself
MAX_SAME_NAME = 3  # modules that define a public function of one name
# Datasette calls its hooks by name, Scrapy its commands by their class's.
HOOKS = {
    *("asgi_wrapper", "extra_template_vars", "handle_exception"),
    *("register_routes", "startup", "prepare_connection"),
}
COMMAND = "Command"
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
MAX_WAYS, MANY_WAYS = 15, 10  # ways through a function
MAX_BUSY_FUNCTIONS = 95  # with more than MANY_WAYS


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
        if isinstance(node, FUNCTION | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def public_names(tree: ast.Module) -> set[str]:
    """Return the names in `__all__`: the interface of a deep package (docs/architecture.md)."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def group_by_name(
    modules: Mapping[str, ast.Module], nodes: Callable[[ast.Module], Iterable[ast.AST]], kind: Any
) -> dict[str, list[str]]:
    """Return the modules that define each public name, by nodes of a kind."""
    where: dict[str, list[str]] = defaultdict(list)
    for module, tree in modules.items():
        for node in nodes(tree):
            if isinstance(node, kind) and not node.name.startswith("_"):
                where[node.name].append(module)
    return where


def test_a_class_name_has_one_meaning(modules: dict[str, ast.Module]) -> None:
    where = group_by_name(modules, ast.walk, ast.ClassDef)
    shared = {name for name, found in where.items() if len(found) > 1}
    assert shared - {COMMAND} == set()


def test_a_function_name_is_no_catch_all(modules: dict[str, ast.Module]) -> None:
    where = group_by_name(modules, lambda tree: tree.body, FUNCTION)
    shared = {name for name, found in where.items() if len(found) > MAX_SAME_NAME}
    assert shared - HOOKS == set()
    assert {"tell", "find", "choose", "to_entry", "say"} & where.keys() == set()


def test_modules_can_be_read_in_one_go() -> None:
    lines = {module_name(path): path.read_text("utf-8").count("\n") for path in SOURCES}
    assert {name: count for name, count in lines.items() if count > MAX_LINES} == {}


BRANCHES = (
    *(ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.IfExp, ast.Assert),
    ast.match_case,
)


def count_ways(function: ast.AST) -> int:
    """Return the ways through a function, as radon counts them: branches, conditions, loops."""
    total = 1
    for node in ast.walk(function):
        if isinstance(node, BRANCHES):
            total += 1
        elif isinstance(node, ast.BoolOp):
            total += len(node.values) - 1
        elif isinstance(node, ast.comprehension):
            total += 1 + len(node.ifs)
    return total


def test_functions_can_be_followed(modules: dict[str, ast.Module]) -> None:
    ways = {
        f"{module}.{node.name}": count_ways(node)
        for module, tree in modules.items()
        for node in ast.walk(tree)
        if isinstance(node, FUNCTION)
    }
    hard = {name for name, number in ways.items() if number > MAX_WAYS}
    assert not hard, "name its steps"
    assert sum(number > MANY_WAYS for number in ways.values()) <= MAX_BUSY_FUNCTIONS


def test_there_are_few_modules() -> None:
    page_classes = ROOT / "scraper/pages/agencies"  # any agency may have one
    count = sum(page_classes not in path.parents for path in SOURCES)
    assert count <= MAX_MODULES, "prefer a module that is there, or raise MAX_MODULES"


def test_names_are_imported_from_where_they_are_defined(modules: dict[str, ast.Module]) -> None:
    known = {name: defined_names(tree) for name, tree in modules.items()}
    elsewhere = [
        f"{importer}: {name} is not defined in {module}"
        for importer, module, name in iter_imports(modules)
        if name not in {"*"} | known[module] | public_names(modules[module])
    ]
    assert elsewhere == []


def find_room(name: str, modules: Mapping[str, ast.Module]) -> str:
    """Return the package right below archive or scraper in which a module is; or the module."""
    room = ".".join(name.split(".")[:2])
    return room if room in modules else name


def list_offered_modules(room: str, modules: Mapping[str, ast.Module]) -> set[str]:
    """Return the modules that the docstring of a room names, in its indented lines."""
    docstring = ast.get_docstring(modules[room]) or ""
    words = {
        word for line in docstring.splitlines() if line.startswith("    ") for word in line.split()
    }
    return {f"{room}.{word}" for word in words if f"{room}.{word}" in modules}


def iter_imports(
    modules: Mapping[str, ast.Module],
) -> Iterator[tuple[str, str, str]]:
    """Yield each name that a module imports from the project: importer, module, name."""
    for importer, tree in modules.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module in modules:
                for alias in node.names:
                    whole = f"{node.module}.{alias.name}"
                    if whole in modules:
                        yield importer, whole, "*"
                    else:
                        yield importer, node.module, alias.name


def test_a_room_is_entered_by_its_face(modules: dict[str, ast.Module]) -> None:
    """Other rooms import from a package itself, or from a module that its docstring names."""
    deep = [
        f"{importer}: {name} from {module}"
        for importer, module, name in iter_imports(modules)
        if (room := find_room(module, modules)) not in (module, find_room(importer, modules))
        and module not in list_offered_modules(room, modules)
        and importer != "archive.plugins.archive_site"
    ]
    assert deep == []


def test_each_room_has_a_face_and_no_other_code(modules: dict[str, ast.Module]) -> None:
    for path in SOURCES:
        if path.name != "__init__.py" or path.parents[1] == ROOT:
            continue
        tree = modules[module_name(path)]
        assert ast.get_docstring(tree), f"{path}: says what the room is for"
        assert len(public_names(tree)) <= MAX_FACE_NAMES, path
        beside = {each.stem for each in path.parent.iterdir()}
        assert not public_names(tree) & beside, f"{path}: a name would hide the module"
        for node in tree.body[1:]:
            assert isinstance(node, ast.ImportFrom | ast.Assign), f"{path}:{node.lineno}"


def test_private_names_stay_in_their_module(modules: dict[str, ast.Module]) -> None:
    imported = [
        f"{importer}: {name}"
        for importer, _, name in iter_imports(modules)
        if name.startswith("_") and not name.startswith("__")
    ]
    assert imported == []


def test_what_only_its_own_module_uses_is_private(modules: dict[str, ast.Module]) -> None:
    """Functions that tests call keep their name."""
    used = {(module, name) for _, module, name in iter_imports(modules)}
    tests = " ".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py"))
    tested = set(re.findall(r"\w+", tests))
    attributes = {
        node.attr
        for tree in modules.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
    }
    public = [
        f"{module}.{node.name}"
        for module, tree in modules.items()
        if not module.endswith(("__main__", "archive_site")) and ".commands." not in module
        for node in tree.body
        if isinstance(node, FUNCTION)
        and not node.name.startswith("_")
        and (module, node.name) not in used
        and node.name not in tested | attributes
    ]
    assert public == []


def test_a_file_name_is_used_once() -> None:
    """Except Scrapy's own conventions: a spider and a command may be named after what they do."""
    names = Counter(
        path.name
        for path in SOURCES
        if path.name not in ("__init__.py", "__main__.py")
        and path.parent.name not in ("commands", "spiders", "views")
    )
    assert [name for name, number in names.items() if number > 1] == []


def test_no_two_packages_import_each_other_not_even_for_types(
    modules: dict[str, ast.Module],
) -> None:
    """import-linter's layers leave out imports that are only for types."""
    pairs = set()
    for importer, module, _ in iter_imports(modules):
        one, other = (".".join(name.split(".")[:2]) for name in (importer, module))
        pairs.add((one, other))
    assert {(one, other) for one, other in pairs if one < other and (other, one) in pairs} == set()
