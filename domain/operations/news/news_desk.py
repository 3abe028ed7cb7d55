"""The newsletter as the staff's lists: its issues, its readers, and who an issue was for."""

from peewee import JOIN

from domain import existing
from domain.fields.choice import Choice
from domain.fields.email import Email, normalized
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.text import Text
from domain.lists.listing import NEWEST, Act, Listing
from domain.lists.searches import Parts
from domain.operations.mail.letter_desk import STANDS
from domain.operations.news import campaigns
from models import Campaign, CampaignRecipient, Consent, Letter, Subscriber

STATUS = Choice(
    (
        ("draft", "Draft", "quiet"),
        ("scheduled", "Scheduled", "info"),
        ("preparing", "Being prepared", "info"),
        ("sending", "Being sent", "info"),
        ("paused", "Paused", "warn"),
        ("done", "Sent", "good"),
        ("stopped", "Stopped", "quiet"),
    )
)

issues = Listing(
    "newsletter",
    "issue",
    "issues",
    Campaign,
    (
        Field("subject", "Subject", Text(150)),
        Field("status", "State", STATUS),
        Field("scheduled_at", "Goes out", Moment()),
        Field("finished_at", "Done", Moment(past=True)),
        Field("created_at", "Begun", Moment(past=True)),
    ),
    NEWEST,
    search=Parts((Campaign.subject,)),
    chips="status",
    under=("why",),
    link=lambda row: f"/admin/campaigns/{row.id}",
    reads="newsletter.read",
    title="Newsletter",
    icon="news",
    about="Each issue goes to everybody who confirmed that they want it, once.",
    empty=(("all", "No issue was written yet. Begin with a draft: nothing goes out before you say when."),),
)

STANDS_AS = Choice(
    (
        ("unconfirmed", "Not confirmed", "warn"),
        ("confirmed", "Reads it", "good"),
        ("unsubscribed", "Left", "quiet"),
    )
)
SOURCE = Choice((("form", "The form", "quiet"), ("import", "A file", "info")))


def _address(typed):
    return Subscriber.email_norm == normalized(typed)


readers = Listing(
    "readers",
    "reader",
    "readers",
    Subscriber,
    (
        Field("email", "Address", Email()),
        Field("status", "State", STANDS_AS),
        Field("source", "By", SOURCE),
        Field("created_at", "Since", Moment(past=True)),
        Field("confirmed_at", "Confirmed", Moment(past=True)),
        Field("unsubscribed_at", "Left", Moment(past=True)),
    ),
    NEWEST,
    search=Parts((Subscriber.email,)),
    conditions=((Field("address", "Whole address", Text(254, filters=True, typed=True)), _address),),
    ranges=("created_at",),
    chips="status",
    acts=(
        Act(
            *("leaving", "Take out", campaigns.unsubscribe, "newsletter.write"),
            done="They get no newsletter any more.",
            icon="mail-off",
            confirm="Take {name} out? Only they themselves can subscribe again.",
            when=lambda row: row.status != "unsubscribed",
        ),
        Act(
            *("erasure", "Erase", campaigns.erase, "newsletter.write"),
            done="They are forgotten.",
            icon="trash",
            tone="bad",
            confirm="Erase {name}? That they agreed, and when, is forgotten too. It can’t be undone.",
        ),
    ),
    link=lambda row: f"/admin/subscribers/{row.id}",
    reads="newsletter.read",
    title="Readers",
    icon="users",
    about="Who subscribed to the newsletter. Only those who confirmed get it.",
    empty=(("all", "Nobody subscribed yet. The form stands on the front page and at /newsletter."),),
)

# How a recipient stands: as the letter does, once there is one.
_BEFORE = (("waiting", "Still to go", "quiet"), ("skipped", "Left out", "quiet"))
BECAME = Choice((*_BEFORE, *((word, label, tone) for word, label, tone, _ in STANDS)))


def _joined(query):
    return query.join(Letter, JOIN.LEFT_OUTER, on=(CampaignRecipient.letter == Letter.id))


recipients = Listing(
    "newsletter recipients",
    "recipient",
    "recipients",
    CampaignRecipient,
    (
        Field("email_norm", "Reader", Email()),
        Field("status", "Letter", BECAME),
        Field("state", "State", Choice((*_BEFORE, ("handed", "Given on", "info")))),
        Field("changed_at", "Changed", Moment(past=True)),
        Field("unsubscribed_at", "Left by it", Moment(past=True)),
    ),
    NEWEST,
    joins=_joined,
    elsewhere=(
        ("status", Letter.status, Letter.status),
        ("changed_at", Letter.changed_at, None),
        ("reason", Letter.reason, None),
    ),
    parent=CampaignRecipient.campaign,
    stands_in=lambda id, by: campaigns.one(id),
    search=Parts((CampaignRecipient.email_norm,)),
    chips="state",
    under=("why",),
    also=("letter", "reason"),
    acts=(
        Act(
            *("repeat", "Send again", campaigns.send_again, "newsletter.write"),
            done="Their letter is sent once more.",
            icon="refresh",
            confirm="Send it to {name} once more? If the first one arrived after all, they have it twice.",
            when=lambda row: row.status in ("uncertain", "failed"),
        ),
    ),
    link=lambda row: f"/admin/mail/{row.letter}" if row.letter else None,
    reads="newsletter.read",
    title="Recipients",
    icon="users",
    about="Everybody an issue was for, and what became of their letter.",
    empty=(("all", "Nobody yet: they are entered once the issue goes out."),),
)

ACTS = {
    "asked": "Subscribed by the form",
    "reminded": "Was reminded to confirm",
    "confirmed": "Confirmed",
    "imported": "Came with a file",
    "unsubscribed": "Left",
}


def reader(id):
    """(the Subscriber of this number, what they said about it, the newest first). Refuses with NotFound."""
    row = existing(Subscriber.one(Subscriber.id == id), "There is no such reader.")
    said = Consent.select().where(Consent.subscriber == id).order_by(Consent.id.desc()).limit(100)
    return row, list(said)
