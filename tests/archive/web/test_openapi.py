"""/openapi.json describes every data format of every view, and what these send."""

from __future__ import annotations

import copy
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from itertools import chain
from typing import Any

import pytest
from datasette.plugins import pm
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from archive.store.releases import Archive
from archive.store.takedowns import hide_release
from archive.web.datasette_versions import IS_NEXT
from archive.web.openapi import (
    ERROR,
    MEDIA_TYPES,
    NAME_IN_PATH,
    PARAMETERS,
    UNDESCRIBED,
    build_parameter,
    get_body,
)
from tests.archive.sample import SEEN, Site, build_release, fill, served
from tests.archive.sample_coverage import add_coverage
from tests.archive.sample_files import replace_file
from tests.archive.sample_health import add_health
from tests.archive.sample_history import EDITED_ID, EDITED_REVISIONS, REMOVED, add_history
from tests.archive.sample_related import OTTERS, fill_related
from tests.case_tables import load_cases, load_rows

HIDDEN = 3
EMPTY_LISTS = re.compile(
    r"\.(notes|did_you_mean|approximate_facets|facets_timed_out"
    r"|expanded_columns|suggested_facets"
    r"|images|attachments|contacts|tags|questions|speaker|reference)$"
)
ARTICLE = """Verket: ”Stödet till båtbyggare blir 30 miljoner kronor i år”.
Någon: ”Stödet till båtbyggare blir 50 miljoner kronor i år”."""
TEXTS = {"/-/batch.json": "båtbyggare\nfyrar"}  # of requests by POST
NEEDS_QUERY = re.compile(r"/-/(phrase|compare|over-time|batch)\.|/archive\.")
QUERIES: dict[str, list[str]] = {}  # further requests of an operation, by its path
for operation_path, further_query in load_rows(__file__, "queries"):
    QUERIES.setdefault(operation_path, []).append(further_query)


@pytest.fixture(scope="module")
async def described_site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """An archive that has something to list for every operation."""
    path = tmp_path_factory.mktemp("openapi") / "archive.db"
    fill_related(add_health(add_coverage(replace_file(add_history(fill(path)), EDITED_ID))))
    with Archive(path) as archive:
        for day, title in ((1, "Gammal fyr"), (2, "Ny fyr")):
            started = SEEN + timedelta(days=day)
            text = f"– {title} är här, säger fyrvaktare Anna Ek, chef för fyren (SOU 2023:12)."
            release = build_release("fyrstyrelsen", f"{day}", title, text, tags=("Fyr",))
            archive.save(release, seen_at=started + timedelta(minutes=1))
            archive.db.execute(
                "insert into crawls (agency, spider, started,"
                " finished, reason, new) values (?, 'news', ?, ?, ?, 1)",
                [
                    "fyrstyrelsen",
                    started.isoformat(),
                    (started + timedelta(minutes=2)).isoformat(),
                    "finished",
                ],
            )
        hide_release(archive, HIDDEN, SEEN + timedelta(days=3), reason="Domstols beslut")
    with served(path) as datasette:
        yield Site(datasette)


@pytest.fixture(scope="module")
async def description(described_site: Site) -> dict[str, Any]:
    response = await described_site.get("/openapi.json")
    assert response.headers["access-control-allow-origin"] == "*"
    not_modified = await described_site.get("/openapi.json", if_none_match=response.headers["etag"])
    assert not_modified.status_code == 304
    return dict(response.json())


async def find_values(site: Site) -> dict[str, dict[str, object]]:
    """Return values of path parameters, by operation; "" for all others."""
    related = await site.id_of(OTTERS)
    tags = await site.select("select id from tags where name = 'Fyr'")
    removal = await site.select("select id from removals where capture is not null")
    one, other = EDITED_REVISIONS[:2]
    ids = {
        "one": one,
        "other": other,
        "release": EDITED_ID,
        "revision": one,
        "key": one,
        "agency": "fyrstyrelsen",
        "version": 2,
        "slug": "anna-ek",
        "table": "releases",
        "type": "sou",
        "number": "2023:12",
    }
    return {
        "": {**ids, "tag": tags.single_value()},
        "related": {"release": related},
        "evidence_removal_zip": {"key": removal.first()["id"]},
    }


def make_strict(schema: Any) -> Any:
    """Return a schema that allows no members that it does not describe."""
    if isinstance(schema, list):
        return [make_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: make_strict(value) for name, value in schema.items()}
    return schema | (
        {"additionalProperties": False} if isinstance(schema.get("properties"), dict) else {}
    )


