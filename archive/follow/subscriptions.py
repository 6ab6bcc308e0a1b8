"""Stores subscriptions and queued messages in follow.db, a separate file beside the archive.

The file and its key can be read only by their owner (mode 0600). Datasette never opens the file, no
snapshot contains it, and a backup includes it only on request. The file holds the subscribers'
addresses, what each subscriber follows, and the data needed for delivery. Sent messages and ended
subscriptions are deleted, and the freed pages of the file are overwritten.

Tokens in links name a subscription and are signed with the key. Whoever has such a link may see,
confirm and end this subscription. A token for all subscriptions of an address is sent only to that
address, and expires, because messages may be forwarded.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from archive.database.sqlite_files import ArchiveError, open_writable, write_transaction
from archive.follow.sending_times import find_next_due
from archive.mail_and_webhooks import (
    MailServer,
    is_mail_address,
    parse_mail_server,
    split_server_url,
)
from archive.times import to_iso

FOLLOW_FILE, KEY_FILE = "follow.db", "follow-key"
FOLLOW_VERSION = 2  # 1: without subscriptions.seconds
CONFIRMATION_TIME = timedelta(days=2)  # after this, an unconfirmed subscription is deleted
# messages that ask an address for confirmation: of the same, and in total; after that, one per
# CONFIRMATION_PAUSE
MAX_UNCONFIRMED, MAX_ASKED = 3, 6
CONFIRMATION_PAUSE = timedelta(hours=1)
# unconfirmed subscriptions of a mailbox that a link shows before its own, and after it
MAX_PENDING = 30
MAX_SUBSCRIPTIONS = 50  # subscriptions of one address
ACCESS_TIME = timedelta(hours=12)  # how long a link to all subscriptions of an address is valid
# waits after each failure; the last one is repeated
RETRY_DELAYS = tuple(timedelta(minutes=n) for n in (5, 20, 60, 180, 360, 720))
# until a weekly message is due, or another; what is due later was stored by a wrong clock
MAX_DELAYS = (timedelta(days=8), timedelta(days=2))
# a recipient that accepts nothing for this long loses the subscription
MAX_MESSAGE_AGE = timedelta(days=7)
MAX_REJECTIONS = 3  # bounces or permanent rejections, each at most REJECTION_GAP after the last
# an earlier one is not counted: a mistake on our side may last for hours
MIN_REJECTION_GAP = timedelta(hours=20)
REJECTION_GAP = timedelta(days=15)

# autoincrement: a token must never name another subscription than the one it was made for
SCHEMA_SQL = """
    create table subscriptions (
      id integer primary key autoincrement, channel text not null, address text not null,
        query text not null,
      frequency text not null, language text not null, created text not null, confirmed text,
        position integer,
      checksum text, due text, rejections integer not null default 0,
        rejected text, seconds real not null default 0
    );
    create index idx_subscriptions_address on subscriptions (address collate nocase);
    create table messages (
      id integer primary key autoincrement,
      subscription integer not null references subscriptions(id) on delete cascade,
      kind text not null, message_id text not null, events text not null default '[]',
        more integer not null default 0,
      created text not null, due text not null, tries integer not null default 0
    );
    create index idx_messages_subscription on messages (subscription);
    create table mail_server (accepted text not null);
