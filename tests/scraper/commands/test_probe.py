"""scrapy probe"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from scrapy.exceptions import UsageError
from scrapy.settings import Settings

from scraper.agency import load_agencies
from scraper.commands.probe import Command
from tests.scraper.in_process import run_scrapy
from tests.scraper.pages.sample_page import TEXT, URL, build_page
from tests.site.compose import compose
from tests.site.plain import PlainHost
from tests.site.server import Site

ROOT = Path(__file__).parents[3]
HOME = "https://www.exempel.se/"


@dataclass(frozen=True)
class Run:
    """A run of the command.

    `output` does not contain the lines about requests, `fetched` is their URLs.
    """

    code: int
    output: str
    fetched: list[str]

    @property
    def table(self) -> str:
        """The proposed table, which comes before the first page."""
        return self.output.partition("\n\n1. ")[0]

    @property
    def pages(self) -> list[str]:
        return self.output.split("\n\n")[1:4]


@dataclass(frozen=True)
class ProbedSite:
    runs: dict[str, Run]
    folder: Path  # of the stored pages
    delay: float  # mean time between requests to the site that asks for 0.25 s, in seconds


def build_run(code: int, output: str) -> Run:
    lines = output.splitlines()
    fetched = [line.removeprefix("fetching ") for line in lines if line.startswith("fetching ")]
    return Run(code, "\n".join(line for line in lines if not line.startswith("fetching ")), fetched)


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProbedSite]:
    folder = tmp_path_factory.mktemp("probe")
    with Site() as site, pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "150")
        site.set_delay("skogsbruksradet", 0.25)
        site.break_("hushallsmyndigheten/", status=503)
        site.break_("farledsverket/sitemap-nyheter-2.xml", status=404, times=1)
        port = f":{site.port}"
        site.plain["hamnstyrelsen.localhost"].add(
            "/om/",
            f'<main><h1>Press</h1><a href="http://press.hamnstyrelsen.example/">Pressrum</a>'
            '<a href="https://via.tt.se/pressrum/hamn?publisherId=1">Pressmeddelanden</a>'
            '<a href="/nyheter/">Nyheter</a>'
            f'<a href="{site.url("farledsverket")}">Nyheter</a></main>',
        )
        site.add_wire("viatt:1", compose("farledsverket", 4))
        site.plain["skarm.localhost"] = PlainHost()
        site.plain["skarm.localhost"].add(
            "/", '<body><div id="root"></div><script src="/a.js"></script></body>'
        )
        site.break_("lasframjandenamnden/robots.txt", body="User-agent: *\nDisallow: /\n")
        environment = {
            "SCRAPY_SETTINGS_MODULE": "tests.site.settings",
            "LOOPBACK_PORT": str(site.port),
        }
        arguments = [
            "probe",
            site.url("farledsverket"),
            "--store",
            "--out",
            str(folder),
            "-s",
            "RETRY_TIMES=0",
        ]
        done = subprocess.run(
            [sys.executable, "-m", "scrapy", *arguments],
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        runs = {"farledsverket": build_run(done.returncode, done.stderr + done.stdout)}
        urls = {
            slug: site.url(slug)
            for slug in ("skogsbruksradet", "hushallsmyndigheten", "lasframjandenamnden")
        }
        urls |= {
            "path": f"http://hamnstyrelsen.localhost{port}/om/",
            "script": f"http://skarm.localhost{port}/",
        }
        port_setting = ["-s", f"LOOPBACK_PORT={site.port}"]
        (folder / "known.toml").write_text(site.agencies_toml(), "utf-8")
        for slug, url in urls.items():
            command = ["probe", url, "-s", "RETRY_TIMES=0"]
            command += ["-s", f"AGENCIES={folder / 'known.toml'}"] if slug == "path" else []
            runs[slug] = build_run(*run_scrapy([*command, *port_setting], "tests.site.settings"))
        runs["no address"] = build_run(*run_scrapy(["probe"], "tests.site.settings"))
        yield ProbedSite(runs, folder, site.counts.mean_gap("skogsbruksradet.localhost"))


@pytest.mark.slow("starts processes")
def test_proposed_table_is_valid_and_finds_releases(probed: ProbedSite, tmp_path: Path) -> None:
    run = probed.runs["farledsverket"]
    assert run.code == 0, run.output
    (tmp_path / "agencies.toml").write_text(run.table, "utf-8")
    (agency,) = load_agencies(tmp_path / "agencies.toml").values()
    assert (agency.slug, agency.name, agency.releases) == (
        "farledsverket",
        "Farledsverket",
        "^/aktuellt/nyheter/.+",
    )
    paths = [
        re.sub("^http://[^/]+/", "", url)
        for url in (*agency.feeds, *agency.sitemaps, *agency.listings)
    ]
    assert paths == ["aktuellt/atom.xml", "sitemap.xml", "aktuellt/nyheter/"]
    assert "# system: Episerver" in run.table


def test_listing_without_news_is_left_out(probed: ProbedSite) -> None:
    run = probed.runs["skogsbruksradet"]
    assert run.code == 0, run.output
    (table,) = tomllib.loads(run.table).values()
    assert [url.rpartition("/")[2].partition(".")[0] for url in table["listings"]] == ["nyheter"]
    assert "pressrum.4.7ea604cd920c68ca2a66.html: left out: its pages state no date" in run.table
    assert "/sitemap.xml: left out: answered 404" in run.table


@pytest.mark.parametrize("slug", ["farledsverket", "skogsbruksradet"])
def test_three_releases_are_shown_beside_the_text_left_out(probed: ProbedSite, slug: str) -> None:
    pages = probed.runs[slug].pages
    assert [text.partition(". ")[0] for text in pages] == ["1", "2", "3"]
    for text in pages:
        left, right = zip(
            *(line.split(" │", 1) for line in text.splitlines() if " │" in line), strict=True
        )
        assert {line.split()[0] for line in left if line.strip()} >= {
            "title",
            "lead",
            "body",
            "published",
            "tags",
        }
        assert any("LinkedIn" in line for line in right)
        assert max(map(len, text.splitlines()[2:])) <= 150


def test_first_release_is_stored(probed: ProbedSite) -> None:
    folder = probed.folder / "farledsverket"
    expected = json.loads((folder / "expected.json").read_text("utf-8"))
    assert expected["title"] == "Så anmäler du ett trasigt sjömärke"
    assert expected["address"] in probed.runs["farledsverket"].output
    assert (folder / "page.html").stat().st_size > 50_000
    assert "check it, correct it and commit it" in probed.runs["farledsverket"].output


def test_given_path_is_read_and_its_press_rooms_are_proposed(probed: ProbedSite) -> None:
    run = probed.runs["path"]
    assert run.code == 0, run.output
    (table,) = tomllib.loads(run.table).values()
    paths = [re.sub(r"^http://([^/:]+)(:\d+)?/", r"\1 ", url) for url in table["listings"]]
    assert paths == ["hamnstyrelsen.localhost nyheter/", "press.hamnstyrelsen.example "]
    assert table["aliases"] == ["press.hamnstyrelsen.example"]
    assert (
        "/nyheter/: 3 releases; the rest of the list is behind the button “Visa fler nyheter”"
        in run.table
    )
    assert table["wire"] == ["viatt:1"]
    assert "# listings: https://via.tt.se/json/v2/releases?publisher=1: 3 releases" in run.table
    assert "left out: it belongs to farledsverket" in run.table
    assert len(run.fetched) == len(set(run.fetched)) <= 15


def test_site_that_needs_javascript_is_described(probed: ProbedSite) -> None:
    run = probed.runs["script"]
    assert run.code == 1
    assert "needs JavaScript: its links are not in its HTML" in run.output


def test_robots_txt_is_obeyed(probed: ProbedSite) -> None:
    assert probed.delay > 0.1  # without the Crawl-delay it is some 0.01 s
    (url,) = probed.runs["lasframjandenamnden"].fetched
    assert url.startswith("http://lasframjandenamnden.localhost")


@pytest.mark.parametrize(
    ("slug", "problem"),
    [("hushallsmyndigheten", "answered 503"), ("lasframjandenamnden", "robots.txt forbids it")],
)
def test_site_that_cannot_be_fetched_is_an_error(
    probed: ProbedSite, slug: str, problem: str
) -> None:
    run = probed.runs[slug]
    assert run.code == 1
    assert re.fullmatch(rf"scrapy probe: http://.*: {problem}.*", run.output)


def test_missing_address_is_an_error(probed: ProbedSite) -> None:
    run = probed.runs["no address"]
    assert run.code == 2
    assert "name one address" in run.output


def run_here(*arguments: str, contact: str = "test@localhost") -> int:
    """Run the command in this process and return its exit code. It cannot send requests."""
    command = Command()
    command.settings = Settings()
    command.settings.setmodule("scraper.settings", priority="project")
    command.settings.set("CONTACT", contact)
    command.crawler_process = SimpleNamespace(settings=command.settings)  # type: ignore[assignment]
    parser = argparse.ArgumentParser()
    command.add_options(parser)
    options, rest = parser.parse_known_args(arguments)
    command.run(rest, options)
    return command.exitcode


def test_stored_page_is_probed_without_requests(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    html = build_page(f"<h1>Ny bro öppnar</h1><p>Publicerad 3 mars 2024</p>{TEXT}")
    (tmp_path / "saved.html").write_bytes(html)
    assert run_here(str(tmp_path / "saved.html"), "--url", URL) == 0
    output, errors = capsys.readouterr()
    assert errors == ""
    run = build_run(0, output)
    (table,) = tomllib.loads(run.table).values()
    assert table == {"name": "Exempelverket", "home": HOME, "listings": [f"{HOME}nyheter/"]}
    assert "/nyheter/: not requested" in run.table
    assert "2024-03-03 ← “Publicerad 3 mars 2024”" in output


def test_missing_contact_or_invalid_address_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here("www.exempel.se", contact="") == 2
    assert "CONTACT must be set" in capsys.readouterr().err
    with pytest.raises(
        UsageError, match=r"'ftp://www\.exempel\.se' is not an http or https address"
    ):
        run_here("ftp://www.exempel.se")
