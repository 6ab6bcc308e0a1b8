"""Counts rejected email and bounces as rejections by the recipients, unless the mail server is to
blame.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection
from datetime import datetime, timedelta
from email.parser import BytesParser
from pathlib import Path
from typing import BinaryIO

from archive.database.sqlite_files import ArchiveError
from archive.follow.subscriptions import TOKEN_PLACE, FollowSettings, FollowStore

MAX_BOUNCE_BYTES = 1_000_000
MAX_REJECTED_ADDRESSES = 3  # per run; if more are rejected, the mail server may be at fault
# if the mail server accepted an email this recently, the recipients are to blame
SERVER_TRUST_TIME = timedelta(days=1)


def are_recipients_blamed(store: FollowStore, addresses: Collection[str], moment: datetime) -> bool:
    """Return whether the recipients, and not the mail server, are to blame for rejected email.

    addresses: all addresses whose email was rejected in the current run of `notify`.
    """
    return len(addresses) <= MAX_REJECTED_ADDRESSES or store.has_accepted_since(
        moment - SERVER_TRUST_TIME, moment
    )


def handle_bounce(
    archive: Path, settings: FollowSettings, recipient: str, mail: BinaryIO, moment: datetime
) -> str:
    """Count a bounce, that is, an email to the return path that reports a failed delivery.

    Returns a description of what was done. Raises ArchiveError if `recipient`, the address to which
    the email was sent, is not a return path of this archive, or if no return path is set.
    """
    if settings.return_path is None:
        raise ArchiveError(
            "environment",
            "is not set, so that no mail has such a return path",
            key="FOLLOW_RETURN_PATH",
        )
    pattern = re.escape(settings.return_path).replace(
        re.escape(TOKEN_PLACE), "(?P<id>[0-9]{1,15})-(?P<signature>[0-9a-f]+)"
    )
    found = re.fullmatch(pattern, recipient.strip("<> \n"), re.IGNORECASE)
    with FollowStore(archive) as store:
        if not found:
            raise ArchiveError(recipient, "is not a return path of this archive")
        subscription = store.find(int(found["id"]))
        if subscription is None:
            return "there is no such subscription, or it has ended"
        if not hmac.compare_digest(store.sign(subscription, "bounce"), found["signature"].lower()):
            raise ArchiveError(recipient, "is not a return path of this archive")
        parts = BytesParser().parsebytes(mail.read(MAX_BOUNCE_BYTES)).walk()
        # of a delivery status notification (RFC 3464)
        actions = [str(part.get("Action", "")).strip().lower() for part in parts]
        if "failed" not in actions:
            return "the mail reports no failed delivery, and is ignored"
        return (
            "the subscription is ended"
            if store.count_rejection(subscription, moment)
            else "the bounce is counted"
        )
