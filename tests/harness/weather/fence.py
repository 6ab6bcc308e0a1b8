"""The guard between hostile weather and the world: names that lead nowhere but to loopback, and no bare addresses."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.http import Response
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import DNSLookupError

from scraper.downloader.handler import BoundedDownloadHandler
from scraper.downloader.ssrf import PublicResolver

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = {  # what the name server says
    "annan.example": "93.184.215.14",  # another host, a public one
    "inre.example": "10.0.0.5",
    "hem.example": "127.0.0.1",
    "moln.example": "169.254.169.254",
}


class NameServer(PublicResolver):
    """Knows the names above and those of the sample site; whoever may be asked is found on loopback."""

    def resolve_host(self, name: str, timeout: Sequence[int]) -> Deferred[str]:
        if name.endswith(".localhost"):
            return succeed("127.0.0.1")
        return succeed(NAMES[name]) if name in NAMES else fail(DNSLookupError(f"no name server knows {name}"))

    def check_address(self, address: str, name: str) -> str:
        super().check_address(address, name)
        return "127.0.0.1"


class FencedHandler(BoundedDownloadHandler):
    """The crawler's own, TLS and all, but it sends nothing to a bare address: the gate should have kept it back."""

    async def download_request(self, request: Request) -> Response:
        host = urlsplit(request.url).hostname or ""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            request.meta.pop("proxy", None)  # a proxy of the environment would lead out
            return await super().download_request(request)
        raise AssertionError(f"{request.url} would have been asked")
