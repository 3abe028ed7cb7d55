"""Addresses that aren't written to: what brings one there, what goes to it all the same, and the way out.

A bounce for good, a complaint or an admin ends all letters to an address; bounces that pass, when they come again and
again, and who unsubscribed end news alone. What a mail server says of us (policy, reputation, our headers) never does.
"""

import re
from datetime import timedelta

from database.clock import local, now
from database.transactions import writes
from domain import Invalid, Refused, existing
from domain.base import audit, configuration, keys, outgoing, settings
from domain.base.letters import resend
from domain.fields.email import address, normalized
from domain.fields.kinds import clean
from models import Letter, Suppression

ALL, NEWS = "all", "news"
ERASED = "erased:"  # how what stands for an erased address begins
SOFT, WITHIN = 3, timedelta(days=30)  # so many bounces that pass, in that time, end news
WORDS = {
    "bounced": "a letter to it came back",
    "complained": "its reader called a letter of ours spam",
    "manual": "an admin entered it",
    "unsubscribed": "its reader wants no news",
}
WORSE = ("unsubscribed", "complained", "bounced", "manual")  # each than those before it
SAFETY = "security"  # the kind of news whose letters somebody who complained still gets: they ask for them

# Enhanced status codes (RFC 3463) that speak of the mailbox: no such one, moved, disabled, no such domain.
_MAILBOX = re.compile(r"\b5\.(1\.([012346]|10)|2\.1|4\.(1|4|310))\b")
# And those that speak of who sends, of the letter, or of the way: 5.1.7 and 5.1.8 are the sender's address.
_OURS = re.compile(r"\b[45]\.(1\.[78]|[3567]\.\d{1,3})\b")
_CODE = re.compile(r"\b[45]\.\d{1,3}\.\d{1,3}\b")
_ABOUT_US = re.compile(
    r"polic|reputation|spam|block ?list|black ?list|blocked|banned|listed|rate.?limit|throttl|dmarc|dkim|\bspf\b"
    r"|unauthenticated|content|header|relay",
    re.I,
)


def is_mailbox_gone(said):
    """Whether a mail server said by its code that nobody is there."""
    return bool(_MAILBOX.search(said))


def judged(said, permanent):
    """What a bounce means: permanent (nobody is there), transient, or about_us, which tells nothing of the mailbox.
    `said` is what the mail server said, `permanent` what the provider makes of it."""
    if permanent and is_mailbox_gone(said):
        return "permanent"
    if _OURS.search(said) or _ABOUT_US.search(said):
        return "about_us"
    return "permanent" if permanent and not _CODE.search(said) else "transient"


def blocking(email, kind):
    """The Suppression by which no letter of this kind of news goes to an address, or None."""
    norm = normalized(email)
    whose = Suppression.email_norm << [norm, *_marks(norm)], Suppression.state == "active"
    for held in Suppression.select().where(*whose, Suppression.scope == ALL):
        return None if held.reason == "complained" and kind == SAFETY else held
    return None


def without_news(norms):
    """Of normalized addresses those that get no news: address → the Suppression by which they don't."""
    named = {mark: norm for norm in norms for mark in (norm, *_marks(norm))}
    held = Suppression.select().where(Suppression.email_norm << list(named), Suppression.state == "active")
    return {named[one.email_norm]: one for one in held}


def _marks(norm):
    """What stands in the place of an address that was erased, under each key of the site."""
    return [f"{ERASED}{mark}" for mark in keys.keyed_by_each("suppressed", norm)]


def hide(norm):
    """Keep of an erased address only a keyed hash, in the present transaction: it still isn't written to. Returns of
    how many rows."""
    rows = list(Suppression.select().where(Suppression.email_norm == norm))
    for held in rows:
        values = {"email_norm": _marks(norm)[0], "note": None, "letter": None}
        again = Suppression.email_norm == values["email_norm"], Suppression.scope == held.scope
        Suppression.delete().where(*again).execute()
        Suppression.update(**values).where(Suppression.id == held.id).execute()
    return len(rows)


def welcome(email):
    """News go to an address again, whose owner has just said so; in the present transaction."""
    norm = normalized(email)
    news = Suppression.email_norm << [norm, *_marks(norm)], Suppression.scope == NEWS
    theirs = Suppression.reason << ["unsubscribed", "bounced"]
    Suppression.update(state="lifted", since_at=now()).where(*news, theirs, Suppression.state == "active").execute()


