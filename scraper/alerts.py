"""Alerts: new faults and recoveries of agencies, sent to the operators by webhook and mail.

Settings come from the environment only, as some are secrets:

    ALERT_WEBHOOK      URL that gets the message as JSON by POST; `text` is what Slack and Mattermost show
    ALERT_MAIL         addresses, separated by commas
    ALERT_SMTP         smtp://host:25 (STARTTLS if offered), smtps://user:password@host:465 (TLS from the start)
    ALERT_MAIL_FROM    the sender; default: the first of ALERT_MAIL
    ALERT_LANGUAGE     sv (default) or en
    ALERT_STATUS_PAGE  URL of the public status page, to be linked in the message

Each channel sends at most one message a day (UTC); what happens later that day waits for the next day's message. Each
row of health_events is reported once by each channel. A channel's first message reports all current faults, however
old, but no fault that ended more than a day ago. If a message cannot be delivered, that is logged and the next round
tries again. A process killed between delivery and its row in the database delivers the message again, with the same id.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import smtplib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import parseaddr
from http.client import HTTPException
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from sqlite_utils import Database

from archive.dates import to_iso
from archive.health import AlertDeliveries, HealthEvent, is_fault, read_health_rows
from archive.health.report import format_health_reason, format_health_state
from archive.i18n import Translation
from archive.store import Archive
from scraper.agency import is_loopback
from scraper.errors import AgencyError

logger = logging.getLogger(__name__)

ALERT_KINDS = ("faults", "recoveries", "passed")  # passed: a fault that began and ended since the last message
MAX_LISTED_AGENCIES = 50  # of one kind in a message; the others are only counted
ONE_DAY = timedelta(days=1)
MAIL_TIMEOUT = WEBHOOK_TIMEOUT = 20  # seconds
SMTP_PORTS = {"smtp": 25, "smtps": 465}  # default ports by URL scheme

ALERT_HEADINGS = {
    "faults": Translation("Nya fel:", "New faults:"),
    "recoveries": Translation("Åter i ordning:", "Recovered:"),
    "passed": Translation("Fel som kom och gick:", "Faults that came and went:"),
}
COUNT_TEXTS = {
    "faults": Translation(("{n} nytt fel", "{n} nya fel"), ("{n} new fault", "{n} new faults")),
    "recoveries": Translation(("{n} åter i ordning", "{n} åter i ordning"), ("{n} recovered", "{n} recovered")),
    "passed": Translation(("{n} övergående", "{n} övergående"), ("{n} passing", "{n} passing")),
}
MORE_AGENCIES_TEXT = Translation("- och {n} till", "- and {n} more")
STATUS_PAGE_TEXT = Translation("Läget nu:", "How it stands:")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """A mail server, the sender and the recipients."""

    host: str
    port: int
    implicit_tls: bool  # TLS from the start; otherwise STARTTLS, if the server offers it
    sender: str
    recipients: tuple[str, ...]
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def needs_tls(self) -> bool:
        """Whether a password would be sent over the network."""
        return bool(self.user) and not is_loopback(f"http://{self.host}/")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """The channels and the contents of alerts. A channel that is None is not used."""

    webhook: str | None = field(default=None, repr=False)  # the path may be a secret
    mail: MailSettings | None = None
    language: str = "sv"
    status_page: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyAlert:
    """What a message reports about one agency."""

    kind: str  # of ALERT_KINDS
    events: tuple[HealthEvent, ...]  # that the channel has not reported yet, oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertMessage:
    """One message. Its id is a hash over the ids of its events."""

    id: str
    subject: str
    text: str
    sent_at: datetime
    alerts: tuple[AgencyAlert, ...]
    status_page: str | None

    def to_payload(self) -> dict[str, Any]:
        """Return the message as a webhook gets it."""
        parts = {
            kind: [format_alert_json(alert) for alert in self.alerts if alert.kind == kind] for kind in ALERT_KINDS
        }
        head = {"id": self.id, "sent": to_iso(self.sent_at), "subject": self.subject, "text": self.text}
        return {**head, **parts, "status_page": self.status_page}


# Settings


def read_alert_settings(environment: Mapping[str, str] = os.environ) -> AlertSettings:
    """Read the settings of alerts from the environment.

    Raises AgencyError if one is invalid. The error names the variable, never its value, which may be a secret.
    """
    values = {name: environment.get(name, "").strip() for name in ("ALERT_WEBHOOK", "ALERT_MAIL", "ALERT_STATUS_PAGE")}
    language = environment.get("ALERT_LANGUAGE", "").strip() or "sv"
    if language not in ("sv", "en"):
        raise environment_error("ALERT_LANGUAGE", "is neither sv nor en")
    for name in ("ALERT_WEBHOOK", "ALERT_STATUS_PAGE"):
        if values[name] and split_server_url(name, values[name]).scheme not in ("http", "https"):
            raise environment_error(name, "is no http or https address")
    if not re.fullmatch("[!-~]*", values["ALERT_WEBHOOK"]):
        raise environment_error(
            "ALERT_WEBHOOK", "has letters or spaces that must be written otherwise in an address: å as %C3%A5"
        )
    return AlertSettings(
        webhook=values["ALERT_WEBHOOK"] or None,
        mail=read_mail_settings(values["ALERT_MAIL"], environment) if values["ALERT_MAIL"] else None,
        language=language,
        status_page=values["ALERT_STATUS_PAGE"] or None,
    )


def read_mail_settings(recipients: str, environment: Mapping[str, str]) -> MailSettings:
    """Read the settings of mail. recipients: the value of ALERT_MAIL. Raises AgencyError if one is invalid."""
    addresses = tuple(address.strip() for address in recipients.split(",") if address.strip())
    if not addresses:
        raise environment_error("ALERT_MAIL", "names no address")
    sender = environment.get("ALERT_MAIL_FROM", "").strip() or addresses[0]
    for name, address in (*(("ALERT_MAIL", address) for address in addresses), ("ALERT_MAIL_FROM", sender)):
        if "@" not in parseaddr(address)[1] or "\n" in address:
            raise environment_error(name, "is no mail address")
    server = split_server_url("ALERT_SMTP", environment.get("ALERT_SMTP", "").strip())
    if server.scheme not in SMTP_PORTS:
        raise environment_error(
            "ALERT_SMTP", "must be smtp://host:port or smtps://user:password@host:port, as ALERT_MAIL is set"
        )
    return MailSettings(
        host=server.hostname or "",
        port=server.port or SMTP_PORTS[server.scheme],
        implicit_tls=server.scheme == "smtps",
        sender=sender,
        recipients=addresses,
        user=unquote(server.username or ""),
        password=unquote(server.password or ""),
    )


def split_server_url(name: str, url: str) -> SplitResult:
    """Split the URL in a variable. Raises AgencyError if it has no host or no valid port."""
    try:
        parts = urlsplit(url)
        valid = bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise environment_error(name, "is no address with a host")
    return parts


def environment_error(name: str, problem: str) -> AgencyError:
    """Return an error about a variable, without its value."""
    return AgencyError("environment", None, name, problem)


# Sending


def send_alerts(archive: Archive, alert_settings: AlertSettings, now: datetime) -> bool:
    """Send what each channel has not reported yet; return False if a message was not delivered."""
    delivered = True
    if url := alert_settings.webhook:
        delivered &= send_channel_alerts(
            archive, alert_settings, "webhook", now, lambda message: post_webhook(url, message)
        )
    if mail := alert_settings.mail:
        delivered &= send_channel_alerts(archive, alert_settings, "mail", now, lambda message: send_mail(mail, message))
    return delivered


def send_channel_alerts(
    archive: Archive,
    alert_settings: AlertSettings,
    channel: str,
    now: datetime,
    deliver: Callable[[AlertMessage], None],
) -> bool:
    """Send what one channel has not reported yet; return False if the message was not delivered."""
    deliveries = AlertDeliveries(archive.db)
    events = deliveries.find_pending_events(channel)
    if not events or (deliveries.find_last_delivery_time(channel) or "")[:10] == (to_iso(now) or "")[:10]:
        return True
    alerts, silent = select_alerts(archive.db, deliveries, channel, events)
    if not deliveries.is_channel_used(channel):
        yesterday = to_iso(now - ONE_DAY) or ""
        old = [alert for alert in alerts if alert.kind == "passed" and alert.events[-1].at < yesterday]
        alerts = [alert for alert in alerts if alert not in old]
        silent += [event for alert in old for event in alert.events]
    if alerts:
        try:
            deliver(compose_message(alerts, alert_settings, now))
        except (OSError, HTTPException) as error:  # the errors of smtplib and urllib are OSErrors
            logger.warning("an alert by %s was not delivered; the next round tries again: %s", channel, error)
            return False
    # Only now, so that nothing is lost if the process dies before.
    with archive.transaction():
        deliveries.mark_delivered([event for alert in alerts for event in alert.events], channel, now)
        deliveries.mark_delivered(silent, channel, None)
    return True


def select_alerts(
    db: Database, deliveries: AlertDeliveries, channel: str, events: list[HealthEvent]
) -> tuple[list[AgencyAlert], list[HealthEvent]]:
    """Return what to report for each agency, and the events that give no reason for an alert.

    Such events are acknowledged faults, faults that were reported in the same words before, and changes from one
    healthy state to another.
    """
    acknowledged = {row["agency"] for row in read_health_rows(db) if row["acknowledged"]}
    groups: dict[str, list[HealthEvent]] = {}
    for event in events:
        groups.setdefault(event.agency, []).append(event)
    alerts, silent = [], []
    for agency, group in groups.items():
        before, after = deliveries.find_last_delivered_event(agency, channel), group[-1]
        kind = None
        if is_fault_event(after):
            same = before is not None and (before.state, read_fault_key(before)) == (after.state, read_fault_key(after))
            kind = None if same or agency in acknowledged else "faults"
        elif before is not None and is_fault_event(before):
            kind = "recoveries"
        elif any(map(is_fault_event, group)):
            kind = "passed"
        if kind:
            alerts.append(AgencyAlert(kind=kind, events=tuple(group)))
        else:
            silent += group
    return alerts, silent


def is_fault_event(event: HealthEvent) -> bool:
    """Return whether an event is the beginning of a fault."""
    code, _ = read_fault_key(event)
    return is_fault(event.state, code)


def read_fault_key(event: HealthEvent) -> tuple[str, str]:
    """Return the parts of an event's reason that differ between two faults: its code and what it is about."""
    reason = json.loads(event.reason)
    return str(reason.get("code", "")), str(reason.get("what", ""))


