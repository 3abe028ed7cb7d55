"""What leaves the house once its cause has committed: letters, notifications, posted events.

A row is left in the transaction of its cause and sent by a job, at least once; its key makes a repeat
harmless. A kind is a function marked with `@sends`: the next one is that function and nothing else. It names the lane
that it leaves by; each is a job of its own, so that who doesn't answer delays what is of its lane alone.
"""

import hashlib
import logging
import re
from datetime import timedelta

from database.clock import now
from database.scope import inside
from database.transactions import wake, writes
from domain.base import allowances, configuration, preferences
from domain.base.letters import log as letters
from domain.fields.email import normalized
from models import Assignment, Letter, MailPause, Membership, Organization, Outgoing, User

log = logging.getLogger("guildhall.outgoing")

BACKOFF = (1, 5, 30, 120)  # minutes between tries, the last again and again
TRIES = 5
BATCH = 100
SENT_KEPT = timedelta(days=30)
# Left for the payment provider. Nothing in these is secret, so they can be sent again once they were given up.
KEPT = ("subscription_end", "subscription_double")

# The lanes: each is a job and what wakes it. News have their own, as nobody's code waits behind thousands of letters.
LETTERS, MONEY, ADDRESSES, NEWS = "outgoing", "outgoing_money", "outgoing_addresses", "newsletter"
SANDBOX = "outgoing_sandbox"
FAREWELL = "account_deleted"  # the last letter to somebody
LOGGED = ("mail", "newsletter")  # the kinds that have a row in the log of letters

_senders = {}
_together = {}  # kind → the function that is given all that are due of it
_lanes = {}  # kind → the lane of those that leave by another than LETTERS


def sends(kind, transactional=False, lane=LETTERS, together=False):
    """Mark the function that sends this kind. A transactional one writes rows of ours, with the mark; one that sends
    `together` is given all rows of a batch, and settles each by `settle`."""

    def keep(function):
        if together:
            _together[kind] = function
        else:
            _senders[kind] = (function, transactional)
        if lane != LETTERS:
            _lanes[kind] = lane
        return function

    return keep


class NeverSent(Exception):
    """It can't be sent, and no further try would change that."""

    in_doubt = False


class Withheld(NeverSent):
    """It isn't to be sent, and nothing is wrong with that."""


class Uncertain(NeverSent):
    """Nobody can tell any more whether it was sent, so it isn't sent again by itself."""

    in_doubt = True


class Later(Exception):
    """Not now: it waits so many seconds, which is no try. `pauses` names the provider that takes nothing meanwhile
    but what can't wait; a request that goes on there leaves it `in_doubt`."""

    def __init__(self, seconds, why="", pauses="", in_doubt=False):
        super().__init__(why)
        self.seconds, self.pauses, self.in_doubt = seconds, pauses, in_doubt


def enqueue(kind, key, payload, *, recipient=None, subject=None, good_until=None):
    """Leave something to be sent, in the present transaction; False when its key was left before."""
    values = {"payload": payload, "recipient": recipient, "subject": subject, "good_until_at": good_until}
    return _left(kind, key, **values) is not None


def _left(kind, key, **values):
    """What was left, as far as it is known; None where its key was left before."""
    left = Outgoing.insert(kind=kind, key=_short(key), **values).on_conflict_ignore().returning(Outgoing.id)
    for row in left.execute():
        wake(_lanes.get(kind, LETTERS))
        return Outgoing.of(id=row.id, kind=kind, **values)
    return None


def _short(key):
    return key if len(key) <= 160 else key[:90] + ":" + hashlib.sha256(key.encode()).hexdigest()


# Letters that anybody can cause to an address that isn't proven theirs.
ASKED = {
    *("verify_email", "already_registered", "otp_sign_in", "magic_link", "reset_password", "confirm_address"),
    *("identity_code", "invitation", "tickets_code"),
}


def letter(template, to, key, *, about=None, good_until=None, at_will=False, **values):
    """Leave a letter that nobody can do without: `template` names a file in templates/mail, `to` is an address.

    `about` is (user, organization) where it tells of what only somebody who belongs there may know.
    After `good_until` what it says is void, and it isn't sent any more. What people choose goes by `notify`.
    Refuses with allowances.TooOften beyond three an hour to an address of those that anybody can cause, and of those
    that somebody has sent again `at_will`.
    """
    if template not in preferences.NECESSARY_LETTERS:
        raise LookupError(f"{template} isn't a letter that everybody gets: see preferences.KINDS")
    made = _post(template, to, key, values, about, good_until)
    if made and (at_will or template in ASKED):
        allowances.spend_letter(to)
    return made


