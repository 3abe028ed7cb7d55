"""Who the newsletter goes to: asked once by a form, confirmed by a button behind a link, ended by one click.

A link is signed for one address and changes nothing by being looked at: programs look at links in letters. What
somebody said is kept as Consents: what, when, under which words, and a keyed hash of the place it came from.
"""

import hmac
from datetime import timedelta

from database.clock import now
from database.transactions import writes
from domain import NotFound, Refused, existing
from domain.base import audit, configuration, keys, outgoing, settings
from domain.base.letters import suppressions
from domain.fields.email import address, normalized
from models import CampaignRecipient, Consent, Subscriber

# What somebody agrees to, by its version. A new sentence is a new version: the old one is what others have agreed to.
TEXTS = {
    "2026-11": "I want news by e-mail. I can end that at any time by the link in each letter.",
}
VERSION = "2026-11"
BETWEEN = timedelta(hours=1)  # two letters to confirm to one address
REMINDED_AFTER = timedelta(days=1)
KEPT = timedelta(days=30)  # who doesn't confirm
_SHORT = 12  # characters of a hash that tells the letters to one reader apart


def text():
    """The words one agrees to."""
    return TEXTS[VERSION]


def must_be_open():
    """Refuses with NotFound where strangers can't subscribe."""
    if not settings.get("newsletter_open"):
        raise NotFound("This site has no newsletter at the moment.")


@writes
def ask(email):
    """Leave a letter with a link to confirm, unless one was left within the hour or they confirmed already: who asks
    isn't told which. Refuses with Invalid, and with NotFound while there is no newsletter."""
    must_be_open()
    email = address(email)
    norm = normalized(email)
    Subscriber.insert(email=email, email_norm=norm).on_conflict_ignore().execute()
    row = Subscriber.get(Subscriber.email_norm == norm)
    if row.status == "confirmed":
        return
    if row.status == "unsubscribed":
        begin = {"status": "unconfirmed", "round": Subscriber.round + 1, "reminded_at": None, "source": "form"}
        Subscriber.update(**begin).where(Subscriber.id == row.id, Subscriber.status == "unsubscribed").execute()
    may = Subscriber.asked_at.is_null() | (Subscriber.asked_at < now() - BETWEEN)
    if Subscriber.update(asked_at=now()).where(Subscriber.id == row.id, may).execute():
        _note(row, "asked")
        _post(Subscriber.get_by_id(row.id), "asked")


def _post(row, why):
    key = f"newsletter:{row.id}:{row.round}:{why}:{int(row.asked_at.timestamp())}"
    until = row.asked_at + KEPT
    outgoing.letter("newsletter_confirm", row.email, key, good_until=until, link=_link(row), again=why == "reminded")


def _note(row, act, **more):
    place = (audit.origin.get() or {}).get("ip")
    hashed = keys.keyed("consent place", place) if place and act != "reminded" and not more.get("by") else None
    Consent.insert(subscriber=row.id, act=act, text_version=VERSION, place_hash=hashed, **more).execute()


# --- confirming -----------------------------------------------------------------------------------------------


def _signed(purpose, about):
    return f"{about}.{keys.keyed(purpose, about)}"


def _opened(purpose, token):
    """What a token is about, as its parts; None for what we never signed."""
    about, _, given = token.rpartition(".")
    good = any(hmac.compare_digest(given.encode(), one.encode()) for one in keys.keyed_by_each(purpose, about))
    return about.split(".") if good else None


def _link(row):
    about = _signed("newsletter confirm", f"{row.public_id}.{row.round}")
    return f"{configuration.active.site_url}/newsletter/confirm/{about}"


def asked_by(token):
    """The Subscriber that a link to confirm is for. Refuses with NotFound where it isn't good any more."""
    parts = _opened("newsletter confirm", token)
    row = Subscriber.one(Subscriber.public_id == parts[0]) if parts else None
    if row is None or str(row.round) != parts[1] or row.status == "unsubscribed":
        raise NotFound("This link isn’t good any more. Subscribe again, and a new one comes.")
    return row


@writes
def confirm(token):
    """The address is its owner's, and they want the newsletter; as often as it is asked. Returns the Subscriber.
    Refuses with NotFound."""
    row = asked_by(token)
    mine = Subscriber.id == row.id, Subscriber.status == "unconfirmed", Subscriber.round == row.round
    if Subscriber.update(status="confirmed", confirmed_at=now(), unsubscribed_at=None).where(*mine).execute():
        _note(row, "confirmed")
        suppressions.welcome(row.email)
    return row


# --- leaving --------------------------------------------------------------------------------------------------


