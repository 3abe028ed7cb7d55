"""Letters by a mail server of one's own choice."""

import smtplib
import ssl
from urllib.parse import unquote, urlsplit

from domain.base.outgoing import NeverSent

NAME = "smtp"
TIMEOUT = 15  # seconds


class Refused(NeverSent):
    """The server refused this letter for good."""


def send(message, url):
    """Hand a message to the server of an address of the form SMTP_URL has. Refuses with NeverSent where no further try
    would change that, and with whatever went wrong otherwise."""
    to = urlsplit(url)
    secure = ssl.create_default_context()
    server: smtplib.SMTP
    if to.scheme == "smtps":
        server = smtplib.SMTP_SSL(to.hostname, to.port or 465, timeout=TIMEOUT, context=secure)
    else:
        server = smtplib.SMTP(to.hostname, to.port or 25, timeout=TIMEOUT)
    with server:
        if to.scheme == "smtp+starttls":
            server.starttls(context=secure)
        if to.username:
            server.login(unquote(to.username), unquote(to.password or ""))
        try:
            server.send_message(message)
        except smtplib.SMTPException as error:
            if why := _for_good(error):
                raise Refused(why) from error
            raise


def _for_good(error):
    """Why this letter can never be delivered (5xx, RFC 5321), or nothing. A 5xx about the sender is ours to mend."""
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return "the mail server can't take an address with such letters (no SMTPUTF8)"
    code: int
    text: bytes | str
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
    elif isinstance(error, smtplib.SMTPDataError):
        code, text = error.smtp_code, error.smtp_error
    else:
        return ""
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"the mail server refused it: {code} {words}" if 500 <= code < 600 else ""
