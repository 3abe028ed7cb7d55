"""What whoever runs the site sees first: what needs a decision, how money and people go, what is still to set up."""

from dataclasses import dataclass
from datetime import timedelta

from peewee import Case, fn

from database import housekeeping
from database.clock import local, now
from database.scope import everywhere, inside
from database.transactions import writes
from domain import Refused
from domain.base import audit, configuration, outgoing, settings
from domain.fields.money import written
from domain.fields.number import counted
from domain.lists import asks, lists
from domain.money import billing, pricing, reconciliations, subscriptions
from domain.operations.copies import copies
from domain.operations.mail import mail_silences
from domain.operations.runs import alarms, leases
from domain.organizations import organizations
from domain.people import admins
from models import Letter, Outgoing, Payment, Subscription, User, WebhookEvent

MONTHS, DAYS = 12, 30


@dataclass(frozen=True)
class Need:
    """Something that waits for a decision: how bad, in words, and where it is made."""

    tone: str
    words: str
    href: str = ""
    link: str = ""


def needs(staff, failed_jobs):
    """What waits for this admin, the worst first; only what they may do something about."""
    found = [need for right, ask in _ASKED if staff.may(right) for need in ask(staff)]
    if failed_jobs and staff.may("jobs.run"):
        words = f"{counted(failed_jobs, 'job')} failed at the last run."
        found.insert(0, Need("bad", words, "/admin/jobs?result=failed", "Look at jobs"))
    return sorted(found, key=lambda need: need.tone != "bad")


def _jobs(_staff):
    for alarm in alarms.open_ones():
        yield Need("warn" if alarm.kind == "little" else "bad", alarm.words, f"/admin/jobs/{alarm.job}", "Look at it")
    for run in leases.died().values():
        words = f"A run of a job was cut off in the middle, {local(run.started_at):%d %B, %H:%M %Z}."
        yield Need("bad", words, f"/admin/jobs/{run.job}", "Look at it")


def _queues(_staff):
    buried = _count(WebhookEvent, WebhookEvent.status == "buried")
    unsent = _count(Outgoing, Outgoing.status == "buried", Outgoing.kind.not_in((*outgoing.KEPT, "mail")))
    if buried:
        words = f"{counted(buried, 'webhook')} {'was' if buried == 1 else 'were'} given up."
        yield Need("bad", words, "/admin/webhooks?status=buried", "Look at webhooks")
    if unsent:
        words = f"{counted(unsent, 'notice', 'notices')} could not be sent."
        yield Need("bad", words, "/admin/jobs", "Look at jobs")


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


def _money(staff):
    if not configuration.active.has_billing:
        return
    state = reconciliations.overview()
    if state["silent_since"]:
        words = f"No webhook came since {local(state['silent_since']):%d %B %Y, %H:%M %Z}, and subscriptions run."
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


def _prices(_staff):
    for plan, doubt in pricing.doubts().items():
        yield Need("bad", f"The plan {plan} can't be bought. {doubt}", "/admin/pricing", "Look at prices")


def _machine(staff):
    chosen = configuration.active
    if not housekeeping.has_room(chosen.database_url):
        yield Need("bad", "The disk is all but full. Nothing can be saved once it is.")
    if not chosen.sends_mail and chosen.production:
        yield Need("bad", "No mail server is connected, so no letter leaves this machine.")
    if chosen.billing_provider == "sandbox" and chosen.env != "test":
        yield Need("warn", "Payments are the sandbox's: play money only.", "/admin/pricing", "Look at prices")
    if staff.user.second_factor_at is None:
        words = "Your account has no second factor: a password alone opens this side."
        yield Need("warn", words, "/settings/security", "Turn it on")
    tone, words = copies.standing()
    if chosen.production and copies.is_possible() and tone != "good":
        yield Need(tone, words, "/admin/backups", "Look at copies")


_ASKED = (
    ("jobs.run", _jobs),
    ("jobs.run", _queues),
    ("mail.read", _mail),
    ("subscriptions.read", _money),
    ("pricing.sync", _prices),
    ("settings.write", _machine),
)


def _count(table, *conditions):
    return table.select(fn.count(table.id)).where(*conditions).scalar()


# --- figures over time ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Figure:
    """A number and how it came there: (day, number, in words), oldest first."""

    label: str
    value: str
    about: str
    points: tuple
    href: str = ""
    tone: str | None = None


def figures():
    """Monthly recurring revenue, paying organizations, new people, open payments."""
    new = _by_day(User, User.status == "active")
    total = sum(count for _, count, _ in new)
    people = Figure("New people", f"{total:,}", f"in {DAYS} days", new, "/admin/users")
    return [*(_revenue() if configuration.active.has_billing else ()), people]


def _moments():
    """The ends of the last months up to now, as days of thirty apart."""
    return [now() - timedelta(days=30 * (MONTHS - 1 - n)) for n in range(MONTHS)]


