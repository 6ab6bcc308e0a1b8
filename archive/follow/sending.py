"""Sends the queued messages one after the other, and deletes each once it has been accepted.

If the process is killed, no message is lost. A later run sends at most one message a second time:
the one that was being sent when the process was killed. It keeps its Message-ID. If a recipient
does not accept a message, the message is sent again after increasing delays. If a recipient rejects
messages on three days, or accepts none for a week, the subscription is ended. If the mail server is
down, or rejects email to all addresses, this does not count against any subscription.
"""

from __future__ import annotations

import json
import logging
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import astuple, dataclass
from datetime import datetime
from urllib.parse import urlsplit

from archive.database.sqlite_files import RunQuery, run_without_waiting
from archive.follow.change_reports import (
    build_url,
    format_payload,
    format_report,
    format_subject,
    read_events,
)
from archive.follow.followed_changes import describe_followed, parse_stored_query
from archive.follow.rejected_mails import are_recipients_blamed
from archive.follow.subscriptions import (
    ACCESS_TIME,
    MAX_MESSAGE_AGE,
    RETRY_DELAYS,
    TOKEN_PLACE,
    FollowSettings,
    FollowStore,
    QueuedMessage,
)
from archive.i18n import translate
from archive.mail_and_webhooks import (
    DELIVERY_TIMEOUT,
    RecipientError,
    post_to_public_host,
    send_mail,
    sign_webhook,
)
from archive.times import to_iso

MAX_SERVER_FAILURES = 3  # failures in a row, after which no more email is tried in this run
# for webhooks, for webhook confirmations and for email confirmations in a run; after that, the
# rest waits for the next run
MAX_WEBHOOK_SECONDS = 60.0
# for one message; a webhook that took longer before comes last, and gets as long as a mail
# server
MAX_ANSWER_SECONDS = 5.0

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class NotifyResult:
    queued: int = 0
    sent: int = 0
    failed: int = 0  # messages that recipients did not accept; they are sent again
    ended: int = 0  # subscriptions ended, because recipients accept no messages
    reset: int = 0  # subscriptions reset, because the archive was restored from a backup
    faults: int = 0  # failures of this program or the mail server

    @property
    def has_news(self) -> bool:
        return any(astuple(self))

    def __str__(self) -> str:
        parts = [f"{self.queued} messages queued", f"{self.sent} sent", f"{self.failed} not taken"]
        parts += [f"{self.ended} subscriptions ended"] if self.ended else []
        parts += (
            [f"{self.reset} subscriptions begin anew: the archive was restored"]
            if self.reset
            else []
        )
        parts += [f"{self.faults} faults: see the log"] if self.faults else []
        return ", ".join(parts)


