"""Sends email and webhooks, using the standard library.

Webhooks that an operator configures may have any address (`post_json`). Webhooks that a visitor
enters must have a public address (`post_to_public_host`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.header import Header
from email.headerregistry import HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import parseaddr
from functools import partial
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from archive.urls import find_host_problem, host_to_ascii, is_loopback

DELIVERY_TIMEOUT = 20  # seconds
SMTP_PORTS = {"smtp": 25, "smtps": 465}  # default ports by URL scheme
HTTPS_PORT = 443
MIN_UNPRIVILEGED_PORT = 1024
HTTP_GONE = 410  # the receiver of a webhook wants no more messages (Standard Webhooks)


class UnfoldedHeader(UnstructuredHeader):
    """An email header on one line.

    Folding would encode a long URL, and no email program decodes such a URL.
    """

    name: str  # of BaseHeader, which the registry adds

    def fold(self, *, policy: Any) -> str:
        return f"{self.name}: {self}{policy.linesep}"


class EncodedHeader(UnstructuredHeader):
    """An email header that is encoded as a whole unless all its characters are ASCII.

    Python's own policy encodes each word separately, so that the spaces between two encoded words
    are lost (RFC 2047, 6.2).
    """

    name: str  # of BaseHeader, which the registry adds

    def fold(self, *, policy: Any) -> str:
        text = str(self)
        if text.isascii():
            return str(super().fold(policy=policy))  # type: ignore[misc] # of BaseHeader
        # 75: Header does not count the space before a line, which has at most 76 characters
        words = Header(text, "utf-8", maxlinelen=75, header_name=self.name).encode(
            linesep=policy.linesep
        )
        return f"{self.name}: {words}{policy.linesep}"


MAIL_HEADERS = HeaderRegistry()
MAIL_HEADERS.map_to_type("subject", EncodedHeader)  # type: ignore[arg-type] # as below
for unfolded_name in ("list-unsubscribe", "message-id"):
    MAIL_HEADERS.map_to_type(unfolded_name, UnfoldedHeader)  # type: ignore[arg-type] # as above
MAIL_POLICY = EmailPolicy(header_factory=MAIL_HEADERS)


class RecipientError(OSError):
    """A recipient did not accept a message. The error text does not contain the address.

    Messages to other recipients may still be accepted.

    is_permanent: whether the recipient would reject the message again if it were sent again.
    is_gone: whether the recipient wants no more messages.
    """

    def __init__(self, problem: str, *, is_permanent: bool, is_gone: bool = False) -> None:
        self.is_permanent, self.is_gone = is_permanent, is_gone
        super().__init__(problem)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """A mail server, with the account and the sender's address that are used for sending."""

    sender: str
    host: str
    port: int
    # whether to use TLS from the start; if not, STARTTLS is used if there is a password and the
    # server offers it
    implicit_tls: bool
    user: str = ""
    password: str = field(default="", repr=False)


def split_server_url(url: str, schemes: Sequence[str]) -> SplitResult:
    """Split the URL of a server into its parts.

    Raises ValueError if the URL has no host, or if its scheme is not one of `schemes`. The error
    does not contain the URL, which may contain a password.
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
    """Parse the URL of a mail server: smtp://host:port or smtps://user:password@host:port.

    Raises ValueError if the URL is invalid. The error does not contain the URL, which may contain a
    password.
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
    """Return whether a text is a single email address, with or without a display name."""
    return "@" in parseaddr(text)[1] and "\n" not in text


def _format_header_text(text: str) -> str:
    r"""Return a text as one line in which email programs find nothing to decode.

    >>> _format_header_text("bron\u2028Bcc:\0 x =?utf-8?q?=0A?=")
    'bron Bcc: x = ?utf-8?q?=0A?='
    """
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split()).replace("=?", "= ?")