"""
# from version 1
UPGRADE_SQL = "alter table subscriptions add column seconds real not null default 0"
MAILBOX_CONDITION = (  # see list_mailbox_values; most mail servers ignore case
    "channel = ? and (address collate nocase = ? or address collate nocase between ? and ?"
    " and substr(address, instr(address, '@')) = ? collate nocase)"
)
SUBSCRIPTION_COLUMNS = (
    *("id", "channel", "address", "query", "frequency", "language", "created", "confirmed"),
    *("position", "checksum", "due", "rejections", "rejected", "seconds"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A row of the table subscriptions.

    position, checksum: the last entry of the change feed that the subscription was matched against.
    due: when its next report may be sent. Before the subscription is confirmed, this is when the
        request for confirmation may be sent (None if no request is to be sent).
    rejections: the number of rejections, the last of them at `rejected` (see MAX_REJECTIONS).
    seconds: how long a webhook takes to respond (see record_duration).
    """

    id: int
    channel: str
    address: str
    query: str  # parameters of a search, `person=…` or `release=…`
    frequency: str
    language: str
    created: str
    confirmed: str | None
    position: int | None
    checksum: str | None
    due: str | None
    rejections: int
    rejected: str | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedMessage:
    """A message to be sent.

    kind: confirm, access (a link to all subscriptions of an address) or report.
    events: `(kind, release, revision or None)` for each event of a report.
    more: the number of events that the report leaves out.
    """

    id: int
    subscription: Subscription
    kind: str
    message_id: str
    events: Sequence[tuple[str, int, int | None]]
    more: int
    created: str
    tries: int