def _post(template, to, key, values, about=None, good_until=None, **more):
    payload = {"template": template, "values": values} | more
    if about and about[1]:
        payload |= {"recipient": about[0].id, "organization": about[1].id}
    left = _left("mail", key, payload=payload, recipient=to, good_until_at=good_until)
    if left is not None:
        letters.put_down(left)
    return left is not None


def notify(user, type, key, title, *, body=None, link=None, organization=None, letter=None, in_bell=True):
    """Leave news for one person, as they want it of this kind: in the bell, by letter at once, by a digest, or not.

    The same key never shows twice. `letter` is (template, values), where this news has one of its own; without
    `in_bell` it is for letters alone. What is of an `organization` is for who belongs there: with none, it reaches
    also who has just left. True when something is on its way.
    """
    kind = preferences.wanted(user.id, type)
    in_bell = in_bell and kind.in_bell
    digest = kind.letter if kind.letter in preferences.DIGESTS else None
    payload = {
        "type": type,
        "title": title,
        "body": body,
        "link": link,
        "recipient": user.id,
        "organization": organization.id if organization else None,
    }
    if not in_bell or digest:
        payload |= {"in_bell": in_bell, "digest": digest}
    left = (in_bell or digest) and enqueue("notification", f"{key}:{user.id}", payload)
    if kind.letter == preferences.NOW and not kind.why:
        if organization and organization.asks_for_factor and not user.second_factor_at:
            (title, body, link), letter = covered_news(organization), None
        template, values = letter or ("notice", {"title": title, "body": body, "link": whole(link)})
        about, stop = (user, organization), [user.public_id, kind.name]
        left = _post(template, user.email, f"{key}:{user.id}:letter", values, about, type=type, stop=stop) or left
    return bool(left)


def covered_news(organization):
    """(title, body, link): what an organization that asks for a second factor tells to somebody without one."""
    return f"News of {organization.name}", "Set up a second factor, and you can read it.", f"/{organization.slug}"


def write_by_itself(to, key, values):
    """Leave a letter that an automation writes to any address; False where its reader has an account and wants none of
    these, or it was left before. The automation counts how many it leaves."""
    reader = User.one(User.email_norm == normalized(to), User.status == "active")
    kind = preferences.kind_of("automation.letter")
    if reader is not None and preferences.wanted(reader.id, "automation.letter").letter == preferences.OFF:
        return False
    return _post("automation", to, key, values, **({"stop": [reader.public_id, kind.name]} if reader else {}))


def post_sample(template, user, key, values):
    """Leave a letter with values that are made up, to who wants to see how it looks: nothing follows from it."""
    return _post(template, user.email, key, values, sample=True)


def post_digest(user, period, day, values):
    """Leave the letter of a digest; it ends by its own link."""
    return _post("digest", user.email, f"digest:{user.id}:{period}:{day}", values, stop=[user.public_id, period])


def whole(link):
    """A link of a notice with the site, as letters need it."""
    return f"{configuration.active.site_url}{link or '/notifications'}"


def belongs(user_id, organization_id):
    """Whether somebody still is in an organization that goes on: asked when notices and letters are sent."""
    organization = Organization.one(Organization.id == organization_id)
    if organization is None or organization.status == "deleted":
        return False
    if Membership.one(Membership.user == user_id, Membership.organization == organization) is not None:
        return True
    with inside(organization):
        return Assignment.one(Assignment.user == user_id) is not None


_asked = {}


def asks(pattern):
    """Mark who knows whether somebody still reads what news lead to: (user's id, organization's id, for each of several
    addresses the parts that the pattern names) → what of these they read. It is asked when news are sent and each time
    they are read, once for a whole page of them."""

    def keep(function):
        _asked[re.compile(pattern)] = function
        return function

    return keep


def is_read_by(user, organization, link):
    """Whether somebody (ids) may still read what news lead to."""
    return not unread_by(user, [(organization, link)])