class Sender:
    """Sends the due messages of follow.db."""

    def __init__(
        self,
        store: FollowStore,
        run: RunQuery,
        settings: FollowSettings,
        clock: Callable[[], datetime],
        result: NotifyResult,
    ) -> None:
        self.store, self.run, self.settings, self.clock, self.result = (
            store,
            run,
            settings,
            clock,
            result,
        )
        self.server_failures, self.mails_sent = 0, 0
        # (is_mail, is_request) → seconds spent
        self.seconds: dict[tuple[bool, bool], float] = defaultdict(float)
        self.rejected_mails: list[tuple[QueuedMessage, RecipientError]] = []

    def send_due(self, should_stop: Callable[[], bool]) -> None:
        """Try to send each due message, until `should_stop` returns True.

        If the mail server fails repeatedly, the remaining email waits for the next run. Messages to
        webhooks and requests for confirmation have a time limit per run. When it is exceeded, the
        remaining ones also wait for the next run.
        """
        for message_id in self.store.list_message_ids(self.clock()):
            if should_stop():
                return
            message = self.store.find_message(message_id)
            if message is None:
                continue
            is_mail = message.subscription.channel == "mail"
            if is_mail and self.server_failures >= MAX_SERVER_FAILURES:
                continue  # still due
            is_request = message.kind == "confirm"  # anybody can cause it; subscribers come first
            is_limited = is_request or not is_mail
            if is_limited and self.seconds[is_mail, is_request] > MAX_WEBHOOK_SECONDS:
                continue
            # before it is sent: on a full disk, nothing is sent that could not be deleted
            # afterwards
            self.store.postpone(message, self.clock())
            started = time.monotonic()
            self._try_to_send(message)
            spent = time.monotonic() - started
            self.seconds[is_mail, is_request] += spent
            if not is_mail:
                self.store.record_duration(message.subscription, spent)

    def _try_to_send(self, message: QueuedMessage) -> None:
        try:
            self.send(message)
        except RecipientError as error:
            self.result.failed += 1
            logger.info("subscription %s: %s", message.subscription.id, error)
            if message.subscription.channel == "mail":
                self.rejected_mails.append((message, error))
            else:
                self.handle_rejection(message, error)
        except OSError as error:
            self.server_failures += 1
            self.result.faults += 1
            logger.warning("a mail was not sent; the next run tries again: %s", error)
            self.store.excuse(message, self.clock())
        except Exception:
            self.result.faults += 1
            logger.exception(
                "message %s of subscription %s", message.message_id, message.subscription.id
            )
            self.store.excuse(message, self.clock())

    def handle_rejected_mails(self) -> None:
        """Count each rejected message as a rejection by its recipient.

        Nothing is counted if the mail server rejects email to all addresses.
        """
        moment = self.clock()
        if self.mails_sent:
            self.store.record_acceptance(moment)
        addresses = {message.subscription.address for message, _ in self.rejected_mails}
        is_blamed = are_recipients_blamed(self.store, addresses, moment)
        for message, error in self.rejected_mails:
            if is_blamed:
                self.handle_rejection(message, error)
            else:
                self.store.excuse(message, moment)
        if not is_blamed:
            self.result.faults += 1
            logger.warning(
                "no subscription is blamed: the mail server rejects mails to all of %s addresses",
                len(addresses),
            )

    def handle_rejection(self, message: QueuedMessage, error: RecipientError) -> None:
        """End the subscription of a rejected message, or leave the message to be sent again later.

        The subscription is ended if the recipient wants no more messages, or has rejected messages
        too often or for too long.
        """
        subscription, moment = message.subscription, self.clock()
        is_old = moment - datetime.fromisoformat(message.created) > MAX_MESSAGE_AGE
        if error.is_gone or (is_old and message.tries >= len(RETRY_DELAYS)):
            self.store.end([subscription])
            self.result.ended += 1
        elif error.is_permanent and self.store.count_rejection(subscription, moment):
            self.result.ended += 1

    def send(self, message: QueuedMessage) -> None:
        """Send a message and delete it. If all its releases are hidden by now, only delete it."""
        subscription, language = message.subscription, message.subscription.language
        followed = parse_stored_query(subscription.query)
        link = self.link_subscription(self.store.make_token(subscription), language)
        page = build_url(self.settings.public_url, f"/-/follow?{subscription.query}", language)
        if message.kind == "report":
            what = run_without_waiting(describe_followed(self.run, followed, language))
            what = what or translate(language, "follow.gone")
            events = run_without_waiting(
                read_events(self.run, message.events, language, self.settings.public_url)
            )
            if events or message.more:
                text = format_report(events, message.more, what, page, language)
                subject = format_subject(events, message.more, what, language)
                payload_members = {
                    "followed": what,
                    "query": subscription.query,
                    "page": page,
                    "more": message.more,
                }
                self.deliver(message, subject, f"{text}\n", link, events=events, **payload_members)
        else:
            if message.kind == "access":
                link = self.link_subscription(
                    self.store.make_token(subscription, self.clock() + ACCESS_TIME), language
                )
            # no words of the search: anybody may have written them, and the address has not agreed
            # yet
            text = translate(
                language,
                f"follow.mail.{message.kind}",
                what=translate(language, followed.hidden_key),
            )
            subject = translate(language, f"follow.mail.{message.kind}_subject")
            self.deliver(message, subject, text, link)
        self.store.delete_message(message)

    def link_subscription(self, token: str, language: str) -> str:
        return build_url(self.settings.public_url, "/-/follow/subscription", language, token=token)

    def deliver(
        self, message: QueuedMessage, subject: str, text: str, link: str, **members: object
    ) -> None:
        """Send a message by email or webhook, with a link to the page of the subscription."""
        subscription, language = message.subscription, message.subscription.language
        if subscription.channel == "webhook":
            self.post(message, f"{subject}\n\n{text}\n\n{link}", link, **members)
            return
        ending = translate(language, f"follow.ending.{message.kind}")
        # RFC 8058: the link of a report ends the subscription by POST; it is not the link to all
        # subscriptions
        headers = {
            # RFC 2919: mail programs sort by it
            "List-Id": f"<releases.{urlsplit(self.settings.public_url).hostname}>",
            "List-Unsubscribe": f"<{link}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
        # a return path only counts bounces, because mail servers write it to their logs
        bounce_token = f"{subscription.id}-{self.store.sign(subscription, 'bounce')}"
        assert self.settings.mail_server is not None  # noqa: S101 - notify() has checked it
        send_mail(
            self.settings.mail_server,
            [subscription.address],
            subject=subject,
            text=f"{text}\n\n-- \n{ending}\n{link}\n",
            message_id=message.message_id,
            sent_at=self.clock(),
            headers=headers if message.kind == "report" else None,
            return_path=self.settings.return_path
            and self.settings.return_path.replace(TOKEN_PLACE, bounce_token),
        )
        self.server_failures = 0
        self.mails_sent += 1
        self.result.sent += 1

    def post(self, message: QueuedMessage, text: str, link: str, **members: object) -> None:
        """Post a message to a webhook, signed as specified in Standard Webhooks 1.0."""
        moment = self.clock()
        at = str(to_iso(moment))
        payload = format_payload(
            message.kind,
            at,
            text,
            subscription=link,
            **members,  # type: ignore[arg-type]
        )
        body = json.dumps(payload, ensure_ascii=False).encode()
        key = self.store.derive_webhook_key(message.subscription)
        headers = sign_webhook(key, message.message_id, moment, body)
        post_to_public_host(
            message.subscription.address,
            body,
            headers,
            self.settings.private_hosts,
            timeout=DELIVERY_TIMEOUT
            if message.subscription.seconds >= MAX_ANSWER_SECONDS
            else MAX_ANSWER_SECONDS,
        )
        self.result.sent += 1
