"""Sends alerts to the operators by webhook and email.

Alerts report new faults and recoveries of agencies and of scheduled commands.

Settings come from the environment only, because some are secrets:

    ALERT_WEBHOOK      URL that gets the message as JSON by POST. Slack and Mattermost show `text`.
    ALERT_SECRET       `whsec_` followed by a key in base64. The key signs the webhook's messages
                       (Standard Webhooks 1.0).
    ALERT_MAIL         Recipients: email addresses, separated by commas.
    ALERT_SMTP         SMTP server: `smtp://host:25` (STARTTLS if offered), or
                       `smtps://user:password@host:465` (TLS from the start).
    ALERT_MAIL_FROM    The sender. Default: the first address of `ALERT_MAIL`.
    ALERT_LANGUAGE     `sv` (default) or `en`.
    ALERT_STATUS_PAGE  URL of the public status page, to which messages link.
    PING_<NAME>        URL that is requested after each success of a command that `scrapy report
                       <name>` runs: `PING_ROUND`, `PING_NOTIFY`, `PING_BACKUP`, `PING_PUBLISH`,
                       `PING_AUDIT` … This URL belongs to a service that raises an alarm when the
                       requests stop.

`make reference` copies these lines to docs/reference/settings.md.

Each channel sends at most one message a day (UTC) about agencies. Later events wait for the next
day's message. Each channel reports each row of health_events once. A channel's first message
reports all current faults, however old, but no fault that ended more than a day ago. A failed
delivery is logged, and the next round tries to deliver the message again. If the process is killed
after a delivery but before it is recorded in the database, the message is delivered again, with the
same id.

At most one message a day is sent about each scheduled command. It says that the command fails, or
that it works again. The time of the last message is kept as the modification time of an empty file
beside the archive, because the archive itself may be unusable.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain, takewhile
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

from sqlite_utils import Database

from archive.health.health_report import format_health_reason, format_health_state
from archive.health.rules import get_fault_key, is_fault, read_health_rows
from archive.i18n import DEFAULT_LANGUAGE, LANGUAGES, translate
from archive.mail_and_webhooks import (
    MailServer,
    is_mail_address,
    parse_mail_server,
    parse_webhook_secret,
    post_json,
    request_url,
    send_mail,
    split_server_url,
)
from archive.store.releases import Archive
from archive.times import now as get_now
from archive.times import to_iso
from scraper.errors import AgencyError

logger = logging.getLogger(__name__)

Parsed = TypeVar("Parsed")

# a command that runs at the same time every day may begin a little earlier
MIN_MESSAGE_GAP = timedelta(hours=23)
# commands whose exit code 1 is about agencies, which alerts and health report
ROUTINE_FINDINGS = ("round", "audit")
MAX_LISTED_AGENCIES = 50  # agencies per type of alert in a message; further ones are only counted


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """The channels of alerts, and the language and status page of their messages.

    A channel that is None is not used.
    """

    # not in repr, because its path may be a secret
    webhook: str | None = field(default=None, repr=False)
    webhook_key: bytes | None = field(default=None, repr=False)
    mail_server: MailServer | None = None
    recipients: tuple[str, ...] = ()
    language: str = DEFAULT_LANGUAGE
    status_page: str | None = None


# a row of health_events, with the agency's name and whether the state is a fault
HealthEvent = dict[str, Any]
# type of alert → the events of each agency that a channel has not reported yet, oldest first
AlertEvents = dict[str, list[list[HealthEvent]]]


# Settings


def read_alert_settings(environment: Mapping[str, str] = os.environ) -> AlertSettings:
    """Read the settings from the environment.

    Raises AgencyError if a variable is invalid. The error does not contain the value, which may be
    a secret.
    """

    def read(name: str) -> str:
        return environment.get(name, "").strip()

    language = read("ALERT_LANGUAGE") or DEFAULT_LANGUAGE
    if language not in LANGUAGES:
        raise _environment_error("ALERT_LANGUAGE", f"must be {' or '.join(LANGUAGES)}")
    for name in ("ALERT_WEBHOOK", "ALERT_STATUS_PAGE"):
        if read(name):
            _parse_setting(name, partial(split_server_url, schemes=("http", "https")), read(name))
    if not re.fullmatch("[!-~]*", read("ALERT_WEBHOOK")):
        raise _environment_error(
            "ALERT_WEBHOOK", "has letters or spaces that a URL must encode: å as %C3%A5"
        )
    settings = AlertSettings(
        webhook=read("ALERT_WEBHOOK") or None,
        webhook_key=_parse_setting("ALERT_SECRET", parse_webhook_secret, read("ALERT_SECRET")),
        language=language,
        status_page=read("ALERT_STATUS_PAGE") or None,
    )
    if not read("ALERT_MAIL"):
        return settings
    recipients = _parse_recipients(read("ALERT_MAIL"))
    sender = read("ALERT_MAIL_FROM") or recipients[0]
    _check_addresses("ALERT_MAIL", recipients)
    _check_addresses("ALERT_MAIL_FROM", [sender])
    server = _parse_setting(
        "ALERT_SMTP", partial(parse_mail_server, sender=sender), read("ALERT_SMTP")
    )
    return replace(settings, mail_server=server, recipients=recipients)


def _parse_recipients(text: str) -> tuple[str, ...]:
    recipients = tuple(address.strip() for address in text.split(",") if address.strip())
    if not recipients:
        raise _environment_error("ALERT_MAIL", "contains no address")
    return recipients


def _check_addresses(name: str, addresses: Iterable[str]) -> None:
    if not all(map(is_mail_address, addresses)):
        raise _environment_error(name, "is not a mail address")


def _parse_setting(name: str, parse: Callable[[str], Parsed], value: str) -> Parsed:
    try:
        return parse(value)
    except ValueError as error:
        raise _environment_error(name, str(error)) from None


def _environment_error(name: str, problem: str) -> AgencyError:
    # without the value, which may be a secret
    return AgencyError("environment", None, name, problem)


# Sending


class AlertChannel:
    """A channel that delivers alerts, and its record of the health events that it has handled.

    The record is the table alert_deliveries. No method commits: wrap calls in
    `Archive.transaction`.
    """

    def __init__(self, db: Database, name: str, deliver: Callable[[dict[str, Any]], None]) -> None:
        self.db, self.name, self.deliver = db, name, deliver

    def find_pending_events(self) -> list[HealthEvent]:
        """Return the events that this channel has not handled yet, oldest first."""
        handled = "select 1 from alert_deliveries where event = e.id and channel = ?"
        return self._select_events(f"not exists ({handled}) order by e.id", self.name)

    def find_reported_events(self, agency: str) -> list[HealthEvent]:
        """Return the agency's last event in each message that this channel sent about the agency.

        The newest event comes first.
        """
        reported = (
            "select max(d.event) from alert_deliveries d join health_events h on h.id = d.event"
            " where h.agency = ? and channel = ? and sent is not null group by sent"
        )
        return self._select_events(f"e.id in ({reported}) order by e.id desc", agency, self.name)

    def _select_events(self, condition: str, *values: str) -> list[HealthEvent]:
        rows = self.db.query(
            "select e.id, e.agency, a.name, coalesce(a.name_en,"
            " a.name) as name_en, e.at,"
            " e.state, e.previous, e.reason"
            f" from health_events e join agencies a on a.slug = e.agency where {condition}",
            values,
        )
        events = [row | {"reason": json.loads(row["reason"])} for row in rows]
        return [
            row | {"is_fault": is_fault(row["state"], row["reason"].get("code", ""))}
            for row in events
        ]

    def read_usage(self, day: str) -> tuple[bool, bool]:
        """Return whether this channel has ever been used, and whether it sent a message on `day`.

        A channel counts as used once it has handled an event, even if it sent no message.
        """
        sql = (
            "select count(*) > 0, coalesce(max(substr(sent, 1, 10) = ?), 0) from"
            " alert_deliveries where channel = ?"
        )
        usage: tuple[bool, bool] = self.db.execute(sql, [day, self.name]).fetchone()
        return usage

    def mark_handled(self, events: Sequence[HealthEvent], sent_at: datetime | None) -> None:
        """Record events as handled by this channel.

        sent_at: when the message was sent, or None if the events needed no message.
        """
        self.db.table("alert_deliveries").insert_all(
            [
                {"event": event["id"], "channel": self.name, "sent": to_iso(sent_at)}
                for event in events
            ],
            ignore=True,
        )


def send_alerts(archive: Archive, alert_settings: AlertSettings, now: datetime) -> bool:
    """Send the pending events through each channel.

    Returns False if any message could not be delivered.
    """
    delivered = [
        _send_channel_alerts(archive, alert_settings, AlertChannel(archive.db, name, deliver), now)
        for name, deliver in _list_deliveries(alert_settings, now).items()
    ]
    return all(delivered)


def _list_deliveries(
    alert_settings: AlertSettings, now: datetime
) -> dict[str, Callable[[dict[str, Any]], None]]:
    """Return a map from each channel's name to the function that delivers messages through it.

    These functions raise OSError if a delivery fails.
    """
    deliveries: dict[str, Callable[[dict[str, Any]], None]] = {}
    if url := alert_settings.webhook:
        deliveries["webhook"] = partial(post_json, url, key=alert_settings.webhook_key, sent_at=now)
    if server := alert_settings.mail_server:

        def deliver_by_mail(payload: Mapping[str, Any]) -> None:
            send_mail(
                server,
                alert_settings.recipients,
                subject=payload["subject"],
                text=payload["text"],
                message_id=payload["id"],
                sent_at=now,
            )

        deliveries["mail"] = deliver_by_mail
    return deliveries


def _send_channel_alerts(
    archive: Archive, alert_settings: AlertSettings, channel: AlertChannel, now: datetime
) -> bool:
    """Send the events that one channel has not reported yet. Return False if sending failed."""
    events = channel.find_pending_events()
    is_used, is_sent = channel.read_usage(str(to_iso(now))[:10])
    if not events or is_sent:
        return True
    alerts, silent = _select_alerts(channel, events)
    if not is_used:
        yesterday = str(to_iso(now - timedelta(days=1)))
        silent += _take_old_faults(alerts, yesterday)
    if any(alerts.values()):
        payload = _build_alert_payload(alerts, alert_settings, now)
        if not attempt(f"an alert by {channel.name}", partial(channel.deliver, payload)):
            return False
    # Only after the delivery, so that nothing is lost if the process dies earlier.
    with archive.transaction():
        channel.mark_handled(_list_events(alerts), now)
        channel.mark_handled(silent, None)
    return True


def _take_old_faults(alerts: AlertEvents, since: str) -> list[HealthEvent]:
    """Remove from `alerts` the faults that ended before `since`, and return their events.

    Such faults are not reported.
    """
    old = [group for group in alerts["passed"] if group[-1]["at"] < since]
    alerts["passed"] = [group for group in alerts["passed"] if group[-1]["at"] >= since]
    return list(chain.from_iterable(old))


def _list_events(alerts: AlertEvents) -> list[HealthEvent]:
    return [event for groups in alerts.values() for group in groups for event in group]


def _select_alerts(
    channel: AlertChannel, events: Sequence[HealthEvent]
) -> tuple[AlertEvents, list[HealthEvent]]:
    """Return the events to report, by type of alert, and the events that need no alert.

    No alert is needed for acknowledged faults, for faults already reported since the agency last
    worked, and for changes between healthy states.
    """
    acknowledged = {row["agency"] for row in read_health_rows(channel.db) if row["acknowledged"]}
    groups: dict[str, list[HealthEvent]] = {}
    for event in events:
        groups.setdefault(event["agency"], []).append(event)
    # "passed": a fault that began and ended since the last message
    alerts: AlertEvents = {"faults": [], "recoveries": [], "passed": []}
    silent = []
    for agency, group in groups.items():
        kind = _choose_alert_kind(channel.find_reported_events(agency), group)
        if kind is None or (kind == "faults" and agency in acknowledged):
            silent += group
        else:
            alerts[kind].append(group)
    return alerts, silent


def _choose_alert_kind(
    reported: Sequence[HealthEvent], events: Sequence[HealthEvent]
) -> str | None:
    """Return the type of alert for an agency's new events, or None if they need no alert.

    reported: the agency's earlier events, as returned by `find_reported_events`.
    """
    after = events[-1]
    # a fault may go back to what it was
    known = [
        (event["state"], get_fault_key(event["reason"]))
        for event in takewhile(itemgetter("is_fault"), reported)
    ]
    if after["is_fault"]:
        return None if (after["state"], get_fault_key(after["reason"])) in known else "faults"
    if known:
        return "recoveries"
    return "passed" if any(event["is_fault"] for event in events) else None


# The message


def _build_alert_payload(
    alerts: AlertEvents, alert_settings: AlertSettings, sent_at: datetime
) -> dict[str, Any]:
    """Return a message as a JSON object for a webhook.

    The message's id is a hash of its events' ids.
    """
    language = alert_settings.language
    lines = []
    for kind, groups in alerts.items():
        if groups:
            lines += ["", translate(language, f"alert.heading.{kind}")]
            lines += [
                f"- {_format_alert_line(kind, group, language)}"
                for group in groups[:MAX_LISTED_AGENCIES]
            ]
        if len(groups) > MAX_LISTED_AGENCIES:
            lines.append(translate(language, "alert.more", n=len(groups) - MAX_LISTED_AGENCIES))
    if alert_settings.status_page:
        lines += ["", f"{translate(language, 'alert.status_page')} {alert_settings.status_page}"]
    event_ids = ",".join(str(event["id"]) for event in _list_events(alerts))
    return {
        "id": hashlib.sha256(event_ids.encode()).hexdigest()[:24],
        "sent": to_iso(sent_at),
        "subject": _format_subject(
            {kind: len(groups) for kind, groups in alerts.items()}, language
        ),
        "text": "\n".join(lines).strip() + "\n",
        **{
            kind: [_format_alert_json(group) for group in groups] for kind, groups in alerts.items()
        },
        "status_page": alert_settings.status_page,
    }


def _format_subject(counts: dict[str, int], language: str) -> str:
    """Return the subject of a message.

    counts: the number of agencies by type of alert.

    >>> _format_subject({"faults": 2, "recoveries": 0, "passed": 1}, "en")
    'Myndighetsarkivet: 2 new faults, 1 transient fault'
    """
    counted = [
        translate(language, f"alert.count.{kind}", n=number)
        for kind, number in counts.items()
        if number
    ]
    return f"Myndighetsarkivet: {', '.join(counted)}"


def _format_alert_line(kind: str, events: Sequence[HealthEvent], language: str) -> str:
    """Format an agency's alert as one line.

    The line names the agency's current state or, after a transient fault, the fault.
    """
    event = next(event for event in reversed(events) if event["is_fault"] or kind != "passed")
    name, at = (
        event["name_en"] if language == "en" else event["name"],
        event["at"][:16].replace("T", " "),
    )
    state, reason = (
        format_health_state(language, event["state"]),
        format_health_reason(language, event["reason"]),
    )
    return f"{name} ({event['agency']}), {at} UTC: {state}. {reason}"


def _format_alert_json(events: Sequence[HealthEvent]) -> dict[str, Any]:
    last = {key: events[-1][key] for key in ("agency", "name", "state", "previous", "at", "reason")}
    return last | {"previous": events[0]["previous"]}


# Scheduled commands


def read_ping_url(command: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the URL to request after a command succeeds, or None if no URL is set.

    Raises AgencyError if the URL is invalid. The error does not contain the URL.
    """
    name = f"PING_{re.sub('[^A-Z]', '_', command.upper())}"
    url = environment.get(name, "").strip()
    if url:
        _parse_setting(name, partial(split_server_url, schemes=("http", "https")), url)
    return url or None


