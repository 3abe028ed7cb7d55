"""How letters of issues are handed over, each at most once.

Resend is asked for up to a hundred in one request, under a key and with the very bodies that were kept before it, so a
repeat is the same letters there. A mail server gets them one by one, with a mark before each: one whose answer was lost
is «in doubt», and a person decides.
"""

import smtplib
from functools import partial

from database.columns import public_id
from database.transactions import writes
from domain.base import configuration, mail, outgoing
from domain.base.letters import log, resend, smtp, suppressions
from domain.fields.email import normalized
from domain.operations.news import writing
from models import Campaign, Outgoing, Subscriber

PUT_OFF = 3600  # seconds that a letter of a paused issue waits: going on calls it back at once
UNREACHABLE = 60  # seconds until a provider that wasn't there is asked again
STOPPED = "It was being handed over when the server stopped. Whether it arrived is not known."
LOST = "Whether it arrived is not known, and it isn’t asked for again"


@outgoing.sends("newsletter", lane=outgoing.NEWS, together=True)
def deliver(rows):
    """Hand letters over, and settle each."""
    by_resend = configuration.active.resend_api_key
    lost = [row for row in rows if outgoing.ASKED_FOR in row.payload and not (by_resend and "key" in _asked(row))]
    if lost:
        outgoing.settle([(row, outgoing.Uncertain(STOPPED)) for row in lost])
    rest = [row for row in rows if row not in lost]
    if by_resend:
        _by_resend(rest)
    else:
        _one_by_one(rest)


def rest():
    """Nothing is to be handed over for a while: let go of the connection."""
    smtp.hang_up()


def _asked(row):
    return row.payload[outgoing.ASKED_FOR]


def _must_still_go(row):
    """The issue of a letter. Refuses with Withheld what isn't to go any more, and with Later while its issue is
    paused."""
    about, issue = row.payload, Campaign.one(Campaign.id == row.payload["issue"])
    if issue is None:
        raise outgoing.Withheld("the issue was thrown away")
    if not about.get("sample"):
        if issue.status == "stopped" and not about.get("alone"):
            raise outgoing.Withheld("the issue was stopped")
        if issue.status == "paused":
            raise outgoing.Later(PUT_OFF)
        if Subscriber.one(Subscriber.public_id == about["reader"], Subscriber.status == "confirmed") is None:
            raise outgoing.Withheld("they unsubscribed meanwhile")
    norm = normalized(row.recipient)
    held = suppressions.without_news([norm]).get(norm)
    if held is not None:
        raise outgoing.Withheld(f"this address gets no news: {suppressions.sentence(held)}")
    return issue


def _composed(row):
    issue, about = _must_still_go(row), row.payload
    return writing.addressed(
        issue, row.recipient, about.get("reader", "test"), about.get("to", 0), mail.message_id(row)
    )


def _letter_of(row):
    return log.of(row) or writes(log.enter)(row)


# --- to a mail server ---------------------------------------------------------------------------------------------


def _one_by_one(rows):
    """What became of a letter is noted with the mark of the next: a letter is one commit."""
    unsettled: list = []
    for row in rows:
        outcome = outgoing.tried(_hand_over, row, unsettled)
        unsettled.append((row, outcome))
        if isinstance(outcome, Exception):  # it may hold up those behind it
            outgoing.settle(unsettled)
            unsettled.clear()
    if unsettled:
        outgoing.settle(unsettled)


def _hand_over(row, unsettled):
    message, url = _composed(row), configuration.active.smtp_url
    if not url:
        mail.keep(message, row.id)
        return "file", None
    mail.wait_for(smtp.NAME)
    try:
        smtp.send_once(message, url, before=partial(_begin, row, unsettled))
    except (smtp.Unreachable, smtp.Refused, smtplib.SMTPException) as refused:
        if outgoing.ASKED_FOR in row.payload:  # it was answered, and no: the next try begins anew
            outgoing.note_asked(row, None)
        if isinstance(refused, smtp.Unreachable):
            raise outgoing.Later(UNREACHABLE, str(refused), pauses=smtp.NAME) from refused
        if isinstance(refused, smtp.Refused):
            mail.note_refusal(row, _letter_of(row), refused)
        raise
    return smtp.NAME, str(message["Message-ID"])