def send_mail(
    server: MailServer,
    recipients: Sequence[str],
    *,
    subject: str,
    text: str,
    message_id: str,
    sent_at: datetime,
    headers: Mapping[str, str] | None = None,
    return_path: str | None = None,
) -> None:
    """Send one email to all recipients.

    Raises RecipientError if the server works but rejects the email for all recipients. Raises
    OSError if the server rejects the email for some recipients or cannot be used. A password is
    sent only over TLS, unless the server is on this machine.

    message_id: the Message-ID. It stays the same when the email is sent again, so that receivers
        recognise the duplicate.
    return_path: the address for bounces; by default, the sender's address.
    """
    mail = EmailMessage(MAIL_POLICY)
    mail["Subject"] = _format_header_text(subject)
    mail["From"] = server.sender
    mail["To"] = ", ".join(recipients)
    mail["Date"] = sent_at
    mail["Message-ID"] = f"<{message_id}@{server.sender.rpartition('@')[2].strip('>')}>"
    mail["Auto-Submitted"] = "auto-generated"
    for name, value in (headers or {}).items():
        mail[name] = value
    mail.set_content(text)
    context = ssl.create_default_context()
    connect = partial(smtplib.SMTP_SSL, context=context) if server.implicit_tls else smtplib.SMTP
    with connect(server.host, server.port, timeout=DELIVERY_TIMEOUT) as connection:
        if server.user:
            _log_in(connection, server, context)
        try:
            # not the addresses of `To`, in which an encoded word could be another address
            rejected = connection.send_message(
                mail, from_addr=return_path, to_addrs=list(recipients)
            )
        except smtplib.SMTPRecipientsRefused as error:
            codes = sorted({code for code, _ in error.recipients.values()})
            problem = f"{server.host} rejected the address ({', '.join(map(str, codes))})"
            raise RecipientError(problem, is_permanent=codes[0] >= 500) from None
        except smtplib.SMTPDataError as error:
            problem = f"{server.host} rejected the mail ({error.smtp_code})"
            raise RecipientError(problem, is_permanent=error.smtp_code >= 500) from None
    if rejected:
        raise OSError(f"{server.host} rejected {len(rejected)} of {len(recipients)} addresses")


def _log_in(connection: smtplib.SMTP, server: MailServer, context: ssl.SSLContext) -> None:
    """Log in to a mail server.

    Raises OSError if the server offers no TLS and is not on this machine.
    """
    connection.ehlo()
    if not server.implicit_tls and connection.has_extn("starttls"):
        connection.starttls(context=context)
    elif not server.implicit_tls and not is_loopback(f"http://{server.host}/"):
        raise OSError(f"{server.host} offers no TLS, and a password is not sent without it")
    connection.login(server.user, server.password)


class RejectRedirectHandler(HTTPRedirectHandler):
    """Turns redirects into errors.

    Following a redirect would turn the POST into a GET without the message.
    """

    def redirect_request(self, *_: Any) -> None:
        """Return None, so that urllib raises the redirect as an HTTPError."""


def post_json(
    url: str, payload: Mapping[str, Any], key: bytes | None = None, sent_at: datetime | None = None
) -> None:
    """Post JSON to an http(s) URL. If a key is given, sign the request (Standard Webhooks 1.0).

    Raises OSError if the request fails. The error names only the URL's host.
    """
    body = json.dumps(payload, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json"}
    if key and sent_at:
        headers |= sign_webhook(key, payload["id"], sent_at, body)
    request_url(url, body, headers)


def sign_webhook(key: bytes, message_id: str, moment: datetime, body: bytes) -> dict[str, str]:
    """Return the headers that sign a webhook's message as specified in Standard Webhooks 1.0."""
    stamp = str(int(moment.timestamp()))
    signed = f"{message_id}.{stamp}.".encode() + body
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{signature}",
    }


def parse_webhook_secret(secret: str) -> bytes | None:
    """Return the key in a webhook secret, or None if the secret is empty.

    Raises ValueError if the secret does not have the format of Standard Webhooks.

    >>> parse_webhook_secret("whsec_c2tvZ3Nicg==")
    b'skogsbr'
    """
    if not secret:
        return None
    if not secret.startswith("whsec_"):
        raise ValueError("must begin with whsec_, and then have the key in base64")
    return base64.b64decode(secret.removeprefix("whsec_"), validate=True)


