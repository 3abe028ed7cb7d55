"""The log of letters: how each stands, in words, and the rank by which that only ever moves on.

What is told of a letter comes late, twice and in any order. A change of status is one UPDATE that asks for a lower
rank, so every order ends in the same row: a letter that somebody complained of isn't «delivered» again.
"""

from database.clock import now
from database.transactions import writes
from domain.base import preferences
from domain.fields.email import normalized
from models import Letter, Outgoing

# From least to most: each beats those before it.
ORDER = ("queued", "uncertain", "sent", "delayed", "delivered", "withheld", "failed", "suppressed", "bounced")
RANK = {status: rank for rank, status in enumerate((*ORDER, "complained"))}
SAMPLE = "sample"  # the kind of letters that somebody wants to see, whatever they look like
NOT_THERE = ("withheld", "failed", "suppressed", "bounced")  # nobody has read such a letter


def enter(row):
    """Note a letter that was left to be sent, in the transaction that leaves it; returns its Letter."""
    put_down(row)
    return of(row)


def put_down(row):
    """The same for who needs no Letter."""
    template = row.payload.get("template", "notice")
    stop = row.payload.get("stop")
    values = {
        "queued_as": row.id,
        "template": template,
        "kind": SAMPLE if row.payload.get("sample") else stop[1] if stop else kind_of(template),
        "recipient": row.recipient,
        "email_norm": normalized(row.recipient),
    }
    Letter.insert(**values).on_conflict_ignore().execute()


def kind_of(template):
    """The name of the kind of news (preferences.KINDS) that a template is of, or its own where it is of none."""
    return next((kind.name for kind in preferences.KINDS if template in kind.templates), template)


def of(row):
    """The Letter of something that waits to be sent; None where it has none."""
    return Letter.one(Letter.queued_as == row.id)


def move(letter_id, status, *, at=None, **values):
    """Let a letter stand so, where that is more than it was, in the present transaction; whether it was.
    `values` are what is known with it: reason, bounce."""
    values |= {"status": status, "rank": RANK[status], "changed_at": at or now()}
    return bool(Letter.update(**values).where(Letter.id == letter_id, Letter.rank < RANK[status]).execute())


def explain(letter_id, why):
    """Say why one that waits wasn't sent yet, in the present transaction."""
    Letter.update(reason=why).where(Letter.id == letter_id, Letter.rank == RANK["queued"]).execute()


@writes
def handed_over(letter_id, provider, provider_id):
    """A provider took it: by which name it is known there from now on, whatever has been told of it already."""
    named = {"provider": provider, "provider_id": provider_id, "sent_at": now()}
    Letter.update(**named).where(Letter.id == letter_id, Letter.sent_at.is_null()).execute()
    move(letter_id, "sent", reason=None)


@writes
def are_to(emails):
    """The condition of Outgoing rows that they go to one of these addresses, in whatever capitals it was written."""
    norms = [normalized(email) for email in emails]
    theirs = Letter.select(Letter.queued_as).where(Letter.email_norm << norms)
    return (Outgoing.recipient << [*emails, *norms]) | Outgoing.id.in_(theirs)


def forget(email_norm):
    """Take the address out of all letters to somebody who left; returns of how many."""
    gone = {"recipient": "", "email_norm": ""}
    return Letter.update(**gone).where(Letter.email_norm == email_norm, Letter.status != "queued").execute()
