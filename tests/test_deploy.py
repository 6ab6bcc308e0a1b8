"""What an operator installs is held right: each file parses, keeps its promises, and names commands
that exist.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from argparse import ArgumentParser
from configparser import ConfigParser
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema
from cronsim import CronSim
from jsonschema import validators
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from scrapy.settings import Settings

from archive.__main__ import commands as archive_commands
from archive.database.captures import CAPTURES_FILE
from archive.database.redaction import WITHHELD_FILE
from scraper.crawl.alerts import ROUTINE_FINDINGS, read_alert_settings, read_ping_url
from tests.site.demo import ROOT

DEPLOY = ROOT / "scraper" / "deploy"
SERVICES, TIMERS = (sorted(DEPLOY.glob(f"*.{kind}")) for kind in ("service", "timer"))
HARDENED = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "CapabilityBoundingSet": "",
}
SCRIPTS = {
    path.name: path.read_text("utf-8")
    for path in (
        *(DEPLOY / name for name in ("crontab", "github-actions.yml")),
        *(ROOT / "docs" / name for name in ("operate.md", "distributed.md")),
    )
}


def read_unit(path: Path) -> ConfigParser:
    """A unit; a setting that is named twice, as SystemCallFilter may be, keeps its last value."""
    unit = ConfigParser(strict=False, interpolation=None, comment_prefixes=("#",))
    unit.optionxform = str  # type: ignore[assignment,method-assign] # names keep their capitals
    unit.read_string(path.read_text("utf-8"))
    return unit


def read_yaml(name: str) -> Any:
    """A YAML file; `on` is a word, as workflows have it."""
    return yaml.load((DEPLOY / name).read_text("utf-8"), yaml.BaseLoader)  # noqa: S506 - gives texts, lists and dicts alone


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_a_service_is_not_root_and_may_write_nothing_but_its_own(path: Path) -> None:
    service = read_unit(path)["Service"]
    assert {name: service[name] for name in HARDENED} == HARDENED
    assert service["User"] == service["Group"] == "myndighetsarkivet"
    assert service["StateDirectory"] == "myndighetsarkivet"
    check_command(shlex.split(service["ExecStart"].replace("%i", "8101")))


@pytest.mark.parametrize("path", TIMERS, ids=lambda path: path.name)
def test_a_timer_has_its_service_and_makes_up_for_what_it_missed(path: Path) -> None:
    assert read_unit(path)["Timer"]["Persistent"] == "yes"
    assert path.with_suffix(".service") in SERVICES


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_operators_are_told_if_a_service_fails(path: Path) -> None:
    unit, (name,) = read_unit(path), re.findall(r"^myndighetsarkivet-([a-z]+)", path.name)
    told = {key: value for key, value in unit["Unit"].items() if key in ("OnFailure", "OnSuccess")}
    wanted = {"OnFailure": f"myndighetsarkivet-report@{name}:failed.service"}
    if unit["Service"]["Type"] == "oneshot":  # what a timer starts
        wanted["OnSuccess"] = f"myndighetsarkivet-report@{name}:ok.service"
    assert told == ({} if name == "report" else wanted)
    assert unit["Service"].get("SuccessExitStatus") == ("1" if name in ROUTINE_FINDINGS else None)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd")
def test_systemd_reads_the_units(tmp_path: Path) -> None:
    programs = f"{Path(sys.executable).parent}/"
    for path in (*SERVICES, *TIMERS):
        text = path.read_text("utf-8").replace("/opt/myndighetsarkivet/.venv/bin/", programs)
        text = text.replace("/bin/litestream ", "/bin/python ")  # which only an extra installs
        (tmp_path / path.name).write_text(text, "utf-8")
    command = ["systemd-analyze", "verify", *map(str, tmp_path.iterdir())]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert [line for line in found.stderr.splitlines() if "myndighetsarkivet" in line] == []


def test_litestream_follows_every_file_and_puts_each_in_a_place_of_its_own() -> None:
    databases = read_yaml("litestream.yml")["dbs"]
    copied = {Path(db["path"]).name: db["replica"]["path"] for db in databases}
    assert [*copied] == ["archive.db", CAPTURES_FILE, WITHHELD_FILE]
    assert len({*copied.values()}) == 3


def test_the_crontab_is_one() -> None:
    lines = re.findall(r"^[^#\s][^=\s]* .*$", SCRIPTS["crontab"], re.MULTILINE)
    assert len(lines) == 5
    assert all(" report " in line for line in lines)
    for line in lines:
        *when, command = line.split(maxsplit=5)
        assert next(CronSim(" ".join(when), datetime(2026, 1, 1, tzinfo=UTC))).year == 2026
        assert "%" not in command, "cron would end the command there"


@pytest.mark.parametrize(
    ("name", "schema"),
    [("compose.yaml", "vendor.compose-spec"), ("github-actions.yml", "vendor.github-workflows")],
)
def test_a_yaml_file_keeps_its_schema(name: str, schema: str) -> None:
    wanted = json.loads(json.dumps(get_builtin_schema(schema)))
    held = yaml.safe_load((DEPLOY / name).read_text("utf-8"))
    held = {("on" if key is True else key): value for key, value in held.items()}
    errors = validators.validator_for(wanted)(wanted).iter_errors(held)
    assert [error.message for error in errors] == []


def test_containers_are_not_root_and_their_commands_exist() -> None:
    text = (DEPLOY / "Containerfile").read_text("utf-8")
    assert re.search(r"^USER 10001", text, re.MULTILINE)
    copied = " ".join(re.findall(r"^COPY (?!--)(.+) \S+$", text, re.MULTILINE)).split()
    assert [name for name in copied if not (ROOT / name).exists()] == []
    for service in read_yaml("compose.yaml")["services"].values():
        assert (service["read_only"], service["cap_drop"]) == ("true", ["ALL"])
        assert service["healthcheck"]["test"]
        check_command(service["command"])
    reported = re.findall(r"report[ ,\"]+([a-z]+)", (DEPLOY / "compose.yaml").read_text())
    assert {"round", "notify", "backup"} <= {*reported}
    for command in re.findall(r"CMD (\[.+\])", text):
        check_command(json.loads(command))


LOCKED_EXTRAS = ("datasets",)


def read_pins(text: str) -> dict[str, str]:
    """Return the versions of lines such as `idna==3.20`, by canonical name."""
    pins = re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)
    return {str(canonicalize_name(name)): version for name, version in pins}


def test_the_lock_has_what_servers_need_in_the_versions_that_were_tested() -> None:
    text = (ROOT / "requirements.lock").read_text("utf-8")
    locked, tested = read_pins(text), read_pins((ROOT / "constraints.txt").read_text("utf-8"))
    assert {name: tested.get(name, version) for name, version in locked.items()} == locked
    elsewhere = read_pins("\n".join(line for line in text.splitlines() if " ; " in line))
    assert locked.keys() - tested.keys() - elsewhere.keys() == {"pip", "setuptools"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras = project["project"]["optional-dependencies"]
    requirements = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *(each for name in LOCKED_EXTRAS for each in extras[name]),
    ]
    for requirement in map(Requirement, requirements):
        if requirement.marker is None or requirement.marker.evaluate():
            version = locked[canonicalize_name(requirement.name)]
            assert version in requirement.specifier, "make lock"


def test_every_package_of_the_lock_has_hashes_and_no_index() -> None:
    text = (ROOT / "requirements.lock").read_text("utf-8")
    entries = re.split(r"^(?=\w)", text, flags=re.MULTILINE)[1:]
    entry = re.compile(r"[\w.-]+==\S+(?: ; [^\\\n]+)?(?: \\\n    --hash=sha256:[0-9a-f]{64})+\n")
    assert [each for each in entries if not entry.fullmatch(each)] == []


def test_the_site_in_a_container_believes_the_proxy_and_nobody_else_reaches_it() -> None:
    site = read_yaml("compose.yaml")["services"]["datasette"]
    # else links are http: the proxy is not 127.0.0.1 there
    assert site["environment"]["FORWARDED_ALLOW_IPS"] == "*"
    assert all(port.startswith("127.0.0.1:") for port in site["ports"])


def test_the_workflow_commits_nothing() -> None:
    workflow = read_yaml("github-actions.yml")
    assert workflow["permissions"] == {"contents": "read", "actions": "read"}
    steps = workflow["jobs"]["round"]["steps"]
    assert not any("git push" in step.get("run", "") for step in steps)
    names = [step.get("with", {}).get("name") for step in steps]
    assert names[-1] == "archive"
    assert "--name archive" in next(step["run"] for step in steps if step.get("id") == "restore")


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_commands_that_a_text_names_exist(name: str) -> None:
    ours = "scrapy (?:round|crawl|health|writer|worker|enqueue|report)|python -m archive [a-z-]+"
    found = re.findall(rf"(?:{ours})(?: [\w$\":./-]+)*", SCRIPTS[name])
    assert len(found) > 1
    for command in found:
        check_command(shlex.split(command))


def test_the_example_environment_is_right() -> None:
    text = (DEPLOY / "environment.example").read_text("utf-8")
    given = dict(re.findall(r"^#?([A-Z_]+)=(.*)$", text, re.MULTILINE))
    ways = read_alert_settings(given)
    assert ways.webhook
    assert ways.mail_server
    assert ways.mail_server.port == 465
    for name in ("round", "notify", "backup", "publish", "audit"):
        assert read_ping_url(name, given), name
    alerts = (DEPLOY.parent / "crawl" / "alerts.py").read_text("utf-8")
    known = re.findall(r"^    (ALERT_\w+)", alerts, re.MULTILINE)
    assert {name for name in given if name.startswith("ALERT_")} == set(known)


def check_command(words: list[str]) -> None:
    """A command of ours and its options exist."""
    if words[:2] == ["sh", "-c"]:
        words = shlex.split(words[2].partition("exec ")[2])
    words = [Path(words[0]).name, *words[1:]]
    if "--" in words and words[1] == "report":
        reported = words[words.index("--") + 1 :]
        if reported != ["COMMAND"]:  # of the documentation
            check_command(reported)
        words = words[: words.index("--")]
    if words[:3] == ["python", "-m", "archive"]:
        command = archive_commands.commands[words[3]]
        command.make_context(words[3], words[4:])  # fails on an unknown option
        return
    if words[0] == "litestream":  # its configuration is tried by `make replicas`
        assert (DEPLOY / Path(words[-1]).name).is_file()
        return
    assert words[0] == "scrapy"
    command = import_module(f"scraper.commands.{words[1]}").Command()
    command.settings = Settings()
    parser = ArgumentParser()
    command.add_options(parser)
    known = {name for action in parser._actions for name in action.option_strings}
    assert [word for word in words[2:] if word.startswith("--") and word not in known] == []
