"""docs/reference/settings.md, from scraper/settings.py and the docstrings that list variables."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import archive.evidence.time_stamps
import archive.follow
import scraper.crawl.alerts
import scraper.settings
from archive import __main__ as archive_main
from scraper import __version__
from tests.reference.markdown import escape, format_table, join_blocks
from tests.reference.source_comments import read_comments, read_list

SOURCE = Path(scraper.settings.__file__)
HEAD = """# Settings

All settings and environment variables of Myndighetsarkivet, with their defaults. This page is generated from the code by
`make reference`.

## How to set one

For one command: `-s NAME=VALUE`.

```sh
.venv/bin/scrapy round -s CONTACT=you@newsroom.example -s REVISIT_BUDGET=200
```

For good: in the environment if the table says *environment* (the variable has the same name), else in
`scraper/settings.py`. All other settings of [Scrapy](https://docs.scrapy.org/en/latest/topics/settings.html) work as
well. A command checks all settings first. If a value cannot be used or a name looks misspelt, it prints one line and ends
with exit code 2.

`True` and `1`, `False` and `0` are the same. In an installed wheel, outside the clone, set
`SCRAPY_SETTINGS_MODULE=scraper.settings` in the environment."""
VARIABLES_HEAD = """## Environment variables

These are read from the environment only, because some are secrets. `scraper/deploy/environment.example` is a file to
copy."""
VARIABLE_LISTS = {
    "Alerts and reports": scraper.crawl.alerts,
    "Subscriptions by email and webhook": archive.follow,
    "Time stamps": archive.evidence.time_stamps,
}


class Setting(NamedTuple):
    name: str
    default: object
    variable: str  # of the environment; "" if there is none
    text: str
    heading: str


def read_settings() -> Iterator[Setting]:
    """Yield the settings that have a description, in the order of the file."""
    comments = read_comments(SOURCE)
    for node in ast.parse(SOURCE.read_text("utf-8")).body:
        if node.lineno in comments and isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            comment, code = comments[node.lineno], ast.unparse(node.value)
            variable = ""
            if code.startswith("os.environ.get("):
                variable, default = ast.literal_eval(code.removeprefix("os.environ.get"))
            else:
                default = eval(code, {"__version__": __version__})  # noqa: S307 - our own file
            yield Setting(ast.unparse(target), default, variable, comment.text, comment.heading)


def read_variables() -> dict[str, dict[str, str]]:
    """Return what is said of each environment variable, by section."""
    sections = {
        title: {
            name: text
            for name, text in read_list(module.__doc__ or "").items()
            if name[:1].isupper()
        }
        for title, module in VARIABLE_LISTS.items()
    }
    for name, command in archive_main.commands.commands.items():
        for parameter in command.params:
            if isinstance(parameter.envvar, str):
                text = f"Value of `--{parameter.name}` of `python -m archive {name}`."
                sections.setdefault("Published dataset", {})[parameter.envvar] = text
    return sections


def build_settings_page() -> str:
    blocks = [HEAD]
    for heading, settings in groupby(read_settings(), key=lambda setting: setting.heading):
        rows = [[f"`{each.name}`", format_default(each), escape(each.text)] for each in settings]
        blocks += [f"## {heading}", format_table(["setting", "default", "meaning"], rows)]
    blocks.append(VARIABLES_HEAD)
    for title, variables in read_variables().items():
        rows = [[f"`{name}`", escape(text)] for name, text in variables.items()]
        blocks += [f"### {title}", format_table(["variable", "meaning"], rows)]
    return join_blocks(blocks)


def format_default(setting: Setting) -> str:
    value = setting.default
    text = "empty" if value in ("", []) else f"`{value}`"
    return f"{text}; environment" if setting.variable else text
