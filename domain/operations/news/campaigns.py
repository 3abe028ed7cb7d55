"""Issues of the newsletter: written, tried, scheduled, paused, stopped, and how each one did.

draft → scheduled → preparing → sending → done, with paused between and stopped at any time. Each step is one UPDATE
that asks for the state before, so of two who press a button one does it. How they are sent: sending.py.
"""

from peewee import JOIN, fn

from database.clock import now
from database.columns import public_id
from database.locks import lock
from database.transactions import wake, writes
from domain import Invalid, Refused, existing
from domain.base import audit, outgoing
from domain.base.letters import log, subscribers
from domain.fields.forms import check_fresh, read_whole
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.text import Text
from models import Campaign, CampaignRecipient, Letter, MailPause, Outgoing, Subscriber

MOST = 100_000  # characters
FIELDS = (
    Field("subject", "Subject", Text(150), True, help="What stands in the list of letters. Say what it is about."),
    Field("body", "Text", Text(MOST, long=True), True),
)
WHEN = Field("at", "When", Moment(clock=True), True)
RUNNING = ("preparing", "sending")
OPEN = ("scheduled", *RUNNING, "paused")


def one(id):
    """An issue by its number. Refuses with NotFound."""
    return existing(Campaign.one(Campaign.id == id), "There is no such issue.")


def readers():
    """How many have confirmed that they want it."""
    return Subscriber.select(fn.COUNT(Subscriber.id)).where(Subscriber.status == "confirmed").scalar()


# --- writing ------------------------------------------------------------------------------------------------------


@writes
def begin(*, by):
    """A new draft, or one's own that says nothing yet: pressed twice it is one."""
    return _draft("", "", by)


def _draft(subject, body, by, but=0):
    lock("form", f"{by.id} newsletter")
    mine = Campaign.made_by == by, Campaign.status == "draft", Campaign.id != but
    same = Campaign.one(*mine, Campaign.subject == subject, Campaign.body == body)
    return same or Campaign.create(subject=subject, body=body, made_by=by)


@writes
def change(id, form, *, by, was=None):
    """Keep what a draft says. Refuses with Invalid, with Stale where somebody else changed it meanwhile, and once it is
    no draft any more."""
    issue = one(id)
    values = read_whole(FIELDS, form)
    stands = {"subject": issue.subject or None, "body": issue.body or None}
    check_fresh("issue", FIELDS, stands, values, was or {})
    if not Campaign.update(**values).where(Campaign.id == id, Campaign.status == "draft").execute():
        raise Refused("This issue is on its way, so it can’t be changed. Take the date back first, or copy it.")
    return one(id)


@writes
def copy(id, *, by):
    """A new draft that says the same, or one's own that does already."""
    issue = one(id)
    made = _draft(issue.subject, issue.body, by, but=issue.id)
    audit.record("newsletter.copied", f"Copied the issue “{issue.subject}”", by=by, target=made, category="admin")
    return made


@writes
def remove(id, *, by):
    """Throw a draft away. Refuses once it was more than that."""
    issue = one(id)
    if not Campaign.delete().where(Campaign.id == id, Campaign.status == "draft").execute():
        raise Refused("Only a draft can be thrown away.")
    audit.record("newsletter.removed", f"Threw the draft “{issue.subject}” away", by=by, category="admin")


@writes
def test(id, *, by):
    """Leave the issue as a letter to who asks. Refuses with Invalid where it says nothing yet."""
    issue = one(id)
    _must_say_something(issue)
    key = f"newsletter-test:{id}:{by.id}:{now().timestamp()}"
    outgoing.enqueue("newsletter", key, {"template": "newsletter", "issue": id, "sample": True}, recipient=by.email)
    log.enter(Outgoing.get(Outgoing.key == key))


def _must_say_something(issue):
    read_whole(FIELDS, {"subject": issue.subject, "body": issue.body})


# --- on its way ---------------------------------------------------------------------------------------------------


def _move(issue, before, after, by, words, **values):
    moved = Campaign.update(status=after, **values).where(Campaign.id == issue.id, Campaign.status << before)
    if not moved.execute():
        raise Refused(f"This issue is {STATES[one(issue.id).status]} by now. Look at it again.", "INVALID_TRANSITION")
    audit.record(f"newsletter.{after}", f"{words} “{issue.subject}”", by=by, target=issue, category="admin")
    wake(outgoing.NEWS)


STATES = {
    "draft": "a draft",
    "scheduled": "scheduled",
    "preparing": "being sent",
    "sending": "being sent",
    "paused": "paused",
    "done": "sent",
    "stopped": "stopped",
}


@writes
def schedule(id, form, *, by):
    """Have a draft sent at a moment, which a form gives in the zone of who asks, or with `now` at once. Refuses with
    Invalid for what is past or says nothing, and where nobody would read it."""
    issue = one(id)
    _must_say_something(issue)
    at = now() if form.get("now") else read_whole((WHEN,), form)["at"]
    if at < now() and not form.get("now"):
        raise Invalid({"at": "This is over already. Choose a later moment, or send it now."})
    if not readers():
        raise Invalid({"at": "Nobody has confirmed yet that they want it."})
    if form.get("now"):
        _move(issue, ("draft",), "preparing", by, "Sent", scheduled_at=at, began_at=at)
    else:
        _move(issue, ("draft",), "scheduled", by, "Scheduled", scheduled_at=at)


@writes
def take_back(id, *, by):
    """Make a scheduled issue a draft again. Refuses once it is on its way."""
    _move(one(id), ("scheduled",), "draft", by, "Took back", scheduled_at=None)


