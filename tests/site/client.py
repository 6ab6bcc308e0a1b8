"""Fetches from the sample site without DNS: the URL's host becomes the Host header."""

from __future__ import annotations

import httpx


def get(
    url: str, headers: dict[str, str] | None = None, *, port: int | None = None
) -> httpx.Response:
    """GET a URL from its port on loopback, or from `port`."""
    address = httpx.URL(url)
    near = address.copy_with(scheme="http", host="127.0.0.1", port=port or address.port)
    return httpx.get(
        near,
        headers={"Host": address.netloc.decode(), **(headers or {})},
        timeout=5,
        trust_env=False,
    )
