"""Pictures: their shapes, and what they say in words."""

from __future__ import annotations

from typing import Any

from lxml import html

from archive.web.charts import draw_columns, draw_strip, draw_ticks, draw_versions


def test_columns_are_stacked_and_never_invisible() -> None:
    picture = draw_columns(
        {"i1": [50, 0, 1], "i2": [50, 100, 0]}, 100, "Ändringar <b>", "Från a till b."
    )
    svg = html.fromstring(picture)
    assert (svg.get("role"), svg.get("viewbox")) == ("img", "0 0 30 100")
    assert svg.xpath("title")[0].text == "Ändringar <b>"
    assert svg.xpath("desc")[0].text == "Från a till b."
    paths = {path.get("class"): path.get("d") for path in svg.xpath("path")}
    assert paths == {
        "i1": "M1 100v-50h8V100zM21 100v-2h8V100z",
        "i2": "M1 50v-50h8V50zM11 100v-100h8V100z",
    }
    assert "style" not in picture


def test_ticks_are_below_their_columns() -> None:
    assert [
        text.get("x")
        for text in html.fromstring(draw_ticks(["2020", "", "2022", ""])).xpath("text")
    ] == [
        "12.5%",
        "62.5%",
    ]


def test_strip_has_one_path_for_each_state() -> None:
    svg = html.fromstring(draw_strip(["", "ok", "ok", "fault", "ok"], "Fyrstyrelsen"))
    assert {path.get("class"): path.get("d") for path in svg.xpath("path")} == {
        "fault": "M3 0h1v10h-1z",
        "ok": "M1 6h2v4h-2zM4 6h1v4h-1z",
    }


def test_versions_are_in_proportion_to_time() -> None:
    events: list[dict[str, Any]] = [
        {"when": "2024-01-01T00:00:00+00:00", "kind": "first", "last_seen": None},
        {"when": "2024-01-06T00:00:00+00:00", "kind": "edit", "last_seen": None, "importance": 100},
        {"when": "2024-01-03T00:00:00+00:00", "kind": "gone", "ended": "2024-01-04T00:00:00+00:00"},
    ]
    svg = html.fromstring(draw_versions(events, "2024-01-11T00:00:00+00:00", "Versioner", ""))
    assert {path.get("class"): path.get("d") for path in svg.xpath("path")} == {
        "version": "M0 28H200V40H0zM300 28H1000V40H300z",
        "missing": "M200 38H300V40H200z",
        "edit": "M500 40v-40",
    }
