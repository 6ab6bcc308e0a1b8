"""/-/over-time (.svg): charts the results of searches over time.

The page shows, by month or year, how many releases each search finds, or their share of all
releases. It also lists edits that removed or added the words of a search and, for a single search,
the history of the wording.

`q` and `agency` may be repeated: each search in each agency becomes a series, up to MAX_SERIES
series. The numbers are available as data at /-/compare (.json, .csv, .xlsx), with a row for each
period of a series, and a row for the series' undated releases. The pages /-/compare and /-/phrase
redirect to this page.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any
from urllib.parse import unquote

from datasette import Response

from archive.health.coverage import read_known_months
from archive.i18n import SWEDISH_TIME, format_time, swedish_sort_key
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
    build_over_time_url,
    build_search_url,
)
from archive.times import now
from archive.urls import LIST_PARAMETERS, FilterError, parse_choice_parameter
from archive.views.agencies import find_agency_slug
from archive.views.edits import read_wording
from archive.web import (
    ANY_PARAMETER,
    FIELDS,
    RESPONSE_MEDIA_TYPES,
    DataList,
    Operation,
    ReaderError,
    SiteRequest,
    get_search_columns,
    site_view,
)
from archive.web.charts import MEASURES, NUMBER, Chart, build_period_chart, name_chart

MIN_FIELDS = 2  # empty fields for searches and agencies in the form
CHART_SECONDS = 3600  # how long caches may keep a chart that other sites show
NOT_ASCII = re.compile(r"(?:%[89A-F][0-9A-F])+")
AGENCY_NAMES_SQL = "select slug, name, name_en from agencies"
SERIES_PARAMETERS = {
    "q": (
        "str A query as in the search box; may be repeated. Either this or `agency` must be given ="
        " fyrar"
    ),
    "agency": "str Slug or name of an agency; may be repeated = polisen",
    "by": "str month or year = year",
    "measure": "str number or share = share",
}


@site_view(
    r"/-/compare\.{format}",
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
        parameters=SERIES_PARAMETERS,
        statuses={
            400: "Neither q nor agency is given, there are too many, or a parameter cannot be read"
        },
    ),
)
async def _list_counts(site: SiteRequest) -> Any:
    asked = await _read_question(site)
    if not asked.pairs:
        raise FilterError("q", "", "words, or an agency, to compare", "error.no_words")
    title = site.translate("compare.title")
    page_url = site.url(asked.build_url("/-/compare"))
    if site.format_name == "xlsx":  # counted when it is this download's turn
        return DataList(title=title, page_url=page_url, batches=_read_batches(site, asked))
    series = await _count_all_series(site, asked)
    unit, periods = list_periods([each.counts for each in series], asked.unit)
    is_cut = any(each.counts.capped for each in series)
    return DataList(
        title=title,
        page_url=page_url,
        url=site.url(asked.build_url(f"/-/compare.{site.format_name}")),
        rows=_build_rows(site, series, unit, periods),
        members={
            "by": unit,
            "series": [
                {
                    "query": each.request.text or None,
                    "agency": each.slug or None,
                    "total": each.counts.total,
                    "undated": each.counts.undated,
                    "capped": each.counts.capped,
                    "notes": [{"note": note.key, "words": note.value} for note in each.notes],
                }
                for each in series
            ],
        },
        truncated=f"after {MAX_COMPARED_HITS} hits of a search" if is_cut else "",
    )


async def _read_batches(site: SiteRequest, asked: _Question) -> AsyncIterator[list[dict[str, Any]]]:
    series = await _count_all_series(site, asked)
    yield _build_rows(site, series, *list_periods([each.counts for each in series], asked.unit))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """The searches that a URL of the page asks to compare, and how to compare them.

    unit: month, year, or None if the unit depends on the length of the period.
    agencies: the names of all agencies, by slug.
    """

    texts: Sequence[str]
    slugs: Sequence[str]
    unit: str | None
    measure: str
    language: str | None
    agencies: Mapping[str, str]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Return every pair of a search text and an agency.

        "" stands for any text, or for all agencies.
        """
        is_empty = not self.texts and not self.slugs
        return [] if is_empty else list(product(self.texts or [""], self.slugs or [""]))

    def build_url(self, path: str = "/-/over-time", **changes: str | None) -> str:
        measure = None if self.measure == NUMBER or path.startswith("/-/compare") else self.measure
        options = {"by": self.unit, "measure": measure, **changes}
        language = options.pop("lang", self.language)
        return build_over_time_url(self.texts, self.slugs, language, path, **options)


async def _read_question(site: SiteRequest) -> _Question:
    texts, names = (
        list(filter(None, map(str.strip, site.args.getlist(name)))) for name in ("q", "agency")
    )
    rows = {row["slug"]: dict(row) for row in await site.run(AGENCY_NAMES_SQL, {})}
    asked = _Question(
        texts=texts,
        slugs=[find_agency_slug(rows, name) for name in names],
        unit=parse_choice_parameter(site.args, "by", UNITS),
        measure=parse_choice_parameter(site.args, "measure", MEASURES) or NUMBER,
        language=site.requested_language,
        agencies={slug: site.choose(row["name"], row["name_en"]) for slug, row in rows.items()},
    )
    if len(asked.pairs) > MAX_SERIES:
        name, value = ("q", texts[-1]) if texts else ("agency", names[-1])
        values = {"n": str(len(asked.pairs)), "most": str(MAX_SERIES)}
        raise FilterError(
            name, value, f"at most {MAX_SERIES} series", "error.many_series", **values
        )
    return asked


