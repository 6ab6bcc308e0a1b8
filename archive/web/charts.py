"""Charts: their values, scales, texts and links, which _chart.html and chart.svg draw.

A chart in a page needs no script, inline styles or ids: colours are classes in static/style.css,
and no meaning depends on a colour alone. The shapes are stretched to the width of the page. Texts
are positioned in percentages of this width and keep their size. An image must not contain links
(ARIA: its children are presentational), so the links of the columns are placed over the image.
These links are left out of the tab order, because the table contains the same links.

Strips and timelines are small charts without texts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from markupsafe import Markup

from archive.changes.edits_and_removals import EditWeek
from archive.health.coverage import KnownMonths
from archive.i18n import (
    IMPORTANCE_LEVELS,
    format_importance,
    format_month,
    format_number,
    format_short_month,
    format_stated_time,
    format_time,
    translate,
)
from archive.search.counts_by_period import ComparedSearch
from archive.search.search_request import build_search_url
from archive.web.requests import SiteRequest

NUMBER, SHARE = MEASURES = ("number", "share")
COLUMNS, STACKS, LINES = "columns", "stacks", "lines"  # forms of a chart
MAX_GRID_LINES = 4  # above the bottom
MAX_LABELS = 12  # below a chart; a small screen has every other one
MIN_LINE_PERIODS = 4  # in fewer, several searches are columns side by side
MAX_LINKS = 400  # of a table; each takes some 80 bytes
MAX_NAMED_PERIODS = 6  # in a note
FEW_RELEASES = 200  # shares of fewer are named
COUNTED = {
    "releases": "list.n_releases",
    "questions": "search.n_questions",
    "quotes": "person.n_quotes",
}
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
class ChartSeries:
    """The values that a chart shows in one colour.

    values: a value for each period, which is None if the archive contains no releases from the
        period.
    bases: the heights at which the stacked values begin.
    uncertain: the indexes of values that cannot be compared with the other values. Columns for them
        are fainter. In a line chart, they are dots that no line connects.
    """

    name: str
    values: Sequence[float | None]
    total: str = ""  # in words
    bases: Sequence[float] = ()
    uncertain: Collection[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """The contents of a chart, which _chart.html draws.

    form: columns (side by side or stacked), or lines.
    ticks: values of the scale, from 0 to the highest, with their texts.
    labels: the texts below the periods. "" stands for no text.
    rows: rows of the table, each with its period and cells (URL and text). There is a cell for each
        series. In a stacked chart, a cell for the whole stack comes first.
    shades: the indexes of periods from which the archive lacks releases.
    """

    title: str
    form: str
    series: Sequence[ChartSeries]
    ticks: Sequence[tuple[float, str]]
    labels: Sequence[str]
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[tuple[str, str]]]]
    notes: Sequence[str] = ()
    shades: Collection[int] = ()


def _choose_ticks(highest: float, *, whole: bool = True) -> list[float]:
    """Return up to five values for a scale. The last of them is at least as high as `highest`.

    >>> _choose_ticks(7), _choose_ticks(134), _choose_ticks(1)
    ([0, 2, 4, 6, 8], [0, 50, 100, 150], [0, 1])
    >>> _choose_ticks(0.45, whole=False)
    [0.0, 0.2, 0.4, 0.6]
    """
    power = math.floor(math.log10(highest / MAX_GRID_LINES)) if highest else 0
    steps = (factor * 10**power for factor in (1, 2, 5, 10))
    step = next(each for each in steps if highest <= each * MAX_GRID_LINES)
    step = max(1, round(step)) if whole else step
    return [
        round(step * number, max(0, -power)) for number in range(math.ceil(highest / step or 1) + 1)
    ]


def draw(
    css: str,
    size: tuple[float, float],
    shapes: Mapping[str, str],
    title: str,
    description: str = "",
) -> Markup:
    """Return an SVG chart that stretches to the size of its box, with one path for each CSS class
    in `shapes`.

    size: width and height, in the units of the paths.
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


def _format_unit(value: float) -> str:
    """Format a length with at most one decimal.

    >>> _format_unit(12.04), _format_unit(3.25), _format_unit(100)
    ('12', '3.2', '100')
    """
    return f"{value:.1f}".removesuffix(".0")


