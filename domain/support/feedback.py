"""What people write to whoever runs the site: praise, faults, complaints, and the answer they get."""

from peewee import JOIN

from database.clock import now
from database.locks import lock
from database.transactions import writes
from domain import Invalid, Refused, existing
from domain.base import audit, changes, outgoing
from domain.fields.choice import Choice
from domain.fields.email import Usable
from domain.fields.forms import read_whole
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.text import Text
from domain.lists.listing import Act, Listing, both
from domain.lists.searches import Parts
from models import Feedback, User

KIND = Choice((("feedback", "Feedback", "info"), ("complaint", "Complaint", "warn")))
CATEGORY = Choice(
    (
        ("idea", "An idea", "quiet"),
        ("fault", "Something doesn’t work", "quiet"),
        ("account", "My account", "quiet"),
        ("payment", "A payment", "quiet"),
        ("event", "An event or a ticket", "quiet"),
        ("other", "Something else", "quiet"),
    )
)
STATUS = Choice(
    (
        ("open", "Open", "info"),
        ("in_review", "Being looked at", "warn"),
        ("resolved", "Resolved", "good"),
        ("dismissed", "Dismissed", "quiet"),
    )
)
OPEN = ("open", "in_review")
FORM = (
    Field("kind", "What is it?", KIND, True, "feedback"),
    Field("category", "What about?", CATEGORY, True, missing="Choose what it is about."),
    Field("title", "In short", Text(120, 3), True),
    Field("body", "All of it", Text(5000, 3, long=True), True),
)
EMAIL = Field("email", "Your e-mail address, if you want an answer", Usable())
REPLY = Text(4000, 1, long=True)


@writes
def write(form, *, by, key=""):
    """Leave what somebody writes; `by` is a user or None, who may give an address for the answer. A form that is sent
    twice with one `key` is one. Refuses with Invalid."""
    values = read_whole((*FORM, *(() if by else (EMAIL,))), form)
    key = changes.form_key(key) or None
    if key:
        lock("form", f"feedback {key}")
    if key and (known := Feedback.one(Feedback.form_key == key)):
        return known
    row = Feedback.create(user=by, form_key=key, **values)
    audit.record("support.written", f"{KIND.plain(row.kind)}: {row.title}", by=by, category="admin", target=row)
    return row


def of(user):
    """What somebody wrote, the newest first."""
    return list(Feedback.select().where(Feedback.user == user).order_by(Feedback.id.desc()).limit(50))


def one(id):
    """Refuses with NotFound."""
    return existing(Feedback.one(Feedback.id == (id or 0)), "There is no such message.")


@writes
def take(id, *, by):
    """Say that it is being looked at."""
    row = one(id)
    if not Feedback.update(status="in_review").where(Feedback.id == id, Feedback.status == "open").execute():
        raise Refused(f"It is {STATUS.plain(row.status).lower()} already.")
    audit.record("support.taken", f"Looks at “{row.title}”", by=by, category="admin", target=row)


@writes
def resolve(id, reply, *, by):
    """Answer it, and let it rest. Refuses with Invalid an empty answer, and what rests already."""
    return _decide(id, "resolved", reply, by)


@writes
def dismiss(id, reply, *, by):
    """The same of what nothing follows from."""
    return _decide(id, "dismissed", reply, by)


def _decide(id, status, reply, by):
    row = one(id)
    if not (reply or "").strip():
        raise Invalid({"value": "Write an answer: who wrote gets it."})
    values = {"status": status, "reply": reply.strip(), "decided_at": now(), "decided_by": by}
    if not Feedback.update(**values).where(Feedback.id == id, Feedback.status.in_(OPEN)).execute():
        raise Refused(f"It is {STATUS.plain(row.status).lower()} already.")
    audit.record(f"support.{status}", f"{STATUS.plain(status)}: {row.title}", by=by, category="admin", target=row)
    told = {"title": row.title, "reply": reply.strip(), "status": STATUS.plain(status).lower()}
    address = row.user.email if row.user_id and row.user.status == "active" else row.email
    if row.user_id:
        outgoing.notify(row.user, "support.reply", f"feedback:{id}", f"An answer to “{row.title}”", link="/feedback")
    if address:
        outgoing.letter("feedback_reply", address, f"feedback:{id}", **told)
    return "They get your answer." if address else "It is kept. They left no address for an answer."


def _writers(shown, by):
    there = Feedback.select(Feedback, User).join(User, JOIN.LEFT_OUTER).where(Feedback.id << [row.id for row in shown])
    named = {row.id: row.user.name if row.user_id else row.email or "" for row in (there if shown else ())}
    return {id: (("quiet", name),) for id, name in named.items() if name}


listing = Listing(
    *("feedback", "message", "messages", Feedback),
    (
        Field("title", "In short", Text(120)),
        Field("status", "Status", STATUS),
        Field("kind", "Kind", KIND),
        Field("category", "About", CATEGORY),
        Field("created_at", "Written", Moment(past=True)),
    ),
    both("created_at", "Oldest first", "Newest first", "down"),
    search=Parts((Feedback.title, Feedback.body)),
    acts=(
        Act(
            *("review", "Look at it", take, "support.write", "It is being looked at."),
            when=lambda row: row.status == "open",
        ),
        Act(
            *("resolution", "Answer", resolve, "support.write"),
            asks=lambda row, by: Field("value", "Your answer", REPLY, True),
            when=lambda row: row.status in OPEN,
        ),
        Act(
            *("dismissal", "Dismiss", dismiss, "support.write"),
            asks=lambda row, by: Field("value", "Why nothing follows from it", REPLY, True),
            when=lambda row: row.status in OPEN,
            tone="danger",
        ),
    ),
    notes=("From", _writers),
    chips="status",
    under=("body", "reply"),
    ranges=("created_at",),
    reads="support.write",
    icon="message",
    title="What people write",
    about="Feedback and complaints from /feedback. Whoever left an address gets your answer.",
    empty=(("all", "Nobody has written yet."),),
)