def _revenue():
    moments = _moments()
    paying = Subscription.status.not_in(("incomplete", "incomplete_expired", "trialing"))
    at = [_ran_at(moment) for moment in moments]
    seats = [fn.SUM(Case(None, [(ran, Subscription.quantity)], 0)) for ran in at]
    whose = [fn.COUNT(Case(None, [(ran, Subscription.organization)], None).distinct()) for ran in at]
    late = Subscription.status.in_(("past_due", "unpaid"))
    with everywhere("the platform's revenue is of all organizations"):
        query = Subscription.select(Subscription.provider_price_id, Subscription.plan_key, *seats)
        sold = list(query.where(paying).group_by(Subscription.provider_price_id, Subscription.plan_key).tuples())
        organizations = Subscription.select(*whose).where(paying).tuples().first()
        open_now = Subscription.select().where(late).count()
        opened = _by_day(Payment, Payment.status.in_(("open", "failed")))
    revenue, currency = _monthly(sold)
    told = [(moment.date(), amount, written(amount, currency)) for moment, amount in zip(moments, revenue, strict=True)]
    yield Figure("Monthly revenue", told[-1][2], "recurring, at today's prices", tuple(told), "/admin/subscriptions")
    points = tuple((moment.date(), count, f"{count:,}") for moment, count in zip(moments, organizations, strict=True))
    link = "/admin/subscriptions?status=active"
    yield Figure("Paying organizations", points[-1][2], "with a running plan", points, link)
    about = "none waits" if not open_now else "wait to be paid"
    tone = "warn" if open_now else None
    yield Figure("Open payments", f"{open_now:,}", about, opened, "/admin/subscriptions?status=past_due", tone)


def _ran_at(moment):
    began = fn.COALESCE(Subscription.started_at, Subscription.created_at) <= Subscription.started_at.db_value(moment)
    lasts = Subscription.ended_at.is_null() & Subscription.status.not_in(Subscription.TERMINAL)
    return began & (lasts | (Subscription.ended_at > moment))


def _monthly(sold):
    """(the sums of a month at each moment, their currency: the one most is sold in)."""
    held = pricing.catalog()
    prices = {price["id"]: price for price in held.prices} if held else {}
    sums: dict[str, list] = {}
    for price_id, _plan, *counts in sold:
        price = prices.get(price_id)
        if not price or not price["amount"] or price["interval"] not in ("month", "year"):
            continue
        each = price["amount"] / (12 if price["interval"] == "year" else 1) / price["interval_count"]
        totals = sums.setdefault(price["currency"], [0] * MONTHS)
        sums[price["currency"]] = [total + each * (count or 0) for total, count in zip(totals, counts, strict=True)]
    currency = max(sums, key=lambda name: sums[name][-1], default="USD")
    return [round(total) for total in sums.get(currency, [0] * MONTHS)], currency


def _by_day(table, *conditions):
    today = now().replace(hour=0, minute=0, second=0, microsecond=0)
    firsts = [today - timedelta(days=DAYS - 1 - n) for n in range(DAYS)]
    day = Case(None, [(table.created_at < first, n) for n, first in enumerate(firsts[1:])], DAYS - 1).alias("day")
    query = table.select(day, fn.COUNT(table.id)).where(table.created_at >= firsts[0], *conditions).group_by(day)
    found = dict(query.tuples())
    return tuple((first.date(), found.get(n, 0), f"{found.get(n, 0):,}") for n, first in enumerate(firsts))


# --- setting up ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One thing that a new site needs, and where it is done."""

    is_done: bool
    title: str
    words: str
    href: str = ""
    link: str = ""
    post: str = ""


def steps(user):
    """The set-up checklist, in the order of doing."""
    chosen = configuration.active
    sold, plays = chosen.has_billing, chosen.billing_provider == "sandbox"
    named = settings.get("site_name") != settings.REGISTRY["site_name"].default
    several = len(admins.people()) > 1
    to_admins = ("/admin/admins", "Admins") if admins.may(user, "admins.write") else ()
    return [
        Step(named, "Name the site", "Shown in the header, in titles and letters.", "/admin/settings", "Settings"),
        Step(
            chosen.sends_mail,
            "Connect a mail server",
            "SMTP_URL names it, or RESEND_API_KEY stands for one. Without either letters are only kept here.",
            *("", "Send a test letter", "/admin/setup/letter"),
        ),
        Step(
            sold and not plays,
            "Connect payments",
            "BILLING_PROVIDER and its key; the sandbox takes play money only."
            if plays
            else "BILLING_PROVIDER and its key.",
            *(("", "Make a test payment", "/admin/setup/payment") if plays else ()),
        ),
        Step(
            user.second_factor_at is not None,
            "Turn on your second factor",
            "Whoever has your password has the site otherwise.",
            *("/settings/security", "Security"),
        ),
        Step(several, "Choose a second admin", "Somebody who can help when you are away.", *to_admins),
        Step(
            copies.standing()[0] == "good" or not copies.is_possible(),
            "Keep copies",
            "One is made and proven each night; BACKUP_URL and BACKUP_RECIPIENTS bring it away, encrypted.",
            *(("/admin/backups", "Copies") if admins.may(user, "backups.run") else ()),
        ),
    ]


@writes
def send_test_letter(*, by):
    """Leave a letter to the admin who asks, to see whether letters arrive."""
    outgoing.letter("test_letter", by.email, f"test_letter:{by.id}:{now().timestamp()}", name=by.name)
    audit.record("admin.letter_tested", "A test letter was sent", by=by, target=by)


def try_payment(*, by):
    """Open a checkout of the sandbox for the admin's own organization; returns its address.
    Refuses where real money would be taken, and as billing.checkout does."""
    if configuration.active.billing_provider != "sandbox":
        raise Refused("A test payment is made in the sandbox. A real provider would take money.")
    home = organizations.home(by)
    member = organizations.reach(by, home.slug)
    with inside(home):
        return billing.checkout("pro_monthly", by=member)
