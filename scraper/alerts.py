"""Health events → apprise (webhook, mail, …), once each, daily.

The words of alerts, in Swedish and English.

By which ways operators are told: read from the environment, and held to be right before a round begins.

What a message says: of each agency the fault it is in now, the one it has recovered from, or one that has passed.

An alert by mail.

An alert by webhook: JSON, by POST.

Alerts: operators are told of new faults and recoveries, by webhook and mail, in one message a day at most.

Settings come from the environment alone, as some are secrets:

    ALERT_WEBHOOK      address that gets the message as JSON by POST; `text` is what Slack and Mattermost show
    ALERT_MAIL         addresses, with commas
    ALERT_SMTP         smtp://host:25 (STARTTLS where offered), smtps://user:password@host:465 (TLS from the start)
    ALERT_MAIL_FROM    the sender; the first of ALERT_MAIL where it is left out
    ALERT_LANGUAGE     sv (default) or en
    ALERT_STATUS_PAGE  address of the public status page, to be named in the message

An event of health_events is told once by each way. At a way's first use what stands is told, however old, but no fault
that has passed more than a day ago. What cannot be delivered is told in the log and tried again by the
next round; what comes up after the day's message (UTC) waits for the next day's. A process killed between delivery
and its note in the alerts table delivers again: the message then bears the same id.
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


def translate_alert_text(text: Translation, language: str, n: int = 0) -> str:
    """A text in a language, for a number.

    >>> translate_alert_text(COUNT_TEXTS["faults"], "sv", 1), translate_alert_text(COUNT_TEXTS["faults"], "en", 2)
    ('1 nytt fel', '2 new faults')
    """
    words = text.en if language == "en" else text.sv
    return (words if isinstance(words, str) else words[n != 1]).format(n=n)


def format_subject(counts: dict[str, int], language: str) -> str:
    """What a message is about.

    >>> format_subject({"faults": 2, "recoveries": 0, "passed": 1}, "en")
    'Myndighetsarkivet: 2 new faults, 1 passing'
    """
    counted = [translate_alert_text(COUNT_TEXTS[kind], language, number) for kind, number in counts.items() if number]
    return f"Myndighetsarkivet: {', '.join(counted)}"


def describe_event(event: HealthEvent, language: str) -> str:
    """State and reason of an event, as the status page says them."""
    return f"{format_health_state(language, event.state)}. {format_health_reason(language, json.loads(event.reason))}"


SMTP_PORTS = {"smtp": 25, "smtps": 465}


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """A mail server, and who writes to whom."""

    host: str
    port: int
    implicit_tls: bool  # from the start; else by STARTTLS, where it is offered
    sender: str
    recipients: tuple[str, ...]
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def needs_tls(self) -> bool:
        """Whether something would be sent that nobody on the way may read."""
        return bool(self.user) and not is_loopback(f"http://{self.host}/")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """What is set; a way that is not set is not used."""

    webhook: str | None = field(default=None, repr=False)  # its path may be a secret
    mail: MailSettings | None = None
    language: str = "sv"
    status_page: str | None = None


def read_alert_settings(environment: Mapping[str, str] = os.environ) -> AlertSettings:
    """The ways that the environment names; AgencyError names a variable that cannot be right, never its value."""
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
    """How mail goes out."""
    addresses = tuple(address.strip() for address in recipients.split(",") if address.strip())
    if not addresses:
        raise environment_error("ALERT_MAIL", "names no address")
    sender = environment.get("ALERT_MAIL_FROM", "").strip() or addresses[0]
    for name, address in (*(("ALERT_MAIL", one) for one in addresses), ("ALERT_MAIL_FROM", sender)):
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


def split_server_url(name: str, address: str) -> SplitResult:
    """An address in parts, with a host and a port that can be."""
    try:
        parts = urlsplit(address)
        good = bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise environment_error(name, "is no address with a host")
    return parts


def environment_error(name: str, problem: str) -> AgencyError:
    """What is wrong with a variable, without what it holds."""
    return AgencyError("environment", None, name, problem)


MAX_LISTED_AGENCIES = 50  # agencies under one heading; the rest is counted
ALERT_KINDS = ("faults", "recoveries", "passed")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyAlert:
    """One agency in a message: all its events that were not told yet, oldest first."""

    kind: str  # of KINDS
    events: tuple[HealthEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertMessage:
    """One message; its id follows from what it tells."""

    id: str
    subject: str
    text: str
    sent_at: datetime
    alerts: tuple[AgencyAlert, ...]
    status_page: str | None

    def to_payload(self) -> dict[str, Any]:
        """As a webhook gets it."""
        parts = {kind: [format_alert_json(one) for one in self.alerts if one.kind == kind] for kind in ALERT_KINDS}
        head = {"id": self.id, "sent": to_iso(self.sent_at), "subject": self.subject, "text": self.text}
        return {**head, **parts, "status_page": self.status_page}


def select_alerts(
    db: Database, alerts: AlertDeliveries, channel: str, events: list[HealthEvent]
) -> tuple[list[AgencyAlert], list[HealthEvent]]:
    """What events give cause to tell, agency by agency, and those that give none.

    None gives a fault that was acknowledged meanwhile, that was told in the same words already, or a change from
    well to well.
    """
    quiet_ones = {row["agency"] for row in read_health_rows(db) if row["acknowledged"]}
    groups: dict[str, list[HealthEvent]] = {}
    for event in events:
        groups.setdefault(event.agency, []).append(event)
    chosen, quiet = [], []
    for agency, group in groups.items():
        before, after = alerts.find_last_delivered_event(agency, channel), group[-1]
        kind = None
        if is_fault_event(after):
            same = before is not None and (before.state, read_fault_key(before)) == (after.state, read_fault_key(after))
            kind = None if same or agency in quiet_ones else "faults"
        elif before is not None and is_fault_event(before):
            kind = "recoveries"
        elif any(map(is_fault_event, group)):
            kind = "passed"
        if kind:
            chosen.append(AgencyAlert(kind=kind, events=tuple(group)))
        else:
            quiet += group
    return chosen, quiet


def compose_message(alerts: list[AgencyAlert], alert_settings: AlertSettings, sent_at: datetime) -> AlertMessage:
    """The message, in the language that is set."""
    parts = {kind: [one for one in alerts if one.kind == kind] for kind in ALERT_KINDS}
    lines = []
    for kind, ones in parts.items():
        if not ones:
            continue
        lines += ["", translate_alert_text(ALERT_HEADINGS[kind], alert_settings.language)]
        lines += [f"- {format_alert_line(one, alert_settings.language)}" for one in ones[:MAX_LISTED_AGENCIES]]
        if len(ones) > MAX_LISTED_AGENCIES:
            lines.append(
                translate_alert_text(MORE_AGENCIES_TEXT, alert_settings.language, len(ones) - MAX_LISTED_AGENCIES)
            )
    if alert_settings.status_page:
        lines += ["", f"{translate_alert_text(STATUS_PAGE_TEXT, alert_settings.language)} {alert_settings.status_page}"]
    numbers = ",".join(str(event.id) for one in alerts for event in one.events)
    return AlertMessage(
        id=hashlib.sha256(numbers.encode()).hexdigest()[:24],
        subject=format_subject({kind: len(ones) for kind, ones in parts.items()}, alert_settings.language),
        text="\n".join(lines).strip() + "\n",
        sent_at=sent_at,
        alerts=tuple(alerts),
        status_page=alert_settings.status_page,
    )


def format_alert_line(alert: AgencyAlert, language: str) -> str:
    """An agency in a line: of a fault that has passed its own words, else those of what stands."""
    last = alert.events[-1]
    event = last if alert.kind != "passed" else next(event for event in reversed(alert.events) if is_fault_event(event))
    name = last.name_en if language == "en" else last.name
    return f"{name} ({last.agency}), {event.at[:16].replace('T', ' ')} UTC: {describe_event(event, language)}"


def format_alert_json(alert: AgencyAlert) -> dict[str, Any]:
    """An agency as JSON."""
    last = alert.events[-1]
    return {
        "agency": last.agency,
        "name": last.name,
        "state": last.state,
        "previous": alert.events[0].previous,
        "at": last.at,
        "reason": json.loads(last.reason),
    }


def is_fault_event(event: HealthEvent) -> bool:
    """Whether an event brought a fault."""
    return is_fault(event.state, read_reason_code(event))


def read_fault_key(event: HealthEvent) -> tuple[str, str]:
    """What must be another for a fault to be another one."""
    reason = json.loads(event.reason)
    return str(reason.get("code", "")), str(reason.get("what", ""))


def read_reason_code(event: HealthEvent) -> str:
    """The code of an event's reason."""
    return read_fault_key(event)[0]