# The message


def compose_message(alerts: list[AgencyAlert], alert_settings: AlertSettings, sent_at: datetime) -> AlertMessage:
    """Return the message about some agencies, in the language of the settings."""
    language = alert_settings.language
    parts = {kind: [alert for alert in alerts if alert.kind == kind] for kind in ALERT_KINDS}
    lines = []
    for kind, of_kind in parts.items():
        if not of_kind:
            continue
        lines += ["", translate_alert_text(ALERT_HEADINGS[kind], language)]
        lines += [f"- {format_alert_line(alert, language)}" for alert in of_kind[:MAX_LISTED_AGENCIES]]
        if len(of_kind) > MAX_LISTED_AGENCIES:
            lines.append(translate_alert_text(MORE_AGENCIES_TEXT, language, len(of_kind) - MAX_LISTED_AGENCIES))
    if alert_settings.status_page:
        lines += ["", f"{translate_alert_text(STATUS_PAGE_TEXT, language)} {alert_settings.status_page}"]
    event_ids = ",".join(str(event.id) for alert in alerts for event in alert.events)
    return AlertMessage(
        id=hashlib.sha256(event_ids.encode()).hexdigest()[:24],
        subject=format_subject({kind: len(of_kind) for kind, of_kind in parts.items()}, language),
        text="\n".join(lines).strip() + "\n",
        sent_at=sent_at,
        alerts=tuple(alerts),
        status_page=alert_settings.status_page,
    )