class FollowStore(AbstractContextManager["FollowStore"]):
    """The file follow.db of an archive. It is created if it does not exist.

    Each method is a separate transaction.
    """

    def __init__(self, archive: Path) -> None:
        self.path, self.key = archive.with_name(FOLLOW_FILE), _read_key(archive.with_name(KEY_FILE))
        # SQLite gives its other files the same mode
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        try:
            self.db = open_writable(self.path)
            self.db.row_factory = sqlite3.Row
            # a message that was sent must not be sent again
            self.db.execute("pragma synchronous = full")
            # without a lock, so that no link waits for one
            if self._read_version() < FOLLOW_VERSION:
                with write_transaction(self.db):
                    self._create_tables()
        except sqlite3.OperationalError:  # locked, or a full disk
            raise
        except sqlite3.DatabaseError as error:
            raise ArchiveError(
                self.path, f"{error}; restore a backup, or move it away to begin anew"
            ) from error

    def _create_tables(self) -> None:
        version = self._read_version()
        if version == FOLLOW_VERSION:  # another process was faster
            return
        for statement in [UPGRADE_SQL] if version else SCHEMA_SQL.split(";\n"):
            self.db.execute(statement)
        self.db.execute(f"pragma user_version = {FOLLOW_VERSION}")

    def _read_version(self) -> int:
        (version,) = self.db.execute("pragma user_version").fetchone()
        if version > FOLLOW_VERSION:
            raise ArchiveError(self.path, "was made by a newer version of Myndighetsarkivet")
        return int(version)

    def __exit__(self, *_: object) -> None:
        self.db.close()

    # Subscriptions

    def request(
        self,
        *,
        channel: str,
        address: str,
        query: str,
        frequency: str,
        language: str,
        now: datetime,
    ) -> None:
        """Store an unconfirmed subscription, and the message that asks for its confirmation.

        If the address has received too many such messages, the new one is sent later. If such a
        message is already waiting, no other is stored, because the link in the waiting message
        shows all requests. Therefore nobody can lock out the owner of an address, or flood the
        address with email. If the address already has MAX_SUBSCRIPTIONS confirmed subscriptions,
        nothing is stored. The caller is not told, because that would reveal who subscribes.
        """
        with write_transaction(self.db):
            self.delete_unconfirmed(now)
            mailbox = _list_mailbox_values(channel, address)
            (confirmed,) = self.db.execute(
                f"select count(confirmed) from subscriptions where {MAILBOX_CONDITION}", mailbox
            ).fetchone()
            if confirmed >= MAX_SUBSCRIPTIONS:
                return
            requests = f"from subscriptions where {MAILBOX_CONDITION} and confirmed is null"
            self.db.execute(f"delete {requests} and query = ? and due is null", [*mailbox, query])
            # of an unconfirmed subscription, `due` is when its message may be sent
            asked = self.db.execute(
                f"select due, query {requests} and due <= ? order by due",
                [*mailbox, to_iso(now + CONFIRMATION_PAUSE)],
            ).fetchall()
            due = _find_next_request(
                [(datetime.fromisoformat(row["due"]), row["query"]) for row in asked], query, now
            )
            row = (channel, address, query, frequency, language, to_iso(now), to_iso(due))
            key = self.db.execute(
                "insert into subscriptions (channel, address,"
                " query, frequency, language, created, due)"
                " values (?, ?, ?, ?, ?, ?, ?)",
                row,
            ).lastrowid
            if due:
                self._queue(int(key or 0), "confirm", now, due=due)

    def find(self, subscription_id: int) -> Subscription | None:
        found = self._select("id = ?", [subscription_id])
        return found[0] if found else None

    def list_shown(self, subscription: Subscription, *, is_all: bool) -> list[Subscription]:
        """Return the subscriptions shown to somebody who opens a link to `subscription`.

        is_all: return all confirmed subscriptions of the address, oldest first. Otherwise, return
            the given subscription. If it is unconfirmed, also return the other unconfirmed
            subscriptions of its mailbox: the earlier ones, then the later ones, newest first and at
            most MAX_PENDING in each group.
        """
        if is_all:
            address = [subscription.channel, subscription.address]
            return self._select(
                "channel = ? and address = ? and confirmed is not null order by id", address
            )
        if subscription.confirmed:
            return [subscription]
        mailbox = _list_mailbox_values(subscription.channel, subscription.address)
        others = [
            self._select(
                f"{MAILBOX_CONDITION} and"
                f" confirmed is null and id"
                f" {side} ? order by id desc limit ?",
                [*mailbox, subscription.id, MAX_PENDING],
            )
            for side in ("<", ">")
        ]
        return [subscription, *others[0], *others[1]]

    def list_due(self, now: datetime) -> list[Subscription]:
        """Return the confirmed subscriptions that are due for a report.

        A subscription whose last report is still waiting to be sent is left out.
        """
        return self._select(
            "confirmed is not null and (due <= ? or due >"
            " iif(frequency = 'week', ?, ?)) and not"
            " exists (select 1 from"
            " messages where subscription = subscriptions.id and kind = 'report') order by id",
            [to_iso(now), *(to_iso(now + delay) for delay in MAX_DELAYS)],
        )

    def confirm(
        self,
        subscription: Subscription,
        address: str,
        position: int,
        checksum: str | None,
        now: datetime,
    ) -> None:
        """Confirm a subscription, which then starts after the given entry of the change feed.

        An earlier subscription of the address to the same subject is replaced. The new subscription
        then continues at the position of the earlier one.

        address: the address to which the confirmation link was sent. It replaces the stored
            address, because only the owner of this address has agreed. The two addresses may differ
            in the part after a plus sign.
        """
        with write_transaction(self.db):
            self.db.execute(
                "delete from messages where subscription = ? and kind = 'confirm'",
                [subscription.id],
            )
            confirmed = self.db.execute(
                "update subscriptions set address = ?, confirmed = ?,"
                " position = ?, checksum = ?, due = ?"
                " where id = ? and confirmed is null",
                [
                    address,
                    to_iso(now),
                    position,
                    checksum,
                    find_next_due(subscription.frequency, now),
                    subscription.id,
                ],
            )
            if not confirmed.rowcount:
                return
            for earlier in self._select(
                "channel = ? and address = ? and query = ? and id <>"
                " ? and confirmed is not null order by id",
                [subscription.channel, address, subscription.query, subscription.id],
            ):
                self.db.execute(
                    "update subscriptions set position = ?, checksum = ? where id = ?",
                    [earlier.position, earlier.checksum, subscription.id],
                )
                self.db.execute(
                    "update messages set subscription = ? where"
                    " subscription = ? and kind = 'report'",
                    [subscription.id, earlier.id],
                )
                self.db.execute("delete from subscriptions where id = ?", [earlier.id])

    def end(self, subscriptions: Sequence[Subscription]) -> None:
        """Delete subscriptions and their messages."""
        with write_transaction(self.db):
            self.db.executemany(
                "delete from subscriptions where id = ?", [(each.id,) for each in subscriptions]
            )

    def delete_unconfirmed(self, now: datetime) -> None:
        """Delete the subscriptions that were not confirmed in time."""
        self.db.execute(
            # a wrong clock may have dated it later than now
            "delete from subscriptions where confirmed is null and not created between ? and ?",
            [to_iso(now - CONFIRMATION_TIME), to_iso(now + CONFIRMATION_TIME)],
        )

    def _select(self, condition: str, values: Sequence[Any]) -> list[Subscription]:
        rows = self.db.execute(
            f"select {', '.join(SUBSCRIPTION_COLUMNS)} from subscriptions where {condition}", values
        ).fetchall()
        return [Subscription(**dict(row)) for row in rows]

    # Messages

    def request_access(self, subscription: Subscription, now: datetime) -> None:
        """Store a message with a link to all subscriptions of the address of `subscription`.

        If such a message is already waiting, no other is stored.
        """
        waiting = "select 1 from messages where subscription = ? and kind = 'access'"
        with write_transaction(self.db):
            if not self.db.execute(waiting, [subscription.id]).fetchone():
                self._queue(subscription.id, "access", now)

    def advance(
        self,
        subscription: Subscription,
        position: int,
        checksum: str | None,
        now: datetime,
        *,
        events: Sequence[tuple[str, int, int | None]] = (),
        more: int = 0,
    ) -> None:
        """Store a subscription's new position and, if there are events, the message about them.

        Both are stored in one transaction.

        more: the number of events that the message leaves out.
        """
        with write_transaction(self.db):
            updated = self.db.execute(
                "update subscriptions set position = ?, checksum = ?, due = ? where id = ?",
                [position, checksum, find_next_due(subscription.frequency, now), subscription.id],
            )
            if events and updated.rowcount:  # it may have been ended meanwhile
                self._queue(subscription.id, "report", now, events=json.dumps(events), more=more)

    def _queue(
        self,
        subscription_id: int,
        kind: str,
        now: datetime,
        *,
        due: datetime | None = None,
        events: str = "[]",
        more: int = 0,
    ) -> None:
        self.db.execute(
            "insert into messages (subscription, kind, message_id, events, more, created, due)"
            " values (?, ?, ?, ?, ?, ?, ?)",
            [
                subscription_id,
                kind,
                secrets.token_hex(16),
                events,
                more,
                to_iso(now),
                to_iso(due or now),
            ],
        )

    def list_message_ids(self, now: datetime) -> list[int]:
        """Return the ids of the messages to send now, in the order in which to send them.

        Email comes first, then webhooks (the fastest first, because some are slow). Requests for
        confirmation, which anybody can cause, come last. Within these groups, links that a reader
        is waiting for come before reports, and first attempts before retries. Webhooks that still
        tie are in random order, so that none always waits behind the same ones.
        """
        rows = self.db.execute(
            "select m.id from messages m join subscriptions s on"
            " s.id = m.subscription where"
            " m.due <= ? or m.due > ?"
            " order by m.kind = 'confirm',"
            " s.channel = 'webhook', s.seconds, m.kind = 'report', m.tries,"
            " iif(s.channel = 'webhook', random(), m.id)",
            [to_iso(now), to_iso(now + RETRY_DELAYS[-1])],  # later, the clock was wrong
        ).fetchall()
        return [row["id"] for row in rows]

    def find_message(self, message_id: int) -> QueuedMessage | None:
        """Return a queued message, or None if it no longer exists.

        For example, a message is deleted when its subscription ends.
        """
        row = self.db.execute("select * from messages where id = ?", [message_id]).fetchone()
        subscription = self.find(row["subscription"]) if row else None
        if row is None or subscription is None:
            return None
        return QueuedMessage(
            subscription=subscription,
            events=[
                (kind, release, revision) for kind, release, revision in json.loads(row["events"])
            ],
            **{
                name: row[name] for name in ("id", "kind", "message_id", "more", "created", "tries")
            },
        )

    def delete_message(self, message: QueuedMessage) -> None:
        """Delete a message that was sent, or that has nothing left to report."""
        self.db.execute("delete from messages where id = ?", [message.id])

    def postpone(self, message: QueuedMessage, now: datetime) -> None:
        """Store when to retry a message.

        This is done before each attempt to send the message (see Sender.send_due).
        """
        delay = RETRY_DELAYS[min(message.tries, len(RETRY_DELAYS) - 1)]
        self.db.execute(
            "update messages set tries = tries + 1, due = ? where id = ?",
            [to_iso(now + delay), message.id],
        )

    def excuse(self, message: QueuedMessage, now: datetime) -> None:
        """Count the age of a message from now, because the recipient did not cause the failed
        delivery.
        """
        self.db.execute("update messages set created = ? where id = ?", [to_iso(now), message.id])

    def record_duration(self, subscription: Subscription, seconds: float) -> None:
        """Store how many seconds a webhook took to respond, or half of the stored value, whichever
        is more.

        A single fast response therefore does not hide slow ones.
        """
        self.db.execute(
            "update subscriptions set seconds = max(?, seconds / 2) where id = ?",
            [seconds, subscription.id],
        )

    def record_acceptance(self, now: datetime) -> None:
        """Record that the mail server has just accepted an email."""
        with write_transaction(self.db):
            self.db.execute("delete from mail_server")
            self.db.execute("insert into mail_server values (?)", [to_iso(now)])

    def has_accepted_since(self, moment: datetime, now: datetime) -> bool:
        """Return whether the mail server has accepted an email since a given time."""
        times = [to_iso(moment), to_iso(now)]
        return bool(
            self.db.execute(
                "select 1 from mail_server where accepted between ? and ?", times
            ).fetchone()
        )

    def count_rejection(self, subscription: Subscription, now: datetime) -> bool:
        """Count a bounce or a permanent rejection. Returns whether this ended the subscription.

        A rejection less than MIN_REJECTION_GAP after the previous one is not counted. If the
        previous one was more than REJECTION_GAP ago, counting starts again from one.
        """
        if subscription.rejected and subscription.rejected > str(to_iso(now - MIN_REJECTION_GAP)):
            return False
        is_repeated = subscription.rejected and subscription.rejected >= str(
            to_iso(now - REJECTION_GAP)
        )
        rejections = (subscription.rejections if is_repeated else 0) + 1
        if rejections >= MAX_REJECTIONS:
            self.end([subscription])
            return True
        self.db.execute(
            "update subscriptions set rejections = ?, rejected = ? where id = ?",
            [rejections, to_iso(now), subscription.id],
        )
        return False

    # Tokens

    def sign(self, subscription: Subscription, *parts: object) -> str:
        """Return a signature of a subscription and of `parts`, none of which may contain a dash.

        The signature also covers the subscription's time of creation and address, because in a
        restored or new file another subscription may have the same id.
        """
        text = "-".join(
            map(str, (*parts, subscription.id, subscription.created, subscription.address))
        )
        return hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()[:32]

    def make_token(self, subscription: Subscription, expires: datetime | None = None) -> str:
        """Return a token for a subscription.

        expires: when the token expires. If it is None, the token does not expire and is for this
            subscription only. Otherwise, the token is for all subscriptions of the address.
        """
        if expires is None:
            return f"{subscription.id}-{self.sign(subscription, 'one')}"
        end = int(expires.timestamp())
        return f"{subscription.id}-{end}-{self.sign(subscription, 'all', end)}"

    def renew_token(self, token: str, subscription: Subscription) -> str:
        """Return a token for all subscriptions of an address.

        The token names `subscription` and expires when `token` does. It replaces `token`, whose
        subscription has ended.
        """
        return self.make_token(subscription, datetime.fromtimestamp(int(token.split("-")[1]), UTC))

    def read_token(self, token: str, now: datetime) -> tuple[Subscription, bool] | None:
        """Return the subscription that a token names, and whether the token is for all
        subscriptions of the address.

        Returns None if the token is not valid.
        """
        *parts, signature = token.split("-") if token.isascii() else ("",)
        if len(parts) not in (1, 2) or not all(part.isdigit() and len(part) < 16 for part in parts):
            return None
        is_all = len(parts) == 2
        if is_all and int(parts[1]) < now.timestamp():
            return None
        subscription = self.find(int(parts[0]))
        if not subscription:
            return None
        expected = self.sign(subscription, "all" if is_all else "one", *parts[1:])
        return (subscription, is_all) if hmac.compare_digest(expected, signature) else None

    def build_webhook_secret(self, subscription: Subscription) -> str:
        """Return the secret for signing a webhook's messages, in the format of Standard
        Webhooks.
        """
        return "whsec_" + base64.b64encode(self.derive_webhook_key(subscription)).decode()

    def derive_webhook_key(self, subscription: Subscription) -> bytes:
        return hmac.new(
            self.key, f"webhook-{self.sign(subscription, 'key')}".encode(), hashlib.sha256
        ).digest()


