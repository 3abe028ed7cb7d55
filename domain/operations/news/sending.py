"""How an issue of the newsletter goes out, so that after a kill nobody gets it twice and nobody is lost.

Preparing writes one row for each reader, in the order of their ids, and notes with each batch how far it is; letters
go only once the tail is reached. Sending turns rows into letters of the outgoing lane, a batch in one transaction. The
lane hands each over at most once: to Resend under a key that makes a repeat the same letter; to a mail server with a
mark before, so that one whose answer was lost is «in doubt» and a person decides.
"""

import time
from datetime import timedelta

from database.clock import now
from database.transactions import writes
from domain.base import outgoing, settings
from domain.base.letters import suppressions
from domain.operations.news import campaigns, handing
from models import Campaign, CampaignRecipient, Letter, Subscriber, User

PREPARED, HANDED = 500, 100  # rows of one transaction
# Above which an issue pauses by itself, once so many letters are out: what the large mail services bear, and a list
# that is out of date.
JUDGED_FROM, COMPLAINTS, BOUNCES = 200, 0.003, 0.05
JUDGED_EVERY = 10  # seconds
KEPT = timedelta(days=390)  # recipients, counted from the end: letters are kept a little longer

_judged: dict[int, float] = {}


def is_due():
    """Whether an issue begins, is prepared, sent or was stopped, or any letter waits."""
    begins = (Campaign.status == "scheduled") & (Campaign.scheduled_at <= now())
    is_open = begins | Campaign.status.in_(("preparing", "sending"))
    return outgoing.is_due(outgoing.NEWS) or Campaign.one(is_open) is not None or bool(_left_by_stopped(1))


def work():
    """One round: begin what is due, prepare, hand letters over at the pace of the settings; returns how much was done,
    0 when nothing is left to do now."""
    began, pace = time.monotonic(), settings.get("newsletter_pace")
    done = _begin_due() + sum(map(_prepare_some, _all("preparing"))) + _skip_stopped()
    sent = outgoing.send_due(outgoing.NEWS, limit=pace)
    issues = _all("sending")
    if sent < pace:
        done += sum(_hand_over(issue, HANDED) for issue in issues if not _pauses(issue))
    if not done + sent:
        handing.rest()
        done += sum(map(_finish, issues))
    if (rest := sent / pace - (time.monotonic() - began)) > 0:
        time.sleep(rest)
    return done + sent


def _all(status):
    return list(Campaign.select().where(Campaign.status == status).order_by(Campaign.id))


def _begin_due():
    if Campaign.one(Campaign.status == "scheduled", Campaign.scheduled_at <= now()) is None:
        return 0
    return writes(_begin)()


def _begin():
    due = Campaign.status == "scheduled", Campaign.scheduled_at <= now()
    return Campaign.update(status="preparing", began_at=now()).where(*due).execute()


@writes
def _prepare_some(issue):
    """One batch of its readers; how many were looked at, at least 1."""
    confirmed = Subscriber.id > issue.prepared_to, Subscriber.status == "confirmed"
    found = list(Subscriber.select().where(*confirmed).order_by(Subscriber.id).limit(PREPARED))
    values = {"prepared_to": found[-1].id} if found else {}
    if len(found) < PREPARED:
        values |= {"prepared_at": now(), "status": "sending"}
    mine = Campaign.id == issue.id, Campaign.status == "preparing", Campaign.prepared_to == issue.prepared_to
    if Campaign.update(**values).where(*mine).execute() and found:
        rows = [{"campaign": issue.id, "subscriber": one.id, "email_norm": one.email_norm} for one in found]
        CampaignRecipient.insert_many(rows).on_conflict_ignore().execute()
    return max(len(found), 1)


