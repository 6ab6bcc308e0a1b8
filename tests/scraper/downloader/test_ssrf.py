"""The SSRF filter and the resolver: which hosts may be requested."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.settings import Settings
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import DNSLookupError

from scraper.agency import Agency
from scraper.downloader.limits import PrivateAddress
from scraper.downloader.ssrf import PublicResolver, SSRFFilter

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase


@pytest.mark.parametrize(
    ("agency", "url", "allowed"),
    [
        ("here", "http://here.localhost:8002/nyheter/1", True),
        ("here", "http://127.0.0.1:9000/feed", True),
        ("here", "http://here.localhost:8003/", False),  # another server of this machine
        ("here", "http://here.localhost/", False),
        ("here", "http://10.0.0.5:8002/", False),
        # a page or a redirect of another agency
        ("away", "http://here.localhost:8002/nyheter/1", False),
        # declared, but the agency's home is elsewhere
        ("away", "http://127.0.0.1:9000/feed", False),
        ("inside", "http://10.0.0.5/", False),  # not in PRIVATE_HOSTS
        ("away", "http://10.0.0.6/", True),
    ],
)
def test_only_a_local_agency_may_request_its_declared_local_hosts(
    agency: str, url: str, allowed: bool
) -> None:
    homes = {
        "here": "http://here.localhost:8002/",
        "away": "https://away.example/",
        "inside": "http://10.0.0.5/",
    }
    agencies = {
        slug: Agency(slug=slug, name=slug, home=home, feeds=("http://127.0.0.1:9000/feed",))
        for slug, home in homes.items()
    }
    spider, settings = SimpleNamespace(agencies=agencies), Settings({"PRIVATE_HOSTS": ["10.0.0.6"]})
    ssrf_filter = SSRFFilter(cast("Crawler", SimpleNamespace(spider=spider, settings=settings)))
    with nullcontext() if allowed else pytest.raises(PrivateAddress):
        ssrf_filter.process_request(Request(url, meta={"agency": agency}))


def test_spider_of_another_project_may_only_request_its_local_start_urls() -> None:
    crawler = SimpleNamespace(settings=Settings(), spider=SimpleNamespace(name="default"))
    ssrf_filter = SSRFFilter(cast("Crawler", crawler))
    for url, meta, allowed in (
        ("http://127.0.0.1:8001/", {"redirect_urls": ["https://a.example/"]}, False),
        ("http://127.0.0.1:8001/", {"depth": 1}, False),
        ("http://10.0.0.5/", {}, False),
        ("http://127.0.0.1:8001/", {}, True),
        ("http://127.0.0.1:8001/more", {"depth": 1}, True),
        ("http://127.0.0.1:9000/", {"depth": 1}, False),
    ):
        with nullcontext() if allowed else pytest.raises(PrivateAddress):
            ssrf_filter.process_request(Request(url, meta=meta))


def test_localhost_names_are_resolved_without_a_name_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolver = PublicResolver(cast("ReactorBase", None), 0, 1.0, frozenset())
    looked_up: list[str] = []

    def resolve_host(name: str, timeout: object) -> Deferred[str]:
        looked_up.append(name)
        return fail(DNSLookupError(name))

    monkeypatch.setattr(resolver, "resolve_host", resolve_host)
    addresses: list[object] = []
    for name in ("skog.localhost", "localhost", "SKOG.LOCALHOST"):
        resolver.getHostByName(name).addBoth(addresses.append)
    assert (addresses, looked_up) == (["127.0.0.1"] * 3, [])
    resolver.getHostByName("skoglocalhost").addErrback(lambda _: None)
    assert looked_up == ["skoglocalhost"]
