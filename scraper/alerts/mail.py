"""An alert by mail."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage

from scraper.alerts.message import Message
from scraper.alerts.ways import Mail

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
