"""Runs a small part of `make weather`: some conditions that take little time, in one crawl."""

from __future__ import annotations

from pathlib import Path

from tests.harness.weather.crawl import cross
from tests.harness.weather.host import GOOD, Expected, Weather
from tests.harness.weather.network import make_network
from tests.harness.weather.pages import make_pages
from tests.harness.weather.sources import make_sources
from tests.site.server import Site

SOME = {
    *(
        "bomb-br",
        "truncated",
        "truncated-gzip",
        "truncated-page",
        "redirect-loopback",
        "redirect-private-name",
        "redirect-neighbour",
    ),
    *("robots-503", "charset-utf-16", "pdf-as-html", "date-future", "many-rows", "controls"),
    *("calendar-same", "feed-bomb", "feed-outside", "dns-private"),
}


def test_some_weathers_come_out_as_they_should(tmp_path: Path) -> None:
    with Site(releases=8) as site:
        every = [*make_network(site), *make_pages(), *make_sources(site, 1)]
        chosen = [weather for weather in every if weather.name in SOME]
        assert len(chosen) == len(SOME)
        fine = Weather(
            name="fine", sky="fair", expected=Expected(outcome="refused", state="rejected")
        )
        passage = cross(site, [*chosen, fine], tmp_path)
    missed = {
        outcome.weather.name: outcome.missed for outcome in passage.outcomes if outcome.missed
    }
    assert missed == {
        "fine": f"stored instead of rejected; {len(GOOD) + 1} held instead of {len(GOOD)}"
    }, passage.printed
    assert passage.unharmed == (8, 8)
    assert 0 < passage.peak < 400
