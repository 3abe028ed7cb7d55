"""Letters by a mail server of one's own choice."""

import smtplib
import ssl
import threading
import time
from urllib.parse import unquote, urlsplit

from domain.base.outgoing import NeverSent, Uncertain

NAME = "smtp"
TIMEOUT = 15  # seconds
IDLE, MOST = 10, 100  # seconds without use, and letters, after which a kept connection is made anew


class Refused(NeverSent):
    """The server refused this letter for good."""


class Unreachable(Exception):
    """The server can't be reached, or doesn't take us: nothing was handed over."""


class _Told:
    """What it was told when a connection is lost: with a letter's text on its way, nobody knows."""

    is_in_doubt = False

    def data(self, msg):
        self.is_in_doubt = True
        try:
            answer = super().data(msg)  # type: ignore[misc]
        except smtplib.SMTPDataError:  # it didn't want to hear the text
            self.is_in_doubt = False
            raise
        self.is_in_doubt = False
        return answer


class _Plain(_Told, smtplib.SMTP):
    pass


class _Secure(_Told, smtplib.SMTP_SSL):
    pass


def _open(url):
    to = urlsplit(url)
    secure = ssl.create_default_context()
    server: smtplib.SMTP
    if to.scheme == "smtps":
        server = _Secure(to.hostname, to.port or 465, timeout=TIMEOUT, context=secure)
    else:
        server = _Plain(to.hostname, to.port or 25, timeout=TIMEOUT)
    try:
        if to.scheme == "smtp+starttls":
            server.starttls(context=secure)
        if to.username:
            server.login(unquote(to.username), unquote(to.password or ""))
    except (OSError, smtplib.SMTPException):
        server.close()
        raise
    return server


def send(message, url):
    """Hand a message to the server of an address of the form SMTP_URL has. Refuses with NeverSent where no further try
    would change that, and with whatever went wrong otherwise."""
    with _open(url) as server:
        _hand(server, message)


def _hand(server, message):
    try:
        server.send_message(message)
    except smtplib.SMTPException as error:
        if why := _for_good(error):
            raise Refused(why) from error
        raise


# --- many letters, each at most once ------------------------------------------------------------------------------

_kept = threading.local()


def send_once(message, url, before):
    """The same over a connection that is kept for the next letter; `before()` is called as soon as there is one.
    Refuses with Unreachable where that can't be, and with Uncertain where the connection was lost while the text was on
    its way: then nobody knows whether it was taken."""
    server = _connection(url)
    before()
    try:
        _hand(server, message)
    except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as error:
        if server.sock is None:  # it said 421, which ends the connection
            hang_up()
            raise Unreachable(f"the mail server takes no more just now ({type(error).__name__})") from error
        raise
    except (OSError, smtplib.SMTPServerDisconnected) as error:
        hang_up()
        if server.is_in_doubt:
            raise Uncertain("The connection to the mail server was lost while it was handed over.") from error
        raise Unreachable(f"the mail server hung up ({type(error).__name__})") from error
    _kept.used_at, _kept.letters = time.monotonic(), _kept.letters + 1


def _connection(url):
    server = getattr(_kept, "server", None)
    if server and _kept.url == url and _kept.letters < MOST and time.monotonic() - _kept.used_at < IDLE:
        return server
    hang_up()
    try:
        server = _open(url)
    except (OSError, smtplib.SMTPException) as error:
        raise Unreachable(f"the mail server can’t be reached ({type(error).__name__})") from error
    _kept.server, _kept.url, _kept.letters, _kept.used_at = server, url, 0, time.monotonic()
    return server


def hang_up():
    """Let go of this thread's connection."""
    server, _kept.server = getattr(_kept, "server", None), None
    if server is None:
        return
    try:
        server.quit()
    except (OSError, smtplib.SMTPException):
        server.close()


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
