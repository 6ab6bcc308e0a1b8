"""scrapy survey: the sample site, surveyed, changed, surveyed again, and reviewed."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest

from archive.database.captures import Captures
from archive.database.sqlite_files import ArchiveError
from scraper.crawl.round_locks import lock_writer
from scraper.survey.survey_record import SurveyRecord
from scraper.survey.survey_spider import AgencySurvey
from tests.scraper.crawling import Crawling
from tests.scraper.in_process import run_scrapy
from tests.site.plain import PlainHost
from tests.site.server import Site

LISTED = "hushallsmyndigheten"


@dataclass(frozen=True)
class Survey:
    folder: Path
    options: list[str]

    def run(self, *arguments: str) -> tuple[int, str]:
        options = ["-s", f"SURVEY={self.folder}", *self.options]
        return run_scrapy(["survey", *options, *arguments], "tests.site.settings")

    def load(self) -> dict[str, Any]:
        rows = json.loads((self.folder / "report.json").read_text("utf-8"))
        return {row["slug"]: row for row in rows}


@pytest.fixture(scope="module")
def first_survey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Survey, Site]]:
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
            "AGENCIES": agencies,
            "LOOPBACK_PORT": site.port,
            "RETRY_TIMES": 0,
        }
        options = [part for name, value in settings.items() for part in ("-s", f"{name}={value}")]
        survey = Survey(folder, options)
        code, output = survey.run()
        assert (code, output.count("report.")) == (0, 3), output
        yield survey, site


@pytest.fixture
def surveyed(first_survey: tuple[Survey, Site], tmp_path: Path) -> tuple[Survey, Site]:
    """Return a copy of the survey that a test may change."""
    survey, site = first_survey
    folder = shutil.copytree(survey.folder, tmp_path / "survey")
    return Survey(folder, survey.options), site


def test_each_agency_gets_a_verdict(surveyed: tuple[Survey, Site]) -> None:
    survey, site = surveyed
    verdicts = {slug: row["verdict"] for slug, row in survey.load().items()}
    assert verdicts == {
        "skogsbruksradet": "doubts",  # two of its releases state no date
        "farledsverket": "doubts",
        "lasframjandenamnden": "refused",
        LISTED: "works",
        "skarm": "browser",
    }
    html = (survey.folder / "report.html").read_text("utf-8")
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
    assert "worse: is no longer read" in output
    assert " 0 better, " in output
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
    assert "? states no date" in output
    assert "Hushållsmyndigheten" not in output  # it works, so it comes last
    with SurveyRecord(survey.folder) as record:
        rows = {row["slug"]: row for row in record.load_all()}
    pages = [page for page in rows["farledsverket"]["pages"] if page["judged"]]
    assert {page["right"] for page in pages} == {False, True}
    assert opened == [next(page["url"] for page in pages if page["doubts"])]


def test_a_file_of_names_and_home_pages_is_surveyed(surveyed: tuple[Survey, Site]) -> None:
    survey, site = surveyed
    sites = survey.folder / "sites.toml"
    sites.write_text(f'[ny]\nname = "Nyverket"\nhome = "{site.url(LISTED)}"\n', "utf-8")
    other = survey.folder / "other"
    code, output = survey.run("-s", f"SURVEY={other}", "-s", f"AGENCIES={sites}")
    assert code == 0, output
    (row,) = Survey(other, []).load().values()
    assert (row["name"], row["verdict"]) == ("Nyverket", "works")


def test_only_one_thing_is_done_at_a_time(surveyed: tuple[Survey, Site]) -> None:
    survey, _ = surveyed
    code, output = survey.run("--accept", "--review")
    assert (code, "only one of --review, --accept" in output) == (2, True)
    code, output = survey.run("--again", "0")
    assert (code, "again must be above 0" in output) == (2, True), output
    with lock_writer(survey.folder / "survey.db"):
        code, output = survey.run("--again", "0", "--agency", LISTED)
    assert (code, "another writer is running" in output) == (2, True), output


@pytest.mark.parametrize("option", ["--review", "--offline", "--accept"])
def test_a_folder_without_a_survey_is_an_error(surveyed: tuple[Survey, Site], option: str) -> None:
    survey, _ = surveyed
    folder = survey.folder / "mistyped"
    code, output = survey.run(option, "-s", f"SURVEY={folder}")
    assert (code, "nothing was surveyed in this folder yet" in output) == (2, True), output
    assert not folder.exists()


def test_a_fault_of_ours_is_a_doubt(
    surveyed: tuple[Survey, Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    survey, _ = surveyed

    def fail(*_: object) -> None:
        raise KeyError("published")

    monkeypatch.setattr(AgencySurvey, "describe_page", fail)
    code, output = survey.run("--again", "0", "--agency", LISTED)
    assert code == 0, output
    row = survey.load()[LISTED]
    assert (row["verdict"], row["reasons"]) == ("doubts", ["our fault: KeyError: 'published'"])


def test_a_full_disk_ends_the_survey(
    surveyed: tuple[Survey, Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    survey, _ = surveyed

    def fail(self: Captures, *_: object) -> None:
        raise ArchiveError(self.path, "database or disk is full")

    monkeypatch.setattr(Captures, "store_body", fail)
    code, output = survey.run("-s", f"SURVEY={survey.folder / 'full'}")
    assert (code, output.count("database or disk is full")) == (2, 1), output


@pytest.mark.parametrize(
    ("slugs", "at_once", "kept"),
    [
        (["borta", "vilse"], 24, []),  # no host responds at all
        (["borta", "ny", "vilse"], 24, ["borta", "ny", "vilse"]),
        (["ny", "borta", "vilse"], 24, ["borta", "ny", "vilse"]),
        (["ny", "borta", "vilse"], 1, ["ny"]),  # no host responds any more
    ],
)
def test_agencies_are_not_gone_while_no_host_responds(
    surveyed: tuple[Survey, Site],
    monkeypatch: pytest.MonkeyPatch,
    slugs: list[str],
    at_once: int,
    kept: list[str],
) -> None:
    survey, site = surveyed
    monkeypatch.setattr("scraper.survey.survey_spider.AGENCIES_AT_ONCE", at_once)
    homes = {slug: f"http://{slug}.example/" for slug in slugs} | {"ny": site.url(LISTED)}
    tables = (f'[{slug}]\nname = "{slug}"\nhome = "{homes[slug]}"\n' for slug in slugs)
    sites = survey.folder / "sites.toml"
    sites.write_text("".join(tables), "utf-8")
    other = Survey(survey.folder / "offline", survey.options)
    unknown = "LOOPBACK_UNKNOWN=borta.example,vilse.example"
    code, output = other.run("-s", f"AGENCIES={sites}", "-s", unknown)
    verdicts = {slug: row["verdict"] for slug, row in other.load().items()}
    assert verdicts == {slug: "works" if slug == "ny" else "gone" for slug in kept}, output
    is_left = len(kept) < len(slugs)
    assert (code, "is our own network down?" in output) == (int(is_left), is_left)


def test_a_release_that_redirects_to_what_a_crawl_leaves_out_is_not_read(
    surveyed: tuple[Survey, Site],
) -> None:
    survey, site = surveyed
    page = next(page for page in survey.load()[LISTED]["pages"] if page["is_crawled"])
    site.break_(page["url"], status=301, headers={"Location": "/kontakt/"})
    code, output = survey.run("--again", "0", "--agency", LISTED)
    site.mend(page["url"])
    assert code == 0, output
    row = survey.load()[LISTED]
    assert row["verdict"] == "doubts"
    assert any(reason.startswith(page["url"]) for reason in row["reasons"]), row["reasons"]


@pytest.mark.slow("starts two processes")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_leaves_what_is_not_finished(
    first_survey: tuple[Survey, Site], tmp_path: Path, ending: signal.Signals
) -> None:
    survey, site = first_survey
    crawling = Crawling(site, survey.folder / "agencies.toml", tmp_path / "archive.db")
    command = crawling.scrapy_command("survey", SURVEY=str(tmp_path / "survey"), DOWNLOAD_DELAY="1")
    before, begun = site.counts.total, time.monotonic()
    with crawling.open(command) as process:
        while site.counts.total < before + 12 and time.monotonic() < begun + 40:
            time.sleep(0.05)
        process.send_signal(ending)
        output, _ = process.communicate(timeout=20)
    assert (process.returncode, "agencies are left; run the same command again" in output) == (
        1,
        True,
    ), output
    code, output = Survey(tmp_path / "survey", survey.options).run()
    assert code == 0, output
    assert Survey(tmp_path / "survey", []).load().keys() == survey.load().keys()


def test_what_is_left_at_the_end_of_its_time_is_continued(surveyed: tuple[Survey, Site]) -> None:
    survey, _ = surveyed
    options = ["-s", f"SURVEY={survey.folder / 'short'}", "--agency", LISTED]
    code, output = survey.run("--minutes", "0.0001", *options)
    assert (code, "1 agencies are left; run the same command again" in output) == (1, True), output
    assert survey.run(*options)[0] == 0
    assert "is not a positive number" in survey.run("--minutes", "0", *options)[1]
