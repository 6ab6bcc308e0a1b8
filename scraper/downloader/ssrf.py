"""SSRF filter: sends requests only to public hosts.

The filter applies to all URLs in pages and redirects, and to all addresses from name servers.

SSRFFilter checks each request before it is sent, including redirects and requests for robots.txt.
It checks the scheme, and whether the URL shows that the host is private (by a private name or a
private IP address). PublicResolver checks the address that a name server returns. The connection is
made to the address that was checked, so that a second lookup cannot return a different one (DNS
rebinding).

An agency with a home page on this machine (`*.localhost`, 127.0.0.1) may be crawled on this
machine, but only on the hosts and ports that its table in agencies.toml names. Requests to this
machine from pages of other agencies are rejected. PRIVATE_HOSTS names further hosts that may be in
a private network, such as the hosts of an intranet. Two more types of URL are treated as if
agencies.toml named them: the one on the command line of `scrapy shell`, `fetch` or `probe`, and the
start URLs of a spider from another project.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import CannotResolveHostError
from scrapy.resolver import CachingThreadedResolver
from twisted.internet.base import ReactorBase
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import DNSLookupError

from archive.urls import find_host_problem, is_loopback
from scraper.agency import Agency
from scraper.downloader.limits import CrawlerComponent, PrivateAddress

# Host → why its address was rejected. Needed because Twisted only reports that the lookup failed.
REJECTED_HOSTS: dict[str, str] = {}


class SSRFFilter(CrawlerComponent):
    """Downloader middleware that rejects requests to hosts that are not public."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.private_hosts = set(crawler.settings.getlist("PRIVATE_HOSTS"))
        # hosts of the start URLs, for the spider of another project
        self.given_netlocs: set[str] = set()

    def process_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        host = (parts.hostname or "").rstrip(".").lower()
        if parts.scheme not in ("http", "https"):
            raise PrivateAddress(
                host or parts.scheme, f"has the scheme {parts.scheme}, not http or https"
            )
        problem = find_host_problem(host)
        if problem and host not in self.private_hosts and not self.is_declared_loopback(request):
            raise PrivateAddress(host, problem, is_redirect="redirect_urls" in request.meta)

    def process_exception(self, request: Request, exception: Exception) -> None:
        host = urlsplit(request.url).hostname or ""
        if isinstance(exception, CannotResolveHostError) and host in REJECTED_HOSTS:
            is_redirect = "redirect_urls" in request.meta
            raise PrivateAddress(host, REJECTED_HOSTS[host], is_redirect=is_redirect) from exception

    def is_declared_loopback(self, request: Request) -> bool:
        """Return whether a request goes to a declared host and port on this machine.

        An agency declares hosts in its table in agencies.toml, for its own requests. The URL given
        to `scrapy probe` counts as declared, and so do the start URLs of a spider from another
        project.
        """
        netloc = urlsplit(request.url).netloc.lower()
        if _is_loopback_at(getattr(self.crawler.spider, "url", ""), netloc):
            return True
        agencies: dict[str, Agency] | None = getattr(self.crawler.spider, "agencies", None)
        if agencies is None:  # the spider is not one of this project
            if _is_start_url(request):
                self.given_netlocs.add(netloc)
            return netloc in self.given_netlocs
        agency = agencies.get(
            request.meta.get("agency") or request.meta.get("robots_for_agency", "")
        )
        if agency is None or not is_loopback(agency.home):
            return False
        sources = (
            *agency.feeds,
            *agency.sitemaps,
            *agency.listings,
            *(source.url for source in agency.json),
        )
        return any(_is_loopback_at(url, netloc) for url in (agency.home, *sources))


def _is_loopback_at(url: str, netloc: str) -> bool:
    return is_loopback(url) and urlsplit(url).netloc.lower() == netloc


def _is_start_url(request: Request) -> bool:
    """Return whether a request goes to this machine and does not come from a link or redirect."""
    is_found = bool(request.meta.get("depth")) or "redirect_urls" in request.meta
    return is_loopback(request.url) and not is_found


class PublicResolver(CachingThreadedResolver):
    """Resolver that returns only public addresses.

    Other addresses are returned only for hosts in PRIVATE_HOSTS and for permitted hosts on this
    machine.
    """

    def __init__(
        self, reactor: ReactorBase, cache_size: int, timeout: float, private_hosts: frozenset[str]
    ) -> None:
        super().__init__(reactor, cache_size, timeout)
        self.private_hosts = private_hosts

    @classmethod
    def from_crawler(cls, crawler: Crawler, reactor: ReactorBase) -> Self:
        size = (
            crawler.settings.getint("DNSCACHE_SIZE")
            if crawler.settings.getbool("DNSCACHE_ENABLED")
            else 0
        )
        trusted = frozenset(crawler.settings.getlist("PRIVATE_HOSTS"))
        return cls(reactor, size, crawler.settings.getfloat("DNS_TIMEOUT"), trusted)

    def getHostByName(self, name: str, timeout: Sequence[int] = ()) -> Deferred[str]:  # noqa: N802 - Twisted's name
        """Resolve a host.

        The Deferred fails with DNSLookupError if the host's address is not allowed.
        """
        if f".{name.lower()}".endswith(".localhost"):
            return succeed("127.0.0.1")  # RFC 6761, 6.3: not all C libraries resolve such names
        return self.resolve_host(name, timeout).addCallback(self.check_address, name)

    def resolve_host(self, name: str, timeout: Sequence[int]) -> Deferred[str]:
        return super().getHostByName(name, timeout)

    def check_address(self, address: str, name: str) -> str:
        """Return the address if requests to it are allowed, otherwise raise DNSLookupError."""
        problem = find_host_problem(address)
        # hosts on this machine have passed SSRFFilter, which knows the agency
        if problem and name not in self.private_hosts and not is_loopback(f"http://{name}/"):
            REJECTED_HOSTS[name] = f"leads to {address}, which {problem}"
            raise DNSLookupError(f"{name} {REJECTED_HOSTS[name]}")
        return address