def leave_link(public_id, recipient=0):
    """The address that ends the newsletter for one reader; `recipient` is the id of whose letter it stands in, of which
    the link has only a keyed hash: nobody counts by it how many letters go out."""
    token = _signed("newsletter leave", f"{public_id}.{keys.keyed('newsletter letter', str(recipient))[:_SHORT]}")
    return f"{configuration.active.site_url}/newsletter/preferences/{token}"


def reader(token):
    """(the Subscriber or None where they are erased, the CampaignRecipient whose letter the link stood in or None).
    Refuses with NotFound for what we never signed."""
    parts = existing(_opened("newsletter leave", token), "This link isn't whole. Copy it from the letter once more.")
    row = Subscriber.one(Subscriber.public_id == parts[0])
    theirs = CampaignRecipient.select().where(CampaignRecipient.subscriber == row) if row else ()
    return row, next((one for one in theirs if parts[1] in _marks(one)), None)


def _marks(recipient):
    return [mark[:_SHORT] for mark in keys.keyed_by_each("newsletter letter", str(recipient.id))]


@writes
def leave(token):
    """No newsletter any more, as often as it is asked; returns the Subscriber or None. Refuses with NotFound."""
    row, letter = reader(token)
    if row is not None:
        if end(row, campaign=letter and letter.campaign_id) and letter:
            CampaignRecipient.update(unsubscribed_at=now()).where(CampaignRecipient.id == letter.id).execute()
        row = Subscriber.get_by_id(row.id)
    return row


def end(row, **about):
    """Somebody isn't written to any more, in the present transaction; whether they were."""
    mine = Subscriber.id == row.id, Subscriber.status != "unsubscribed"
    if not Subscriber.update(status="unsubscribed", unsubscribed_at=now()).where(*mine).execute():
        return False
    _note(row, "unsubscribed", **about)
    suppressions.suppress(row.email, suppressions.NEWS, "unsubscribed")
    return True


@writes
def come_back(token):
    """Who left by a link in a letter takes that back by the same one; returns the Subscriber.
    Refuses with NotFound, and where they never had confirmed."""
    row, letter = reader(token)
    if row is None or row.confirmed_at is None:
        raise Refused("Subscribe by the form, and confirm it by the letter that comes.")
    mine = Subscriber.id == row.id, Subscriber.status == "unsubscribed"
    if Subscriber.update(status="confirmed", confirmed_at=now(), unsubscribed_at=None).where(*mine).execute():
        _note(row, "confirmed", note="Taken back by the link in a letter")
        suppressions.welcome(row.email)
        if letter:
            CampaignRecipient.update(unsubscribed_at=None).where(CampaignRecipient.id == letter.id).execute()
    return Subscriber.get_by_id(row.id)


# --- what time brings -----------------------------------------------------------------------------------------


@writes
def look_after(limit):
    """Remind once, a day later, who hasn't confirmed; after thirty days let go of them. Who had left before stays as
    who left. Returns how many."""
    open_, remind = Subscriber.status == "unconfirmed", now() - REMINDED_AFTER
    late = Subscriber.select().where(open_, Subscriber.reminded_at.is_null(), Subscriber.asked_at < remind).limit(limit)
    done = 0
    for row in late:
        done += Subscriber.update(reminded_at=now()).where(Subscriber.id == row.id, open_).execute()
        if row.asked_at > now() - KEPT:
            _note(row, "reminded")
            _post(row, "reminded")
    old = Subscriber.select(Subscriber.id).where(open_, Subscriber.asked_at < now() - KEPT).limit(limit)
    ids = [id for (id,) in old.tuples()]
    left = Subscriber.unsubscribed_at.is_null(False)
    done += Subscriber.update(status="unsubscribed").where(Subscriber.id << ids, open_, left).execute()
    return done + Subscriber.delete().where(Subscriber.id << ids, open_).execute()


def forget(norm):
    """Erase an address, in the present transaction: of whether it may be written to only a keyed hash is kept. Returns
    table → of how many rows."""
    counts = {"subscriber": 0, "campaign_recipient": 0}
    row = Subscriber.one(Subscriber.email_norm == norm)
    if row is not None:
        if row.status == "unsubscribed":
            suppressions.suppress(row.email, suppressions.NEWS, "unsubscribed")
        theirs = CampaignRecipient.subscriber == row
        erased = f"erased-{row.public_id}"
        counts["campaign_recipient"] = (
            CampaignRecipient.update(email_norm=erased, subscriber=None).where(theirs).execute()
        )
        counts["subscriber"] = Subscriber.delete().where(Subscriber.id == row.id).execute()
    return counts | {"suppression": suppressions.hide(norm)}
