"""Keeps tests off the live web: sends every request to one loopback port, whatever its URL."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import CannotResolveHostError, NotConfigured
from scrapy.http import Response

from scraper.downloader.http_handler import BoundedDownloadHandler


class LoopbackHandler(BoundedDownloadHandler):
    """Sends http and https requests to 127.0.0.1:LOOPBACK_PORT with the Host header of their URL.

    Everything above (robots.txt, slots, delays, response.url) sees the original address.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.port = crawler.settings.getint("LOOPBACK_PORT")
        if not self.port:
            raise NotConfigured("LOOPBACK_PORT is not set: without it nothing may be fetched")
        # hosts without a DNS entry
        self.unknown = set(crawler.settings.getlist("LOOPBACK_UNKNOWN"))
        super().__init__(crawler)
        # All hosts are at one port, but keep separate connections, as on the web
        self._pool.maxPersistentPerHost = crawler.settings.getint("CONCURRENT_REQUESTS")

    async def download_request(self, request: Request) -> Response:
        parts = urlsplit(request.url)
        if parts.hostname in self.unknown:
            raise CannotResolveHostError(f"no name server knows {parts.hostname}")
        near = request.replace(
            url=urlunsplit(("http", f"127.0.0.1:{self.port}", parts.path or "/", parts.query, ""))
        )
        near.headers["Host"] = parts.netloc.rpartition("@")[2]
        near.meta.pop("proxy", None)  # a proxy in the environment would leave loopback
        try:
            response = await super().download_request(near)
        finally:
            request.meta.update(
                {key: near.meta[key] for key in ("download_latency",) if key in near.meta}
            )
        return response.replace(url=request.url)
