"""By which ways operators are told: read from the environment, and held to be right before a round begins."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from urllib.parse import SplitResult, unquote, urlsplit

from scraper.agency import is_loopback
from scraper.errors import AgencyError

PORTS = {"smtp": 25, "smtps": 465}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail server, and who writes to whom."""

    host: str
    port: int
    tls: bool  # from the start; else by STARTTLS, where it is offered
    sender: str
    to: tuple[str, ...]
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def needs_tls(self) -> bool:
        """Whether something would be sent that nobody on the way may read."""
        return bool(self.user) and not is_loopback(f"http://{self.host}/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """What is set; a way that is not set is not used."""

    webhook: str | None = field(default=None, repr=False)  # its path may be a secret
    mail: Mail | None = None
    language: str = "sv"
    status_page: str | None = None


def find_ways(environment: Mapping[str, str] = os.environ) -> Ways:
    """The ways that the environment names; AgencyError names a variable that cannot be right, never its value."""
    told = {name: environment.get(name, "").strip() for name in ("ALERT_WEBHOOK", "ALERT_MAIL", "ALERT_STATUS_PAGE")}
    language = environment.get("ALERT_LANGUAGE", "").strip() or "sv"
    if language not in ("sv", "en"):
        raise wrong("ALERT_LANGUAGE", "is neither sv nor en")
    for name in ("ALERT_WEBHOOK", "ALERT_STATUS_PAGE"):
        if told[name] and split(name, told[name]).scheme not in ("http", "https"):
            raise wrong(name, "is no http or https address")
    if not re.fullmatch("[!-~]*", told["ALERT_WEBHOOK"]):
        raise wrong("ALERT_WEBHOOK", "has letters or spaces that must be written otherwise in an address: å as %C3%A5")
    return Ways(
        webhook=told["ALERT_WEBHOOK"] or None,
        mail=find_mail(told["ALERT_MAIL"], environment) if told["ALERT_MAIL"] else None,
        language=language,
        status_page=told["ALERT_STATUS_PAGE"] or None,
    )


def find_mail(to: str, environment: Mapping[str, str]) -> Mail:
    """How mail goes out."""
    addresses = tuple(address.strip() for address in to.split(",") if address.strip())
    if not addresses:
        raise wrong("ALERT_MAIL", "names no address")
    sender = environment.get("ALERT_MAIL_FROM", "").strip() or addresses[0]
    for name, address in (*(("ALERT_MAIL", one) for one in addresses), ("ALERT_MAIL_FROM", sender)):
        if "@" not in parseaddr(address)[1] or "\n" in address:
            raise wrong(name, "is no mail address")
    server = split("ALERT_SMTP", environment.get("ALERT_SMTP", "").strip())
    if server.scheme not in PORTS:
        raise wrong("ALERT_SMTP", "must be smtp://host:port or smtps://user:password@host:port, as ALERT_MAIL is set")
    return Mail(
        host=server.hostname or "",
        port=server.port or PORTS[server.scheme],
        tls=server.scheme == "smtps",
        sender=sender,
        to=addresses,
        user=unquote(server.username or ""),
        password=unquote(server.password or ""),
    )


def split(name: str, address: str) -> SplitResult:
    """An address in parts, with a host and a port that can be."""
    try:
        parts = urlsplit(address)
        good = bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise wrong(name, "is no address with a host")
    return parts


def wrong(name: str, problem: str) -> AgencyError:
    """What is wrong with a variable, without what it holds."""
    return AgencyError("environment", None, name, problem)
