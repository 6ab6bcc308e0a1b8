"""Alerts: operators are told of new faults and recoveries, by webhook and mail, in one message a day at most.

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

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from http.client import HTTPException

from archive.alerts import Alerts
from archive.store import Archive
from archive.times import to_text
from scraper.alerts.mail import send_mail
from scraper.alerts.message import Message, choose, compose
from scraper.alerts.ways import Ways, find_ways
from scraper.alerts.webhook import post

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
