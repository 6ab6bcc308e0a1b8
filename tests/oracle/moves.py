"""python -m tests.oracle.moves MAPPING [--only PREFIX …]: move modules and names to the places that a table names.

MAPPING is a TSV with the columns `today` and `target`, both paths; "old.py: a, b" moves single
names. Run it in the root of a checkout without uncommitted changes. Imports, and paths and dotted
names in strings, comments and documents follow. Names that would clash, and what must be done by
hand, are printed; after a clash nothing is written.
"""

from __future__ import annotations

import argparse
import ast
import csv
import io
import re
import subprocess
import sys
import tokenize
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOTS = ("archive", "scraper", "tests")
TEXTS = (
    "*.py",
    "*.md",
    "*.toml",
    "*.cfg",
    "Makefile",
    "*.html",
    "*.sql",
    "*.po",
    "*.json",
    "*.yaml",
    "*.yml",
)
FUTURE = "from __future__ import annotations"


@dataclass(frozen=True, kw_only=True)
class Part:
    """A statement of a module with the comments above it, and the names that it binds."""

    module: Module
    text: str
    node: ast.stmt
    names: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class ImportedName:
    """How a module gets a name. name: None for a whole module."""

    module: str
    name: str | None
    only_for_types: bool


@dataclass
class Module:
    """A module: its docstring, imports and other statements."""

    path: str
    text: str
    docstring: str = ""
    parts: list[Part] = field(default_factory=list)
    imports: dict[str, ImportedName] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return to_dotted(self.path)

    @property
    def defined(self) -> set[str]:
        return {name for part in self.parts for name in part.names}


@dataclass
class Plan:
    """Where modules and single names go."""

    modules: dict[str, str] = field(default_factory=dict)
    names: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))

    def place(self, path: str, name: str | None = None) -> str:
        """Return the path to which a module, or a name of it, goes."""
        whole = self.modules.get(path, path)
        return self.names.get(path, {}).get(name or "", whole)


def to_dotted(path: str) -> str:
    """Return the name of a module.

    >>> to_dotted("archive/search/__init__.py"), to_dotted("archive/urls.py")
    ('archive.search', 'archive.urls')
    """
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def read_plan(mapping: Path, only: Collection[str]) -> Plan:
    """Read the table.

    only: leave what goes elsewhere than to these beginnings of paths where it is.
    """
    plan = Plan()
    with mapping.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            path, _, names = row["today"].strip().partition(":")
            target = row["target"]
            if path.startswith("(new)") or not target:
                continue
            is_chosen = not only or target.startswith(tuple(only))
            if not names:
                plan.modules[path] = target if is_chosen else path
            elif is_chosen:
                plan.names[path].update({name.strip(): target for name in names.split(",")})
    return plan


def list_files(*patterns: str) -> list[str]:
    found = subprocess.run(
        ["git", "ls-files", "--", *patterns], capture_output=True, text=True, check=True
    )
    return [path for path in found.stdout.splitlines() if Path(path).is_file()]


def run_git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True)


# Reading


def read_module(path: str) -> Module:
    """Parse a file into its docstring, its imports and its other statements."""
    text = Path(path).read_text("utf-8")
    module, lines, end = Module(path, text), text.splitlines(keepends=True), 0
    for number, node in enumerate(ast.parse(text).body):
        start, end = end, node.end_lineno or 0
        if number == 0 and is_docstring(node):
            module.docstring = "".join(lines[start:end])
        elif (imports := list_imports(node)) is not None:
            for each in imports:
                add_imports(module, each, only_for_types=isinstance(node, ast.If))
        else:
            text = "".join(lines[start:end])
            module.parts.append(
                Part(module=module, text=text, node=node, names=frozenset(find_bound_names(node)))
            )
    return module


