"""The log of letters as the staff's list: each with how it stands and why, and one with all that was told of it."""

from dataclasses import dataclass
from datetime import datetime

from peewee import JOIN

from database.transactions import writes
from domain import Refused, existing
from domain.base import audit
from domain.base.letters import resend, suppressions
from domain.fields.choice import Choice
from domain.fields.code import Code
from domain.fields.email import Email, normalized
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.text import Text
from domain.lists.listing import NEWEST, Act, Listing
from domain.lists.searches import Parts
from domain.operations.mail import catalogue
from models import Letter, Outgoing, Suppression, WebhookEvent

# word, what people read, tone, and what it means
STANDS = (
    ("queued", "Waiting", "info", "It isn’t handed over yet."),
    ("uncertain", "In doubt", "warn", "It was handed over, and no answer came. It isn’t sent again by itself."),
    ("sent", "Sent", "info", "Its provider took it, and has told nothing more."),
    ("delayed", "Delayed", "warn", "The reader’s mail server doesn’t take it yet; its provider goes on trying."),
    ("delivered", "Delivered", "good", "The reader’s mail server took it."),
    ("withheld", "Not sent", "quiet", "It wasn’t to be sent."),
    ("failed", "Failed", "bad", "It couldn’t be sent."),
    ("suppressed", "Held back", "warn", "Its provider doesn’t write to this address."),
    ("bounced", "Came back", "bad", "The reader’s mail server refused it."),
    ("complained", "Called spam", "bad", "Its reader called it spam."),
)
STATUS = Choice(tuple((word, label, tone) for word, label, tone, _ in STANDS))
ABOUT = {word: about for word, _, _, about in STANDS}


def _to(typed):
    """To whom: a whole address, however it is written."""
    return Letter.email_norm == normalized(typed)


listing = Listing(
    "mail",
    "letter",
    "letters",
    Letter,
    (
        Field("recipient", "To", Email()),
        Field("template", "Letter", Code(60, filters=True, typed=True, titles=catalogue.TITLES)),
        Field("status", "State", STATUS),
        Field("created_at", "Written", Moment(past=True)),
        Field("changed_at", "Changed", Moment(past=True)),
        Field("provider", "By", Code(20), listed=False),
    ),
    NEWEST,
    search=Parts((Letter.recipient, Letter.template, Letter.reason, Letter.provider_id)),
    conditions=((Field("to", "To (whole address)", Text(254, filters=True, typed=True)), _to),),
    ranges=("created_at",),
    chips="status",
    under=("reason",),
    exports=("provider",),
    link=True,
    reads="mail.read",
    title="Mail",
    icon="mail",
    about="Every letter that was written, how it stands, and why it wasn’t sent. Never what it said.",
    empty=(("all", "No letter was written yet. Send yourself a test letter from the overview to see how one goes."),),
)


def one(id):
    """A letter by its number. Refuses with NotFound."""
    return existing(Letter.one(Letter.id == id), "There is no such letter.")


@dataclass(frozen=True)
class Told:
    """Something that happened to a letter; `came_at` where it was told later, `event` the webhook that told it."""

    at: datetime
    words: str
    detail: str = ""
    tone: str = "quiet"
    came_at: datetime | None = None
    event: int | None = None


KINDS = {f"email.{word}": (word, label, tone) for word, label, tone, _ in STANDS} | {
    "email.delivery_delayed": ("delayed", "Delayed", "warn"),
}


def history(letter):
    """All that happened to a letter, oldest first; also what was told late and changed nothing."""
    found = [Told(letter.created_at, "Written")]
    queued = Outgoing.one(Outgoing.id == letter.queued_as)
    if queued is not None and queued.attempts:
        words = f"Tried {'once' if queued.attempts == 1 else f'{queued.attempts} times'} in vain"
        found.append(Told(letter.sent_at or queued.updated_at, words, queued.error or "", "warn"))
    if letter.sent_at:
        by = {"resend": resend.LABEL, "smtp": "the mail server", "file": "the outbox of this machine"}
        found.append(Told(letter.sent_at, f"Handed over to {by.get(letter.provider, letter.provider)}", tone="info"))
    if letter.provider_id:
        told = WebhookEvent.channel == "resend", WebhookEvent.subject == letter.provider_id
        for event in WebhookEvent.select().where(*told).order_by(WebhookEvent.id).limit(100):
            found.append(_of_event(event))
    if letter.status in ("withheld", "failed", "uncertain") and letter.provider_id is None:
        found.append(
            Told(letter.changed_at, STATUS.plain(letter.status), letter.reason or "", STATUS.tone(letter.status))
        )
    return sorted(found, key=lambda one: one.at)


