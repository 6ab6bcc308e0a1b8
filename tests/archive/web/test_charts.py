"""Small pictures: their shapes. Charts are in test_over_time.py."""

from __future__ import annotations

from typing import Any

from lxml import html

from archive.web.charts import draw_strip, draw_versions


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