async def _count_all_series(site: SiteRequest, asked: _Question) -> list[ComparedSearch]:
    series = []
    for text, slug in asked.pairs:
        request = SearchRequest(text=text, include={"agency": (slug,)} if slug else {})
        columns = get_search_columns(site.datasette)
        finder, query_notes = await prepare_finder(site.run, request, columns)
        # the title of the chart has what all series share
        names = (
            text if len(asked.texts) > 1 else "",
            asked.agencies[slug] if len(asked.slugs) > 1 else "",
        )
        search = ComparedSearch(
            name=", ".join(filter(None, names)) or text or asked.agencies[slug],
            request=request,
            counts=await count_periods(finder, None, MAX_COMPARED_HITS),
            notes=[*request.query.notes, *query_notes],
        )
        series.append(search)
    return series


def _build_rows(
    site: SiteRequest, series: Sequence[ComparedSearch], unit: str, periods: Sequence[str]
) -> list[dict[str, Any]]:
    rows = []
    for number, each in enumerate(series, 1):
        undated = replace(each.request, include={**each.request.include, "year": (NO_VALUE,)})
        requests = [*map(each.request.narrow_to_period, periods), undated]
        values = [*each.counts.list_values(unit, periods), (each.counts.undated, None)]
        for period, request, (hits, total) in zip(
            [*periods, "undated"], requests, values, strict=True
        ):
            row = {
                "series": number,
                "query": each.request.text or None,
                "agency": each.slug or None,
                "period": period,
                "hits": hits,
                "all_releases": total,
                "share": round(hits / total, 6) if total else None,
                "page": site.url(build_search_url(request, site.requested_language)),
            }
            rows.append(row)
    return rows


@site_view("/-/compare", "/-/phrase", parameters=(ANY_PARAMETER,))
async def _move_to_over_time(site: SiteRequest) -> Response:
    query = site.request.query_string
    url = site.add_base_url("/-/over-time") + (f"?{query}" if query else "")
    return Response.redirect(url, status=301)


@site_view(
    "/-/over-time",
    parameters=("q", "agency", "by", "measure", *LIST_PARAMETERS),
    operation=Operation(
        formats=("svg",),
        summary=(
            "A chart of how many releases up to five searches or agencies find over time, to print"
            " or to embed"
        ),
        parameters=SERIES_PARAMETERS,
        parameter_names=tuple(SERIES_PARAMETERS),
    ),
)
async def _show_over_time(site: SiteRequest) -> Any:
    asked = await _read_question(site)
    if site.format_name and not asked.pairs:
        raise FilterError("q", "", "words, or an agency, to compare", "error.no_words")
    series = await _count_all_series(site, asked)
    chart = await _build_chart(site, asked, series) if series else None
    if site.format_name:
        return await _render_chart(site, asked, chart)
    chosen = [asked.agencies[slug] for slug in asked.slugs]
    context = {
        "asked": asked,
        "series": series,
        "chart": chart,
        "units": UNITS,
        "measures": MEASURES,
        "build_url": lambda path, **changes: site.add_base_url(asked.build_url(path, **changes)),
        "svg_url": site.url(asked.build_url("/-/over-time.svg", lang=site.language)),
        "own_url": site.url(asked.build_url(lang=site.language)),
        "texts": [*asked.texts, *[""] * max(1, MIN_FIELDS - len(asked.texts))][:MAX_SERIES],
        "chosen_agencies": [*chosen, ""][:MAX_SERIES],
        "agency_names": sorted(asked.agencies.values(), key=swedish_sort_key),
        "max_series": MAX_SERIES,
        "history": None,
    }
    if len(asked.texts) == 1 and len(asked.slugs) <= 1:
        text, slug = asked.texts[0], next(iter(asked.slugs), None)
        context |= await read_wording(site, text, slug)
    return await site.render("over_time.html", context)


async def _build_chart(
    site: SiteRequest, asked: _Question, series: Sequence[ComparedSearch]
) -> Chart | None:
    """Return the chart of all searches, or None if there are no periods to show."""
    counts = [each.counts for each in series]
    known = await read_known_months(site.run, asked.slugs)
    whole = () if any(each.limits for each in counts) else (known.first, known.until[:7])
    unit, periods = list_periods(counts, asked.unit, filter(None, whole))
    if not periods:
        return None
    measure = NUMBER if any(each.totals is None for each in counts) else asked.measure
    title = name_chart(
        site,
        measure,
        unit,
        words=asked.texts[0] if len(asked.texts) == 1 else "",
        agency=asked.agencies[asked.slugs[0]] if len(asked.slugs) == 1 else "",
    )
    return build_period_chart(
        site,
        series,
        unit,
        periods,
        title=title,
        known=known,
        measure=measure,
    )


async def _render_chart(site: SiteRequest, asked: _Question, chart: Chart | None) -> Response:
    """Return the chart, with its source, as a self-contained SVG file.

    Raises ReaderError if there is no chart.
    """
    if chart is None:
        raise ReaderError(404, "search.no_hits")
    today = now().astimezone(SWEDISH_TIME).date().isoformat()
    context = {
        "chart": chart,
        "source": site.translate("chart.source", when=format_time(site.language, today)),
        # as browsers show it
        "url": NOT_ASCII.sub(lambda found: unquote(found[0]), site.url(asked.build_url())),
    }
    text = await site.render_xml("chart.svg", context)
    headers = {"cache-control": f"public, max-age={CHART_SECONDS}"}
    return site.answer(text, RESPONSE_MEDIA_TYPES["svg"], headers)
