"""A parameter that a page does not know is an error, except those that are allowed on every
page.
"""

from __future__ import annotations

import pytest

from tests.archive.sample import Site

COMMON_PARAMETERS = "lang=sv&utm_source=brev&utm_campaign=x&fbclid=1&gclid=2"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/archive/releases{}?agencyy=polisen", "agencyy"),
        ("/archive/releases{}?agency__is=polisen", "agency__is"),
        ("/archive/releases{}?_sizee=3", "_sizee"),
        ("/archive/agencies{}?_search=x", "_search"),
        ("/archive/edits{}?weight=50", "weight"),
        ("/archive/unannounced_edits{}?agency=&importance=&weight=50", "weight"),
        ("/archive{}?sql=select+:a&a=1&b=2", "b"),
        ("/archive/releases/1{}?x=1", "x"),
        ("/search{}?q=fyr&agencyy=x", "agencyy"),
        ("/-/edits{}?weight=50", "weight"),
        ("/-/removed{}?agencyy=x", "agencyy"),
        ("/-/takedowns{}?agency=x", "agency"),
        ("/-/coverage{}?month=2024-01", "month"),
        ("/-/status{}?agency=x", "agency"),
        ("/new.json?since=2024", "since"),
        ("/agency/fyrstyrelsen.atom?kind=x", "kind"),
        ("/-/changes.json?from=0", "from"),
        ("/?q=x", "q"),
        ("/agencies?q=x", "q"),
        ("/tag/1?agency=x", "agency"),
    ],
)
async def test_unknown_parameter_is_named_in_each_format(site: Site, path: str, name: str) -> None:
    for extension in (".json", ".csv", "") if "{}" in path else ("",):
        url = path.format(extension)
        response = await site.get(url)
        assert response.status_code == 400, url
        is_data = extension or ".json" in path or ".atom" in path
        assert name in (response.json()["error"] if is_data else response.text)
        if not is_data:
            assert 'lang="sv"' in response.text
            assert 'lang="en"' in (await site.get(url, accept_language="en")).text


@pytest.mark.parametrize(
    "path", ["/archive/releases.json?", "/archive.json?sql=select+1", "/-/edits.json?size=1", "/?"]
)
async def test_language_and_web_analytics_parameters_are_allowed_everywhere(
    site: Site, path: str
) -> None:
    assert (await site.get(f"{path}&{COMMON_PARAMETERS}")).status_code == 200


async def test_web_analytics_parameters_do_not_disturb_filters(site: Site) -> None:
    found = (
        await site.get(f"/archive/releases.json?agency=fyrstyrelsen&{COMMON_PARAMETERS}")
    ).json()
    assert found["filtered_table_rows_count"] == 2
