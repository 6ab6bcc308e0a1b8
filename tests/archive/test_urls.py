"""Canonical URLs, and which hosts are public."""

from __future__ import annotations

import pytest

from archive.urls import canonical_url, find_host_problem

PRIVATE_HOSTS = (
    *("127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"),  # noqa: S104
    *("::1", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::7f00:1", "fec0::1"),
    *("64:ff9b:1::7f00:1", "::ffff:0:7f00:1", "localhost", "skog.localhost", "printer.local", "db.internal"),
    *("2130706433", "127.1", "0x7f.1"),
)
PUBLIC_HOSTS = ("polisen.se", "www.xn--frsvarsmakten-4ib.se", "193.0.6.139", "2001:67c:2e8::1")


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


def test_private_hosts_are_recognised() -> None:
    assert [host for host in PRIVATE_HOSTS if find_host_problem(host) is None] == []
    assert [host for host in PUBLIC_HOSTS if find_host_problem(host) is not None] == []
