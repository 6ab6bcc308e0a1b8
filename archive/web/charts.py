"""Draws pictures of counts as inline SVG, each with a title, a description and its numbers as a
table.

The pictures need no script, and neither inline styles nor ids: colours are classes in
static/style.css, and no meaning depends on a colour alone. They are stretched to the width of the
page, so no text is in them. Ticks are a picture of their own, whose positions are percentages. An
image must not contain links (ARIA: its children are presentational), so the links of the columns
lie over it. They are left out of the tab order, because the table has them, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any

from markupsafe import Markup

from archive.changes.edits_and_removals import EditWeek
from archive.i18n import (
    IMPORTANCE_LEVELS,
    format_importance,
    format_month,
    format_number,
    format_short_month,
    format_time,
    translate,
)
from archive.search.counts_by_period import MONTH, YEAR, PeriodCounts
from archive.web.requests import SiteRequest

HEIGHT = 100  # of a picture with columns, in units of its own
COLUMN, GAP = 8, 2  # width of a column, and space beside it
MIN_HEIGHT = 2  # of a column for any number above 0, so that it can be seen
MAX_TICKS = 6  # labels under a picture, which fit at 320 px
HEAT_LEVELS = 5
STRIP_HEIGHT = 10
# state of a day → top and height of its bar: they differ without colours, too; a day without an
# assessment has none
STRIP_BARS = {"fault": (0, 10), "ok": (6, 4), "paused": (8, 2)}
TIMELINE_WIDTH, TIMELINE_HEIGHT = 1000, 40
# kinds of events by which an agency changed a release, or a file of it
EDIT_EVENTS = ("edit", "attachment")
# in a legend: top and height
VERSION_BARS = {"version": (5, 5), "edit": (0, 10), "missing": (8, 2)}
VERSION_BAR = 12  # height of the bar of a version; edits rise above it by their importance


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One of the pictures of a chart, which have the same columns."""

    label: str  # what it shows, with the largest value
    picture: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart as _chart.html shows it."""

    title: str
    panels: Sequence[Panel]
    ticks: Markup
    columns: Sequence[str]  # headers of the table
    rows: Sequence[tuple[str, str, Sequence[str]]]  # label, URL (""), cells
    note: str = ""  # beside the title
    notes: Sequence[str] = ()  # below the table
    legend: Sequence[tuple[str, str]] = ()  # class and meaning


def draw(
    css: str,
    size: tuple[float, float],
    shapes: Mapping[str, str],
    title: str,
    description: str = "",
) -> Markup:
    """Return a stretched picture with one path for each class.

    size: width and height, in units of the paths.
    """
    paths = Markup("").join(
        Markup('<path class="{}" d="{}"/>').format(name, d) for name, d in shapes.items() if d
    )
    desc = Markup("<desc>{}</desc>").format(description) if description else ""
    head = Markup(
        '<svg class="{}" viewBox="0 0 {} {}"'
        ' preserveAspectRatio="none"'
        ' role="img"><title>{}</title>'
    )
    return head.format(css, *map(_format_unit, size), title) + desc + paths + Markup("</svg>")


def draw_columns(
    stacks: Mapping[str, Sequence[float]], highest: float, title: str, description: str = ""
) -> Markup:
    """Draw columns with the values of each class, the first class at the bottom."""
    length = len(next(iter(stacks.values())))
    tops, shapes = [0.0] * length, dict.fromkeys(stacks, "")
    for name, values in stacks.items():
        for place, value in enumerate(values):
            if value:
                size = max(MIN_HEIGHT, value / highest * HEIGHT)
                left, bottom = place * (COLUMN + GAP) + GAP // 2, _format_unit(HEIGHT - tops[place])
                shapes[name] += f"M{left} {bottom}v-{_format_unit(size)}h{COLUMN}V{bottom}z"
                tops[place] += size
    return draw("columns-of", (length * (COLUMN + GAP), HEIGHT), shapes, title, description)


def draw_ticks(labels: Sequence[str]) -> Markup:
    """Draw the labels of columns; an empty label is left out."""
    texts = (
        Markup('<text x="{}%">{}</text>').format(
            _format_unit((place + 0.5) / len(labels) * 100), label
        )
        for place, label in enumerate(labels)
        if label
    )
    return (
        Markup('<svg class="ticks" aria-hidden="true">') + Markup("").join(texts) + Markup("</svg>")
    )


def _thin_out(labels: Sequence[str], most: int = MAX_TICKS) -> list[str]:
    """Return labels with at most `most` of them kept, in even steps.

    >>> _thin_out(["2020", "2021", "2022", "2023"], 2)
    ['2020', '', '2022', '']
    """
    step = -(-len(labels) // most)
    return [label if place % step == 0 else "" for place, label in enumerate(labels)]


def _format_unit(value: float) -> str:
    """Format a length with at most one decimal.

    >>> _format_unit(12.04), _format_unit(3.25), _format_unit(100)
    ('12', '3.2', '100')
    """
    return f"{value:.1f}".removesuffix(".0")


# Searches over time


def format_period(language: str, name: str) -> str:
    return format_month(language, name) if len(name) > 4 else name


def format_share(language: str, hits: int, total: int | None) -> str:
    """Return a number as a percentage, or "–" without a total.

    >>> format_share("sv", 1, 8), format_share("en", 1, 3000), format_share("sv", 0, 0)
    ('12,5\\xa0%', '0.03%', '–')
    """
    if not total:
        return "–"
    percent = 100 * hits / total
    number = f"{percent:.{0 if percent in (0, 100) else 1 if percent >= 1 else 2}f}"
    return translate(
        language,
        "format.percent",
        n=number.replace(".", translate(language, "format.decimal_point")),
    )


def label_periods(language: str, names: Sequence[str]) -> list[str]:
    """Return the ticks of periods: years, or the months of up to a year.

    >>> label_periods("sv", ["2023-11", "2023-12", "2024-01"])
    ['nov 2023', 'dec', 'jan']
    >>> label_periods("sv", ["2020", "2021"])
    ['2020', '2021']
    """
    if len(names[0]) == 4:
        return _thin_out(names)
    if len(names) > 12:
        return [name[:4] if name.endswith("-01") else "" for name in names]
    first, *others = (format_short_month(language, name) for name in names)
    return _thin_out([f"{first} {names[0][:4]}", *others], 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodSeries:
    """The hits of a search in the months or years of a chart, each with all releases of that time,
    if compared.
    """

    name: str
    counts: PeriodCounts
    values: Sequence[tuple[int, int | None]]

    @property
    def has_totals(self) -> bool:
        return self.counts.totals is not None

    @property
    def most(self) -> int:
        return max((hits for hits, _ in self.values), default=0)

    @property
    def largest_share(self) -> float:
        return max((hits / total for hits, total in self.values if total), default=0.0)


def build_series(name: str, counts: PeriodCounts, unit: str, names: Sequence[str]) -> PeriodSeries:
    grouped = counts.group(unit)
    none = (0, None if counts.totals is None else 0)
    return PeriodSeries(
        name=name, counts=counts, values=[grouped.get(period, none) for period in names]
    )


def draw_series(
    site: SiteRequest, series: PeriodSeries, names: Sequence[str], most: int, largest_share: float
) -> list[Panel]:
    """Draw the number of hits, and their share of all releases.

    most, largest_share: the heights of the pictures.
    """
    language = site.language
    first, last = (format_period(language, names[place]) for place in (0, -1))
    span = site.translate("chart.span", n=series.counts.total, first=first, last=last)
    peak = max(range(len(names)), key=lambda place: series.values[place][0])
    label = site.translate(
        "chart.number", n=series.most, period=format_period(language, names[peak])
    )
    values = [float(hits) for hits, _ in series.values]
    panels = [
        Panel(
            label=label,
            picture=draw_columns({"bar": values}, most or 1, f"{series.name}: {label}", span),
        )
    ]
    if series.has_totals and series.largest_share:
        shares = [hits / total if total else 0.0 for hits, total in series.values]
        peak = max(range(len(names)), key=shares.__getitem__)
        label = site.translate(
            "chart.share",
            share=format_share(language, *series.values[peak]),
            period=format_period(language, names[peak]),
        )
        picture = draw_columns({"bar": shares}, largest_share, f"{series.name}: {label}", span)
        panels.append(Panel(label=label, picture=picture))
    return panels


def describe_periods(
    site: SiteRequest,
    counts: Sequence[PeriodCounts],
    first_crawl: date | None,
    *,
    has_agencies: bool,
) -> list[str]:
    """Return what is counted, and since when the archive reads the agencies' websites."""
    has_totals = any(each.totals is not None for each in counts)
    key = (
        "chart.about_number"
        if not has_totals
        else "chart.about_agencies"
        if has_agencies
        else "chart.about"
    )
    when = first_crawl and format_time(site.language, first_crawl.isoformat())
    return [
        site.translate(key),
        *([site.translate("chart.crawled_since", when=when)] if when else []),
    ]


