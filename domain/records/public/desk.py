"""Public links, and the answers to one of them, as lists: what is open to strangers, and what waits for a look."""

import json

from peewee import JOIN, Case, CharField, fn

from database.parameters import parameter
from domain.fields.choice import Choice
from domain.fields.derived import Derived
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.number import Number
from domain.fields.text import Text
from domain.lists.listing import NEWEST, Act, Listing, both
from domain.records.public import answers, links, spam
from models import Collection, Profile, PublicAnswer, PublicFile, PublicLink

SHORT = 160  # characters of an answer in the list

STATUS = Choice(
    (
        *(("open", "Open", "good"), ("not_yet", "Not open yet", "info"), ("full", "Full", "quiet")),
        *(("ended", "Ended", "quiet"), ("stopped", "Stopped", "off")),
    )
)
_STATUS = Case(
    None,
    (
        (PublicLink.stopped_at.is_null(False), "stopped"),
        (PublicLink.ends_at <= parameter("moment"), "ended"),
        (PublicLink.opens_at > parameter("moment"), "not_yet"),
        (PublicLink.taken >= PublicLink.most, "full"),
    ),
    "open",
)


def _purpose(row):
    return links.purpose_of(row["purpose"]).label


def waiting(link):
    """How many answers to a link wait for a look."""
    return PublicAnswer.select().where(PublicAnswer.link == link, PublicAnswer.state == "held").count()


links_listing = Listing(
    *("public links", "link", "links", PublicLink),
    (
        Field("name", "Link", Text(120)),
        Field("what", "For", Derived(_purpose)),
        Field("table", "Table", Text(80)),
        Field("status", "Status", STATUS, filters=False),
        Field("taken", "Answers", Number()),
        Field("who", "Shows what they may see", Text(120)),
        Field("used_at", "Last opened", Moment(past=True)),
        Field("ends_at", "Ends", Moment()),
    ),
    NEWEST,
    joins=lambda query: (
        query.join(Collection).switch(PublicLink).join(Profile, JOIN.LEFT_OUTER, on=Profile.user == PublicLink.made_by)
    ),
    elsewhere=(
        ("what", CharField(), PublicLink.purpose),
        ("table", CharField(), Collection.name),
        ("who", Profile.full_name, None),
        ("status", CharField(), _STATUS),
    ),
    acts=(
        Act(
            *("stop", "Stop now", links.stop, "records.publish"),
            confirm="Stop {name}? Whoever opens it reads that it was stopped. You can open it again.",
            tone="danger",
            when=lambda row: row.status != "stopped",
        ),
        Act("opening", "Open again", links.go_on, "records.publish", when=lambda row: row.status == "stopped"),
        Act(
            *("renewal", "Another address", links.readdress, "records.publish"),
            confirm="Give {name} another address? The one before leads nowhere from then on.",
        ),
    ),
    also=("purpose",),
    reads="records.publish",
    link=True,
    icon="world",
    title="Public links",
    about="Forms and views by which strangers reach tables, as who made each may see them at that moment.",
    empty=(("all", "Open a table and choose Share: a form for strangers, or a view they can read."),),
)

STATE = Choice((("held", "Waiting", "warn"), ("in", "In the table", "good"), ("thrown", "Thrown away", "off")))


def _words(row):
    words = json.loads(row["words"])
    shown = [words[answers.SAID]] if answers.SAID in words else words.values()
    texts = [" ".join(text.split()) for found in shown for text in found if text]
    said = " · ".join(texts)
    if not said:
        return f"Row {row['record']}" if row["record"] else "Nothing was written"
    return said if len(said) <= SHORT else f"{said[:SHORT]}…"


def _why(row):
    held = row["reasons"].split() if row["state"] == "held" else ()
    return "; ".join(spam.REASONS.get(reason, reason) for reason in held)


def _files(rows, by):
    """A mark on answers with files that nobody has looked at."""
    ids = [row.id for row in rows]
    found = PublicFile.select(PublicFile.answer, fn.count(PublicFile.id)).where(
        PublicFile.answer.in_(ids), PublicFile.state == "waiting"
    )
    counts = dict(found.group_by(PublicFile.answer).tuples()) if ids else {}
    return {id: (("info", "1 file" if count == 1 else f"{count} files"),) for id, count in counts.items()}


answers_listing = Listing(
    *("public answers", "answer", "answers", PublicAnswer),
    (
        Field("said", "Answer", Derived(_words)),
        Field("state", "State", STATE),
        Field("why", "Why it waits", Derived(_why)),
        Field("created_at", "Sent", Moment(past=True)),
    ),
    both("created_at", "Oldest first", "Newest first", first="down"),
    elsewhere=(
        ("said", CharField(), PublicAnswer.words),
        ("why", CharField(), PublicAnswer.state),
    ),
    acts=(
        Act("admission", "Let in", answers.let_in, "records.publish", when=lambda row: row.state == "held", bulk=True),
        Act(
            *("removal", "Throw away", answers.throw_away, "records.publish"),
            tone="danger",
            when=lambda row: row.state == "held",
            bulk=True,
        ),
        Act(
            *("return", "Put back to wait", answers.wait_again, "records.publish"),
            when=lambda row: row.state == "thrown" or (row.state == "in" and row.decided_at is not None),
            bulk=True,
        ),
    ),
    also=("words", "reasons", "record", "decided_at"),
    notes=("Files", _files),
    parent=PublicAnswer.link,
    stands_in=lambda id, by: links.found(id, by),
    reads="records.publish",
    link=True,
    chips="state",
    icon="inbox",
    title="Answers",
    empty=(("all", "Nobody has answered yet."),),
)