def _of_event(event):
    _, label, tone = KINDS.get(event.type, ("", event.type, "quiet"))
    late = event.created_at if (event.created_at - event.happened_at).total_seconds() > 300 else None
    details = [fact.get("reason", "") for fact in event.facts or ()]
    return Told(event.happened_at, label, " ".join(details), tone, late, event.id)


def next_try(letter):
    """When a letter that waits is tried next, or None."""
    queued = Outgoing.one(Outgoing.id == letter.queued_as, Outgoing.status == "queued")
    return queued and queued.next_attempt_at


def blocked_by(letter):
    """The row by which the letter's address isn't written to, if there is one."""
    return Suppression.one(Suppression.email_norm == letter.email_norm, Suppression.state != "lifted")


# --- addresses that aren't written to --------------------------------------------------------------------------------

SCOPE = Choice((("all", "All letters", "bad"), ("news", "News", "warn")))
REASON = Choice(
    (
        ("bounced", "Came back", "bad"),
        ("complained", "Called us spam", "bad"),
        ("manual", "By an admin", "info"),
        ("unsubscribed", "Unsubscribed", "quiet"),
    )
)
STATE = Choice(
    (
        ("active", "Not written to", "bad"),
        ("lifted", "Written to again", "good"),
        ("blocked_there", "Still blocked there", "warn"),
    )
)


def _may_be_lifted(row):
    return row.state != "lifted" and row.reason != "unsubscribed"


suppressed = Listing(
    "suppressions",
    "address",
    "addresses",
    Suppression,
    (
        Field("email_norm", "Address", Email()),
        Field("scope", "Doesn’t get", SCOPE),
        Field("reason", "Why", REASON),
        Field("state", "State", STATE),
        Field("since_at", "Since", Moment(past=True)),
        Field("template", "Caused by", Code(60, titles=catalogue.TITLES)),
    ),
    NEWEST,
    joins=lambda query: query.join(Letter, JOIN.LEFT_OUTER, on=(Suppression.letter == Letter.id)),
    elsewhere=(("template", Letter.template, Letter.template),),
    search=Parts((Suppression.email_norm, Suppression.note)),
    ranges=("since_at",),
    chips="state",
    under=("note",),
    also=("letter",),
    acts=(
        Act(
            "lifting",
            "Write to it again",
            lambda id, why, *, by: suppressions.lift(int(id), why, by=by) and None,
            "mail.write",
            done="It is written to again.",
            icon="mail-forward",
            when=_may_be_lifted,
            asks=lambda row, by: Field("reason", "Why", Text(300), True, help="It is kept in the audit log."),
        ),
    ),
    link=lambda row: f"/admin/mail/{row.letter}" if row.letter else None,
    reads="mail.read",
    title="Addresses that aren’t written to",
    icon="mail-off",
    about="Their letters came back, their readers called us spam, or somebody said so.",
    empty=(("all", "An address comes here by itself once a letter to it comes back for good."),),
)


AT_ONCE = 200  # addresses, in one turn of the writer


@writes
def lift_all(template, why, *, by):
    """Write again to the addresses that letters of one kind brought here, the first AT_ONCE of them, for a reason, such
    as a bad header of ours. Returns how many. Refuses with Invalid, and where there is none."""
    why = suppressions.reason_of(why)
    query = Suppression.select(Suppression.id).join(Letter).where(Letter.template == template)
    query = query.where(Suppression.state == "active", Suppression.reason == "bounced").order_by(Suppression.id)
    ids = [id for (id,) in query.limit(AT_ONCE).tuples()]
    if not ids:
        raise Refused("No address came here by such a letter.")
    for id in ids:
        suppressions.lift(id, why, by=by)
    audit.record("mail.suppressions_lifted", f"{len(ids)} addresses are written to again", by=by, template=template)
    return len(ids)


def causes():
    """The letters that brought addresses here, as (template, title)."""
    query = Suppression.select(Letter.template).join(Letter).where(Suppression.state == "active").distinct()
    titles = dict(catalogue.TITLES)
    return sorted(((name, titles.get(name, name)) for (name,) in query.tuples()), key=lambda one: one[1])
