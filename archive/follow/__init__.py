"""Following a search, a person or a release by mail or webhook.

store.py     follow.db beside the archive: subscriptions and messages to be sent; signed tokens
matching.py  what a subscription follows, and which changes in the archive match it
messages.py  messages as mail and as JSON
sending.py   `myndighetsarkivet notify`: queues and sends messages, retries, bounces

The site stores requests and confirmations (archive/plugins/follow.py); it sends nothing. `notify` reads the archive's
change feed from where each subscription has got to, and stores a message before it sends it. What is stored of a
message is only which versions it is about: its text is read from the archive when it is sent, so that a takedown also
covers messages that are waiting.

Settings come from the environment only, as some are secrets:

    PUBLIC_URL            the site's public address, such as https://arkiv.example
    FOLLOW_MAIL_FROM      the sender of mails. Without these two, the site offers feeds alone
    FOLLOW_SMTP           smtp://host:25 (STARTTLS if offered), smtps://user:password@host:465; only `notify` needs it
    FOLLOW_RETURN_PATH    bounces+{token}@arkiv.example: where mail servers send bounces (`myndighetsarkivet bounce`)
    FOLLOW_PRIVATE_HOSTS  hosts of webhooks that may be in a private network, separated by commas
    FOLLOW_MAX_REQUESTS   requests for subscriptions an hour, after which each visitor may make one; default 100
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from archive.database.sqlite_files import ArchiveError
from archive.delivery import MailServer, is_mail_address, parse_mail_server, split_server_url

MAX_REQUESTS = 100  # per hour, by all visitors; then each may make one
TOKEN_PLACE = "{token}"  # noqa: S105 - a place in an address


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowSettings:
    """What an operator has set for following."""

    public_url: str  # without a slash at the end
    sender: str
    mail_server: MailServer | None = None  # None: FOLLOW_SMTP is not set, which only `notify` needs
    return_path: str | None = None  # with TOKEN_PLACE
    private_hosts: tuple[str, ...] = ()
    max_requests: int = MAX_REQUESTS


def read_follow_settings(environment: Mapping[str, str] = os.environ) -> FollowSettings | None:
    """Read the settings from the environment; None: following by mail and webhook is not offered.

    Raises ArchiveError, without the value, which may be a secret, if a variable is invalid.
    """

    def read(name: str) -> str:
        return environment.get(name, "").strip()

    def fail(name: str, problem: str) -> ArchiveError:
        return ArchiveError("environment", problem, key=name)

    public_url, sender, server = read("PUBLIC_URL").rstrip("/"), read("FOLLOW_MAIL_FROM"), read("FOLLOW_SMTP")
    return_path, max_requests = read("FOLLOW_RETURN_PATH"), read("FOLLOW_MAX_REQUESTS")
    mail_server = None
    try:
        name = "PUBLIC_URL"
        if public_url:
            split_server_url(public_url, ("http", "https"))
        name = "FOLLOW_SMTP"
        mail_server = parse_mail_server(server, sender) if server else None
    except ValueError as error:
        raise fail(name, str(error)) from None
    if sender and not is_mail_address(sender):
        raise fail("FOLLOW_MAIL_FROM", "is not a mail address")
    if return_path and (return_path.count(TOKEN_PLACE) != 1 or not is_mail_address(return_path)):
        raise fail("FOLLOW_RETURN_PATH", f"must be an address with {TOKEN_PLACE}, such as a+{TOKEN_PLACE}@b.example")
    if max_requests and not (max_requests.isascii() and max_requests.isdigit()):
        raise fail("FOLLOW_MAX_REQUESTS", "must be a whole number")
    if sender and not public_url:
        raise fail("PUBLIC_URL", "must be set, because FOLLOW_MAIL_FROM is: mails link to the site")
    if server and not sender:
        raise fail("FOLLOW_MAIL_FROM", "must be set, because FOLLOW_SMTP is")
    if not (public_url and sender):
        return None
    return FollowSettings(
        public_url=public_url,
        sender=sender,
        mail_server=mail_server,
        return_path=return_path or None,
        private_hosts=tuple(host.strip() for host in read("FOLLOW_PRIVATE_HOSTS").split(",") if host.strip()),
        max_requests=int(max_requests) if max_requests else MAX_REQUESTS,
    )
