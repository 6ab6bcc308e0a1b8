"""URLs: canonical URLs, public hosts and URL parameters.

A canonical URL has a host in ASCII, and has no fragment, session id or tracking parameters.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import idna

from archive.i18n import SWEDISH_TIME
from archive.times import to_iso

# ASP.NET: /(X(1)S(abc))/
SESSION_SEGMENT = re.compile(r"/\((?:[A-Z]\([^()/]*\))+\)(?=/|$)", re.IGNORECASE)
SESSION_SUFFIX = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/?#]*", re.IGNORECASE)
TRACKING_PARAMETER = re.compile(
    r"(?:utm_\w+|mtm_\w+|pk_\w+|fbclid|gclid|dclid|msclkid"
    r"|yclid|twclid|igshid|mc_[ce]id"
    r"|_hs(?:enc|mi)|wt\.mc_id"
    r"|_t_(?:id|q|tags|ip|uuid"
    r"|hit\.\w+)|_ga|_gl|srsltid|jsessionid|phpsessid|aspsessionid\w*"
    r"|sessionid|cmpid|at_(?:medium|campaign))",
    re.IGNORECASE,
)
DEFAULT_PORTS = {"http": 80, "https": 443}
# all else is reserved, local or multicast (IANA IPv6 Address Space)
GLOBAL_IPV6 = ipaddress.ip_network("2000::/3")
# IANA's registries of special-purpose addresses, without what is outside GLOBAL_IPV6. Those that
# may be reached from everywhere (AS112, AMT, PCP and TURN anycast) have no pages either. ipaddress
# lacks some, by Python's version.
SPECIAL_NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in (
        *(
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
        ),
        *(
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
        ),
        *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
        # 2001::/23 includes Teredo, benchmarking, AMT, ORCHID and DRIP
        *("2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20"),
    )
)
NAT64_NETWORK = ipaddress.ip_network("64:ff9b::/96")  # the last four bytes are an IPv4 address
PRIVATE_TOP_DOMAINS = ("localhost", "local", "internal", "lan", "intranet", "corp")  # never public


def canonical_url(url: str) -> str:
    """Return the canonical form of a URL, under which the page is stored.

    The path and the query are neither encoded again nor reordered.

    >>> canonical_url("HTTPS://WWW.Agency.se:443/Nyheter/a%20b?id=3&utm_source=rss#top")
    'https://www.agency.se/Nyheter/a%20b?id=3'
    >>> canonical_url("https://www.livsmedelsverket.se/(X(1)S(04bz))/om-oss/press/x")
    'https://www.livsmedelsverket.se/om-oss/press/x'
    >>> url = "https://www.bmel.de/a.html;jsessionid=ED5.live922?x=1"
    >>> canonical_url(url), canonical_url("http://a.se")
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
    query = "&".join(
        pair for pair in pairs if not TRACKING_PARAMETER.fullmatch(pair.partition("=")[0])
    )
    scheme = parts.scheme.lower()
    return urlunsplit((scheme, _format_authority(host, parts.port, scheme), path, query, ""))


def _format_authority(host: str, port: int | None, scheme: str) -> str:
    """Return the host, followed by the port unless it is the scheme's default.

    An IPv6 address is put in square brackets.
    """
    host = f"[{host}]" if ":" in host else host
    return host if port is None or port == DEFAULT_PORTS.get(scheme) else f"{host}:{port}"


def host_to_ascii(host: str) -> str:
    """Return a host in lower-case ASCII (IDNA), or only in lower case if it cannot be encoded.

    >>> hosts = ("www.Skogsrådet.se", "WWW.XN--SKOGSRDET-B3A.se", "å..se")
    >>> tuple(map(host_to_ascii, hosts))
    ('www.xn--skogsrdet-b3a.se', 'www.xn--skogsrdet-b3a.se', 'å..se')
    """
    if host.isascii():
        return host.lower()
    try:
        return idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        return host.lower()


def strip_www(host: str) -> str:
    """Return a host in ASCII and without `www.`, which is the form in which hosts are compared.

    >>> strip_www("WWW.Skog.example"), strip_www("www.skogsrådet.se")
    ('skog.example', 'xn--skogsrdet-b3a.se')
    """
    return host_to_ascii(host).removeprefix("www.")


