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

from archive.dates import to_text
from archive.health import Alerts, Event, is_fault, read_all
from archive.health.report import say_reason, say_state
from archive.i18n import Text
from archive.store import Archive
from scraper.agency import is_loopback
from scraper.errors import AgencyError

HEADINGS = {
    "faults": Text("Nya fel:", "New faults:"),
    "recoveries": Text("Åter i ordning:", "Recovered:"),
    "passed": Text("Fel som kom och gick:", "Faults that came and went:"),
}
COUNTED = {
    "faults": Text(("{n} nytt fel", "{n} nya fel"), ("{n} new fault", "{n} new faults")),
    "recoveries": Text(("{n} åter i ordning", "{n} åter i ordning"), ("{n} recovered", "{n} recovered")),
    "passed": Text(("{n} övergående", "{n} övergående"), ("{n} passing", "{n} passing")),
}
MORE = Text("- och {n} till", "- and {n} more")
STATUS = Text("Läget nu:", "How it stands:")


def say(text: Text, language: str, n: int = 0) -> str:
    """A text in a language, for a number.

    >>> say(COUNTED["faults"], "sv", 1), say(COUNTED["faults"], "en", 2)
    ('1 nytt fel', '2 new faults')
    """
    words = text.en if language == "en" else text.sv
    return (words if isinstance(words, str) else words[n != 1]).format(n=n)


def subject_of(numbers: dict[str, int], language: str) -> str:
    """What a message is about.

    >>> subject_of({"faults": 2, "recoveries": 0, "passed": 1}, "en")
    'Myndighetsarkivet: 2 new faults, 1 passing'
    """
    counted = [say(COUNTED[kind], language, number) for kind, number in numbers.items() if number]
    return f"Myndighetsarkivet: {', '.join(counted)}"


def tell_reason(event: Event, language: str) -> str:
    """State and reason of an event, as the status page says them."""
    return f"{say_state(language, event.state)}. {say_reason(language, json.loads(event.reason))}"


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


