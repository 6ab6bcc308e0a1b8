"""`myndighetsarkivet notify`: finds the changes to report to subscribers, and sends the reports.

For each subscription with news, a run first stores a message and the subscription's new position in
the change feed. The run then sends the messages (see sending.py).
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from itertools import groupby
from pathlib import Path

from archive.database.sqlite_files import (
    ArchiveError,
    RunQuery,
    build_connection_runner,
    check_database,
    limit_cpu_time,
    open_readonly,
    run_without_waiting,
)
from archive.follow.change_reports import MAX_EVENTS
from archive.follow.followed_changes import (
    ArchiveChange,
    find_decided_entry,
    has_entry,
    match_changes,
    parse_stored_query,
    read_changes,
    read_newest_entry,
)
from archive.follow.sending import NotifyResult, Sender
from archive.follow.subscriptions import (
    FOLLOW_FILE,
    FollowSettings,
    FollowStore,
    Subscription,
    lock_sending,
)
from archive.times import now

MAX_MATCHING_SECONDS = 10.0  # CPU time for comparing one query with the changes
OPCODES_PER_CHECK = 100_000  # of SQLite, between checks of that time
# most important first: a message that is too long leaves out the last ones
IMPORTANCE_OF_KINDS = ("removed", "returned", "edited", "new")

logger = logging.getLogger(__name__)


def notify(
    archive: Path,
    settings: FollowSettings,
    clock: Callable[[], datetime] = now,
    should_stop: Callable[[], bool] = lambda: False,
) -> NotifyResult | None:
    """Queue and send due messages. Returns None if another process is sending.

    Raises ArchiveError if there is no archive, or if no mail server is set.

    should_stop: called before each message. If it returns True, no more messages are sent.
    """
    check_database(archive)
    if settings.mail_server is None:
        raise ArchiveError(
            "environment", "must be set, because FOLLOW_MAIL_FROM is", key="FOLLOW_SMTP"
        )
    if not archive.with_name(FOLLOW_FILE).exists():
        return NotifyResult()
    with (
        lock_sending(archive) as is_free,
        FollowStore(archive) as store,
        closing(open_readonly(archive)) as db,
    ):
        if not is_free:
            return None
        result, run = NotifyResult(), build_connection_runner(db)
        store.delete_unconfirmed(clock())
        _queue_reports(store, db, run, clock(), result)
        sender = Sender(store, run, settings, clock, result)
        sender.send_due(should_stop)
        sender.handle_rejected_mails()
        return result


# Queueing


def _queue_reports(
    store: FollowStore,
    db: sqlite3.Connection,
    run: RunQuery,
    moment: datetime,
    result: NotifyResult,
) -> None:
    """Store the new position of each due subscription, and a message if there is something to
    report.
    """
    due = sorted(store.list_due(moment), key=lambda subscription: subscription.query)
    if not due:
        return
    db.execute("begin")  # all subscriptions see the same state
    try:
        known = _find_known(run, due)
        newest, checksum = run_without_waiting(read_newest_entry(run))
        for subscription in due:
            if subscription not in known:
                store.advance(subscription, newest, checksum, moment)
                result.reset += 1
        start = min(map(_read_position, known), default=newest)
        until, checksum = run_without_waiting(find_decided_entry(run, start, moment))
        changes = run_without_waiting(read_changes(run, start, until))
        for query, group in groupby(known, key=lambda subscription: subscription.query):
            subscriptions = list(group)
            first = min(map(_read_position, subscriptions))
            try:
                matching = _match_query(db, run, query, changes, first)
            except (
                Exception
            ):  # the others must not wait for it; it loses nothing, as it does not get any further
                result.faults += 1
                logger.exception(
                    "subscriptions %s", ", ".join(str(each.id) for each in subscriptions)
                )
                continue
            for subscription in subscriptions:
                if _read_position(subscription) > until:
                    continue
                events, more = _choose_events(subscription, matching)
                store.advance(subscription, until, checksum, moment, events=events, more=more)
                result.queued += bool(events)
    finally:
        db.execute("rollback")


def _read_position(subscription: Subscription) -> int:
    return subscription.position or 0


def _find_known(run: RunQuery, due: Sequence[Subscription]) -> list[Subscription]:
    """Return the subscriptions whose position is still an unchanged entry of the change feed."""
    return [
        each for each in due if run_without_waiting(has_entry(run, each.position, each.checksum))
    ]


def _match_query(
    db: sqlite3.Connection,
    run: RunQuery,
    query: str,
    changes: Sequence[ArchiveChange],
    after: int,
) -> list[ArchiveChange]:
    with limit_cpu_time(db, MAX_MATCHING_SECONDS, OPCODES_PER_CHECK):
        newer = [each for each in changes if each.id > after]
        return run_without_waiting(match_changes(run, parse_stored_query(query), newer))


def _choose_events(
    subscription: Subscription, matching: Sequence[ArchiveChange]
) -> tuple[list[tuple[str, int, int | None]], int]:
    """Return the most important unreported changes for a subscription, and how many were left out.

    Each change is a tuple of its type, its release and the revision after the change, which is None
    if there is no such revision.
    """
    own = [change for change in matching if change.id > _read_position(subscription)]
    own.sort(key=lambda change: IMPORTANCE_OF_KINDS.index(change.kind))
    shown = sorted(own[:MAX_EVENTS], key=lambda change: change.id)
    events = [(change.kind, change.release, change.revision) for change in shown]
    return events, len(own) - len(events)