def url_to_ascii_host(url: str) -> str:
    """Return a URL with its host in ASCII. Raises ValueError if the URL cannot be parsed.

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
    """Return whether the host of a URL is this machine.

    >>> is_loopback("http://skog.localhost:8002/"), is_loopback("https://polisen.se/")
    (True, False)
    """
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def parse_ip_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Parse an IP address, with or without brackets and zone. Returns None for any other text.

    An IPv6 address that stands for an IPv4 address is returned as the IPv4 address.

    >>> texts = ("[fe80::1%eth0]", "::ffff:1.2.3.4", "64:ff9b::1.2.3.4", "2002:102:304::1")
    >>> [str(parse_ip_address(text)) for text in texts]
    ['fe80::1', '1.2.3.4', '1.2.3.4', '1.2.3.4']
    >>> parse_ip_address("polisen.se")
    """
    try:
        address = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64_NETWORK:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def find_host_problem(host: str) -> str | None:
    """Return why a host is not public, judging by its name or IP address, or None if it may be
    public.

    >>> hosts = ("169.254.169.254", "polisen.se", "printer.local")
    >>> tuple(map(find_host_problem, hosts))
    ('is not a public address', None, 'is not a public name')
    """
    host = host.rstrip(".")
    address = parse_ip_address(host)
    if address is None:
        last = host.rpartition(".")[2]
        # a last label that contains a digit: 127.1 and 0x7f.1 are IP addresses, too
        private = (
            "." not in host
            or last in PRIVATE_TOP_DOMAINS
            or last[:1].isdigit()
            or host.endswith(".home.arpa")
        )
        return "is not a public name" if private else None
    is_special = any(address in network for network in SPECIAL_NETWORKS)
    is_global = address.version == 4 or address in GLOBAL_IPV6
    return None if is_global and not is_special else "is not a public address"


MAX_ID = 2**53  # larger integers are not exact in JavaScript
HARMLESS_PARAMETER = re.compile(
    r"lang|utm_\w+|fbclid|gclid|dclid|msclkid|mc_cid|mc_eid|igshid|yclid|wt_mc"
)
LIST_PARAMETERS = ("after", "size")


class UrlArguments(Protocol):
    """The parameters of a URL (Datasette's `request.args`)."""

    def get(self, name: str, default: str | None = None, /) -> str | None: ...

    def getlist(self, name: str, /) -> Sequence[str]: ...


class FilterError(ValueError):
    """An unknown URL parameter, or a parameter with an invalid value."""

    def __init__(
        self,
        name: str,
        value: str,
        expected: str,
        text_key: str = "error.bad_filter",
        **text_values: str,
    ) -> None:
        self.text_key = text_key  # key of an interface text, which is formatted with `text_values`
        self.text_values = {"name": name, "value": value, **text_values}
        super().__init__(f"{name}={value}: {expected}")


def parse_number_parameter(
    args: UrlArguments, name: str, maximum: int = MAX_ID, *, signed: bool = False
) -> int | None:
    """Return a parameter as a number from 0 to `maximum`, or None if it is absent or empty.

    Raises FilterError if the value is invalid.

    signed: whether the number may also be negative, down to -`maximum`.
    """
    text = (args.get(name) or "").strip()
    if not text:
        return None
    digits = text.removeprefix("-") if signed else text
    expected = f"a whole number from {-maximum if signed else 0} to {maximum}"
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 16 or int(digits) > MAX_ID:
        raise FilterError(name, text, expected)
    if int(digits) > maximum:
        raise FilterError(name, text, expected, "error.too_large", most=str(maximum))
    return int(text)


def parse_choice_parameter(args: UrlArguments, name: str, choices: Collection[str]) -> str | None:
    """Return the value of a parameter, which must be one of `choices`.

    Returns None if the parameter is absent or empty.

    Raises FilterError if the value is invalid.
    """
    text = (args.get(name) or "").strip()
    if text and text not in choices:
        raise FilterError(name, text, "one of " + ", ".join(choices))
    return text or None


def parse_day_parameter(args: UrlArguments, name: str) -> date | None:
    """Return the date in a parameter (YYYY-MM-DD), or None if it is absent or empty.

    Raises FilterError if the value is invalid.
    """
    text = (args.get(name) or "").strip()
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise FilterError(name, text, "a day as YYYY-MM-DD") from error


def format_day_start(day: date | None, *, next_day: bool = False) -> str | None:
    """Return the UTC time at which a day (or the day after it) starts in Sweden.

    Returns None if `day` is None.

    >>> format_day_start(date(2024, 6, 3)), format_day_start(date(2024, 6, 3), next_day=True)
    ('2024-06-02T22:00:00+00:00', '2024-06-03T22:00:00+00:00')
    """
    if day is None or day >= date.max:
        return None
    begins = datetime.combine(day + timedelta(days=int(next_day)), time(), SWEDISH_TIME)
    return to_iso(begins.astimezone(UTC)) if begins.year > 1 else None


def is_harmless_parameter(name: str) -> bool:
    """Return whether a parameter is allowed on every page, because it is `lang` or a parameter of
    web analytics.

    >>> [is_harmless_parameter(name) for name in ("lang", "utm_source", "agencyy")]
    [True, True, False]
    """
    return bool(HARMLESS_PARAMETER.fullmatch(name))
