"""Canonical URLs, and which hosts are public."""

from __future__ import annotations

import pytest

from archive.urls import canonical_url, find_host_problem

PRIVATE_HOSTS = (
    *(
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - an address that is no host's
        "224.0.0.1",
    ),
    *(
        "::1",
        "fe80::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "::7f00:1",
        "fec0::1",
    ),
    *(
        "64:ff9b:1::7f00:1",
        "::ffff:0:7f00:1",
        "localhost",
        "skog.localhost",
        "printer.local",
        "db.internal",
    ),
    *("2130706433", "127.1", "0x7f.1", "127.0.0.1.", "localhost."),
    # of IANA's registries of special-purpose addresses
    *(
        "192.88.99.1",
        "192.0.0.8",
        "192.0.0.9",
        "192.0.0.170",
        "192.31.196.1",
        "192.52.193.1",
        "192.175.48.1",
    ),
    *(
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "240.0.0.1",
        "255.255.255.255",
        "0.1.2.3",
        "192.0.2.1",
    ),
    *(
        "3fff::1",
        "3fff:fff::1",
        "5f00::1",
        "5f00:ffff::1",
        "100::1",
        "100:0:0:1::1",
        "2001::1",
        "2001:2::1",
    ),
    *(
        "2001:1::1",
        "2001:3::1",
        "2001:4:112::1",
        "2001:10::1",
        "2001:20::1",
        "2001:30::1",
        "2001:db8::1",
    ),
    *("2620:4f:8000::1", "ff02::1", "::", "4000::1", "fe00::1"),
    # that stand for an IPv4 address
    *(
        "::ffff:192.88.99.1",
        "64:ff9b::192.0.0.8",
        "64:ff9b::c058:6301",
        "2002:c058:6301::1",
        "2002:c000:8::1",
    ),
    *("2001:0:c058:6301::1", "[::ffff:10.0.0.1]", "fe80::1%eth0", "::192.0.0.8"),
)
PUBLIC_HOSTS = (
    *(
        "polisen.se",
        "www.xn--frsvarsmakten-4ib.se",
        "193.0.6.139",
        "2001:67c:2e8::1",
        "polisen.se.",
        "192.0.1.1",
    ),
    *(
        "64:ff9b::193.0.6.139",
        "::ffff:193.0.6.139",
        "2002:c100:68b::1",
        "[2a00:1450::1]",
        "2001:200::1",
        "3ffe::1",
    ),
)


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