SHOWN = 50  # agencies under one heading; the rest is counted
KINDS = ("faults", "recoveries", "passed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One agency in a message: all its events that were not told yet, oldest first."""

    kind: str  # of KINDS
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message; its id follows from what it tells."""

    id: str
    subject: str
    text: str
    sent: datetime
    told: tuple[Told, ...]
    status_page: str | None

    def to_json(self) -> dict[str, Any]:
        """As a webhook gets it."""
        parts = {kind: [to_row(one) for one in self.told if one.kind == kind] for kind in KINDS}
        head = {"id": self.id, "sent": to_text(self.sent), "subject": self.subject, "text": self.text}
        return {**head, **parts, "status_page": self.status_page}


def choose(db: Database, alerts: Alerts, channel: str, events: list[Event]) -> tuple[list[Told], list[Event]]:
    """What events give cause to tell, agency by agency, and those that give none.

    None gives a fault that was acknowledged meanwhile, that was told in the same words already, or a change from
    well to well.
    """
    quiet_ones = {row["agency"] for row in read_all(db) if row["acknowledged"]}
    groups: dict[str, list[Event]] = {}
    for event in events:
        groups.setdefault(event.agency, []).append(event)
    chosen, quiet = [], []
    for agency, group in groups.items():
        before, after = alerts.last_told(agency, channel), group[-1]
        kind = None
        if faulty(after):
            same = before is not None and (before.state, key_of(before)) == (after.state, key_of(after))
            kind = None if same or agency in quiet_ones else "faults"
        elif before is not None and faulty(before):
            kind = "recoveries"
        elif any(map(faulty, group)):
            kind = "passed"
        if kind:
            chosen.append(Told(kind=kind, events=tuple(group)))
        else:
            quiet += group
    return chosen, quiet


def compose(told: list[Told], ways: Ways, now: datetime) -> Message:
    """The message, in the language that is set."""
    parts = {kind: [one for one in told if one.kind == kind] for kind in KINDS}
    lines = []
    for kind, ones in parts.items():
        if not ones:
            continue
        lines += ["", say(HEADINGS[kind], ways.language)]
        lines += [f"- {to_line(one, ways.language)}" for one in ones[:SHOWN]]
        if len(ones) > SHOWN:
            lines.append(say(MORE, ways.language, len(ones) - SHOWN))
    if ways.status_page:
        lines += ["", f"{say(STATUS, ways.language)} {ways.status_page}"]
    numbers = ",".join(str(event.id) for one in told for event in one.events)
    return Message(
        id=hashlib.sha256(numbers.encode()).hexdigest()[:24],
        subject=subject_of({kind: len(ones) for kind, ones in parts.items()}, ways.language),
        text="\n".join(lines).strip() + "\n",
        sent=now,
        told=tuple(told),
        status_page=ways.status_page,
    )


def to_line(one: Told, language: str) -> str:
    """An agency in a line: of a fault that has passed its own words, else those of what stands."""
    last = one.events[-1]
    shown = last if one.kind != "passed" else next(event for event in reversed(one.events) if faulty(event))
    name = last.name_en if language == "en" else last.name
    return f"{name} ({last.agency}), {shown.at[:16].replace('T', ' ')} UTC: {tell_reason(shown, language)}"


def to_row(one: Told) -> dict[str, Any]:
    """An agency as JSON."""
    last = one.events[-1]
    return {
        "agency": last.agency,
        "name": last.name,
        "state": last.state,
        "previous": one.events[0].previous,
        "at": last.at,
        "reason": json.loads(last.reason),
    }


def faulty(event: Event) -> bool:
    """Whether an event brought a fault."""
    return is_fault(event.state, code_of(event))


def key_of(event: Event) -> tuple[str, str]:
    """What must be another for a fault to be another one."""
    reason = json.loads(event.reason)
    return str(reason.get("code", "")), str(reason.get("what", ""))


def code_of(event: Event) -> str:
    """The code of an event's reason."""
    return key_of(event)[0]


MAIL_TIMEOUT = 20  # seconds


def send_mail(mail: Mail, message: Message) -> None:
    """Deliver a message to every address; OSError where the server did not take it for one of them.

    A password is sent over TLS alone, unless the server is on this machine.
    """
    letter = to_letter(mail, message)
    context = ssl.create_default_context()
    with connect(mail, context) as server:
        server.ehlo()
        if not mail.tls and server.has_extn("starttls") and (mail.needs_tls or mail.user):
            server.starttls(context=context)
            server.ehlo()
        elif not mail.tls and mail.needs_tls:
            raise OSError(f"{mail.host} offers no TLS, and the password is not sent without")
        if mail.user:
            server.login(mail.user, mail.password)
        refused = server.send_message(letter)
    if refused:
        raise OSError(f"{mail.host} refused {len(refused)} of {len(mail.to)} addresses")


def connect(mail: Mail, context: ssl.SSLContext) -> smtplib.SMTP:
    """To the server, by TLS where it speaks that from the start."""
    if mail.tls:
        return smtplib.SMTP_SSL(mail.host, mail.port, timeout=MAIL_TIMEOUT, context=context)
    return smtplib.SMTP(mail.host, mail.port, timeout=MAIL_TIMEOUT)


def to_letter(mail: Mail, message: Message) -> EmailMessage:
    """The message as a mail; the same message has the same Message-ID whenever it is sent."""
    letter = EmailMessage()
    letter["Subject"] = message.subject
    letter["From"] = mail.sender
    letter["To"] = ", ".join(mail.to)
    letter["Date"] = message.sent
    letter["Message-ID"] = f"<{message.id}@{mail.sender.rpartition('@')[2].strip('>')}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(message.text)
    return letter


WEBHOOK_TIMEOUT = 20  # seconds


class NoRedirect(HTTPRedirectHandler):
    """A redirect would turn the POST into a GET, and the message would be lost: it is an error."""

    def redirect_request(self, *_: Any) -> None:
        """Nothing is asked instead."""


def post(address: str, message: Message) -> None:
    """Deliver a message; OSError or HTTPException where the other end did not take it. The address may be secret."""
    body = json.dumps(message.to_json(), ensure_ascii=False).encode()
    request = Request(address, body, {"Content-Type": "application/json"})  # noqa: S310 - http(s), by scraper.alerts.ways
    try:
        with build_opener(NoRedirect).open(request, timeout=WEBHOOK_TIMEOUT) as answer:
            answer.read(1000)
    except OSError as error:
        raise OSError(f"{urlsplit(address).hostname}: {error}") from None


__all__ = ["Ways", "find_ways", "tell_operators"]
logger = logging.getLogger(__name__)
DAY = timedelta(days=1)


def tell_operators(archive: Archive, ways: Ways, now: datetime) -> bool:
    """Tell what was not told yet, by each way that is set; False where something could not be delivered."""
    done = True
    if hook := ways.webhook:
        done &= tell(archive, ways, "webhook", now, lambda message: post(hook, message))
    if mail := ways.mail:
        done &= tell(archive, ways, "mail", now, lambda message: send_mail(mail, message))
    return done


def tell(archive: Archive, ways: Ways, channel: str, now: datetime, deliver: Callable[[Message], None]) -> bool:
    """By one way. Delivered first and noted then: nothing is lost where the process dies in between."""
    alerts = Alerts(archive.db)
    events = alerts.untold(channel)
    if not events or (alerts.last(channel) or "")[:10] == (to_text(now) or "")[:10]:
        return True
    chosen, quiet = choose(archive.db, alerts, channel, events)
    if not alerts.is_used(channel):
        past = [one for one in chosen if one.kind == "passed" and one.events[-1].at < (to_text(now - DAY) or "")]
        chosen, quiet = [one for one in chosen if one not in past], quiet + [e for one in past for e in one.events]
    if chosen:
        try:
            deliver(compose(chosen, ways, now))
        except (OSError, HTTPException) as error:  # smtplib's and urllib's errors are OSErrors
            logger.warning("an alert by %s was not delivered; the next round tries again: %s", channel, error)
            return False
    with archive.transaction():
        alerts.tell([event for one in chosen for event in one.events], channel, now)
        alerts.tell(quiet, channel, None)
    return True