def build_period_chart(
    site: SiteRequest,
    counts: PeriodCounts,
    names: Sequence[str],
    build_link: Callable[[str], str],
    notes: Sequence[str],
) -> Chart:
    """Build the chart of one search in some periods.

    build_link: returns the URL of the search in one of them.
    """
    language, unit = site.language, YEAR if len(names[0]) == 4 else MONTH
    series = build_series(site.translate(f"chart.by.{unit}"), counts, unit, names)
    columns = [site.translate("chart.period"), site.translate("chart.hits")]
    columns += (
        [site.translate("chart.share_column"), site.translate("chart.all")]
        if series.has_totals
        else []
    )
    rows = []
    for name, (hits, total) in zip(names, series.values, strict=True):
        cells = [format_number(language, hits)]
        if total is not None:
            cells += [format_share(language, hits, total), format_number(language, total)]
        rows.append((format_period(language, name), build_link(name), cells))
    hits, total = (
        sum(hits for hits, _ in series.values),
        sum(total or 0 for _, total in series.values),
    )
    together = site.translate(
        "chart.together", hits=hits, total=total, share=format_share(language, hits, total)
    )
    return Chart(
        title=series.name,
        note=site.translate("chart.undated", n=counts.undated) if counts.undated else "",
        panels=draw_series(site, series, names, series.most, series.largest_share),
        ticks=draw_ticks(label_periods(language, names)),
        columns=columns,
        rows=rows,
        notes=[*([together] if series.has_totals else []), *notes],
    )


