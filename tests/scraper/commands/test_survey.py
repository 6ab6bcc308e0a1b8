"""scrapy survey: the sample site, surveyed, changed, surveyed again, and reviewed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest

from scraper.survey.survey_record import SurveyRecord
from tests.scraper.in_process import run_scrapy
from tests.site.plain import PlainHost
from tests.site.server import Site

LISTED = "hushallsmyndigheten"


@dataclass(frozen=True)
class Survey:
    folder: Path
    options: list[str]

    def run(self, *arguments: str) -> tuple[int, str]:
        return run_scrapy(["survey", *self.options, *arguments], "tests.site.settings")

    def load(self, name: str = "report") -> dict[str, Any]:
        rows = json.loads((self.folder / f"{name}.json").read_text("utf-8"))
        return {row["slug"]: row for row in rows}


@pytest.fixture(scope="module")
def surveyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Survey, Site]]:
    folder = tmp_path_factory.mktemp("survey")
    with Site() as site:
        site.break_("lasframjandenamnden/robots.txt", body="User-agent: *\nDisallow: /\n")
        site.plain["skarm.localhost"] = PlainHost()
        site.plain["skarm.localhost"].add(
            "/", '<body><div id="root"></div><script src="/a.js"></script></body>'
        )
        table = f'\n[skarm]\nname = "Skarm"\nhome = "http://skarm.localhost:{site.port}/"\n'
        agencies = folder / "agencies.toml"
        agencies.write_text(site.agencies_toml() + table, "utf-8")
        settings = {
            "SURVEY": folder,
            "AGENCIES": agencies,
            "LOOPBACK_PORT": site.port,
            "RETRY_TIMES": 0,
        }
        options = [part for name, value in settings.items() for part in ("-s", f"{name}={value}")]
        survey = Survey(folder, options)
        code, output = survey.run()
        assert (code, output.count("report.")) == (0, 3), output
        shutil.copy(folder / "report.json", folder / "first.json")
        shutil.copy(folder / "report.html", folder / "first.html")
        yield survey, site


def test_each_agency_gets_a_verdict(surveyed: tuple[Survey, Site]) -> None:
    survey, site = surveyed
    verdicts = {slug: row["verdict"] for slug, row in survey.load("first").items()}
    assert verdicts == {
        "skogsbruksradet": "doubts",  # two of its releases state no date
        "farledsverket": "doubts",
        "lasframjandenamnden": "refused",
        LISTED: "works",
        "skarm": "browser",
    }
    html = (survey.folder / "first.html").read_text("utf-8")
    assert html.index('id="doubts"') < html.index('id="works"')
    assert "states no date" in html
    assert "<script" not in html
    assert f"+feeds = [&#34;{site.url(LISTED)}rss.xml&#34;]" in html


def test_a_second_run_requests_nothing(surveyed: tuple[Survey, Site]) -> None:
    survey, site = surveyed
    before = site.counts.total
    assert survey.run()[0] == 0
    assert site.counts.total == before


def test_offline_shows_what_a_changed_table_changes(surveyed: tuple[Survey, Site]) -> None:
    survey, site = surveyed
    assert survey.run("--offline") == (0, "")
    changed = survey.folder / "changed.toml"
    tables = (survey.folder / "agencies.toml").read_text("utf-8")
    changed.write_text(f"{tables}releases = 'x'\n".replace("/aktuellt/nyheter/.+|", ""), "utf-8")
    before = site.counts.total
    code, output = survey.run("--offline", "-s", f"AGENCIES={changed}")
    assert code == 0
    assert "farledsverket: http" in output, output
    assert "is not read any more" in output
    assert site.counts.total == before


def test_again_names_what_changed(surveyed: tuple[Survey, Site]) -> None:
    survey, site = surveyed
    site.break_("skogsbruksradet/", status=404)
    code, output = survey.run("--again", "0", "--agency", "skogsbruksradet")
    site.mend()
    assert code == 0, output
    row = survey.load()["skogsbruksradet"]
    assert row["verdict"] == "gone"
    assert "verdict: doubts → gone" in row["changes"]


def test_a_person_is_asked_for_doubts_first(
    surveyed: tuple[Survey, Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    survey, _ = surveyed
    keys, opened = iter("xorwsq"), list[str]()
    monkeypatch.setattr(click, "getchar", lambda: next(keys))
    monkeypatch.setattr(click, "launch", opened.append)
    code, output = survey.run("--review")
    assert code == 0, output
    assert "2 answers" in output
    assert output.index("? states no date") < output.index("Hushållsmyndigheten")
    with SurveyRecord(survey.folder, readonly=True) as record:
        agencies = {agency.slug: agency for agency in record.load_all()}
    pages = [page for page in agencies["farledsverket"].pages if page.right is not None]
    assert {page.right for page in pages} == {False, True}
    assert opened == [next(page.url for page in pages if page.doubts)]


def test_a_list_of_sites_is_surveyed(surveyed: tuple[Survey, Site]) -> None:
    survey, site = surveyed
    sites = survey.folder / "sites.txt"
    sites.write_text(f"{site.url(LISTED)} Hushållsmyndigheten för alla\n", "utf-8")
    options = ["-s", f"SURVEY={survey.folder / 'other'}", "-s", "AGENCIES="]
    code, output = survey.run("--list", str(sites), *options)
    assert code == 0, output
    row = json.loads((survey.folder / "other" / "report.json").read_text("utf-8"))[0]
    assert (row["name"], row["declared"]) == ("Hushållsmyndigheten för alla", None)
    sites.write_text("Hushållsmyndigheten\n", "utf-8")
    assert "is no home page with a name after it" in survey.run("--list", str(sites), *options)[1]


def test_what_is_left_at_the_end_of_its_time_is_continued(surveyed: tuple[Survey, Site]) -> None:
    survey, _ = surveyed
    options = ["-s", f"SURVEY={survey.folder / 'short'}", "--agency", LISTED]
    code, output = survey.run("--minutes", "0.0001", *options)
    assert (code, "1 agencies are left; the same command continues" in output) == (1, True), output
    assert survey.run(*options)[0] == 0
    assert "is not a positive number" in survey.run("--minutes", "0", *options)[1]