# Searches over time


def _format_period(language: str, name: str) -> str:
    return format_month(language, name) if len(name) > 4 else name


def _format_share(language: str, hits: int, total: int | None) -> str:
    """Format a number as a percentage of a total. Returns "–" if the total is 0 or unknown.

    >>> _format_share("sv", 1, 8), _format_share("en", 1, 3000), _format_share("sv", 0, 0)
    ('12,5\xa0%', '0.03%', '–')
    """
    if not total:
        return "–"
    percent = 100 * hits / total
    decimals = 0 if percent in (0, 100) else 1 if percent >= 1 else 2
    return _format_percent(language, f"{percent:.{decimals}f}")


def _format_percent(language: str, number: str) -> str:
    number = number.replace(".", translate(language, "format.decimal_point"))
    return translate(language, "format.percent", n=number)


def _label_periods(language: str, names: Sequence[str]) -> list[str]:
    """Return the labels of a chart's periods: years, or at most twelve months. "" means no label.

    >>> _label_periods("sv", ["2023-11", "2023-12", "2024-01"])
    ['nov 2023', 'dec', 'jan']
    >>> _label_periods("sv", [str(year) for year in range(2001, 2014)])[:3]
    ['2001', '', '2003']
    """
    labels = names if len(names[0]) == 4 else _label_months(language, names)
    shown = [place for place, label in enumerate(labels) if label]
    kept = shown[:: math.ceil(len(shown) / MAX_LABELS) or 1]
    return [label if place in kept else "" for place, label in enumerate(labels)]


def _label_months(language: str, names: Sequence[str]) -> list[str]:
    if len(names) > MAX_LABELS:
        return [name[:4] if name.endswith("-01") else "" for name in names]
    first, *others = (format_short_month(language, name) for name in names)
    return [f"{first} {names[0][:4]}", *others]


def _name_periods(language: str, periods: Sequence[str], chosen: Collection[str]) -> str:
    """Return the chosen periods as text.

    Consecutive periods are given as a range, with a dash between the first and the last.

    >>> _name_periods("sv", ["2019", "2020", "2021", "2022"], {"2019", "2021", "2022"})
    '2019, 2021–2022'
    """
    named = []
    for is_chosen, group in groupby(periods, chosen.__contains__):
        names = [_format_period(language, name) for name in group]
        named += ["–".join(dict.fromkeys((names[0], names[-1])))] if is_chosen else []
    if len(named) > MAX_NAMED_PERIODS:
        more = len(named) - MAX_NAMED_PERIODS
        named[MAX_NAMED_PERIODS:] = [translate(language, "chart.more_periods", n=more)]
    return ", ".join(named)


def name_chart(site: SiteRequest, what: str, unit: str, *, words: str, agency: str) -> str:
    """Return the title of a chart by month or year.

    what: releases, questions, quotations or a share.
    """
    parts = [site.translate(f"chart.{what}.{unit}")]
    parts += [site.translate("chart.from_agency", agency=agency)] if agency else []
    parts += [site.translate("chart.with_words", words=words)] if words else []
    return " ".join(parts).replace('”"', "”").replace('"”', "”")


def build_period_chart(
    site: SiteRequest,
    searches: Sequence[ComparedSearch],
    unit: str,
    periods: Sequence[str],
    *,
    title: str,
    known: KnownMonths,
    measure: str = NUMBER,
) -> Chart:
    """Build the chart of searches by month or year.

    The chart shows how many releases each search finds, or their share of all releases.
    """
    counts = [each.counts.list_values(unit, periods) for each in searches]
    thin = known.find_thin(periods)
    shaded = set().union(*thin.values())
    if measure == SHARE:
        thin["few_releases"] = uncertain = _find_few(counts, periods)
        scope = "agencies" if searches[0].slug else SHARE
    else:
        scope = NUMBER
        uncertain = [*thin.get("begins", ()), *thin.get("ends", ())]
    series = [
        ChartSeries(
            name=each.name,
            total=site.translate(
                "search.hits_capped" if each.counts.capped else COUNTED[each.request.show],
                n=each.counts.total - each.counts.capped,
            ),
            values=[_measure(hits, total, measure) for hits, total in own],
            uncertain=_find_places(periods, uncertain),
        )
        for each, own in zip(searches, counts, strict=True)
    ]
    is_line = len(searches) > 1 and len(periods) >= MIN_LINE_PERIODS
    return Chart(
        title=title,
        form=LINES if is_line else COLUMNS,
        series=series,
        ticks=_build_ticks(site.language, series, measure),
        labels=_label_periods(site.language, periods),
        columns=[site.translate("chart.period"), *(each.name for each in searches)],
        rows=_build_rows(site, searches, counts, periods, measure),
        notes=_describe_periods(site, searches, periods, scope, known=known, thin=thin),
        shades=_find_places(periods, shaded),
    )


