"""Runs a small part of `make weather`: some conditions that take little time, in one crawl."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.harness.weather.conditions import read_weathers
from tests.harness.weather.crawl import cross
from tests.harness.weather.host import GOOD, Weather
from tests.site.server import Site

SOME = re.compile(
    r"bomb-br|truncated(-gzip|-page)?|redirect-(loopback|private-name|neighbour)|robots-503"
    r"|charset-utf-16|pdf-as-html|date-future|many-rows|controls|calendar-same"
    r"|feed-(bomb|outside)|dns-private"
)


@pytest.mark.slow("a simulation")
def test_some_weathers_come_out_as_they_should(tmp_path: Path) -> None:
    with Site(releases=8) as site:
        chosen = [weather for weather in read_weathers(site, 1) if SOME.fullmatch(weather.name)]
        assert len(chosen) == 17
        fine = Weather(name="fine", sky="fair", outcome="refused", state="rejected")
        passage = cross(site, [*chosen, fine], tmp_path)
    missed = {each.weather.name: each.missed for each in passage.outcomes if each.missed}
    assert missed == {
        "fine": f"stored instead of rejected; {len(GOOD) + 1} held instead of {len(GOOD)}"
    }, passage.printed
    assert passage.unharmed == (8, 8)
    assert 0 < passage.peak < 400
