"""docs/reference/commands.md, from the help of all commands."""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from scrapy.settings import Settings
from scrapy.spiderloader import SpiderLoader

import scraper.commands
from archive.__main__ import commands as archive_commands
from scraper.project_command import ProjectCommand
from scraper.spiders.release_spider import ReleaseSpider
from tests.reference.markdown import escape, format_code, format_table, join_blocks
from tests.reference.source_comments import drop_list, read_list

ROOT = Path(__file__).parents[2]
HEAD = """# Commands

All commands of Myndighetsarkivet, with their options and exit codes. This page is generated from the code by
`make reference`; `--help` prints the same about one command.

Type `.venv/bin/scrapy` and `.venv/bin/python` in a clone. Every `scrapy` command takes `-s NAME=VALUE`
([settings](settings.md)), `-L LEVEL` and `--logfile FILE`."""
CRAWLS_HEAD = """## scrapy crawl

{usage}

{description}

{options}

Arguments of all spiders:

{arguments}"""
ARCHIVE_HEAD = """## python -m archive

`myndighetsarkivet` is the same command. FILE is the database of the archive, by default `archive.db`.

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | done, with findings or errors |
| 2 | nothing was done; one line says why |
| 130 | interrupted (Ctrl-C or SIGTERM) |"""
EXIT_CODES = re.compile(r"\s*Exit\s+code\s+(?=\d: )(.+)\.$", re.DOTALL)
WRITTEN_DEFAULT = re.compile(r"\s*\[default: (.+)\]$")
GLOBAL_OPTIONS = "Global Options"  # the title of Scrapy's own


def build_commands_page() -> str:
    blocks = [HEAD, *describe_crawl()]
    for name in list_scrapy_commands():
        if name != "crawl":
            blocks += describe_scrapy_command(name)
    blocks.append(ARCHIVE_HEAD)
    blocks += describe_group(archive_commands, "python -m archive")
    return join_blocks(blocks).replace(f"{ROOT}/", "")


# Scrapy's


def list_scrapy_commands() -> list[str]:
    folder = Path(scraper.commands.__file__).parent
    return sorted(path.stem for path in folder.glob("[!_]*.py"))


def load_command(name: str) -> ProjectCommand:
    command: ProjectCommand = import_module(f"scraper.commands.{name}").Command()
    command.settings = Settings()
    return command


def describe_scrapy_command(name: str) -> Iterator[str]:
    command = load_command(name)
    yield f"## scrapy {name}"
    yield format_code(f"scrapy {name} {command.syntax()}", "text")
    yield from format_help(command)
    yield format_options(command)


def format_help(command: ProjectCommand) -> Iterator[str]:
    """Yield the paragraphs of a command's help; its exit codes become a table."""
    text = command.long_desc()
    found = EXIT_CODES.search(text)
    for paragraph in text[: found.start() if found else None].split("\n\n"):
        yield escape(paragraph)
    if found:
        rows = [part.split(": ", 1) for part in re.split(r"; (?=\d: )", " ".join(found[1].split()))]
        yield format_table(["exit code", "meaning"], [[code, escape(text)] for code, text in rows])


def format_options(command: ProjectCommand) -> str:
    parser = argparse.ArgumentParser(add_help=False)
    command.add_options(parser)
    rows = []
    for group in parser._action_groups:
        for action in group._group_actions if group.title != GLOBAL_OPTIONS else ():
            values = dict(vars(action), prog=parser.prog)
            names = ", ".join(f"`{name}{format_metavar(action)}`" for name in action.option_strings)
            rows.append([names, escape((action.help or "") % values)])
    return format_table(["option", "meaning"], rows) if rows else ""


def format_metavar(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    return f" {action.metavar or action.dest.upper()}"


def describe_crawl() -> Iterator[str]:
    """Yield the command `crawl`, and each spider with its arguments."""
    command = load_command("crawl")
    yield CRAWLS_HEAD.format(
        usage=format_code(f"scrapy crawl {command.syntax()} [-a ARGUMENT=VALUE …]", "text"),
        description="\n\n".join(format_help(command)),
        options=format_options(command),
        arguments=format_arguments(read_arguments(ReleaseSpider)),
    )
    for name, cls in list_spiders().items():
        yield f"### scrapy crawl {name}"
        yield from map(escape, drop_list(inspect.getdoc(cls) or ""))
        yield format_arguments(read_arguments(cls))


def list_spiders() -> dict[str, type[Any]]:
    loader = SpiderLoader.from_settings(Settings({"SPIDER_MODULES": ["scraper.spiders"]}))
    return {name: loader.load(name) for name in sorted(loader.list())}


def read_arguments(cls: type[Any]) -> dict[str, str]:
    return read_list(cls.__doc__ or "")


def format_arguments(arguments: dict[str, str]) -> str:
    rows = [[f"`-a {name}`", escape(text)] for name, text in arguments.items()]
    return format_table(["argument", "meaning"], rows) if rows else ""


# python -m archive


def describe_group(group: click.Group, path: str) -> Iterator[str]:
    for name in sorted(group.commands):
        command = group.commands[name]
        if isinstance(command, click.Group):
            yield from describe_group(command, f"{path} {name}")
        else:
            yield from describe_archive_command(command, f"{path} {name}")


def describe_archive_command(command: click.Command, path: str) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    yield f"### {path.removeprefix('python -m ')}"
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    yield format_code(usage.replace("[OPTIONS]", "[options]"), "text")
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        yield escape(paragraph)
    rows = [
        describe_option(parameter, context)
        for parameter in command.params
        if isinstance(parameter, click.Option)
    ]
    if rows:
        yield format_table(["option", "meaning"], rows)


def describe_option(option: click.Option, context: click.Context) -> list[str]:
    """Return an option's name with its value, and its help with its default."""
    value = "" if option.is_flag else f" {format_value_name(option, context)}"
    text = WRITTEN_DEFAULT.sub(lambda found: f" Default: {found[1]}.", option.help or "")
    facts = [escape(text)]
    if option.required:
        facts.append("Required.")
    elif option.show_default and option.default is not None:
        values = option.default if isinstance(option.default, tuple) else (option.default,)
        facts.append(f"Default: {', '.join(f'`{each}`' for each in values)}.")
    return [f"`{option.opts[0]}{value}`", " ".join(filter(None, facts))]


def format_value_name(option: click.Option, context: click.Context) -> str:
    if option.metavar or isinstance(option.type, click.Choice):
        return option.make_metavar(context)
    return "N" if isinstance(option.type, click.types.IntParamType) else "TEXT"