@writes
def pause(id, *, by, why=None):
    """Hand no more letters over until it goes on. Refuses where it isn't on its way."""
    _move(one(id), RUNNING, "paused", by, "Paused", why=why)


@writes
def resume(id, *, by):
    """Go on where it was paused: who has its letter gets no other."""
    issue = one(id)
    _move(issue, ("paused",), "sending" if issue.prepared_at else "preparing", by, "Went on with", why=None)
    left = CampaignRecipient.select(Letter.queued_as).join(Letter)
    left = left.where(CampaignRecipient.campaign == id, Letter.status == "queued")
    Outgoing.update(next_attempt_at=now()).where(Outgoing.id.in_(left), Outgoing.status == "queued").execute()


@writes
def stop(id, *, by):
    """End it for good: who hasn't its letter by now doesn't get it."""
    _move(one(id), OPEN, "stopped", by, "Stopped", finished_at=now())


@writes
def send_again(recipient, *, by):
    """Leave the letter once more to somebody whose first one is in doubt or failed, because a person said so. Of an
    issue that was stopped it goes to them alone."""
    found = CampaignRecipient.one(CampaignRecipient.id == recipient)
    letter = found and found.letter
    if letter is None or letter.status not in ("uncertain", "failed"):
        raise Refused("Only a letter that is in doubt or failed can be sent again.")
    mine = CampaignRecipient.id == found.id, CampaignRecipient.letter == letter, CampaignRecipient.state == "handed"
    reader = Subscriber.one(Subscriber.id == found.subscriber_id, Subscriber.status == "confirmed")
    if reader is None:
        raise Refused("They unsubscribed meanwhile.")
    is_stopped = found.campaign.status == "stopped"
    again = leave(found, reader, alone=True) if is_stopped else None
    values = {"state": "handed" if again else "waiting", "letter": again}
    if not CampaignRecipient.update(**values).where(*mine).execute():
        raise Refused("It was sent again already.")
    over = Campaign.id == found.campaign_id, Campaign.status == "done"
    Campaign.update(status="sending", finished_at=None).where(*over).execute()
    about = f"Sent the issue “{found.campaign.subject}” to {found.email_norm} again"
    audit.record("newsletter.sent_again", about, by=by, target=found.campaign, category="admin")
    wake(outgoing.NEWS)


def leave(recipient, reader, **more):
    """Leave the letter of an issue to somebody, in the present transaction; its Letter. `alone` is one that goes though
    the issue was stopped."""
    about = {"template": "newsletter", "issue": recipient.campaign_id, "to": recipient.id, "reader": reader.public_id}
    key = f"newsletter:{recipient.id}:{public_id()}"  # its recipient's state keeps it from being left twice
    outgoing.enqueue("newsletter", key, about | more, recipient=reader.email)
    return log.enter(Outgoing.get(Outgoing.key == key))


@writes
def unsubscribe(id, *, by):
    """Take a reader out, as they asked for by another way. Refuses with NotFound, and where they are out already."""
    row = existing(Subscriber.one(Subscriber.id == id), "There is no such reader.")
    if not subscribers.end(row, by=by):
        raise Refused("They are out already.")
    audit.record("newsletter.unsubscribed", f"Took {row.email} out", by=by, target=row, category="admin")


@writes
def erase(id, *, by):
    """Forget a reader, with all that was kept of them; that they aren't written to stays as a keyed hash."""
    row = existing(Subscriber.one(Subscriber.id == id), "There is no such reader.")
    subscribers.end(row, by=by)
    subscribers.forget(row.email_norm)
    audit.record("newsletter.erased", "Erased a reader of the newsletter", by=by, category="admin")


def held_up():
    """The MailPause by which no letter goes just now, such as a mail server that isn't there, or None."""
    return MailPause.one(MailPause.until_at > now())


# --- figures ------------------------------------------------------------------------------------------------------

# What became of a recipient, of which each is exactly one: word, what people read, tone.
OUTCOMES = (
    ("waiting", "Still to go", "quiet"),
    ("sent", "Handed over", "info"),
    ("delivered", "Delivered", "good"),
    ("bounced", "Came back", "bad"),
    ("complained", "Called spam", "bad"),
    ("skipped", "Left out", "quiet"),
    ("failed", "Failed", "bad"),
    ("uncertain", "In doubt", "warn"),
)
_OUTCOME = {"queued": "waiting", "delayed": "sent", "withheld": "skipped", "suppressed": "skipped"}


def figures(issue):
    """How many of its recipients stand how (OUTCOMES), with `recipients` in all and how many `unsubscribed` by it; as
    kept, once its letters are gone from the log."""
    if issue.figures.get("final"):
        return issue.figures
    found = dict.fromkeys((word for word, _, _ in OUTCOMES), 0)
    mine = CampaignRecipient.campaign == issue.id
    counted = CampaignRecipient.select(CampaignRecipient.state, Letter.status, fn.COUNT(CampaignRecipient.id))
    counted = counted.join(Letter, JOIN.LEFT_OUTER).where(mine).group_by(CampaignRecipient.state, Letter.status)
    for state, status, count in counted.tuples():
        found[state if state != "handed" else _OUTCOME.get(status, status) or "sent"] += count
    left = CampaignRecipient.select(fn.COUNT(CampaignRecipient.id))
    left = left.where(mine, CampaignRecipient.unsubscribed_at.is_null(False)).scalar()
    return found | {"recipients": sum(found.values()), "unsubscribed": left}
