"""What needs an admin: a list of checks, which a job asks each minute into one row, and the overview reads."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from peewee import fn

from database import housekeeping
from database.clock import local, now
from database.connections import database
from database.scope import everywhere
from database.transactions import writer, writes
from domain.base import allowances, configuration, outgoing
from domain.base.flags import flags
from domain.events import payments, refunds
from domain.events.carriers import wallets
from domain.fields.number import counted
from domain.flyers import reported
from domain.lists import asks, lists
from domain.money import pricing, reconciliations, subscriptions
from domain.operations import surroundings
from domain.operations.copies import copies
from domain.operations.mail import mail_silences
from domain.operations.releases import deployments
from domain.operations.runs import alarms, leases
from domain.people import admins
from models import ApiKey, Attention, Letter, Outgoing, Release, TicketOrder, TicketRefund, User, WebhookEvent

log = logging.getLogger("guildhall.attention")

MB = 1024 * 1024
MOST_LOG = 256 * MB  # of SQLite's log, which is cut by itself unless somebody reads from it for long
MOST_BACKLOG = 500


@dataclass(frozen=True)
class Need:
    """Something that waits for a decision: how bad, in words, where it is made, and since when it was seen."""

    tone: str
    words: str
    href: str = ""
    link: str = ""
    since: datetime | None = None


FRESH = timedelta(seconds=90)  # a look that is older is taken anew by whoever asks
SILENT = timedelta(minutes=5)  # without a look: then nobody looks after anything

_checks: list = []


def check(right):
    """Mark a function as a check: what it yields are Needs of whoever has the right. One that is in a room to the right
    of this file is known once it is imported."""

    def keep(function):
        _checks.append((right, function))
        return function

    return keep


def look():
    """Ask all checks, and keep what they say in one row, which pages read; returns how many there are. Of what was said
    before it is kept since when."""
    before = {_key_of(line): line["since"] for line in _kept()[0]}
    lines = [{"right": right, "check": name, **vars(need), "since": None} for right, name, need in _asked(_everybody())]
    for line in lines:
        line["since"] = before.get(_key_of(line)) or now().isoformat()
    _keep(lines)
    return len(lines)


def needs(staff, failed_jobs):
    """What waits for this admin, the worst first; only what they may do something about. It is what was looked at
    within the last minute, or is looked at now."""
    lines, looked_at = _kept()
    if looked_at is not None and looked_at > now() - FRESH:
        found = [_need(line) for line in lines if staff.may(line["right"])]
    else:
        found = [need for right, _, need in _asked(staff) if staff.may(right)]
    found += _yours(staff)
    if failed_jobs and staff.may("jobs.run"):
        words = f"{counted(failed_jobs, 'job')} failed at the last run."
        found.insert(0, Need("bad", words, "/admin/jobs?result=failed", "Look at jobs"))
    if looked_at is not None and looked_at < now() - SILENT and staff.may("jobs.run"):
        words = f"No job runs: nothing was looked after since {local(looked_at):%-d %B, %H:%M %Z}."
        found.insert(0, Need("bad", words, "/admin/jobs", "Look at jobs"))
    return sorted(found, key=lambda need: need.tone != "bad")


def _everybody():
    return admins.Staff(User(), admins.EVERYTHING)


def _asked(staff):
    """(right, the check's name, the Need) of all; a check that fails is a line itself."""
    for right, ask in _checks:
        try:
            found = list(ask(staff))
        except Exception:
            log.exception("a check failed", extra={"check": ask.__name__})
            words = f"What needs attention couldn’t be asked ({ask.__name__.strip('_')}): the log says why."
            found = [Need("bad", words)]
        yield from ((right, ask.__name__, need) for need in found)


def _key_of(line):
    return line["check"], line["href"], line["link"]


def _kept():
    """(the lines of the last look, when that was)."""
    row = Attention.one(Attention.key == "all")
    return (row.lines, row.looked_at) if row else ([], None)


@writes
def _keep(lines):
    Attention.insert(key="all", lines=lines, looked_at=now()).on_conflict(
        conflict_target=[Attention.key], update={Attention.lines: lines, Attention.looked_at: now()}
    ).execute()


def _need(line):
    since = datetime.fromisoformat(line["since"])
    return Need(line["tone"], line["words"], line["href"], line["link"], since)


def _yours(staff):
    """What is about whoever asks."""
    if staff.may("settings.write") and staff.user.second_factor_at is None:
        words = "Your account has no second factor: a password alone opens this side."
        yield Need("warn", words, "/settings/security", "Turn it on")


# --- the checks ---------------------------------------------------------------------------------------------


@check("jobs.run")
def _jobs(_staff):
    for alarm in alarms.open_ones():
        yield Need("warn" if alarm.kind == "little" else "bad", alarm.words, f"/admin/jobs/{alarm.job}", "Look at it")
    for run in leases.died().values():
        words = f"A run of a job was cut off in the middle, {local(run.started_at):%-d %B, %H:%M %Z}."
        yield Need("bad", words, f"/admin/jobs/{run.job}", "Look at it")


@check("jobs.run")
def _queues(_staff):
    buried = _count(WebhookEvent, WebhookEvent.status == "buried")
    unsent = _count(Outgoing, Outgoing.status == "buried", Outgoing.kind.not_in((*outgoing.KEPT, "mail")))
    if buried:
        words = f"{counted(buried, 'webhook')} {'was' if buried == 1 else 'were'} given up."
        yield Need("bad", words, "/admin/webhooks?status=buried", "Look at webhooks")
    if unsent:
        words = f"{counted(unsent, 'notice', 'notices')} could not be sent."
        yield Need("bad", words, "/admin/jobs", "Look at jobs")


@check("mail.read")
def _mail(_staff):
    week, letters = now() - timedelta(days=7), "/admin/mail?status="
    for status, tone, words in (
        ("failed", "bad", "could not be sent this week."),
        ("uncertain", "warn", "may or may not have been sent this week: nobody answered."),
    ):
        if count := _count(Letter, Letter.status == status, Letter.changed_at > week):
            yield Need(tone, f"{counted(count, 'letter')} {words}", letters + status, "Look at mail")
    if waiting := _count(Outgoing, *_DUE_MAIL, Outgoing.next_attempt_at < now() - timedelta(minutes=5)):
        yield Need("bad", f"{counted(waiting, 'letter')} should have left by now.", letters + "queued", "Look at mail")
    if mail_silences.untold():
        words = "Resend told nothing of the last letters that it took. Its endpoint may be switched off."
        yield Need("warn", words, letters + "sent", "Look at mail")
    if configuration.active.resend_api_key and not configuration.active.resend_webhook_secret:
        words = "Nothing is known of letters that bounce: RESEND_WEBHOOK_SECRET isn’t set."
        yield Need("warn", words, "/admin/mail", "Look at mail")
    share = _lost_share(week)
    if share:
        yield Need("bad", share, letters + "bounced", "Look at mail")


_DUE_MAIL = (Outgoing.kind == "mail", Outgoing.status == "queued")
ENOUGH, MOST_SPAM, MOST_BOUNCED = 200, 0.003, 0.05  # letters that shares say something of; what mail services stand


def _lost_share(since):
    """In words, when so many letters bounced or were called spam that mail services stop taking ours."""
    sent = _count(Letter, Letter.sent_at > since)
    if sent < ENOUGH:
        return ""
    spam = _count(Letter, Letter.sent_at > since, Letter.status == "complained") / sent
    back = _count(Letter, Letter.sent_at > since, Letter.status == "bounced") / sent
    if spam <= MOST_SPAM and back <= MOST_BOUNCED:
        return ""
    return (
        f"Of this week’s letters {back:.1%} came back and {spam:.2%} were called spam. Mail services refuse ours soon."
    )


@check("subscriptions.read")
def _money(staff):
    if not configuration.active.has_billing:
        return
    state = reconciliations.overview()
    if state["silent_since"]:
        words = f"No webhook came since {local(state['silent_since']):%-d %B %Y, %H:%M %Z}, and subscriptions run."
        yield Need("bad", words, "/admin/webhooks", "Look at webhooks")
    if state["open"]:
        differ = "row differs" if state["open"] == 1 else "rows differ"
        words = f"{state['open']} {differ} from what the payment provider says."
        yield Need("warn", words, "/admin/reconciliation", "Look at what differs")
    given_up = len(subscriptions.given_up())
    if given_up:
        what = "a subscription" if given_up == 1 else counted(given_up, "subscription")
        words = f"The payment provider couldn't be told to end {what}."
        yield Need("bad", words, "/admin/subscriptions", "Send again")
    for key, label in subscriptions.DOUBTS.items():
        ask = asks.understand(subscriptions.listing, {"doubt": key, "rows": "100"})
        if rows := lists.read(subscriptions.listing, ask, staff).rows:
            words = f"{counted(len(rows), 'subscription')}: {label[:1].lower()}{label[1:]}."
            yield Need("warn", words, f"/admin/subscriptions?doubt={key}", "Look at them")


@check("pricing.sync")
def _prices(_staff):
    for plan, doubt in pricing.doubts().items():
        yield Need("bad", f"The plan {plan} can't be bought. {doubt}", "/admin/pricing", "Look at prices")


@check("settings.write")
def _machine(_staff):
    chosen = configuration.active
    if not housekeeping.has_room(chosen.database_url):
        yield Need("bad", "The disk is all but full. Nothing can be saved once it is.")
    elif left := housekeeping.short_of_room(chosen.database_url):
        yield Need("warn", f"The disk has {left // MB:,} MB left. A copy needs more than twice the database’s size.")
    if (size := housekeeping.log_size(chosen.database_url)) > MOST_LOG:
        reader, since = database.oldest_reader()
        whose = f" Its oldest reader is {reader}, since {local(since):%H:%M %Z}." if reader else ""
        yield Need("bad", f"The database’s log has grown to {size // MB:,} MB, because somebody still reads.{whose}")
    if allowances.is_away():
        words = "Redis can’t be reached. Tries are counted in each process by itself, and pages aren’t."
        yield Need("bad", words)
    if writer.backlog > MOST_BACKLOG:
        yield Need("bad", f"{counted(writer.backlog, 'change')} wait to be saved.")
    if not chosen.sends_mail and chosen.production:
        yield Need("bad", "No mail server is connected, so no letter leaves this machine.")
    if chosen.billing_provider == "sandbox" and chosen.env != "test":
        yield Need("warn", "Payments are the sandbox's: play money only.", "/admin/pricing", "Look at prices")
    tone, words = copies.standing()
    if chosen.production and copies.is_possible() and tone != "good":
        yield Need(tone, words, "/admin/backups", "Look at copies")
    elif chosen.production and not copies.is_possible():
        words = "Nobody here copies the database: BACKUP_DATABASE_URL isn’t set."
        yield Need("warn", words, "/admin/backups", "Look at copies")


@check("settings.write")
def _surroundings(_staff):
    if until := surroundings.certificate_end():
        ends = "ended" if until < now() else "ends"
        yield Need(
            "bad", f"The certificate of {configuration.active.site_url} {ends} at {local(until):%-d %B, %H:%M %Z}."
        )
    if (until := wallets.ends_at()) and until < now() + timedelta(days=60):
        ends = "ended" if until < now() else "ends"
        tone = "bad" if until < now() + timedelta(days=7) else "warn"
        yield Need(tone, f"The certificate that signs passes for Apple Wallet {ends} on {local(until):%-d %B %Y}.")
    if off := surroundings.seconds_off():
        where = "ahead" if off > 0 else "behind"
        words = f"This machine’s clock is {abs(off):,} seconds {where}: webhooks and codes of apps are refused by it."
        yield Need("bad", words)


@check("releases.read")
def _releases(_staff):
    for row in Release.select().where(Release.happened_at > now() - timedelta(days=1), Release.is_ephemeral == False):  # noqa: E712
        if row.status in ("crashed", "failed") and row.rolled_back_at is None:
            words = f"{row.service or 'A release'} {row.status} in {row.environment or 'its environment'}."
            yield Need("bad", words, f"/admin/releases/{row.id}", "Look at it")
        elif row.verdict == "worse":
            words = "Since the last release the site does worse than the day before."
            yield Need("warn", words, f"/admin/releases/{row.id}", "Look at it")
    for alert in deployments.alerts(now() - timedelta(days=1)):
        yield Need("warn", f"The host tells: {alert.type[:80]}.", "/admin/webhooks?q=railway", "Look at it")


@check("settings.write")
def _screening(_staff):
    if count := reported.unscreened_lately():
        words = f"The service of AI_URL didn’t answer: {counted(count, 'flyer')} of the last hour went unscreened."
        yield Need("warn", words, "/admin/settings/flyer_screening", "Turn screening off until it does")


@check("settings.write")
def _flags(_staff):
    for flag, until in flags.overdue():
        words = f"The flag “{flag.label}” was to be decided by {until}."
        yield Need("warn", words, f"/admin/settings/flag_{flag.name}", "Decide")


@check("admins.write")
def _admins(_staff):
    bare = [admin for admin in admins.people() if admin.second_factor_at is None]
    if bare:
        words = f"{counted(len(bare), 'admin has', 'admins have')} no second factor: a password alone opens this side."
        yield Need("warn", words, "/admin/admins", "Look at admins")


@check("organizations.read")
def _organizations(_staff):
    with everywhere("keys that end soon, and money of tickets, are counted over all organizations"):
        soon = ApiKey.expires_at.between(now(), now() + timedelta(days=14))
        keys = _count(ApiKey, ApiKey.revoked_at.is_null(), soon)
        empty = sum(_count(TicketOrder, *orders) for orders in payments.for_nothing())
        stuck = _count(TicketRefund, refunds.are_stuck(now() - timedelta(days=2)))
    if keys:
        yield Need("warn", f"{counted(keys, 'key')} of programs end within two weeks; their makers are told.")
    if empty:
        yield Need("bad", f"Of {counted(empty, 'order')} there is money, and neither a ticket nor a refund.")
    if stuck:
        yield Need("warn", f"{counted(stuck, 'refund')} of tickets didn’t go through for two days.")


def _count(table, *conditions):
    return table.select(fn.count(table.id)).where(*conditions).scalar()
