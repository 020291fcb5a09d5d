"""Mail to a patient who asked for it: through the clinic's own server, `[mail]` of clinic.toml.

Rule: sent once, at once, to the one address that was typed; the address is neither kept nor logged,
and the subject says nothing of what the mail is about. Without a server there is no such mail.
"""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

import structlog

from web.sections import ADDRESS, Mail

TIMEOUT_S = 10.0
MAX_ADDRESS = 254

logger = structlog.get_logger()


class AddressInvalid(ValueError):
    """This is no address a mail can go to."""


class MailNotSent(Exception):
    """The clinic's mail server is away, or refused the mail."""


def send(mail: Mail, to: str, subject: str, text: str) -> None:
    """Raises AddressInvalid and MailNotSent."""
    message = _message(mail, _checked(to), subject, text)
    try:
        with _connected(mail) as server:
            if mail.user:
                server.login(mail.user, mail.password.get_secret_value())
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        # An SMTP error holds the address in its text.
        logger.warning("mail.not_sent", error=type(error).__name__)
        raise MailNotSent from None
    logger.info("mail.sent", characters=len(text))


def _checked(to: str) -> str:
    to = to.strip()
    if len(to) > MAX_ADDRESS or not to.isascii() or not ADDRESS.fullmatch(to):
        raise AddressInvalid
    return to


def _message(mail: Mail, to: str, subject: str, text: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = mail.sender, to, subject
    message["Date"] = formatdate(usegmt=True)
    message["Message-ID"] = make_msgid(domain=mail.sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    return message


def _connected(mail: Mail) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if mail.tls == "tls":
        return smtplib.SMTP_SSL(mail.server, mail.port, timeout=TIMEOUT_S, context=context)
    server = smtplib.SMTP(mail.server, mail.port, timeout=TIMEOUT_S)
    if mail.tls == "starttls":
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
    return server