# Months of an agency


def find_heat_level(count: int, most: int) -> int:
    """Return the level of a month's colour, from 1 to HEAT_LEVELS; 0 for no releases.

    >>> [find_heat_level(count, 50) for count in (0, 1, 10, 11, 50)]
    [0, 1, 1, 2, 5]
    """
    return -(-count * HEAT_LEVELS // most) if count else 0


def list_heat_ranges(most: int) -> list[tuple[int, int, int]]:
    """Return each level with its least and greatest number, leaving out levels that no whole number
    has.

    >>> list_heat_ranges(3), list_heat_ranges(50)[:2]
    ([(2, 1, 1), (4, 2, 2), (5, 3, 3)], [(1, 1, 10), (2, 11, 20)])
    """
    bounds = [most * level // HEAT_LEVELS for level in range(HEAT_LEVELS + 1)]
    return [
        (level, bounds[level - 1] + 1, bounds[level])
        for level in range(1, HEAT_LEVELS + 1)
        if bounds[level] > bounds[level - 1]
    ]


# Edits by week


def build_edits_chart(
    site: SiteRequest,
    weeks: Sequence[EditWeek],
    build_link: Callable[[EditWeek], str],
    notes: Sequence[str],
) -> Chart:
    """Build the chart of edits by week, the most important ones at the bottom."""
    language = site.language
    stacks = {
        f"i{level}": [float(week.counts[level - 1]) for week in weeks] for level in range(1, 6)
    }
    totals = [sum(week.counts) for week in weeks]
    peak = max(range(len(weeks)), key=totals.__getitem__)
    first, last, highest = (
        format_time(language, weeks[place].first.isoformat()) for place in (0, -1, peak)
    )
    label = site.translate("chart.edits_number", n=totals[peak], week=highest)
    title = site.translate("chart.edits")
    kinds = [(css, name) for css, name in _name_importance_levels(site) if any(stacks[css])]
    picture = draw_columns(
        stacks,
        totals[peak] or 1,
        f"{title}: {label}",
        site.translate("chart.edits_span", n=sum(totals), first=first, last=last),
    )
    return Chart(
        title=title,
        panels=[Panel(label=label, picture=picture)],
        ticks=draw_ticks(_label_weeks(language, weeks)),
        columns=[site.translate("chart.week"), *(name for _, name in kinds)],
        rows=[_build_week_row(language, week, kinds, build_link) for week in weeks],
        notes=notes,
        legend=kinds,
    )


def _name_importance_levels(site: SiteRequest) -> list[tuple[str, str]]:
    """Return the class and the name of each level of importance, and of edits without one."""
    names = [format_importance(site.language, least) for least, _, _ in IMPORTANCE_LEVELS]
    names.append(site.translate("chart.not_rated"))
    return [(f"i{number}", name) for number, name in enumerate(names, 1)]


def _build_week_row(
    language: str,
    week: EditWeek,
    kinds: Sequence[tuple[str, str]],
    build_link: Callable[[EditWeek], str],
) -> tuple[str, str, list[str]]:
    counts = [format_number(language, week.counts[int(css[1:]) - 1]) for css, _ in kinds]
    return format_time(language, week.first.isoformat()), build_link(week), counts


def _label_weeks(language: str, weeks: Sequence[EditWeek]) -> list[str]:
    """Return the labels below the weeks: a month, or the year in January, where there is room."""
    months = [week.first.isoformat()[:7] for week in weeks]
    labelled = _choose_labelled_weeks(months)
    labels = []
    for place, month in enumerate(months):
        if place not in labelled:
            labels.append("")
        elif month.endswith("-01"):
            labels.append(month[:4])
        else:
            labels.append(format_short_month(language, month))
    return labels


def _choose_labelled_weeks(months: Sequence[str]) -> set[int]:
    """Return the weeks with a label, which begin a month; January, which states the year, is among
    them.
    """
    marked = [place for place in range(1, len(months)) if months[place - 1] != months[place]]
    if (marked[0] if marked else len(months)) * 8 >= len(months):
        marked.insert(0, 0)  # its label does not touch the next one
    step = -(-len(marked) // MAX_TICKS) or 1
    january = next(
        (number for number, place in enumerate(marked) if months[place].endswith("-01")), 0
    )
    return set(marked[january % step :: step])


# Days of an agency's health


def draw_strip(days: Sequence[str], title: str) -> Markup:
    """Draw a bar for each day: a key of STRIP_BARS, or "" for a day without an assessment."""
    shapes, place = dict.fromkeys(STRIP_BARS, ""), 0
    for state, group in groupby(days):
        length = len(list(group))
        if state:
            top, height = STRIP_BARS[state]
            shapes[state] += f"M{place} {top}h{length}v{height}h-{length}z"
        place += length
    return draw("strip", (len(days), STRIP_HEIGHT), shapes, title)


# Versions of a release


def draw_versions(
    events: Sequence[Mapping[str, Any]], end: str, title: str, description: str
) -> Markup:
    """Draw a timeline (archive.changes.history.read_timeline) from its first event to `end`.

    The bar shows when the release was on the web, as far as the archive knows, and rises at each
    edit by the edit's importance. While the release was missing, there is only a line.
    """
    first = min(event["when"] for event in events)
    start, length = (
        _parse_moment(first),
        max(1.0, (_parse_moment(end) - _parse_moment(first)).total_seconds()),
    )

    def place(when: str) -> str:
        return _format_unit((_parse_moment(when) - start).total_seconds() / length * TIMELINE_WIDTH)

    top, bottom = TIMELINE_HEIGHT - VERSION_BAR, TIMELINE_HEIGHT
    shapes, at = {"version": "", "missing": "", "edit": ""}, _find_first_sight(events, end)
    for begin, until in _list_gaps(events, end):
        if begin > at:
            shapes["version"] += f"M{place(at)} {top}H{place(begin)}V{bottom}H{place(at)}z"
        shapes["missing"] += f"M{place(begin)} {bottom - 2}H{place(until)}V{bottom}H{place(begin)}z"
        at = max(at, until)
    if at < end:
        shapes["version"] += f"M{place(at)} {top}H{TIMELINE_WIDTH}V{bottom}H{place(at)}z"
    for event in events:
        if event["kind"] in EDIT_EVENTS:
            height = (
                VERSION_BAR
                + (TIMELINE_HEIGHT - VERSION_BAR) * max(event["importance"] or 0, 10) / 100
            )
            shapes["edit"] += f"M{place(event['when'])} {bottom}v-{_format_unit(height)}"
    return draw("versions", (TIMELINE_WIDTH, TIMELINE_HEIGHT), shapes, title, description)


def _list_gaps(events: Sequence[Mapping[str, Any]], end: str) -> list[tuple[str, str]]:
    """Return when the release was missing, as pairs of first and last moment, in order."""
    return sorted(
        (event["when"], event["ended"] or end)
        for event in events
        if "ended" in event and event["kind"] != "moved"
    )


def _find_first_sight(events: Sequence[Mapping[str, Any]], end: str) -> str:
    """Return when the release was first seen on the web: an import is not, so it counts from when a
    check found the release there.
    """
    seen = (event["last_seen"] if event["kind"] == "import" else event["when"] for event in events)
    return min(filter(None, seen), default=end)


def _parse_moment(when: str) -> datetime:
    """Parse a time; a day on which a collection read a release counts from its beginning in UTC."""
    moment = datetime.fromisoformat(when)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