def sentence(held):
    """Why an address isn't written to, and since when."""
    return f"{WORDS[held.reason]} on {local(held.since_at):%-d %B %Y}"


def must_be_reachable(email):
    """Refuses with Invalid an address that a code can't reach, so that nobody waits for it."""
    held = blocking(email, SAFETY)
    if held is not None:
        is_said = held.reason == "bounced" and not settings.get(
            "auth_neutral_messages"
        )  # else it tells strangers of it
        why = f": {sentence(held)}" if is_said else ""
        raise Invalid({"email": f"We can’t write to this address{why}. Use another one."})


@writes
def suppress(email, scope, reason, *, note=None, letter=None, by=None, at=None):
    """Write to an address no more, or no news; whether that is new. What is known already stays, but for a worse
    reason; what was lifted comes back only by what happened after that."""
    values = {
        "email_norm": normalized(email),
        "scope": scope,
        "reason": reason,
        "note": (note or "")[:500] or None,
        "letter": letter,
        "added_by": by,
        "since_at": at or now(),
        "state": "active",
    }
    if Suppression.insert(**values).on_conflict_ignore().as_rowcount().execute():
        return True
    whose = Suppression.email_norm == values["email_norm"], Suppression.scope == scope
    lifted, weaker = Suppression.state != "active", Suppression.reason << WORSE[: WORSE.index(reason)]
    anew = (lifted & (Suppression.since_at < values["since_at"])) | (~lifted & weaker)
    return bool(Suppression.update(**values).where(*whose, anew).execute())


@writes
def lift(id, why, *, by):
    """Write to an address again, for a reason that is kept in the audit log; returns the Suppression.
    Where the provider has a list of its own, it is to take the address off too. Refuses with Invalid, NotFound, and
    Refused where that was done already."""
    why = reason_of(why)
    held = existing(Suppression.one(Suppression.id == id), "There is no such address.")
    if held.reason == "unsubscribed":
        raise Refused("They asked for no news themselves, and only they can ask for it again.")
    moved = Suppression.update(state="lifted", since_at=now()).where(
        Suppression.id == id, Suppression.state != "lifted"
    )
    if not moved.execute():
        raise Refused("This address is written to again already.")
    about = {"reason": why, "before": held.reason, "scope": held.scope}
    audit.record("mail.suppression_lifted", f"{held.email_norm} is written to again", by=by, target=held, **about)
    if configuration.active.resend_api_key and not held.email_norm.startswith(ERASED):
        outgoing.enqueue("mail_unblock", f"unblock:{held.id}:{now().timestamp()}", {}, recipient=held.email_norm)
    return held


@outgoing.sends("mail_unblock", lane=outgoing.ADDRESSES)
def unblock(row):
    """Have the provider take an address off its own list; the last refusal stands on ours."""
    try:
        resend.unblock(row.recipient)
    except (resend.Refused, resend.Unreachable) as failed:
        _note_there(row.recipient, "blocked_there", f"{resend.LABEL} still has it on its own list: {failed}")
        raise
    _note_there(row.recipient, "lifted", None)


@writes
def _note_there(email, state, note):
    whose = Suppression.email_norm == email, Suppression.scope == ALL, Suppression.state != "active"
    Suppression.update(state=state, note=note).where(*whose).execute()


@writes
def block(email, why, *, by):
    """Write to an address no more because an admin says so, with the reason. Refuses with Invalid."""
    why, email = reason_of(why), address(email)
    if suppress(email, ALL, "manual", note=why, by=by):
        audit.record("mail.suppressed", f"{email} isn't written to any more", by=by, reason=why)


def reason_of(text):
    """A reason that others can understand later. Refuses with Invalid."""
    text = " ".join(clean(text).split())
    if not 3 <= len(text) <= 300:
        raise Invalid({"reason": "Say why, in 3 to 300 characters: others will read it."})
    return text


def count_bounce(letter):
    """After a bounce that passes: no news where several came in a short time, in the present transaction."""
    since = now() - WITHIN
    mine = Letter.email_norm == letter.email_norm, Letter.bounce == "transient", Letter.changed_at > since
    if Letter.select().where(*mine).count() >= SOFT:
        suppress(letter.email_norm, NEWS, "bounced", note=letter.reason, letter=letter)
