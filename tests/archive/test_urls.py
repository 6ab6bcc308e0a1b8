"""Canonical URLs."""

from __future__ import annotations

import pytest

from archive.urls import canonical_url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://A.se/(X(1)S(ab12))/nyheter/x#top", "https://a.se/nyheter/x"),
        ("https://a.se/x;jsessionid=1F.b?utm_medium=rss&id=2&fbclid=9", "https://a.se/x?id=2"),
        ("https://a.se/x?_t_id=1B2&_t_q=bro&_t_hit.pos=3&id=2", "https://a.se/x?id=2"),
        ("http://a.se:80", "http://a.se/"),
        ("https://a.se:8443/%C3%A5?b=%2F&a", "https://a.se:8443/%C3%A5?b=%2F&a"),
        ("http://[::1]:8000/x", "http://[::1]:8000/x"),
        ("https://ÅRSTA.se:8443/å", "https://xn--rsta-poa.se:8443/å"),
    ],
)
def test_canonical_url(url: str, expected: str) -> None:
    assert canonical_url(url) == expected
    assert canonical_url(expected) == expected