def unread_by(user, news):
    """Of news, (organization's id, link) each, those that somebody (an id) may not read any more."""
    gone = set()
    for pattern, asked in _asked.items():
        places: dict[int, dict] = {}
        for organization, link in news:
            found = pattern.match((link or "").removeprefix(configuration.active.site_url))
            if found and organization:
                places.setdefault(organization, {}).setdefault(tuple(found.groupdict().items()), []).append(link)
        for organization, links in places.items():
            read = asked(user, organization, [dict(parts) for parts in links])
            for parts, led in links.items():
                if dict(parts) not in read:
                    gone |= {(organization, link) for link in led}
    return gone


def has_a_reader(user, organization, type="", link=""):
    """Whether news may go out (all are ids): to who belongs to its organization and still sees what it leads to, and
    of a suspended one only about itself."""
    if user is None or organization is None:
        return True
    suspended = Organization.status == "suspended"
    if type.startswith(("task", "comment")) and Organization.one(Organization.id == organization, suspended):
        return False
    return belongs(user, organization) and is_read_by(user, organization, link)


def is_due(lane):
    """Whether anything is to be sent now by a lane."""
    return Outgoing.due().where(*_leaving_by(lane)).exists()


def send_due(lane=None, limit=None):
    """Send one batch of what is due, of one lane or of all; returns how many were tried. Called until it returns
    nothing."""
    due = Outgoing.due().where(*_leaving_by(lane)).order_by(Outgoing.next_attempt_at, Outgoing.id)
    due = list(due.limit(limit or BATCH))
    for row in due:
        if row.kind not in _together and (refused := tried(_send, row)):
            settle([(row, refused)])
    for kind, send in _together.items():
        if rows := [row for row in due if row.kind == kind]:
            send(rows)
    return len(due)


def tried(send, *about):
    """What became of sending, as `settle` takes it: what `send` returned, or what it refused with."""
    try:
        return send(*about)
    except Exception as refused:  # one of the two places that catch everything: `settle` records it
        return refused


@writes
def settle(outcomes):
    """Note what became of several, in one transaction: (row, (provider, its id) or what it was refused with)."""
    for row, outcome in outcomes:
        if isinstance(outcome, Later):
            _put_off(row, outcome)
        elif isinstance(outcome, Withheld):
            _mark_withheld(row, str(outcome))
        elif isinstance(outcome, Exception):
            log.warning("sending failed", extra={"outgoing": row.id, "kind": row.kind}, exc_info=outcome)
            _mark_failed(row, outcome)
        else:
            _mark_sent(row, outcome)


def _send(row):
    if row.good_until_at is not None and row.good_until_at < now():
        raise NeverSent("it came too late: what it says is void")
    if _is_farewell(row) and _waits(row):
        raise Later(60)
    send, transactional = _senders[row.kind]
    about = row.payload
    link = about.get("link") or about.get("values", {}).get("link")
    if not has_a_reader(about.get("recipient"), about.get("organization"), about.get("type", ""), link):
        raise Withheld("who it was for may not read it any more")
    if transactional:
        _send_and_mark(row, send)
    else:
        _mark_sent(row, send(row))


def _leaving_by(lane):
    if lane is None:
        return ()
    if lane == LETTERS:
        return (Outgoing.kind.not_in(list(_lanes)),)
    return (Outgoing.kind << [kind for kind, its in _lanes.items() if its == lane],)


def _is_farewell(row):
    return row.payload.get("template") == FAREWELL and not row.payload.get("sample")


def _waits(farewell):
    """Whether something of before is yet to go to somebody who left: their addresses are forgotten after it."""
    before = Outgoing.status == "queued", Outgoing.id < farewell.id
    return Outgoing.select(Outgoing.id).where(letters.are_to(_addresses(farewell)), *before).exists()


def _addresses(farewell):
    """The present address of somebody who left, and those that they had."""
    return [farewell.recipient, *farewell.payload["values"].get("formerly", ())]


def forget(email):
    """Take an address whose owner left out of all that was sent to it, in the present transaction; returns table → of
    how many rows. What waits goes out yet, before the letter that says farewell, and is removed after that."""
    removed = Outgoing.delete().where(letters.are_to([email]), Outgoing.status != "queued").execute()
    return {"letter": letters.forget(normalized(email)), "outgoing": removed}


@writes
def _send_and_mark(row, send):
    if _mark(row, status="sent", sent_at=now(), payload={}, error=None):
        send(row)