def format_subject(counts: dict[str, int], language: str) -> str:
    """Return a message's subject. counts: agencies by kind of alert.

    >>> format_subject({"faults": 2, "recoveries": 0, "passed": 1}, "en")
    'Myndighetsarkivet: 2 new faults, 1 passing'
    """
    counted = [translate_alert_text(COUNT_TEXTS[kind], language, number) for kind, number in counts.items() if number]
    return f"Myndighetsarkivet: {', '.join(counted)}"


def format_alert_line(alert: AgencyAlert, language: str) -> str:
    """Format an agency as one line: its last fault if that has passed, else its current state."""
    last = alert.events[-1]
    event = last if alert.kind != "passed" else next(event for event in reversed(alert.events) if is_fault_event(event))
    name = last.name_en if language == "en" else last.name
    return f"{name} ({last.agency}), {event.at[:16].replace('T', ' ')} UTC: {describe_event(event, language)}"


def format_alert_json(alert: AgencyAlert) -> dict[str, Any]:
    """Return an agency as an object of the webhook's JSON."""
    last = alert.events[-1]
    return {
        "agency": last.agency,
        "name": last.name,
        "state": last.state,
        "previous": alert.events[0].previous,
        "at": last.at,
        "reason": json.loads(last.reason),
    }


def describe_event(event: HealthEvent, language: str) -> str:
    """Return the state and reason of an event in the words of the status page."""
    return f"{format_health_state(language, event.state)}. {format_health_reason(language, json.loads(event.reason))}"