def _find_places(periods: Sequence[str], chosen: Collection[str]) -> list[int]:
    return [place for place, period in enumerate(periods) if period in chosen]


def _find_few(
    counts: Sequence[Sequence[tuple[int, int | None]]], periods: Sequence[str]
) -> list[str]:
    """Return the periods in which a searched agency has at least one release, but fewer than
    FEW_RELEASES.
    """
    return [
        period
        for place, period in enumerate(periods)
        if any(0 < (own[place][1] or 0) < FEW_RELEASES for own in counts)
    ]


def _measure(hits: int, total: int | None, measure: str) -> float | None:
    if total == 0 or (total is None and not hits):
        return None  # the archive has no releases of this time
    return 100 * hits / (total or 1) if measure == SHARE else hits


def _build_ticks(
    language: str, series: Sequence[ChartSeries], measure: str
) -> list[tuple[float, str]]:
    highest = max(value or 0 for each in series for value in each.values)
    return [
        (
            tick,
            _format_percent(language, f"{tick:g}")
            if measure == SHARE
            else format_number(language, int(tick)),
        )
        for tick in _choose_ticks(highest, whole=measure == NUMBER)
    ]


def _build_rows(
    site: SiteRequest,
    searches: Sequence[ComparedSearch],
    counts: Sequence[Sequence[tuple[int, int | None]]],
    periods: Sequence[str],
    measure: str,
) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the rows of the table, which have a cell for each search.

    A cell contains the number of results, and their share of all releases if it is known.
    """
    found = sum(hits > 0 for own in counts for hits, _ in own)
    rows = []
    for place, period in enumerate(periods):
        cells = []
        for search, own in zip(searches, counts, strict=True):
            hits, total = own[place]
            request = search.request.narrow_to_period(period)
            url = site.add_base_url(build_search_url(request, site.requested_language))
            texts = [format_number(site.language, hits), _format_share(site.language, hits, total)]
            text = "{} ({})".format(*texts[:: 1 if measure == NUMBER else -1])
            cells.append(
                (url if hits and found <= MAX_LINKS else "", texts[0] if total is None else text)
            )
        rows.append((_format_period(site.language, period), cells))
    return rows


def _describe_periods(
    site: SiteRequest,
    searches: Sequence[ComparedSearch],
    periods: Sequence[str],
    scope: str,
    *,
    known: KnownMonths,
    thin: Mapping[str, Collection[str]],
) -> list[str]:
    """Return notes on the chart.

    The notes say what is counted and what is not, where the archive lacks releases, and when it
    began to read the agencies' websites.

    thin: the periods from which the archive has few releases, or lacks some, by reason.
    """
    capped = [each.counts.total for each in searches if each.counts.capped]
    undated = sum(each.counts.undated for each in searches)
    is_current = not any(each.request.all_versions for each in searches)
    language, days = site.language, {"first": known.first, "until": known.until}
    texts = {name: format_stated_time(language, day) for name, day in days.items()}
    notes: list[tuple[object, str]] = [
        (capped, site.translate("chart.counted_first", n=max(capped, default=0))),
        (undated, site.translate("chart.undated", n=undated)),
        (is_current, site.translate("chart.current_texts")),
        (True, site.translate(f"chart.about.{scope}")),
    ]
    for reason, names in thin.items():
        texts["periods"] = _name_periods(language, periods, names)
        notes.append((names, site.translate(f"chart.thin.{reason}", n=FEW_RELEASES, **texts)))
    since = format_time(language, known.since or None)
    notes.append((since, site.translate("chart.crawled_since", when=since)))
    return [text for is_true, text in notes if is_true]


# Quotations of a person


def build_quotes_chart(
    site: SiteRequest,
    numbers: Mapping[str, int],
    unit: str,
    periods: Sequence[str],
    build_link: Callable[[str], str],
) -> Chart:
    """Build the chart of a person's quotations by month or year.

    numbers: the number of quotations by period.
    """
    language, name = site.language, site.translate("chart.quotes")
    values = [numbers.get(period, 0) for period in periods]
    rows = [
        (
            _format_period(language, period),
            [(build_link(period) if number else "", format_number(language, number))],
        )
        for period, number in zip(periods, values, strict=True)
    ]
    return Chart(
        title=site.translate(f"person.by.{unit}"),
        form=COLUMNS,
        series=[ChartSeries(name=name, values=values)],
        ticks=[(tick, format_number(language, int(tick))) for tick in _choose_ticks(max(values))],
        labels=_label_periods(language, periods),
        columns=[site.translate("chart.period"), name],
        rows=rows,
        notes=[site.translate("person.chart_about")],
    )


# Edits by week


def build_edits_chart(
    site: SiteRequest,
    weeks: Sequence[EditWeek],
    build_link: Callable[[EditWeek], str],
    notes: Sequence[str],
) -> Chart:
    """Build the chart of edits per week, with the most important edits at the bottom of each
    column.
    """
    language = site.language
    levels = [format_importance(language, least) for least, _, _ in IMPORTANCE_LEVELS]
    names = [*levels, site.translate("chart.not_rated")]
    totals = [sum(week.counts) for week in weeks]
    rows = []
    for week, total in zip(weeks, totals, strict=True):
        counts = [("", format_number(language, number)) for number in week.counts]
        cells = [(build_link(week), format_number(language, total)), *counts]
        rows.append((format_time(language, week.first.isoformat()), cells))
    return Chart(
        title=site.translate("chart.edits"),
        form=STACKS,
        series=[
            ChartSeries(
                name=name,
                values=[week.counts[number] for week in weeks],
                bases=[sum(week.counts[:number]) for week in weeks],
            )
            for number, name in enumerate(names)
        ],
        ticks=[(tick, format_number(language, int(tick))) for tick in _choose_ticks(max(totals))],
        labels=_label_weeks(language, weeks),
        columns=[site.translate("chart.week"), site.translate("chart.hits"), *names],
        rows=rows,
        notes=notes,
    )


def _label_weeks(language: str, weeks: Sequence[EditWeek]) -> list[str]:
    """Return the labels below the weeks.

    A week that begins in a different month from the previous week is labelled with the name of the
    month or, in January, with the year. The labels of other weeks are "".
    """
    months = [week.first.isoformat()[:7] for week in weeks]
    return [
        ""
        if month == before
        else month[:4]
        if month.endswith("-01")
        else format_short_month(language, month)
        for before, month in zip([months[0], *months], months, strict=False)
    ]


# Days of an agency's health


def draw_strip(days: Sequence[str], title: str) -> Markup:
    """Draw a bar for each day.

    days: a key of STRIP_BARS for each day, or "" for a day without an assessment.
    """
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

    A bar shows when the release is known to have been on the web. Where the release was missing,
    there is only a line. At each edit, a stroke rises above the bar. The more important the edit,
    the higher the stroke.
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
    """Return the periods in which the release was missing, as (start, end), in order."""
    return sorted(
        (event["when"], event["ended"] or end)
        for event in events
        if "ended" in event and event["kind"] != "moved"
    )


def _find_first_sight(events: Sequence[Mapping[str, Any]], end: str) -> str:
    """Return the time at which the release was first seen on the web.

    For an imported release, this is the time of the first check that found it, not the time of the
    import.
    """
    seen = (event["last_seen"] if event["kind"] == "import" else event["when"] for event in events)
    return min(filter(None, seen), default=end)


def _parse_moment(when: str) -> datetime:
    """Parse a time.

    A date without a time of day, as in a collection's reading, is parsed as the start of that day
    in UTC.
    """
    moment = datetime.fromisoformat(when)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