def report_result(
    archive: Path,
    command: str,
    alert_settings: AlertSettings,
    ping_url: str | None,
    problem: str | None,
) -> bool:
    """Alert operators if a command failed or works again, and request `ping_url` after a success.

    Returns False if the failure message or the ping was not delivered.

    problem: None if the command succeeded.
    """
    marker, moment = archive.with_suffix(f".{command}.failed"), get_now()
    told_at = datetime.fromtimestamp(marker.stat().st_mtime, UTC) if marker.exists() else None
    is_told_today = told_at is not None and abs(moment - told_at) < MIN_MESSAGE_GAP
    if problem is None:
        is_pinged = not ping_url or attempt(
            f"the ping of {command}", partial(request_url, ping_url)
        )
        # a command that fails now and then is told once a day, too
        is_due = told_at is not None and not is_told_today
        if is_due and _send_command_message("recovered", command, "", alert_settings, moment):
            marker.unlink(missing_ok=True)
        return is_pinged
    logger.error("%s failed: %s", command, problem)
    is_told = is_told_today or _send_command_message(
        "failed", command, problem, alert_settings, moment
    )
    if is_told and not is_told_today:
        attempt("the mark that a message was sent", marker.touch)
    return is_told


def _send_command_message(
    kind: str, command: str, problem: str, alert_settings: AlertSettings, moment: datetime
) -> bool:
    """Send a message about a command through every channel.

    Returns False if no channel delivered the message.
    """
    language, at = alert_settings.language, str(to_iso(moment))
    values = {"command": command, "at": at[:16].replace("T", " "), "problem": problem}
    payload = {
        "id": f"{command}-{kind}-{moment:%Y%m%d%H%M%S}",
        "sent": at,
        "subject": f"Myndighetsarkivet: {translate(language, f'alert.command.{kind}', **values)}",
        "text": f"{translate(language, f'alert.command_text.{kind}', **values)}\n",
        "command": command,
        "problem": problem or None,
    }
    deliveries = _list_deliveries(alert_settings, moment)
    if not deliveries:
        logger.warning("nobody is told: neither ALERT_WEBHOOK nor ALERT_MAIL is set")
    told = [
        attempt(f"the message by {name}", partial(send, payload))
        for name, send in deliveries.items()
    ]
    return any(told)


def attempt(what: str, act: Callable[[], object]) -> bool:
    """Call `act` to send or store something. If it fails, log the error and return False.

    what: a description, for the log, of what `act` sends or stores.
    """
    try:
        act()
    except OSError as error:
        logger.warning("%s failed; the next time tries again: %s", what, error)
        return False
    return True
