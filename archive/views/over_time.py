"""/-/compare (.json, .csv, .xlsx): how many releases searches find, by month or year, beside all
releases of the time.

`q` and `agency` may be repeated: each search in each agency is a series, of which there may be
MAX_SERIES. A page shows a picture of each series; all have the same scale. CSV and Excel have a row
for each series and period, and one for the releases without a date.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

from markupsafe import Markup

from archive.changes.edits_and_removals import read_first_crawl
from archive.i18n import format_number, swedish_sort_key
from archive.search.counts_by_period import (
    MAX_COMPARED_HITS,
    UNITS,
    ComparedSearch,
    count_periods,
    list_periods,
)
from archive.search.results import prepare_finder
from archive.search.search_index import NO_VALUE
from archive.search.search_request import (
    MAX_SERIES,
    SearchRequest,
    build_compare_url,
    build_search_url,
)
from archive.urls import FilterError, parse_choice_parameter
from archive.views.agencies import find_agency_slug
from archive.web import FIELDS, DataList, Operation, SiteRequest, get_search_columns, site_view
from archive.web.charts import (
    Chart,
    PeriodSeries,
    build_series,
    describe_periods,
    draw_series,
    draw_ticks,
    format_period,
    format_share,
    label_periods,
)

MIN_FIELDS = 2  # empty fields for searches and agencies in the form
AGENCY_NAMES_SQL = "select slug, name, name_en from agencies"


@site_view(
    "/-/compare",
    parameters=("q", "agency", "by"),
    operation=Operation(
        formats=("json", "csv", "xlsx"),
        summary=(
            "How many releases up to five searches or agencies find, by month or year, beside all"
            " releases of the time"
        ),
        rows_name="rows",
        row={
            "series": "int Number of the series, from 1",
            "query": "str?",
            "agency": "str? Slug of the agency",
            "period": "str A month (yyyy-mm), a year, or undated = 2024-05",
            "hits": "int",
            "all_releases": (
                "int? All dated releases of the period, of the same agency if one is chosen"
            ),
            "share": "num? hits / all_releases",
            "page": "url The search that finds these releases",
        },
        members={
            "by": "str month or year",
            "series": [
                {
                    "query": "str?",
                    "agency": "str?",
                    "total": "int",
                    "undated": "int Releases without a publication date",
                    "capped": "bool Whether there are more hits than were counted",
                    "notes": FIELDS["notes"],
                }
            ],
        },
        parameters={
            "q": (
                "str A query as in the search box; may be repeated. Either this or `agency` must be"
                " given = fyrar"
            ),
            "agency": "str Slug or name of an agency; may be repeated = polisen",
            "by": "str month or year = year",
        },
        statuses={
            400: "Neither q nor agency is given, there are too many, or a parameter cannot be read"
        },
    ),
)
async def _show_comparison(site: SiteRequest) -> Any:
    texts, names = _read_terms(site, "q"), _read_terms(site, "agency")
    unit = parse_choice_parameter(site.args, "by", UNITS)
    agencies = {row["slug"]: dict(row) for row in await site.run(AGENCY_NAMES_SQL, {})}
    slugs = [find_agency_slug(agencies, name) for name in names]
    pairs = _pair_terms(texts, slugs)
    if len(pairs) > MAX_SERIES:
        raise _describe_excess(texts, names, len(pairs))
    if not site.format_name:
        series = await _count_all_series(site, pairs, agencies)
        context = await _build_context(
            site, series, unit, texts=texts, slugs=slugs, agencies=agencies
        )
        return await site.render("compare.html", context)
    if not pairs:
        raise FilterError("q", "", "words, or an agency, to compare", "error.no_words")
    build_url = partial(build_compare_url, texts, slugs, site.requested_language, unit=unit)
    page_url = site.url(build_url())
    if site.format_name == "xlsx":  # counted when it is this download's turn
        batches = _read_batches(site, pairs, agencies, unit)
        return DataList(title=site.translate("compare.title"), page_url=page_url, batches=batches)
    series = await _count_all_series(site, pairs, agencies)
    chosen_unit, periods = list_periods([each.counts for each in series], unit)
    is_cut = any(each.counts.capped for each in series)
    return DataList(
        title=site.translate("compare.title"),
        page_url=page_url,
        url=site.url(build_url(f".{site.format_name}")),
        rows=build_rows(site, series, chosen_unit, periods),
        members={"by": chosen_unit, "series": [_describe_series(each) for each in series]},
        truncated=f"after {MAX_COMPARED_HITS} hits of a search" if is_cut else "",
    )


async def _read_batches(
    site: SiteRequest,
    pairs: Iterable[tuple[str, str]],
    agencies: Mapping[str, Mapping[str, Any]],
    unit: str | None,
) -> AsyncIterator[list[dict[str, Any]]]:
    series = await _count_all_series(site, pairs, agencies)
    yield build_rows(site, series, *list_periods([each.counts for each in series], unit))


def _pair_terms(texts: Sequence[str], slugs: Sequence[str]) -> list[tuple[str, str]]:
    """Return each text with each agency; "" stands for any words, or for all agencies."""
    return list(product(texts or [""], slugs or [""])) if texts or slugs else []


def _read_terms(site: SiteRequest, name: str) -> list[str]:
    return list(filter(None, map(str.strip, site.args.getlist(name))))


def _describe_excess(texts: Sequence[str], names: Sequence[str], count: int) -> FilterError:
    """Return the error of too many series."""
    name, value = ("q", texts[-1]) if texts else ("agency", names[-1])
    return FilterError(
        name,
        value,
        f"at most {MAX_SERIES} series",
        "error.many_series",
        n=str(count),
        most=str(MAX_SERIES),
    )


async def _count_all_series(
    site: SiteRequest,
    pairs: Iterable[tuple[str, str]],
    agencies: Mapping[str, Mapping[str, Any]],
) -> list[ComparedSearch]:
    return [await _count_series(site, text, slug, agencies) for text, slug in pairs]


async def _count_series(
    site: SiteRequest, text: str, slug: str, agencies: Mapping[str, Mapping[str, Any]]
) -> ComparedSearch:
    request = SearchRequest(text=text, include={"agency": (slug,)} if slug else {})
    finder, name_notes = await prepare_finder(site.run, request, get_search_columns(site.datasette))
    agency_name = site.choose(agencies[slug]["name"], agencies[slug]["name_en"]) if slug else ""
    return ComparedSearch(
        name=", ".join(filter(None, (text, agency_name))),
        request=request,
        counts=await count_periods(finder, None, MAX_COMPARED_HITS),
        notes=[*request.query.notes, *name_notes],
    )


def build_rows(
    site: SiteRequest, series: Sequence[ComparedSearch], unit: str, periods: Sequence[str]
) -> list[dict[str, Any]]:
    def build_page_url(request: SearchRequest) -> str:
        return site.url(build_search_url(request, site.requested_language))

    rows: list[dict[str, Any]] = []
    for number, each in enumerate(series, 1):
        common = {"series": number, "query": each.request.text or None, "agency": each.slug or None}
        values = build_series(each.name, each.counts, unit, periods).values
        rows += [
            common
            | {
                "period": period,
                "hits": hits,
                "all_releases": total,
                "share": round(hits / total, 6) if total else None,
                "page": build_page_url(each.request.narrow_to_period(period)),
            }
            for period, (hits, total) in zip(periods, values, strict=True)
        ]
        undated = replace(each.request, include={**each.request.include, "year": (NO_VALUE,)})
        rows.append(
            {
                **common,
                "period": "undated",
                "hits": each.counts.undated,
                "all_releases": None,
                "share": None,
                "page": build_page_url(undated),
            }
        )
    return rows


def _describe_series(series: ComparedSearch) -> dict[str, Any]:
    """Return the JSON members of a series other than its periods."""
    return {
        "query": series.request.text or None,
        "agency": series.slug or None,
        "total": series.counts.total,
        "undated": series.counts.undated,
        "capped": series.counts.capped,
        "notes": [{"note": note.key, "words": note.value} for note in series.notes],
    }


async def _build_context(
    site: SiteRequest,
    series: Sequence[ComparedSearch],
    unit: str | None,
    *,
    texts: Sequence[str],
    slugs: Sequence[str],
    agencies: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    counts = [each.counts for each in series]
    chosen_unit, periods = list_periods(counts, unit)
    drawn = [build_series(each.name, each.counts, chosen_unit, periods) for each in series]
    most = max((each.most for each in drawn), default=0)
    share = max((each.largest_share for each in drawn), default=0)
    names = sorted(agencies.values(), key=lambda row: swedish_sort_key(row["name"]))

    def build_url(extension: str = "", by: str | None = unit) -> str:
        return str(
            site.datasette.urls.path(
                build_compare_url(texts, slugs, site.requested_language, extension, unit=by)
            )
        )

    notes = describe_periods(
        site, counts, await read_first_crawl(site.run), has_agencies=bool(slugs)
    )
    return {
        "series": [
            (
                each,
                site.datasette.urls.path(build_search_url(each.request, site.requested_language)),
                draw_series(site, own, periods, most, share) if own.most else [],
            )
            for each, own in zip(series, drawn, strict=True)
        ],
        "chart": _build_table(site, drawn, periods, notes),
        "unit": chosen_unit,
        "units": UNITS,
        "chosen_unit": unit,
        "build_url": build_url,
        "texts": [*texts, *[""] * max(1, MIN_FIELDS - len(texts))][:MAX_SERIES],
        "chosen_agencies": [
            *(site.choose(agencies[slug]["name"], agencies[slug]["name_en"]) for slug in slugs),
            *[""] * max(1, MIN_FIELDS - len(slugs)),
        ][:MAX_SERIES],
        "agency_names": [site.choose(row["name"], row["name_en"]) for row in names],
        "max_series": MAX_SERIES,
        "max_hits": MAX_COMPARED_HITS,
    }


def _build_table(
    site: SiteRequest, drawn: Sequence[PeriodSeries], periods: Sequence[str], notes: Sequence[str]
) -> Chart:
    """Build a chart without a picture: a row for each period, a column for each series."""
    language = site.language
    rows = []
    for place, period in enumerate(periods):
        cells = [_format_share_cell(language, *each.values[place]) for each in drawn]
        rows.append((format_period(language, period), "", cells))
    return Chart(
        title="",
        panels=(),
        ticks=draw_ticks(label_periods(language, periods)) if periods else Markup(),
        columns=[site.translate("chart.period"), *(each.name for each in drawn)],
        rows=rows,
        notes=notes,
    )


def _format_share_cell(language: str, hits: int, total: int | None) -> str:
    number = format_number(language, hits)
    return number if total is None else f"{number} ({format_share(language, hits, total)})"
