"""Letters: one template gives the plain text and the HTML; Resend, a mail server or the local outbox takes them."""

import base64
import binascii
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.utils import formatdate, make_msgid
from functools import lru_cache, partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from database.clock import now
from database.late import Late
from database.transactions import writes
from domain.base import configuration, outgoing, preferences, settings
from domain.base.letters import log as letters
from domain.base.letters import resend, smtp, suppressions
from domain.base.outgoing import sends
from domain.fields.email import mailable
from domain.fields.kinds import clean
from models import MailPause

mrml = Late("mrml")
_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parents[2] / "templates" / "mail"),
    autoescape=select_autoescape(["html", "mjml"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)


# Headers whose words are ours: each is one line, as it is. A long link that is folded as words are is one no more.
_PARTS = ("MIME-Version", "Content-Type", "Content-Transfer-Encoding")
_LINES = (*_PARTS, "Date", "Message-ID", "List-Unsubscribe")
BOUNDARY = "=_letter"  # it stands in no part: quoted-printable has no «=_», and base64 neither


class _Policy(policy.EmailPolicy):
    """What `email` would find out anew of each letter, though it is the same of all: two thirds of what one costs."""

    def header_max_count(self, name):
        return 1

    def header_store_parse(self, name, value):
        return (name, _parsed(name, value)) if name in _PARTS else super().header_store_parse(name, value)

    def fold(self, name, value):
        return f"{name}: {value}{self.linesep}" if name in _LINES else super().fold(name, value)

    def fold_binary(self, name, value):
        return self.fold(name, value).encode() if name in _LINES else super().fold_binary(name, value)


@lru_cache(maxsize=20)
def _parsed(name, value):
    return policy.default.header_store_parse(name, value)[1]


_POLICY = _Policy()


def compose(template, to, values, message_id=None, stop=None):
    """The letter as a message with a plain and an HTML part. Values are escaped in the HTML.

    `stop` is (public id, kind) where its reader may end letters like it: by a link in it, and by one click in their
    mail program (RFC 8058).
    """
    values = {name: clean(value) if isinstance(value, str) else value for name, value in values.items()}
    link = preferences.stop_link(*stop) if stop else None
    is_about_account = letters.kind_of(template) == suppressions.SAFETY
    sender = is_about_account and configuration.active.mail_auth_from
    letter = written(template, values | {"stop": link})
    return addressed(to, letter, message_id=message_id, stop=link, sender=sender)


def written(template, values):
    """(subject, plain text, HTML) of a letter: `values` with a link to `stop` it, with one to `leave` the newsletter,
    or with `words`, which are HTML that is sanitized already, in the place of its body."""
    words = _templates.get_template(f"{template}.txt")
    context = {"site": settings.get("site_name"), "site_url": configuration.active.site_url, "stop": None, **values}
    parts = {name: "".join(block(words.new_context(context))).strip() for name, block in words.blocks.items()}
    text = _templates.get_template("_letter.txt").render(**context, parts=parts)
    frame = _templates.get_template("_letter.mjml").render(**context, parts=parts)
    return " ".join(parts["subject"].split()), text, mrml.to_html(frame).content


def addressed(to, letter, message_id=None, stop=None, list_id=None, sender=""):
    """A letter (subject, plain text, HTML) as a message to somebody, with the link that ends letters like it; from
    `sender`, or MAIL_FROM."""
    subject, text, html = letter
    message = EmailMessage(_POLICY)
    message["Subject"] = subject
    message["From"] = Address(settings.get("mail_sender_name"), *mailable(sender or configuration.active.mail_from))
    message["To"] = Address("", *mailable(to))
    message["Date"] = formatdate()
    message["Message-ID"] = message_id or make_msgid(domain="guildhall")
    if stop and configuration.active.site_url.startswith("https:"):  # programs take no other address
        message["List-Unsubscribe"] = f"<{stop}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    if list_id:
        message["List-Id"] = f"<{list_id}>"  # RFC 2919
    message["MIME-Version"] = "1.0"
    message["Content-Type"] = f'multipart/alternative; boundary="{BOUNDARY}"'
    message.set_payload([_part("plain", text), _part("html", html)])
    return message


def _part(subtype, text):
    """A text as a part of a letter, written in the shorter of the two ways."""
    data = b"\n".join(text.encode().splitlines()) + b"\n"
    how, written = "quoted-printable", binascii.b2a_qp(data)
    if 3 * len(written) > 4 * len(data):
        how, written = "base64", base64.encodebytes(data)
    part = MIMEPart(_POLICY)
    part["Content-Type"] = f'text/{subtype}; charset="utf-8"'
    part["Content-Transfer-Encoding"] = how
    part.set_payload(written.decode("ascii"))
    return part


@sends("mail")
def deliver(row):
    """Hand one outgoing letter to who delivers; returns (provider, its id there). Refuses with what
    domain/base/outgoing.py knows: Withheld, NeverSent, Uncertain, Later, or whatever is worth another try.

    Its message id is made from the row's key, so a repeat can be told.
    """
    letter = letters.of(row) or writes(letters.enter)(row)
    held = suppressions.blocking(row.recipient, letter.kind)
    if held is not None:
        raise outgoing.Withheld(f"this address isn't written to: {suppressions.sentence(held)}")
    compose_it = partial(_composed, row)
    if configuration.active.resend_api_key:
        return resend.NAME, by_resend(row, letter, compose_it, can_wait=bool(row.payload.get("stop")))
    message = compose_it()
    if not configuration.active.smtp_url:
        keep(message, row.id)
        return "file", None
    try:
        smtp.send(message, configuration.active.smtp_url)
    except smtp.Refused as refused:
        note_refusal(row, letter, refused)
        raise
    return smtp.NAME, str(message["Message-ID"])


def note_refusal(row, letter, refused):
    """Write to an address no more where the mail server said that nobody is there."""
    if suppressions.is_mailbox_gone(str(refused)):
        about = {"note": str(refused), "letter": letter}
        suppressions.suppress(row.recipient, suppressions.ALL, "bounced", **about)


def wait_for(provider):
    """Refuses with Later while a provider takes nothing that can wait."""
    paused = MailPause.one(MailPause.provider == provider, MailPause.until_at > now())
    if paused:
        raise outgoing.Later((paused.until_at - now()).total_seconds(), paused.reason)


def by_resend(row, letter, compose_it, can_wait):
    """Ask Resend for a letter as it was first composed; returns its id there. Refuses as `deliver` does."""
    if can_wait:  # what people can't do without is tried all the same
        wait_for(resend.NAME)
    is_new = outgoing.ASKED_FOR not in row.payload
    if is_new:
        outgoing.note_asked(row, resend.asked(resend.body_of(compose_it(), letter)))
    try:
        return resend.send(row, row.payload[outgoing.ASKED_FOR])
    except (resend.Refused, resend.Unreachable, outgoing.Later, outgoing.NeverSent) as answered:
        if is_new and not answered.in_doubt:  # what an earlier try asked for may have been taken: it stays in doubt
            outgoing.note_asked(row, None)
        raise


def _composed(row):
    about = row.payload
    id = message_id(row)
    return compose(about["template"], row.recipient, about["values"], message_id=id, stop=about.get("stop"))


def message_id(row):
    """It is made from the row, so that a repeat can be told."""
    return f"<outgoing-{row.id}@guildhall>"


def outbox():
    return configuration.active.data / "mail"


def keep(message, number):
    """With no mail server, a letter is a file in the data folder; /dev/mail shows them."""
    outbox().mkdir(parents=True, exist_ok=True)
    (outbox() / f"{number:08}.eml").write_bytes(bytes(message))