MAIL_TIMEOUT = 20  # seconds


def send_mail(mail_settings: MailSettings, message: AlertMessage) -> None:
    """Deliver a message to every address; OSError where the server did not take it for one of them.

    A password is sent over TLS alone, unless the server is on this machine.
    """
    letter = build_email(mail_settings, message)
    context = ssl.create_default_context()
    with connect_smtp(mail_settings, context) as server:
        server.ehlo()
        if (
            not mail_settings.implicit_tls
            and server.has_extn("starttls")
            and (mail_settings.needs_tls or mail_settings.user)
        ):
            server.starttls(context=context)
            server.ehlo()
        elif not mail_settings.implicit_tls and mail_settings.needs_tls:
            raise OSError(f"{mail_settings.host} offers no TLS, and the password is not sent without")
        if mail_settings.user:
            server.login(mail_settings.user, mail_settings.password)
        refused = server.send_message(letter)
    if refused:
        raise OSError(f"{mail_settings.host} refused {len(refused)} of {len(mail_settings.recipients)} addresses")


def connect_smtp(mail_settings: MailSettings, context: ssl.SSLContext) -> smtplib.SMTP:
    """To the server, by TLS where it speaks that from the start."""
    if mail_settings.implicit_tls:
        return smtplib.SMTP_SSL(mail_settings.host, mail_settings.port, timeout=MAIL_TIMEOUT, context=context)
    return smtplib.SMTP(mail_settings.host, mail_settings.port, timeout=MAIL_TIMEOUT)


