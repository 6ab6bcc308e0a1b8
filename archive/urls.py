"""Canonical URLs: host in ASCII (IDNA), without fragment, session id and tracking parameters. Public hosts."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit, urlunsplit

import idna

SESSION_SEGMENT = re.compile(r"/\((?:[A-Z]\([^()/]*\))+\)(?=/|$)", re.IGNORECASE)  # ASP.NET: /(X(1)S(abc))/
SESSION_SUFFIX = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/?#]*", re.IGNORECASE)
TRACKING_PARAMETER = re.compile(
    r"(?:utm_\w+|mtm_\w+|pk_\w+|fbclid|gclid|dclid|msclkid|yclid|twclid|igshid|mc_[ce]id|_hs(?:enc|mi)|wt\.mc_id"
    r"|_t_(?:id|q|tags|ip|uuid|hit\.\w+)|_ga|_gl|srsltid|jsessionid|phpsessid|aspsessionid\w*|sessionid|cmpid|at_(?:medium|campaign))",
    re.IGNORECASE,
)
DEFAULT_PORTS = {"http": 80, "https": 443}
NON_PUBLIC_IPV6_NETWORKS = (  # not public, although Python's ipaddress treats them as global
    ipaddress.ip_network("::/96"),  # IPv4-compatible (RFC 4291, 2.5.5.1)
    ipaddress.ip_network("::ffff:0:0:0/96"),  # IPv4-translated (RFC 2765)
    ipaddress.ip_network("64:ff9b:1::/48"),  # local NAT64 (RFC 8215)
    ipaddress.ip_network("fec0::/10"),  # site-local (RFC 3879)
)
NAT64_NETWORK = ipaddress.ip_network("64:ff9b::/96")  # the last four bytes are an IPv4 address
PRIVATE_TOP_DOMAINS = ("localhost", "local", "internal", "lan", "intranet", "corp")  # never public


def canonical_url(url: str) -> str:
    """Return the URL under which a page is stored. Path and query are not re-encoded or reordered.

    >>> canonical_url("HTTPS://WWW.Agency.se:443/Nyheter/a%20b?id=3&utm_source=rss#top")
    'https://www.agency.se/Nyheter/a%20b?id=3'
    >>> canonical_url("https://www.livsmedelsverket.se/(X(1)S(04bz))/om-oss/press/x")
    'https://www.livsmedelsverket.se/om-oss/press/x'
    >>> canonical_url("https://www.bmel.de/a.html;jsessionid=ED5.live922?x=1"), canonical_url("http://a.se")
    ('https://www.bmel.de/a.html?x=1', 'http://a.se/')
    >>> canonical_url("https://www.skogsrådet.se/nyheter/å")
    'https://www.xn--skogsrdet-b3a.se/nyheter/å'
    """
    parts = urlsplit(url.strip())
    host = host_to_ascii(parts.hostname or "")
    if not host:
        return url.strip()
    path = SESSION_SUFFIX.sub("", SESSION_SEGMENT.sub("", parts.path)) or "/"
    pairs = (pair for pair in parts.query.split("&") if pair)
    query = "&".join(pair for pair in pairs if not TRACKING_PARAMETER.fullmatch(pair.partition("=")[0]))
    scheme = parts.scheme.lower()
    return urlunsplit((scheme, format_authority(host, parts.port, scheme), path, query, ""))


def format_authority(host: str, port: int | None, scheme: str) -> str:
    """Return the host, with its port if it is not the scheme's default. IPv6 addresses get brackets."""
    host = f"[{host}]" if ":" in host else host
    return host if port is None or port == DEFAULT_PORTS.get(scheme) else f"{host}:{port}"


def host_to_ascii(host: str) -> str:
    """Return a host in lower-case ASCII (IDNA), or just in lower case if it cannot be encoded.

    >>> host_to_ascii("www.Skogsrådet.se"), host_to_ascii("WWW.XN--SKOGSRDET-B3A.se"), host_to_ascii("å..se")
    ('www.xn--skogsrdet-b3a.se', 'www.xn--skogsrdet-b3a.se', 'å..se')
    """
    if host.isascii():
        return host.lower()
    try:
        return idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        return host.lower()


def strip_www(host: str) -> str:
    """Return the host in ASCII and without www, the form used to recognise agencies.

    >>> strip_www("WWW.Skog.example"), strip_www("www.skogsrådet.se")
    ('skog.example', 'xn--skogsrdet-b3a.se')
    """
    return host_to_ascii(host).removeprefix("www.")


def url_to_ascii_host(url: str) -> str:
    """Return a URL with its host in ASCII; raise ValueError if it is not a URL.

    >>> url_to_ascii_host("https://www.Skogsrådet.se:8443/Nyheter?a=å")
    'https://www.xn--skogsrdet-b3a.se:8443/Nyheter?a=å'
    """
    parts = urlsplit(url)
    if parts.netloc.isascii():
        return url
    user, at, host_and_port = parts.netloc.rpartition("@")
    host, colon, port = host_and_port.partition(":")
    return parts._replace(netloc=f"{user}{at}{host_to_ascii(host)}{colon}{port}").geturl()


def is_loopback(url: str) -> bool:
    """Return whether a URL's host is this machine.

    >>> is_loopback("http://skog.localhost:8002/"), is_loopback("https://polisen.se/")
    (True, False)
    """
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def find_host_problem(host: str) -> str | None:
    """Return why a host is not public according to its name or IP address, or None if it may be public.

    >>> find_host_problem("169.254.169.254"), find_host_problem("polisen.se"), find_host_problem("printer.local")
    ('is not a public address', None, 'is not a public name')
    """
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        last = host.rpartition(".")[2]
        # a last label that contains a digit: 127.1 and 0x7f.1 are IP addresses, too
        private = "." not in host or last in PRIVATE_TOP_DOMAINS or last[:1].isdigit() or host.endswith(".home.arpa")
        return "is not a public name" if private else None
    if isinstance(address, ipaddress.IPv6Address):
        if any(address in net for net in NON_PUBLIC_IPV6_NETWORKS):
            return "is not a public address"
        if address in NAT64_NETWORK:
            address = ipaddress.IPv6Address(int(address) & 0xFFFFFFFF | 0xFFFF << 32)
        address = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1] or address
    return None if address.is_global and not address.is_multicast else "is not a public address"
