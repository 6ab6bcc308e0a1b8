"""Sends mail and webhooks, with the standard library."""

from __future__ import annotations

import json
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import parseaddr
from functools import partial
from http.client import HTTPException
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from archive.urls import is_loopback

DELIVERY_TIMEOUT = 20  # seconds
SMTP_PORTS = {"smtp": 25, "smtps": 465}  # default ports by URL scheme


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """A mail server, and the account and address to send with."""

    sender: str
    host: str
    port: int
    # whether to use TLS from the start; if not, STARTTLS is used if there is a password and the server offers it
    implicit_tls: bool
    user: str = ""
    password: str = field(default="", repr=False)


def split_server_url(url: str, schemes: Sequence[str]) -> SplitResult:
    """Split the URL of a server; raise ValueError if it has no host or none of the `schemes`.

    The error does not contain the URL, which may hold a password.
    """
    try:
        parts = urlsplit(url)
        is_valid = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        raise ValueError("is not a URL with a host")
    if parts.scheme not in schemes:
        raise ValueError(f"must be a URL with {' or '.join(schemes)}")
    return parts


def parse_mail_server(url: str, sender: str) -> MailServer:
    """Parse smtp://host:port or smtps://user:password@host:port; raise ValueError if it is invalid.

    The error does not contain the URL, which may hold a password.
    """
    parts = split_server_url(url, tuple(SMTP_PORTS))
    return MailServer(
        sender=sender,
        host=parts.hostname or "",
        port=parts.port or SMTP_PORTS[parts.scheme],
        implicit_tls=parts.scheme == "smtps",
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def is_mail_address(text: str) -> bool:
    """Return whether a text is a single mail address, with or without a display name."""
    return "@" in parseaddr(text)[1] and "\n" not in text


def send_mail(
    server: MailServer, recipients: Sequence[str], *, subject: str, text: str, message_id: str, sent_at: datetime
) -> None:
    """Send a mail to every recipient; raise OSError if the server rejects it for any of them.

    message_id: stays the same when the mail is sent again, so that receivers recognise the duplicate. A password is
    only sent over TLS, unless the server is on this machine.
    """
    mail = EmailMessage()
    mail["Subject"] = subject
    mail["From"] = server.sender
    mail["To"] = ", ".join(recipients)
    mail["Date"] = sent_at
    mail["Message-ID"] = f"<{message_id}@{server.sender.rpartition('@')[2].strip('>')}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    context = ssl.create_default_context()
    connect = partial(smtplib.SMTP_SSL, context=context) if server.implicit_tls else smtplib.SMTP
    with connect(server.host, server.port, timeout=DELIVERY_TIMEOUT) as connection:
        if server.user:
            connection.ehlo()
            if not server.implicit_tls and connection.has_extn("starttls"):
                connection.starttls(context=context)
            elif not server.implicit_tls and not is_loopback(f"http://{server.host}/"):
                raise OSError(f"{server.host} offers no TLS, and a password is not sent without it")
            connection.login(server.user, server.password)
        rejected = connection.send_message(mail)
    if rejected:
        raise OSError(f"{server.host} rejected {len(rejected)} of {len(recipients)} addresses")


class RejectRedirectHandler(HTTPRedirectHandler):
    """Turns redirects into errors: following one would turn the POST into a GET without the message."""

    def redirect_request(self, *_: Any) -> None:
        """Return None, so that urllib raises the redirect as an HTTPError."""


def post_json(url: str, payload: Mapping[str, Any]) -> None:
    """Post JSON to an http(s) URL; raise OSError, which names only the URL's host, if that fails."""
    body = json.dumps(payload, ensure_ascii=False).encode()
    request = Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - http(s): see the caller's settings
    try:
        with build_opener(RejectRedirectHandler).open(request, timeout=DELIVERY_TIMEOUT) as response:
            response.read(1000)
    except (OSError, HTTPException) as error:
        raise OSError(f"{urlsplit(url).hostname}: {error}") from None