def build_email(mail_settings: MailSettings, message: AlertMessage) -> EmailMessage:
    """The message as a mail; the same message has the same Message-ID whenever it is sent."""
    letter = EmailMessage()
    letter["Subject"] = message.subject
    letter["From"] = mail_settings.sender
    letter["To"] = ", ".join(mail_settings.recipients)
    letter["Date"] = message.sent_at
    letter["Message-ID"] = f"<{message.id}@{mail_settings.sender.rpartition('@')[2].strip('>')}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(message.text)
    return letter


WEBHOOK_TIMEOUT = 20  # seconds


class RejectRedirectHandler(HTTPRedirectHandler):
    """A redirect would turn the POST into a GET, and the message would be lost: it is an error."""

    def redirect_request(self, *_: Any) -> None:
        """Nothing is asked instead."""


def post_webhook(url: str, message: AlertMessage) -> None:
    """Deliver a message; OSError or HTTPException where the other end did not take it. The address may be secret."""
    body = json.dumps(message.to_payload(), ensure_ascii=False).encode()
    request = Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - http(s), by scraper.alerts.ways
    try:
        with build_opener(RejectRedirectHandler).open(request, timeout=WEBHOOK_TIMEOUT) as answer:
            answer.read(1000)
    except OSError as error:
        raise OSError(f"{urlsplit(url).hostname}: {error}") from None


logger = logging.getLogger(__name__)
ONE_DAY = timedelta(days=1)


def send_alerts(archive: Archive, alert_settings: AlertSettings, now: datetime) -> bool:
    """Tell what was not told yet, by each way that is set; False where something could not be delivered."""
    done = True
    if hook := alert_settings.webhook:
        done &= send_channel_alerts(
            archive, alert_settings, "webhook", now, lambda message: post_webhook(hook, message)
        )
    if mail := alert_settings.mail:
        done &= send_channel_alerts(archive, alert_settings, "mail", now, lambda message: send_mail(mail, message))
    return done


def send_channel_alerts(
    archive: Archive,
    alert_settings: AlertSettings,
    channel: str,
    now: datetime,
    deliver: Callable[[AlertMessage], None],
) -> bool:
    """By one way. Delivered first and noted then: nothing is lost where the process dies in between."""
    alerts = AlertDeliveries(archive.db)
    events = alerts.find_pending_events(channel)
    if not events or (alerts.find_last_delivery_time(channel) or "")[:10] == (to_iso(now) or "")[:10]:
        return True
    selected, quiet = select_alerts(archive.db, alerts, channel, events)
    if not alerts.is_channel_used(channel):
        past = [one for one in selected if one.kind == "passed" and one.events[-1].at < (to_iso(now - ONE_DAY) or "")]
        selected, quiet = [one for one in selected if one not in past], quiet + [e for one in past for e in one.events]
    if selected:
        try:
            deliver(compose_message(selected, alert_settings, now))
        except (OSError, HTTPException) as error:  # smtplib's and urllib's errors are OSErrors
            logger.warning("an alert by %s was not delivered; the next round tries again: %s", channel, error)
            return False
    with archive.transaction():
        alerts.mark_delivered([event for one in selected for event in one.events], channel, now)
        alerts.mark_delivered(quiet, channel, None)
    return True