@writes
def _hand_over(issue, limit):
    """Turn one batch of its recipients into letters that wait; how many were looked at. Whether somebody still wants it
    is asked here and once more as each letter goes."""
    if Campaign.one(Campaign.id == issue.id, Campaign.status == "sending") is None:
        return 0
    mine = CampaignRecipient.campaign == issue.id, CampaignRecipient.state == "waiting"
    waiting = list(CampaignRecipient.select().where(*mine).order_by(CampaignRecipient.id).limit(limit))
    ids = [one.subscriber_id for one in waiting]
    readers = {one.id: one for one in Subscriber.select().where(Subscriber.id << ids)}
    held = suppressions.without_news([one.email_norm for one in waiting])
    for one in waiting:
        reader = readers.get(one.subscriber_id)
        why = _why_not(reader, held.get(one.email_norm))
        values = (
            {"state": "skipped", "why": why} if why else {"state": "handed", "letter": campaigns.leave(one, reader)}
        )
        CampaignRecipient.update(**values).where(CampaignRecipient.id == one.id).execute()
    return len(waiting)


def _why_not(reader, held):
    if reader is None or reader.status != "confirmed":
        return "they unsubscribed meanwhile"
    return f"this address gets no news: {suppressions.sentence(held)}" if held else ""


def _skip_stopped():
    """Of issues that were stopped, leave out who still waits, a batch at a time."""
    ids = _left_by_stopped(PREPARED)
    return writes(_skip)(ids) if ids else 0


def _left_by_stopped(limit):
    mine = CampaignRecipient.select(CampaignRecipient.id).join(Campaign).where(Campaign.status == "stopped")
    return [id for (id,) in mine.where(CampaignRecipient.state == "waiting").limit(limit).tuples()]


def _skip(ids):
    left_out = CampaignRecipient.update(state="skipped", why="the issue was stopped")
    return left_out.where(CampaignRecipient.id << ids, CampaignRecipient.state == "waiting").execute()


@writes
def _finish(issue):
    """It is done once each of its recipients has an end; how many issues came to it."""
    mine = CampaignRecipient.campaign == issue.id
    queued = CampaignRecipient.select().join(Letter).where(mine, Letter.status == "queued")
    if CampaignRecipient.one(mine, CampaignRecipient.state == "waiting") is not None or queued.exists():
        return 0
    over = {"status": "done", "finished_at": now(), "figures": campaigns.figures(issue)}
    return Campaign.update(**over).where(Campaign.id == issue.id, Campaign.status == "sending").execute()


# --- when it goes badly -------------------------------------------------------------------------------------------


def _pauses(issue):
    """Whether an issue was paused now, because too many call it spam or can't be reached."""
    if time.monotonic() - _judged.get(issue.id, -JUDGED_EVERY) < JUDGED_EVERY:
        return False
    _judged[issue.id] = time.monotonic()
    found = campaigns.figures(issue)
    out = sum(found[word] for word in ("sent", "delivered", "bounced", "complained", "failed"))
    why = ""
    if out >= JUDGED_FROM and found["complained"] > out * COMPLAINTS:
        why = f"{found['complained']} of {out:,} readers called it spam. Mail services begin to refuse a sender there."
    elif out >= JUDGED_FROM and found["bounced"] + found["failed"] > out * BOUNCES:
        why = f"{found['bounced'] + found['failed']} of {out:,} letters came back or failed. Is the list out of date?"
    return bool(why) and _pause(issue, why)


@writes
def _pause(issue, why):
    if (
        not Campaign.update(status="paused", why=why)
        .where(Campaign.id == issue.id, Campaign.status == "sending")
        .execute()
    ):
        return False
    writer = User.one(User.id == issue.made_by_id, User.status == "active")
    if writer is not None:
        title, key = f"The issue “{issue.subject}” is paused", f"newsletter-paused:{issue.id}:{now():%Y%m%d%H%M}"
        outgoing.notify(writer, "admin.newsletter", key, title, body=why, link=f"/admin/campaigns/{issue.id}")
    return True


@writes
def let_go(limit):
    """Keep of issues long past their figures alone; returns how many recipients went."""
    over = Campaign.status << ("done", "stopped"), Campaign.finished_at < now() - KEPT
    mine = CampaignRecipient.select(CampaignRecipient.id, CampaignRecipient.campaign).join(Campaign).where(*over)
    ids = []
    for one in mine.order_by(CampaignRecipient.id).limit(limit):
        ids.append(one.id)
        issue = one.campaign
        if not issue.figures.get("final"):
            issue.figures = campaigns.figures(issue) | {"final": True}
            Campaign.update(figures=issue.figures).where(Campaign.id == issue.id).execute()
    return CampaignRecipient.delete().where(CampaignRecipient.id << ids).execute()