def _read_key(path: Path) -> bytes:
    """Return the secret key in a file. The file is created if it does not exist.

    Raises ArchiveError if the file does not contain a valid key.
    """
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    if not path.exists():
        with os.fdopen(
            os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w"
        ) as file:
            file.write(secrets.token_hex(32) + "\n")
        try:
            os.link(unfinished, path)  # fails if another process was faster
        except FileExistsError:
            pass
        finally:
            unfinished.unlink()
    try:
        key = bytes.fromhex(path.read_text().strip())
    except ValueError:
        key = b""
    if len(key) < 32:
        raise ArchiveError(
            path,
            "is not a key; restore it from a backup, because all links in sent mails depend on it",
        )
    return key


@contextmanager
def lock_sending(archive: Path) -> Iterator[bool]:
    """Lock sending, and yield whether this succeeded.

    Locking fails if another process is sending.
    """
    _read_key(archive.with_name(KEY_FILE))
    # not a lock on follow.db, whose locks SQLite would lose when the file is closed here
    with archive.with_name(KEY_FILE).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _list_mailbox_values(channel: str, address: str) -> list[str]:
    """Return the values for MAILBOX_CONDITION, which matches all addresses of the same mailbox.

    For example, email to a+b@c.example arrives in the mailbox a@c.example. The URL of a webhook is
    compared unchanged.

    >>> _list_mailbox_values("mail", "a+b@c.example")
    ['mail', 'a@c.example', 'a+', 'a,', '@c.example']
    >>> _list_mailbox_values("webhook", "https://d.example/+@x")
    ['webhook', 'https://d.example/+@x', '', '', '']
    """
    if channel != "mail":
        return [channel, address, "", "", ""]
    name, host = re.split(r"\+.*@|@", address, maxsplit=1)
    # "," is the character after "+"
    return [channel, f"{name}@{host}", f"{name}+", f"{name},", f"@{host}"]