def translate_alert_text(text: Translation, language: str, n: int = 0) -> str:
    """Return a text in a language, with the form for the number `n`.

    >>> translate_alert_text(COUNT_TEXTS["faults"], "sv", 1), translate_alert_text(COUNT_TEXTS["faults"], "en", 2)
    ('1 nytt fel', '2 new faults')
    """
    words = text.en if language == "en" else text.sv
    return (words if isinstance(words, str) else words[n != 1]).format(n=n)


# Mail


def send_mail(mail_settings: MailSettings, message: AlertMessage) -> None:
    """Send a message to every recipient. Raises OSError if the server rejects it for any of them.

    A password is only sent over TLS, unless the server is on this machine.
    """
    email = build_email(mail_settings, message)
    context = ssl.create_default_context()
    with connect_smtp(mail_settings, context) as server:
        server.ehlo()
        if not mail_settings.implicit_tls:
            if server.has_extn("starttls") and mail_settings.user:
                server.starttls(context=context)
                server.ehlo()
            elif mail_settings.needs_tls:
                raise OSError(f"{mail_settings.host} offers no TLS, and the password is not sent without")
        if mail_settings.user:
            server.login(mail_settings.user, mail_settings.password)
        rejected = server.send_message(email)
    if rejected:
        raise OSError(f"{mail_settings.host} refused {len(rejected)} of {len(mail_settings.recipients)} addresses")


def connect_smtp(mail_settings: MailSettings, context: ssl.SSLContext) -> smtplib.SMTP:
    """Connect to the mail server."""
    if mail_settings.implicit_tls:
        return smtplib.SMTP_SSL(mail_settings.host, mail_settings.port, timeout=MAIL_TIMEOUT, context=context)
    return smtplib.SMTP(mail_settings.host, mail_settings.port, timeout=MAIL_TIMEOUT)


def build_email(mail_settings: MailSettings, message: AlertMessage) -> EmailMessage:
    """Return the message as a mail. Its Message-ID is the same whenever it is sent."""
    email = EmailMessage()
    email["Subject"] = message.subject
    email["From"] = mail_settings.sender
    email["To"] = ", ".join(mail_settings.recipients)
    email["Date"] = message.sent_at
    email["Message-ID"] = f"<{message.id}@{mail_settings.sender.rpartition('@')[2].strip('>')}>"
    email["Auto-Submitted"] = "auto-generated"
    email.set_content(message.text)
    return email


# Webhook


class RejectRedirectHandler(HTTPRedirectHandler):
    """Makes a redirect an error: following it would turn the POST into a GET, without the message."""

    def redirect_request(self, *_: Any) -> None:
        """Return None, so that urllib raises the redirect as an HTTPError."""


def post_webhook(url: str, message: AlertMessage) -> None:
    """Post a message. Raises OSError or HTTPException if it was not accepted; no error names the URL's secret path."""
    body = json.dumps(message.to_payload(), ensure_ascii=False).encode()
    request = Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - http(s): read_alert_settings
    try:
        with build_opener(RejectRedirectHandler).open(request, timeout=WEBHOOK_TIMEOUT) as response:
            response.read(1000)
    except OSError as error:
        raise OSError(f"{urlsplit(url).hostname}: {error}") from None