def _begin(row, unsettled):
    _mark(row, unsettled)
    unsettled.clear()


@writes
def _mark(row, unsettled):
    outgoing.settle(unsettled)
    outgoing.note_asked(row, {"by": smtp.NAME})


# --- to Resend ----------------------------------------------------------------------------------------------------


def _by_resend(rows):
    fresh, asked = {}, {}
    for row in rows:
        if outgoing.ASKED_FOR in row.payload:
            asked[_asked(row)["key"]] = _asked(row)["batch"]
        else:
            fresh.setdefault(row.payload["issue"], []).append(row)  # one that is paused holds up no other
    for ids in asked.values():
        batch = Outgoing.select().where(Outgoing.id << ids, Outgoing.status == "queued").order_by(Outgoing.id)
        _unless_paused(_ask_again, list(batch))
    for some in fresh.values():
        for start in range(0, len(some), resend.TOGETHER):
            _unless_paused(_ask, some[start : start + resend.TOGETHER])


def _unless_paused(ask, rows):
    if paused := outgoing.tried(mail.wait_for, resend.NAME):
        outgoing.settle([(row, paused) for row in rows])
    else:
        ask(rows)


def _ask(rows):
    """Ask for letters for which nobody asked yet; where they are refused for what one of them says, by halves."""
    found = [(row, outgoing.tried(_body, row)) for row in rows]
    going = [row for row, body in found if not isinstance(body, Exception)]
    _mark_asked(found, [row.id for row in going])
    outcome = outgoing.tried(_answer, going) if going else None
    if isinstance(outcome, Exception) and not getattr(outcome, "in_doubt", True):
        _take_back(going)
        if isinstance(outcome, outgoing.NeverSent) and len(going) > 1:
            half = len(going) // 2
            _unless_paused(_ask, going[:half])
            _unless_paused(_ask, going[half:])
            return
    outgoing.settle(_each(going, outcome))


def _body(row):
    return resend.body_of(_composed(row), _letter_of(row))


@writes
def _mark_asked(found, ids):
    outgoing.settle([(row, body) for row, body in found if isinstance(body, Exception)])
    batch = {"key": f"newsletter/{public_id()}", "batch": ids}
    for row, body in found:
        if not isinstance(body, Exception):
            outgoing.note_asked(row, resend.asked(body) | batch)


@writes
def _take_back(rows):
    for row in rows:
        outgoing.note_asked(row, None)


def _answer(rows):
    """Resend's ids of letters, in their order. Refuses as resend.send_together does, and with Later for what is about
    them or our account: no letter is lost by it."""
    try:
        return resend.send_together([_asked(row) for row in rows])
    except (resend.Unreachable, resend.Refused) as away:
        raise outgoing.Later(UNREACHABLE, str(away), pauses=resend.NAME, in_doubt=away.in_doubt) from away


def _each(rows, outcome):
    """What became of each of them, by what became of all."""
    if isinstance(outcome, Exception):
        return [(row, outcome) for row in rows]
    return [(row, (resend.NAME, id)) for row, id in zip(rows, outcome or (), strict=True)]


def _ask_again(rows):
    """Ask once more for letters whose answer was lost. Where some of them aren't to go any more, the others are asked
    for under the same key: then none was taken before, or Resend knows the key by other letters, and has them all."""
    found = [(row, outgoing.tried(_must_still_go, row)) for row in rows]
    stays = [(row, why) for row, why in found if isinstance(why, Exception)]
    going = [row for row, why in found if not isinstance(why, Exception)]
    paused = next((why for _, why in stays if isinstance(why, outgoing.Later)), None)
    if paused is None and going:
        outcome = outgoing.tried(_answer, going)
        if stays and isinstance(outcome, resend.Known):
            outcome = outgoing.tried(_answer, rows)
            stays, going = [], rows
        if isinstance(outcome, Exception):
            stays = _each([row for row, _ in stays], outcome)
        outgoing.settle(stays + _each(going, outcome))
    else:
        outgoing.settle([(row, paused or outgoing.Uncertain(f"{LOST}: {why}.")) for row, why in found])
