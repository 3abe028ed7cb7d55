"""What whoever runs the site sees first: what needs a decision, how money and people go, what is still to set up."""

from dataclasses import dataclass
from datetime import timedelta

from peewee import Case, fn

from database.clock import now
from database.scope import everywhere, inside
from database.transactions import writes
from domain import Refused
from domain.base import audit, configuration, outgoing, settings
from domain.fields.money import written
from domain.money import billing, pricing
from domain.operations.copies import copies
from domain.organizations import organizations
from domain.people import admins
from models import Payment, Subscription, User

MONTHS, DAYS = 12, 30


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