@writes
def _mark_sent(row, taken=None):
    """`taken` is (provider, its id) of a letter."""
    # The payload goes: it may have held a code, and the database is no place for it.
    _mark(row, status="sent", sent_at=now(), payload={}, error=None)
    if taken and (letter := letters.of(row)):
        letters.handed_over(letter.id, *taken)
        _forget_after(row, letter)


def _forget_after(row, letter):
    """After the last letter to somebody who left, whatever became of it, their address is kept no longer."""
    if _is_farewell(row):
        for email in _addresses(row):
            forget(email)


@writes
def _mark_withheld(row, why):
    _mark(row, status="sent", sent_at=now(), payload={}, error=None)
    _log(row, "withheld", why)
    if letter := letters.of(row):
        _forget_after(row, letter)


@writes
def _put_off(row, later):
    until, why = now() + timedelta(seconds=later.seconds), str(later)[:500]
    _mark(row, next_attempt_at=until, **({"error": why} if why else {}))
    if later.pauses:
        about = {MailPause.until_at: until, MailPause.reason: why}
        paused = MailPause.insert(provider=later.pauses, until_at=until, reason=why)
        paused.on_conflict(conflict_target=[MailPause.provider], update=about).execute()
    _log(row, "queued", why)


@writes
def _mark_failed(row, error):
    tries = row.attempts + 1
    text = f"{type(error).__name__}: {error}"[:500]
    if tries >= TRIES or isinstance(error, NeverSent):
        kept = {} if row.kind in KEPT else {"payload": {}}
        in_doubt = ASKED_FOR in row.payload
        _mark(row, status="buried", attempts=tries, error=text, **kept)
        _log(row, "uncertain" if in_doubt else "failed", str(error) if isinstance(error, NeverSent) else text)
        if row.kind == "mail" and (letter := letters.of(row)):
            _forget_after(row, letter)
    else:
        _mark(row, attempts=tries, error=text, next_attempt_at=next_try(tries))
        _log(row, "queued", text)


def _log(row, status, why):
    """Note in the log of letters how one stands, and why."""
    letter = letters.of(row) if row.kind in LOGGED else None
    if letter and not letters.move(letter.id, status, reason=why[:500]) and why:
        letters.explain(letter.id, why[:500])


ASKED_FOR = "asked"  # in a letter's payload: a provider was asked for it, as it stands there, and didn't answer yet


@writes
def note_asked(row, asked):
    """Keep with a letter what a provider is asked for, before it is; None once that is answered."""
    rest = {name: value for name, value in row.payload.items() if name != ASKED_FOR}
    row.payload = rest | ({ASKED_FOR: asked} if asked else {})
    _mark(row, payload=row.payload)


def was_refused(keys):
    """Whether a letter with one of these keys didn't get where it was to go, as far as we were told."""
    lost = Outgoing.select().join(Letter, on=Letter.queued_as == Outgoing.id)
    return lost.where(Outgoing.key.in_(keys), Letter.status.in_(letters.NOT_THERE)).exists()


def trouble(since):
    """(how many letters were given up since then, the newest error of those and of others that wait), for admins."""
    letters = Outgoing.select().where(
        Outgoing.kind == "mail", Outgoing.updated_at > since, Outgoing.error.is_null(False)
    )
    newest = letters.order_by(Outgoing.updated_at.desc(), Outgoing.id.desc()).first()
    return letters.where(Outgoing.status == "buried").count(), newest and newest.error


def next_try(tries):
    """When to try again after so many tries that failed."""
    return now() + timedelta(minutes=BACKOFF[min(tries, len(BACKOFF)) - 1])


def _mark(row, **values):
    return Outgoing.update(**values).where(Outgoing.id == row.id, Outgoing.status == "queued").execute()


def again(row):
    """Have something of KEPT sent again that was given up, in the present transaction; False when it wasn't."""
    kind, provider, id = row.key.split(":", 2)
    payload = row.payload or {"provider": provider, "subscription": id}
    waiting = Outgoing.id == row.id, Outgoing.status == "buried", Outgoing.kind == kind, Outgoing.kind.in_(KEPT)
    values = {"status": "queued", "attempts": 0, "next_attempt_at": now(), "payload": payload}
    if not Outgoing.update(**values).where(*waiting).execute():
        return False
    wake(_lanes.get(kind, LETTERS))
    return True
