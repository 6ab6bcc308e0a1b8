"""Settings are checked before a command does anything."""

from __future__ import annotations

import pytest
from scrapy.settings import Settings

from scraper.errors import AgencyError
from scraper.settings import check_settings


def build_settings(**given: object) -> Settings:
    """Return the project's settings, some of them given on the command line."""
    settings = Settings()
    settings.setmodule("scraper.settings", priority="project")
    settings.setdict(given, priority="cmdline")
    return settings


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("BACK_OFF_FIRST", "soon", "'soon' is not a number above 0"),
        ("BACK_OFF_FIRST", "0", "'0' is not a number above 0"),
        ("BACK_OFF_MAX", "1e300", "'1e300' is not a number above 0, up to 100000000"),
        ("BACK_OFF_AFTER", "0", "'0' is not a whole number from 1 upwards"),
        ("CRAWL_DELAY_MAX", "-1", "'-1' is not a number from 0 to"),
        ("RETRY_AFTER_MAX", "nan", "'nan' is not a number from 0 to"),
        ("ROUND_PASS_MINUTES", "inf", "'inf' is not a number above 0"),
        ("DOWNLOAD_DELAY", "", "'' is not a number"),
        ("REVISIT_BUDGET", "1.5", "'1.5' is not a whole number from 0"),
        ("REVISIT_BUDGET", "٤", "'٤' is not a whole number from 0"),
        ("RETRY_TIMES", "many", "'many' is not a whole number"),
        ("NOINDEX_OBEY", "yes", "'yes' is neither True nor False"),
        ("ROBOTSTXT_OBEY", "Ture", "'Ture' is neither True nor False"),
        ("REVISIT_AGES", "often", "'often' is not like <14d=1d"),
        ("ARCHIVE", " ", "must not be empty"),
        ("DAILY_BUGDET", "4", "is not a setting; did you mean DAILY_BUDGET"),
        ("daily_budget", "4", "is not a setting; did you mean DAILY_BUDGET"),
        ("CLOSESPIDER_TIMOUT", "4", "is not a setting; did you mean CLOSESPIDER_TIMEOUT"),
    ],
)
def test_wrong_setting_is_an_error(name: str, value: str, message: str) -> None:
    with pytest.raises(AgencyError) as caught:
        check_settings(build_settings(**{name: value}))
    assert str(caught.value).startswith(f"settings: {name} {message}")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"BACK_OFF_FIRST": "0.5", "DAILY_BUDGET": "0", "NOINDEX_OBEY": "1", "DOWNLOAD_DELAY": 0.25},
        {"MY_EXTENSION_KEY": "x", "LOOPBACK_PORT": "8002", "LOOPBACK_UNKNOWN": "a.se"},
    ],
)
def test_valid_settings(given: dict[str, object]) -> None:
    check_settings(build_settings(**given))


def test_names_are_checked_of_the_project_and_the_command_line_only() -> None:
    settings = build_settings()
    settings.set("DAILY_BUGDET", "4", priority="addon")  # of an extension
    check_settings(settings)
