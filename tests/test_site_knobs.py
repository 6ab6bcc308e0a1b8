"""The sample site's knobs: edits, moves, faults, the clock and the counting of requests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import pytest

from tests.site.client import get
from tests.site.render import DESIGNS
from tests.site.server import Site


@pytest.fixture
def site() -> Iterator[Site]:
    """A site of its own for a test that turns knobs."""
    with Site(releases=8) as site:
        yield site


def test_robots_asks_for_patience(site: Site) -> None:
    robots = get(site.url("farledsverket", "/robots.txt")).text
    assert "Crawl-delay: 0.05" in robots
    assert "Disallow: /sok" in robots
    site.set_delay("farledsverket", 1.5)
    assert "Crawl-delay: 1.5" in get(site.url("farledsverket", "/robots.txt")).text


def test_a_silent_edit_shows_in_text_and_validators_only(site: Site) -> None:
    url, before = next((u, r) for u, r in site.truth.items() if r.updated)
    etag = get(url).headers["etag"]
    site.set_clock(datetime(2026, 5, 4, 12, 0, tzinfo=UTC))
    site.edit(
        url,
        {"title": "Ny rubrik", "body": ["Ett enda stycke."], "questions": [["Varför?", "Därför."]]},
    )
    page = get(url, {"If-None-Match": etag})
    assert page.status_code == 200
    assert "Ny rubrik" in page.text
    assert "Ett enda stycke." in page.text
    assert parsedate_to_datetime(page.headers["last-modified"]) == site.now()
    assert site.truth[url].updated == before.updated
    site.edit(url, {"lead": "Ny ingress."}, stamped=True)
    assert site.truth[url].updated != before.updated


def test_delete_and_move(site: Site) -> None:
    first, second, *_ = site.truth
    site.delete(first)
    assert get(first).status_code == 410
    assert first not in site.truth
    fresh = site.move(second, "/nyheter/flyttad")
    gone = get(second)
    assert (gone.status_code, gone.headers["location"]) == (301, fresh)
    assert get(fresh).status_code == 200


@pytest.mark.parametrize("design", DESIGNS)
def test_a_redesign_changes_the_markup_and_not_the_text(site: Site, design: str) -> None:
    url, release = next((u, r) for u, r in site.truth.items() if r.agency == "hushallsmyndigheten")
    site.redesign("hushallsmyndigheten", design)
    page = get(url).text
    assert release.lead in page
    assert ("data-drupal-selector" in page) == (design == "drupal")


def test_faults(site: Site) -> None:
    url = next(iter(site.truth))
    site.break_(url, status=503, headers={"Retry-After": "7"}, times=1)
    assert (broken := get(url)).status_code == 503
    assert broken.headers["retry-after"] == "7"
    assert get(url).status_code == 200
    site.break_(url, body="<h1>Logga in</h1>")
    assert get(url).text == "<h1>Logga in</h1>"
    site.break_(url, delay=0.3)
    assert get(url).elapsed.total_seconds() >= 0.3
    site.break_(url, reset=True)
    with pytest.raises(httpx.NetworkError):
        get(url)
    site.mend()
    assert get(url).status_code == 200


def test_an_endless_page_ends_with_the_site() -> None:
    with Site(releases=4) as site:
        url = httpx.URL(next(iter(site.truth)))
        site.break_(str(url), endless=True)
        near = url.copy_with(host="127.0.0.1")
        with httpx.stream("GET", near, headers={"Host": url.netloc.decode()}) as stream:
            taken = 0
            for chunk in stream.iter_raw():
                taken += len(chunk)
                if taken > 100_000:
                    break
        assert taken > 100_000


def test_a_soft_404_is_listed_and_says_200(site: Site) -> None:
    listing = site.url("farledsverket", site.agencies["farledsverket"].paths.listing)
    assert "/aktuellt/nyheter/borttagen/" not in get(listing).text
    site.break_("farledsverket/aktuellt/nyheter/borttagen/", soft_404=True)
    assert "/aktuellt/nyheter/borttagen/" in get(listing).text
    page = get(site.url("farledsverket", "/aktuellt/nyheter/borttagen/"))
    assert page.status_code == 200
    assert "Sidan kan inte hittas" in page.text


def test_counts(site: Site) -> None:
    url = next(iter(site.truth))
    host = httpx.URL(url).host
    get(url)
    get(url)
    get(site.url("farledsverket", "/finns-inte"))
    counts = site.counts
    assert counts.total == 3
    assert counts.hosts == {host: 2, "farledsverket.localhost": 1}
    assert counts.paths[host, httpx.URL(url).path] == 2
    assert 0 < counts.min_gap[host] < 5
    assert counts.busiest[host] == 1
    assert counts.statuses == {200: 2, 404: 1}


def test_knobs_turn_over_http(site: Site) -> None:
    url = next(iter(site.truth))
    knobs = f"http://127.0.0.1:{site.port}/-/knobs"
    order = {"do": "edit", "page": url, "changes": {"title": "Utifrån"}}
    assert httpx.post(knobs, json=order).json() == {"ok": site.truth[url].path}
    assert site.truth[url].title == "Utifrån"
    wrong = httpx.post(knobs, json={"do": "explode"})
    assert wrong.status_code == 400
    assert "edit, delete, move" in wrong.json()["error"]
    assert httpx.get(f"http://127.0.0.1:{site.port}/-/counts").json()["total"] == 0


def test_a_ruffled_page_says_the_same_in_other_markup(site: Site) -> None:
    url, before = next((u, r) for u, r in site.truth.items() if r.picture)
    page, etag = get(url).text, get(url).headers["etag"]
    site.ruffle(url)
    again = get(url, {"If-None-Match": etag}).text
    assert again != page
    assert before.lead in again
    assert "?v=1" in again
    assert site.truth[url].body == before.body


def test_a_new_layout_leaves_the_system_to_be_told(site: Site) -> None:
    url = next(url for url in site.truth if "skogsbruksradet" in url)
    site.relayout("skogsbruksradet")
    page = get(url).text
    assert "theme1-grid" in page
    assert "sv-text-portlet" in page


def test_ways_of_going_and_coming_back(site: Site) -> None:
    first, second, third, *_ = site.truth
    etag = get(first).headers["etag"]
    held = site.delete(first, 200, words="Nyheten är avpublicerad")
    assert get(first).status_code == 200
    assert "Nyheten är avpublicerad" in get(first).text
    site.restore(held)
    assert get(first, {"If-None-Match": etag}).status_code == 304
    site.delete(second, to="/")
    assert (get(second).status_code, httpx.URL(get(second).headers["location"]).path) == (302, "/")
    fresh = site.move(third, f"{site.truth[third].path}-ny", keep=True, listed=False)
    assert f'<link rel="canonical" href="{fresh}"' in get(third).text
    agency = site.agencies[held.agency]
    assert site.truth[fresh] not in agency.sorted_newest(agency.paths.listing)


def test_a_release_comes_out_when_it_is_published(site: Site) -> None:
    url = next(url for url, release in site.truth.items() if release.published)
    release = site.withhold(url)
    assert get(url).status_code == 404
    site.set_clock(datetime(2027, 2, 3, 12, 0, tzinfo=UTC))
    fresh = site.publish(release)
    assert get(fresh).status_code == 200
    assert str(site.truth[fresh].published).startswith("2027-02-03")


def test_robots_may_forbid_everything_and_pages_do_without_validators(site: Site) -> None:
    site.forbid("farledsverket")
    robots = site.url("farledsverket", "/robots.txt")
    assert "Disallow: /\n" in get(robots).text
    site.forbid("farledsverket", ())
    assert "Disallow: /\n" not in get(robots).text
    url = next(url for url in site.truth if "farledsverket" in url)
    assert "etag" in get(url).headers
    site.set_validators("farledsverket", given=False)
    assert not {"etag", "last-modified"} & set(get(url).headers)


def test_the_log_tells_each_request_by_the_sites_own_time(site: Site) -> None:
    url = next(iter(site.truth))
    get(url)
    site.log = []
    site.set_clock(datetime(2027, 2, 3, 12, 0, tzinfo=UTC))
    get(url)
    site.break_(url, status=503)
    get(url)
    path = httpx.URL(url).path
    assert [(one.moment, one.path, one.status, one.fault) for one in site.log] == [
        (site.now(), path, 200, False),
        (site.now(), path, 503, True),
    ]