def is_docstring(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def list_imports(node: ast.stmt) -> list[ast.stmt] | None:
    """Return the imports of a statement, also those for types only; None if it is another statement."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [node]
    if (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
    ):
        return node.body
    return None


def add_imports(module: Module, node: ast.stmt, *, only_for_types: bool) -> None:
    if isinstance(node, ast.ImportFrom):
        for alias in node.names:
            found = ImportedName(
                module=node.module or "", name=alias.name, only_for_types=only_for_types
            )
            module.imports[alias.asname or alias.name] = found
    elif isinstance(node, ast.Import):
        for alias in node.names:
            found = ImportedName(module=alias.name, name=None, only_for_types=only_for_types)
            module.imports.setdefault(alias.asname or alias.name.partition(".")[0], found)


def find_bound_names(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement of a module binds."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
        return
    bound: list[ast.AST] = [node]
    if isinstance(node, ast.Assign):  # its value may have names of its own
        bound = [*node.targets]
    elif isinstance(node, ast.AnnAssign):
        bound = [node.target]
    for each in bound:
        for name in ast.walk(each):
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store):
                yield name.id


def find_used_names(node: ast.stmt) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


# Moving


class Mover:
    """Applies a plan to the checkout in the current folder."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        modules = [read_module(path) for path in list_files("*.py") if path.split("/")[0] in ROOTS]
        self.modules = {module.path: module for module in modules}
        self.by_name = {module.name: module for module in modules}
        # by their new path, in the order of the table
        self.parts: dict[str, list[Part]] = defaultdict(list)
        self.clashes: list[str] = [
            f"{path}: no such module" for path in plan.modules if path not in self.modules
        ]
        self.notes: list[str] = []
        for path in plan.modules:
            for part in self.modules[path].parts if path in self.modules else ():
                self.parts[self.place_part(part)].append(part)
        self.rebuilt = self.find_rebuilt()

    def place_part(self, part: Part) -> str:
        path = part.module.path
        places = {self.plan.place(path, name) for name in part.names} or {self.plan.place(path)}
        if len(places) > 1:
            self.clashes.append(
                f"{path}: {', '.join(sorted(part.names))} would go to {', '.join(sorted(places))}"
            )
        return min(places)

    def find_rebuilt(self) -> set[str]:
        """Return the paths of modules that are put together from parts of several, or that lose parts."""
        sources = {
            target: {part.module.path for part in parts} for target, parts in self.parts.items()
        }
        targets: dict[str, set[str]] = defaultdict(set)
        for target, paths in sources.items():
            for path in paths:
                targets[path].add(target)
        return {
            target
            for target, paths in sources.items()
            if len(paths) > 1 or any(len(targets[path]) > 1 for path in paths)
        }

    def locate(self, module_name: str, name: str) -> tuple[str, str | None]:
        """Return the new module and the name of what is imported; the name is None for a module of a package."""
        module = self.by_name.get(module_name)
        if module and name in module.defined:
            return to_dotted(self.plan.place(module.path, name)), name
        if module and name in module.imports:
            found = module.imports[name]
            if found.name and found.module.split(".")[0] in ROOTS:
                return self.locate(found.module, found.name)
        if submodule := self.by_name.get(f"{module_name}.{name}"):
            return to_dotted(self.plan.place(submodule.path)), None
        return module_name, name

    def format_import(self, module_name: str, name: str, local: str) -> str:
        new, found = self.locate(module_name, name)
        if found is None:
            new, _, found = new.rpartition(".")
        return f"from {new} import {found}" + (f" as {local}" if local != found else "")

    def rewrite_imports(self, path: str, text: str) -> str:
        """Return a module's text with imports of the new places, one on a line; a formatter joins them."""
        lines = text.splitlines(keepends=True)
        edits: list[tuple[int, int, list[str]]] = []
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                moved = [alias.name for alias in node.names if self.is_moved(alias.name)]
                self.notes += [f"{path}:{node.lineno}: import {name}: by hand" for name in moved]
            elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ROOTS:
                new = [
                    self.format_import(str(node.module), each.name, each.asname or each.name)
                    for each in node.names
                ]
                old = [
                    f"from {node.module} import {each.name}"
                    for each in node.names
                    if not each.asname
                ]
                if new != old:
                    indent = " " * node.col_offset
                    block = [f"{indent}{line}\n" for line in dict.fromkeys(new)]
                    edits.append((node.lineno, node.end_lineno or node.lineno, block))
        for start, end, block in sorted(edits, reverse=True):
            lines[start - 1 : end] = block
        return "".join(lines)

    def is_moved(self, module_name: str) -> bool:
        module = self.by_name.get(module_name)
        return module is not None and self.plan.place(module.path) != module.path

    def build(self, target: str) -> str:
        """Return the text of a module that is put together from parts."""
        parts = self.take_once(target)
        owners = {name: part.module.path for part in parts for name in part.names}
        imports: dict[str, str] = {}
        typing: dict[str, str] = {}
        for part in parts:
            for name in sorted(find_used_names(part.node)):
                line, only_for_types = self.find_import(target, part.module, name, owners)
                if not line:
                    continue
                if imports.get(name, line) != line:
                    self.clashes.append(f"{target}: {name} is {imports[name]!r} and {line!r}")
                (typing if only_for_types else imports)[name] = line
        return self.format_module(
            target, parts, imports, {n: t for n, t in typing.items() if n not in imports}
        )

    def take_once(self, target: str) -> list[Part]:
        """Return the parts of a module, equal ones once; note names that are defined twice."""
        seen: set[str] = set()
        owners: dict[str, str] = {}
        taken = []
        for part in self.parts[target]:
            code = ast.unparse(part.node)
            if code in seen and part.names:
                continue
            seen.add(code)
            for name in part.names:
                owner = owners.setdefault(name, part.module.path)
                if owner != part.module.path:
                    self.clashes.append(
                        f"{target}: {name} is defined in {owner} and in {part.module.path}"
                    )
            taken.append(part)
        return taken

    def find_import(
        self, target: str, module: Module, name: str, owners: Mapping[str, str]
    ) -> tuple[str, bool]:
        """Return the import that a moved part needs for a name, "" for none, and whether it is for types only."""
        if name in owners:
            return "", False
        if name in module.defined:
            return f"from {to_dotted(self.plan.place(module.path, name))} import {name}", False
        found = module.imports.get(name)
        if found is None:
            return "", False
        if found.name is None:
            is_renamed = found.module.partition(".")[0] != name
            return f"import {found.module}" + (
                f" as {name}" if is_renamed else ""
            ), found.only_for_types
        if found.module.split(".")[0] in ROOTS:
            new, original = self.locate(found.module, found.name)
            if new == to_dotted(target) and original:
                return "", False
            return self.format_import(found.module, found.name, name), found.only_for_types
        return f"from {found.module} import {found.name}" + (
            f" as {name}" if name != found.name else ""
        ), (found.only_for_types)

    def format_module(
        self, target: str, parts: list[Part], imports: Mapping[str, str], typing: Mapping[str, str]
    ) -> str:
        docstrings = list(
            dict.fromkeys(part.module.docstring for part in parts if part.module.docstring)
        )
        own = [
            part.module.docstring for part in parts if self.plan.place(part.module.path) == target
        ]
        docstring = next(filter(None, own), docstrings[0] if docstrings else "")
        self.notes += [
            f"{target}: join its docstring by hand with: {each}"
            for each in docstrings
            if each != docstring
        ]
        head = [docstring.rstrip(), "", FUTURE, "", *sorted({*imports.values()})]
        if typing:
            head += ["from typing import TYPE_CHECKING", "", "if TYPE_CHECKING:"]
            head += [f"    {line}" for line in sorted({*typing.values()})]
        body = []
        previous = None
        for part in parts:
            body.append(part.text.rstrip() if part.module is previous else f"\n{part.text.strip()}")
            previous = part.module
        return "\n".join([*head, *body]) + "\n"

    def apply(self) -> None:
        """Move files, write modules, and rewrite what refers to them; exit if names clash."""
        texts = {target: self.build(target) for target in self.rebuilt}
        if self.clashes:
            sys.exit("\n".join(sorted({*self.clashes})))
        self.move_files()
        for target, text in texts.items():
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            Path(target).write_text(text, "utf-8")
            run_git("add", target)
        for path in list_files("*.py"):
            if path.split("/")[0] in ROOTS and path not in texts:
                Path(path).write_text(
                    self.rewrite_imports(path, Path(path).read_text("utf-8")), "utf-8"
                )
        for target in self.plan.modules.values():
            add_packages(Path(target).parent)
        self.rewrite_texts()
        sys.stdout.write("".join(f"{note}\n" for note in self.notes))

    def move_files(self) -> None:
        """Move each file; by way of a temporary name, for a new path may be another file's old one."""
        moved: dict[str, str] = {}
        for path, target in self.plan.modules.items():
            if path == target or path in self.rebuilt:
                continue
            if target in moved.values() or (target in self.rebuilt and Path(target).exists()):
                run_git("rm", "-q", path)
            else:
                moved[path] = target
                run_git("mv", path, f"{path}.moved")
        for path, target in moved.items():
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            run_git("mv", f"{path}.moved", target)

    def rewrite_texts(self) -> None:
        """Rewrite paths, and dotted names outside code, in all files but the oracle's and the changelog."""
        places = [(path, target) for path, target in self.plan.modules.items() if path != target]
        dotted = {to_dotted(path): to_dotted(target) for path, target in places}
        for path, module in self.modules.items():
            moved = ((name, self.plan.place(path, name)) for name in module.defined)
            dotted |= {
                f"{module.name}.{name}": f"{to_dotted(to)}.{name}"
                for name, to in moved
                if to != path
            }
        if not dotted:
            return
        modules = {*self.by_name, *(to_dotted(target) for _, target in places)}
        name_pattern, path_pattern = (
            build_pattern(dotted, r"(?![\w/-])"),
            build_pattern(dict(places), r"(?![\w/])"),
        )

        def replace(match: re.Match[str]) -> str:
            # a module of a package that has moved itself
            following = re.match(r"\.(\w+)", match.string[match.end() :])
            is_package = following is not None and f"{match[0]}.{following[1]}" in modules
            return match[0] if is_package else dotted[match[0]]

        for path in list_files(*TEXTS):
            if path.startswith("tests/oracle/") or path == "CHANGELOG.md":
                continue
            text = Path(path).read_text("utf-8")
            rewrite = rewrite_outside_code if path.endswith(".py") else re.sub
            new = rewrite(name_pattern, replace, text)
            if places:
                new = path_pattern.sub(lambda match: dict(places)[match[0]], new)
            if new != text:
                Path(path).write_text(new, "utf-8")


def build_pattern(words: Collection[str], end: str) -> re.Pattern[str]:
    longest_first = sorted(map(re.escape, words), key=len, reverse=True)
    return re.compile(rf"(?<![\w./-])(?:{'|'.join(longest_first)}){end}")


def rewrite_outside_code(
    pattern: re.Pattern[str], replace: Callable[[re.Match[str]], str], text: str
) -> str:
    """Rewrite strings and comments of Python only: in code, `archive` may be a variable.

    >>> rewrite_outside_code(re.compile("a[.]b"), lambda match: "a.c", "a.b = 'a.b'  # a.b")
    "a.b = 'a.c'  # a.c"
    """
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    pieces, last = [], 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.STRING, tokenize.COMMENT):
            start, end = (starts[line - 1] + column for line, column in (token.start, token.end))
            pieces += [text[last:start], pattern.sub(replace, text[start:end])]
            last = end
    return "".join([*pieces, text[last:]])


def add_packages(folder: Path) -> None:
    """Make a folder and those above it packages."""
    for each in (folder, *folder.parents):
        init = each / "__init__.py"
        if each.parts and not init.exists():
            init.write_text(f'"""{each.name.replace("_", " ").capitalize()}."""\n', "utf-8")
            run_git("add", str(init))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.oracle.moves", description=__doc__)
    parser.add_argument("mapping", type=Path)
    parser.add_argument(
        "--only", nargs="*", default=[], metavar="PREFIX", help="beginnings of new paths"
    )
    options = parser.parse_args()
    Mover(read_plan(options.mapping, options.only)).apply()


if __name__ == "__main__":
    main()