def find_empty_lists(value: Any, schema: Any, path: str = "") -> Iterator[tuple[str, bool]]:
    """Yield the path of each described list, and whether it is empty in a response."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from find_empty_lists(
                each, schema.get("properties", {}).get(name, {}), f"{path}.{name}"
            )
    elif isinstance(value, list) and "items" in schema:
        yield path, not value
        for each in value:
            yield from find_empty_lists(each, schema["items"], path)


def build_validator(schema: Any) -> Draft202012Validator:
    """Return a validator that also checks the formats of dates and times."""
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


async def test_description_is_valid(description: dict[str, Any]) -> None:
    validate(copy.deepcopy(description))
    names = [
        operation["operationId"]
        for path in description["paths"].values()
        for operation in path.values()
    ]
    assert len(names) == len(set(names)) > 30


def list_gaps(routes: Sequence[tuple[str, Any]]) -> list[str]:
    """Return what /openapi.json lacks: names without a description or a type."""
    gaps: dict[str, None] = {}
    for operation in filter(None, (getattr(view, "operation", None) for _, view in routes)):
        path = operation.addresses[0]
        for name in chain(NAME_IN_PATH.findall(path), operation.parameter_names):
            wanted = operation.parameters.get(name, PARAMETERS.get(name))
            if wanted is None or not build_parameter(name, wanted)["description"]:
                gaps[f"{path}: describe its parameter {name} in its Operation or in PARAMETERS"] = (
                    None
                )
        body = get_body(operation)
        for types in (body, operation.row) if isinstance(body, Mapping) else ():
            for name in (name for name, wanted in types.items() if wanted == UNDESCRIBED):
                gaps[f"{path}: describe its member {name} in its Operation or in FIELDS"] = None
    return list(gaps)


async def test_every_view_with_data_is_described(site: Site) -> None:
    routes = [
        route for routes in pm.hook.register_routes(datasette=site.datasette) for route in routes
    ]
    assert not list_gaps(routes), (
        "these must be described (docs/contributing.md, Add a page to the site)"
    )


async def test_every_operation_sends_what_is_described(
    described_site: Site, description: dict[str, Any]
) -> None:
    values = await find_values(described_site)
    empty: dict[str, bool] = {}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            address = path.format_map(values[""] | values.get(operation["operationId"], {}))
            assert "{" not in address
            ((media_type, content),) = operation["responses"]["200"]["content"].items()
            for query in QUERIES.get(path, [""]) + (
                [""] if path in QUERIES and not NEEDS_QUERY.match(path) else []
            ):
                client, request = described_site.datasette.client, {}
                if method == "get" and path.startswith("/-/batch"):
                    query = "?q=fyrar"  # noqa: PLW2901 - instead of the text
                if method == "post":
                    request = {"json": {"text": TEXTS.get(path, f"{ARTICLE}\n– Ny fyr är här.")}}
                response = await client.request(method.upper(), address + query, **request)
                assert response.status_code == 200, (address, query, response.text[:300])
                assert response.headers["content-type"].partition(";")[0] == media_type, address
                if not media_type.endswith("json") or media_type == MEDIA_TYPES["ndjson"]:
                    continue
                data, schema = response.json(), content["schema"]
                for error in build_validator(make_strict(schema)).iter_errors(data):
                    raise AssertionError(f"{address}{query}: {error.json_path}: {error.message}")
                for place, is_empty in find_empty_lists(data, schema, address):
                    empty[place] = empty.get(place, True) and is_empty
    untried = {
        place for place, is_empty in empty.items() if is_empty and not EMPTY_LISTS.search(place)
    }
    # nothing is published here
    # nor imported
    assert untried == {
        "/-/revision/51.json.takedowns",
        "/-/revision/51.json.observations",
        "/-/manifests.json.manifests",
        "/data.json.files",
    }


async def test_examples_are_of_their_type(description: dict[str, Any]) -> None:
    found = 0

    def check(schema: Any) -> None:
        nonlocal found
        for example in schema.get("examples", ()) if isinstance(schema, dict) else ():
            Draft202012Validator(schema).validate(example)
            found += 1
        for each in (
            schema.values()
            if isinstance(schema, dict)
            else schema
            if isinstance(schema, list)
            else ()
        ):
            check(each)

    check(description)
    assert found > 50
    for path in description["paths"].values():
        for operation in path.values():
            for parameter in operation["parameters"]:
                if "example" in parameter:
                    Draft202012Validator(parameter["schema"]).validate(parameter["example"])


@pytest.mark.parametrize(("path", "status"), load_cases(__file__, "errors are as described"))
async def test_errors_are_as_described(
    described_site: Site, description: dict[str, Any], path: str, status: int
) -> None:
    response = await described_site.get(path)
    assert response.status_code == status
    problem = response.json()
    Draft202012Validator(description["components"]["schemas"]["Error"]).validate(problem)
    described = description["components"]["responses"][str(status)]["content"]
    assert list(described) == [response.headers["content-type"]]
    assert (problem["status"], problem["title"]) == (status, HTTPStatus(status).phrase)
    assert (problem["detail"], problem["instance"]) == (problem["error"], path.partition("?")[0])


async def test_refused_requests_have_the_same_members(described_site: Site) -> None:
    refused = await described_site.datasette.client.put("/-/edits.json")
    usual = await described_site.get("/-/edits.json?x=1")
    assert refused.headers["content-type"] == usual.headers["content-type"]
    assert refused.json()["instance"] == "/-/edits.json"
    assert {*refused.json()} == {*ERROR} - {"docs?"} < {*usual.json()}


async def test_every_answer_to_odd_values_is_described(
    described_site: Site, description: dict[str, Any]
) -> None:
    values = await find_values(described_site)
    undescribed = []
    for path, methods in description["paths"].items():
        operation = methods.get("get")
        if operation is None or path.endswith((".csv", ".xlsx", ".ndjson")):  # parsed as for JSON
            continue
        address = path.format_map(values[""] | values.get(operation["operationId"], {}))
        names = [parameter.get("name", "lang") for parameter in operation["parameters"]]
        queries = [
            "",
            *(f"?{name}={value}" for name in names for value in ("0", "nowhere") if name != "lang"),
        ]
        for query in queries:
            status = str(await described_site.status(address + query))
            if status not in operation["responses"]:
                undescribed.append((address + query, status))
    assert not undescribed


async def test_tables_and_requests_without_a_body_are_described(
    described_site: Site, description: dict[str, Any]
) -> None:
    if IS_NEXT:
        pytest.skip("1.0 has tables of its own")
    (table,) = (
        each
        for each in description["paths"]["/archive/{table}.json"]["get"]["parameters"]
        if each.get("in") == "path"
    )
    for name in table["schema"]["enum"]:
        assert await described_site.status(f"/archive/{name}.json?_size=1") == 200, name
    assert set(description["paths"]["/-/batch.csv"]) == {"get", "post"}
    required = {
        path: [
            each["name"]
            for each in methods["get"]["parameters"]
            if each.get("required") and each.get("in") == "query"
        ]
        for path, methods in description["paths"].items()
        if "get" in methods
    }
    assert {
        path: names for path, names in required.items() if names and path.endswith(".json")
    } == {
        "/-/batch.json": ["q"],
        "/-/phrase.json": ["q"],
        "/archive.json": ["sql"],
    }
    members = description["paths"]["/-/status.json"]["get"]["responses"]["200"]["content"][
        "application/json"
    ]
    assert (
        members["schema"]["properties"]["agencies"]["items"]["properties"]["expected"]["format"]
        == "date"
    )


async def test_revision_has_the_texts_of_its_version(described_site: Site) -> None:
    first, newest = EDITED_REVISIONS[0], EDITED_REVISIONS[-1]
    revision = await described_site.json(f"/-/revision/{first}.json")
    assert (revision["current_release"], revision["current_revision"]) == (EDITED_ID, newest)
    assert revision["title"] != (await described_site.json(f"/-/revision/{newest}.json"))["title"]
    assert revision["permalink"] == f"http://localhost/-/revision/{first}"
    gone = await described_site.id_of(REMOVED["gone"])
    rows = await described_site.select(
        "select max(id) as id from revisions where release = ?", [gone]
    )
    assert (await described_site.json(f"/-/revision/{rows.first()['id']}.json"))["removed_at"]


async def test_revision_of_a_hidden_release_has_no_texts(described_site: Site) -> None:
    rows = await described_site.select(
        "select id, title from revisions where release = ?", [HIDDEN]
    )
    for row in rows:
        revision = await described_site.json(f"/-/revision/{row['id']}.json")
        assert revision["takedowns"][0]["kind"] == "hide"
        assert (revision["body"], revision["questions"], revision["tags"]) == ("", [], [])


def test_parameters_named_in_a_path_are_not_repeated(description: dict[str, Any]) -> None:
    for path, methods in description["paths"].items():
        for operation in methods.values():
            names = [parameter.get("name", "lang") for parameter in operation["parameters"]]
            assert len(names) == len(set(names)), path
