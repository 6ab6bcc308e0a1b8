"""Search requests from and to URL parameters."""

from __future__ import annotations

import pytest
from datasette.utils import MultiParams

from archive.search.query_language import parse_query
from archive.search.search_request import (
    EXCLUDE_SUFFIX,
    FACETS,
    MAX_FACET_VALUES,
    RESULT_TYPES,
    SORT_ORDERS,
    SearchRequest,
    build_search_url,
    parse_search_request,
)
from tests.archive.hostile_queries import LONG, OPERATORS, TYPED, WORDS


def parse(**values: str | list[str]) -> SearchRequest:
    return parse_search_request(
        MultiParams(
            {name: [value] if isinstance(value, str) else value for name, value in values.items()}
        )
    )


def list_notes(request: SearchRequest) -> list[tuple[str, str]]:
    return [(note.key, note.value) for note in request.notes]


@pytest.mark.parametrize(
    ("parameter", "notes"),
    [
        *(
            (text, ["not_read"])
            for text in ("page=-1", "page=0", "page=abc", "order=worst", "show=elephants")
        ),
        *((text, ["not_read"]) for text in ("size=abc", "size=0")),
        ("size=1000", ["most_size"]),
        *(
            (text, [])
            for text in (
                "page=",
                "page=1",
                "page=3",
                "order=",
                "order=best",
                "show=questions",
                "size=100",
            )
        ),
    ],
)
def test_invalid_value_is_dropped_with_a_note(parameter: str, notes: list[str]) -> None:
    name, _, value = parameter.partition("=")
    request = parse(**{name: value})
    assert list_notes(request) == [(note, parameter) for note in notes]
    if "not_read" in notes:
        assert (request.page, request.order, request.show, request.size) == (1, "", "releases", 20)
    elif notes:
        assert request.size == 100


def test_values_beyond_the_limits_are_dropped() -> None:
    request = parse(tag__not=[str(number) for number in range(25)], kind="x" * 9_000)
    assert request.exclude == {"tag": tuple(str(number) for number in range(20))}
    assert request.include == {"kind": ("x" * 500,)}
    assert list_notes(request) == [("not_read", "tag__not=20")]


def test_any_value_can_be_requested() -> None:
    for value in (*TYPED, *LONG, *OPERATORS, *WORDS, "9" * 5000):
        request = parse(q=value, order=value, show=value, page=value, size=value)
        assert request.order in ("", *SORT_ORDERS)
        assert request.show in RESULT_TYPES
        assert 1 <= request.page <= 10**6
        assert 1 <= request.size <= 100
        values = {
            facet + suffix: [value, f"{value}b"]
            for facet in FACETS
            for suffix in ("", EXCLUDE_SUFFIX)
        }
        assert all(len(kept) <= MAX_FACET_VALUES for kept in parse(**values).include.values())


def test_request_is_a_url() -> None:
    request = SearchRequest(
        text="a&b", include={"tag": ("x", "y")}, exclude={"agency": ("z",)}, order="newest", page=3
    )
    assert (
        build_search_url(request, None)
        == "/search?q=a%26b&tag=x&tag=y&agency__not=z&order=newest&page=3"
    )


@pytest.mark.parametrize(
    ("parameters", "days", "notes"),
    [
        ({"from": "2015", "to": "2020"}, {"from": "2015-01-01", "to": "2020-12-31"}, []),
        ({"from": "2024-02", "to": "2024-02"}, {"from": "2024-02-01", "to": "2024-02-29"}, []),
        ({"from": " 2024-05-18 ", "to": ""}, {"from": "2024-05-18"}, []),
        ({"from": "2023-02-29", "to": "maj"}, {}, ["from=2023-02-29", "to=maj"]),
    ],
)
def test_days_are_those_of_the_query_language(
    parameters: dict[str, str], days: dict[str, str], notes: list[str]
) -> None:
    request = parse(q="fyr OR hamn", **parameters)
    assert request.days == days
    assert request.has_filters == bool(days)
    assert list_notes(request) == [("not_read", note) for note in notes]
    typed = " ".join(["fyr OR hamn", *(f"{name}:{day}" for name, day in days.items())])
    assert request.query.tree == parse_query(typed).tree
    assert all(f"{name}={day}" in build_search_url(request, None) for name, day in days.items())
    assert parse(q="?", **parameters).query.is_blank


def test_days_that_exclude_each_other_are_noted() -> None:
    for request in (
        parse(**{"from": "2024", "to": "2023"}),
        parse(q="till:2023", **{"from": "2024"}),
    ):
        assert [(note.key, note.value) for note in request.query.notes] == [
            ("no_time", "2024-01-01 – 2023-12-31")
        ]


def test_facet_value_is_turned_on_and_off() -> None:
    request = SearchRequest(page=4).toggle("tag", "x")
    assert (request.include, request.page) == ({"tag": ("x",)}, 1)
    assert request.toggle("tag", "x").include == {}
    excluding = request.toggle("tag", "x", exclude=True)
    assert (excluding.include, excluding.exclude) == ({}, {"tag": ("x",)})