def _find_next_request(
    asked: Sequence[tuple[datetime, str]], query: str, now: datetime
) -> datetime | None:
    """Return when to ask an address to confirm a subscription, or None if a request is already
    waiting to be sent.

    asked: the times and queries of earlier requests, oldest first. The last one may not have been
        sent yet.

    >>> noon, hour = datetime(2024, 6, 3, 12, tzinfo=UTC), timedelta(hours=1)
    >>> before = [[(noon, "a")] * 2, [(noon, "a")] * 3]
    >>> before += [[(noon, "b")] * 6, [(noon - 2 * hour, "b")] * 6]
    >>> [_find_next_request(asked, "a", noon).hour for asked in before]
    [12, 13, 13, 12]
    >>> _find_next_request([(noon + hour, "b")], "a", noon)
    """
    if asked and asked[-1][0] > now:
        return None
    same = [time for time, asked_query in asked if asked_query == query]
    if len(same) < MAX_UNCONFIRMED and len(asked) < MAX_ASKED:
        return now
    return max(now, asked[-1][0] + CONFIRMATION_PAUSE)


MAX_REQUESTS = 100  # per hour, by all visitors; then each may make one
TOKEN_PLACE = "{token}"  # noqa: S105 - a place in an address
FOLLOW_VARIABLES = (
    "PUBLIC_URL",
    "FOLLOW_MAIL_FROM",
    "FOLLOW_SMTP",
    "FOLLOW_RETURN_PATH",
    "FOLLOW_MAX_REQUESTS",
    "FOLLOW_PRIVATE_HOSTS",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowSettings:
    """An operator's settings for email and webhooks to subscribers."""

    public_url: str  # without a slash at the end
    sender: str
    mail_server: MailServer | None = None  # None: FOLLOW_SMTP is not set, which only `notify` needs
    return_path: str | None = None  # with TOKEN_PLACE
    private_hosts: tuple[str, ...] = ()
    max_requests: int = MAX_REQUESTS


def read_follow_settings(environment: Mapping[str, str] = os.environ) -> FollowSettings | None:
    """Read the settings from the environment. Returns None if FOLLOW_MAIL_FROM is not set. Visitors
    can then follow releases only through feeds.

    Raises ArchiveError if a variable is invalid. The error does not contain the value, which may be
    a secret.
    """
    values = {name: environment.get(name, "").strip() for name in FOLLOW_VARIABLES}
    public_url, sender = values["PUBLIC_URL"].rstrip("/"), values["FOLLOW_MAIL_FROM"]
    max_requests = values["FOLLOW_MAX_REQUESTS"]
    mail_server = _read_servers(public_url, values["FOLLOW_SMTP"], sender)
    _check_follow_values(values, public_url)
    if not (public_url and sender):
        return None
    return FollowSettings(
        public_url=public_url,
        sender=sender,
        mail_server=mail_server,
        return_path=values["FOLLOW_RETURN_PATH"] or None,
        private_hosts=tuple(
            host.strip() for host in values["FOLLOW_PRIVATE_HOSTS"].split(",") if host.strip()
        ),
        max_requests=int(max_requests) if max_requests else MAX_REQUESTS,
    )


def _read_servers(public_url: str, mail_server: str, sender: str) -> MailServer | None:
    """Check the URL of the site, and return the mail server. Returns None if no mail server is set.

    Raises ArchiveError if the URL of the site or of the mail server is invalid.
    """
    name = "PUBLIC_URL"
    try:
        if public_url:
            split_server_url(public_url, ("http", "https"))
        name = "FOLLOW_SMTP"
        return parse_mail_server(mail_server, sender) if mail_server else None
    except ValueError as error:
        raise ArchiveError("environment", str(error), key=name) from None


def _check_follow_values(values: Mapping[str, str], public_url: str) -> None:
    """Raise ArchiveError for the first setting that is invalid or incomplete.

    A setting is incomplete if another setting that it needs is missing.
    """
    sender, server = values["FOLLOW_MAIL_FROM"], values["FOLLOW_SMTP"]
    return_path, max_requests = values["FOLLOW_RETURN_PATH"], values["FOLLOW_MAX_REQUESTS"]
    problems = (
        (
            sender and not is_mail_address(sender),
            "FOLLOW_MAIL_FROM",
            "is not a mail address",
        ),
        (
            return_path and not _is_return_path(return_path),
            "FOLLOW_RETURN_PATH",
            f"must be an address with {TOKEN_PLACE}, such as a+{TOKEN_PLACE}@b.example",
        ),
        (
            max_requests and not (max_requests.isascii() and max_requests.isdigit()),
            "FOLLOW_MAX_REQUESTS",
            "must be a whole number",
        ),
        (
            sender and not public_url,
            "PUBLIC_URL",
            "must be set, because FOLLOW_MAIL_FROM is: mails link to the site",
        ),
        (
            server and not sender,
            "FOLLOW_MAIL_FROM",
            "must be set, because FOLLOW_SMTP is",
        ),
    )
    for is_wrong, name, problem in problems:
        if is_wrong:
            raise ArchiveError("environment", problem, key=name)


def _is_return_path(address: str) -> bool:
    return address.count(TOKEN_PLACE) == 1 and is_mail_address(address)
