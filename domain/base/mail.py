"""Letters: one template gives the plain text and the HTML; a server or the local outbox takes them."""

import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import formatdate, make_msgid
from pathlib import Path
from urllib.parse import unquote, urlsplit

import mrml
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from domain.base import configuration, outgoing, preferences, settings
from domain.base.outgoing import sends
from domain.fields.email import mailable
from domain.fields.kinds import clean

TIMEOUT = 15  # seconds

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parents[2] / "templates" / "mail"),
    autoescape=select_autoescape(["html", "mjml"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class _Policy(EmailPolicy):
    """A header that is one long link stays in one line: folded as words are, no program could read it any more."""

    def fold(self, name, value):
        return f"{name}: {value}{self.linesep}" if name == "List-Unsubscribe" else super().fold(name, value)

    def fold_binary(self, name, value):
        return self.fold(name, value).encode() if name == "List-Unsubscribe" else super().fold_binary(name, value)


def compose(template, to, values, message_id=None, stop=None):
    """The letter as a message with a plain and an HTML part. Values are escaped in the HTML.

    `stop` is (public id, kind) where its reader may end letters like it: by a link in it, and by one click in their
    mail program (RFC 8058).
    """
    words = _templates.get_template(f"{template}.txt")
    values = {name: clean(value) if isinstance(value, str) else value for name, value in values.items()}
    context = {**values, "site": settings.get("site_name"), "site_url": configuration.active.site_url}
    context["stop"] = preferences.stop_link(*stop) if stop else None
    parts = {name: "".join(block(words.new_context(context))).strip() for name, block in words.blocks.items()}
    message = EmailMessage(_Policy())
    message["Subject"] = " ".join(parts["subject"].split())
    message["From"] = Address(settings.get("mail_sender_name"), *mailable(configuration.active.mail_from))
    message["To"] = Address("", *mailable(to))
    message["Date"] = formatdate()
    message["Message-ID"] = message_id or make_msgid(domain="guildhall")
    if stop:
        message["List-Unsubscribe"] = f"<{context['stop']}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(_templates.get_template("_letter.txt").render(**context, parts=parts))
    frame = _templates.get_template("_letter.mjml").render(**context, parts=parts)
    message.add_alternative(mrml.to_html(frame).content, subtype="html")
    return message


@sends("mail")
def deliver(row):
    """Send one outgoing letter. Its message id is made from the row's key, so a repeat can be told."""
    message = compose(
        row.payload["template"],
        row.recipient,
        row.payload["values"],
        message_id=f"<outgoing-{row.id}@guildhall>",
        stop=row.payload.get("stop"),
    )
    if configuration.active.smtp_url:
        _post(message, configuration.active.smtp_url)
    else:
        keep(message, row.id)


def _post(message, url):
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
                raise outgoing.NeverSent(why) from error
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


def outbox():
    return configuration.active.data / "mail"


def keep(message, number):
    """With no mail server, a letter is a file in the data folder; /dev/mail shows them."""
    outbox().mkdir(parents=True, exist_ok=True)
    (outbox() / f"{number:08}.eml").write_bytes(bytes(message))