def request_url(
    url: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    max_bytes: int = 1000,
) -> bytes:
    """Request an http(s) URL, and return the first `max_bytes` bytes of the response.

    Raises OSError if the request fails. The error names only the URL's host.
    """
    # http(s): see the caller's settings
    request = Request(url, body, dict(headers or {}))  # noqa: S310
    try:
        with build_opener(RejectRedirectHandler).open(
            request, timeout=DELIVERY_TIMEOUT
        ) as response:
            return bytes(response.read(max_bytes))
    except (OSError, HTTPException) as error:
        raise OSError(f"{urlsplit(url).hostname}: {error}") from None


def check_public_url(url: str, private_hosts: Collection[str] = ()) -> SplitResult:
    """Check the URL of a visitor's webhook, and return its parts.

    Raises ValueError if the URL is malformed, does not use https, contains a user name or an
    unusual port, or has a host that is known to be private.

    private_hosts: hosts that may be private and need no TLS, such as hosts in a newsroom's own
        network.
    """
    parts = split_server_url(url, ("http", "https"))
    if not re.fullmatch("[!-~]*", url):
        raise ValueError("has letters or spaces that a URL must encode: å as %C3%A5")
    host = host_to_ascii(parts.hostname or "")
    if host in private_hosts:
        return parts
    port = parts.port or HTTPS_PORT
    if (
        parts.scheme != "https"
        or parts.username
        or (port < MIN_UNPRIVILEGED_PORT and port != HTTPS_PORT)
    ):
        raise ValueError("must be a URL with https, without a password and with a usual port")
    if find_host_problem(host):
        raise ValueError("must have a public host")
    return parts


class PublicConnection(HTTPConnection):
    """A connection to exactly the IP address that was checked.

    A second lookup of the host could return another address (DNS rebinding).
    """

    def __init__(
        self, parts: SplitResult, private_hosts: Collection[str], timeout: float = DELIVERY_TIMEOUT
    ) -> None:
        self.is_tls, self.private_hosts = parts.scheme == "https", private_hosts
        self.is_aborted = False
        # HTTPConnection leaves it out of `Host`
        self.default_port = HTTPS_PORT if self.is_tls else 80
        host = host_to_ascii(parts.hostname or "")
        super().__init__(host, parts.port or self.default_port, timeout=timeout)

    def connect(self) -> None:
        """Connect to the first IP address of the host.

        Raises OSError if any address of the host is private, unless the host is in `private_hosts`.
        """
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        addresses = [str(address[4][0]) for address in found]
        for address in addresses if self.host not in self.private_hosts else ():
            if problem := find_host_problem(address):
                raise OSError(f"leads to {address}, which {problem}")
        self.sock = socket.create_connection((addresses[0], self.port), timeout=self.timeout)
        self.check_aborted()
        if self.is_tls:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(
                self.sock, server_hostname=self.host, do_handshake_on_connect=False
            )
            self.check_aborted()
            self.sock.do_handshake()

    def check_aborted(self) -> None:
        """Raise TimeoutError if the request was aborted before the connection was made."""
        if self.is_aborted:
            raise TimeoutError("it took too long to connect")

    def abort(self) -> None:
        """Abort a request that another thread is waiting for."""
        self.is_aborted = True
        if self.sock:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)


def post_to_public_host(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    private_hosts: Collection[str] = (),
    *,
    timeout: float = DELIVERY_TIMEOUT,
) -> None:
    """Post JSON to a visitor's webhook.

    Raises RecipientError if that fails. The error does not contain the URL. Redirects are not
    followed.

    timeout: the time limit for the whole request, in seconds. With a separate limit for each read,
        a host could take that long for every byte.
    """
    connection = None
    try:
        parts = check_public_url(url, private_hosts)
        connection = PublicConnection(parts, private_hosts, timeout)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        timer = threading.Timer(timeout, connection.abort)
        timer.start()
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json", **headers})
            status = connection.getresponse().status
        finally:
            timer.cancel()
            connection.close()
    except (OSError, HTTPException, ValueError) as error:
        raise RecipientError(
            f"the webhook failed: {type(error).__name__}", is_permanent=False
        ) from None
    if not 200 <= status < 300:
        raise RecipientError(
            f"the webhook answered {status}", is_permanent=False, is_gone=status == HTTP_GONE
        )
