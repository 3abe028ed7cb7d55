"""What went to an organization's bank: as its own accounts at providers tell it, and what of each event is in it."""

import logging
from datetime import timedelta

from database.clock import now
from database.scope import everywhere, inside
from database.transactions import writes
from domain.events import events, providers
from domain.events.providers import accounts
from domain.fields.choice import Choice
from domain.fields.derived import Derived
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.money import Money
from domain.fields.text import Text
from domain.lists import rows
from domain.lists.listing import NEWEST, Listing
from domain.money.providers.provider import ProviderFailed
from models import Event, PaymentAccount, Payout, PayoutPart, TicketOrder, TicketPayment

log = logging.getLogger("guildhall.tickets")

SELDOM = timedelta(hours=6)  # between two times that an account is asked
BEFORE = timedelta(days=60)  # so far back at first
AGAIN = timedelta(days=14)  # and each time: what was on its way may have failed


def fetch(limit=20):
    """Ask accounts of organizations for their payouts, each once in some hours; returns how many were asked."""
    with everywhere("payouts are asked for for all organizations"):
        due = PaymentAccount.paid_out_at.is_null() | (PaymentAccount.paid_out_at < now() - SELDOM)
        query = PaymentAccount.select().where(due, PaymentAccount.key != "")
        found = list(query.order_by(PaymentAccount.id).limit(limit))
    for row in found:
        with inside(row.organization_id):
            try:
                _fetch(row)
            except ProviderFailed:
                log.warning("payouts couldn't be asked for", extra={"account": row.public_id}, exc_info=True)
            except Exception:  # the others are asked all the same
                log.exception("payouts couldn't be read", extra={"account": row.public_id})
            finally:
                writes(_asked)(row.id)
    return len(found)


def _asked(id):
    PaymentAccount.update(paid_out_at=now()).where(PaymentAccount.id == id).execute()


def _fetch(row):
    account = accounts.find(row.provider, row.public_id)
    if account is None:
        return
    known = Payout.one(Payout.provider == row.provider, Payout.account == row.public_id)
    since = now() - (AGAIN if known else BEFORE)
    for told in providers.module(row.provider).payouts(account, since):
        writes(adopt)(row, told)


def adopt(account, told):
    """Write down a payout as its provider tells it, as often as it does, in the present transaction and scope."""
    same = Payout.provider == account.provider, Payout.account == account.public_id, Payout.reference == told.id
    about = {"state": told.state, "amount_cents": told.amount_cents, "currency": told.currency, "sent_at": told.at}
    if told.amount_cents <= 0:
        return
    if not Payout.update(**about).where(*same).execute():
        Payout.create(provider=account.provider, account=account.public_id, reference=told.id, **about)
    payout = Payout.one(*same)
    PayoutPart.delete().where(PayoutPart.payout == payout).execute()
    for event, sums in _by_event(account, told).items():
        PayoutPart.create(payout=payout, event=event, **sums)


SUMS = ("amount_cents", "refunded_cents", "fee_cents", "net_cents")


def _by_event(account, told):
    """event's id → what of it is in a payout; what none of our orders explains is under None."""
    ids = sorted({part.payment for part in told.parts if part.payment})
    whose = {}
    for first in range(0, len(ids), 500):
        mine = TicketPayment.provider == account.provider, TicketPayment.account == account.public_id
        among = TicketPayment.provider_payment_id << ids[first : first + 500]
        query = TicketPayment.select(TicketPayment.provider_payment_id, TicketOrder.event).join(TicketOrder)
        whose |= dict(query.where(*mine, among).tuples())
    found: dict = {}
    for part in told.parts:
        sums = found.setdefault(whose.get(part.payment), dict.fromkeys(SUMS, 0))
        for name in SUMS:
            sums[name] += getattr(part, name)
    if rest := told.amount_cents - sum(sums["net_cents"] for sums in found.values()):
        found.setdefault(None, dict.fromkeys(SUMS, 0))["net_cents"] += rest
    return found


# --- as lists ------------------------------------------------------------------------------------------------------


def parts(payout):
    """[(the event, or None, what of it is in a payout)], the largest first."""
    query = PayoutPart.select(PayoutPart, Event).left_outer_join(Event).where(PayoutPart.payout == payout)
    return [
        (part.event if part.event_id else None, part)
        for part in query.order_by(PayoutPart.net_cents.desc(), PayoutPart.id)
    ]


NAMES = providers.NAMES | {"": "This site", TicketPayment.ELSEWHERE: "The site that it came from"}
STATE = Choice((("pending", "On its way", "info"), ("paid", "Paid out", "good"), ("failed", "Failed", "bad")))
listing = Listing(
    *("payouts", "payout", "payouts", Payout),
    (
        Field("reference", "Reference", Text(160)),
        Field("sent_at", "At the bank", Moment()),
        Field("amount_cents", "Amount", Money()),
        Field("state", "State", STATE),
        Field("by_whom", "From", Derived(lambda row: NAMES[row["provider"]])),
    ),
    NEWEST,
    elsewhere=(("by_whom", Payout.provider, None),),
    also=("currency", "provider"),
    title="Payouts",
    about="What went from your accounts for tickets to your bank, as the providers tell it, and what of each event.",
    reads="payments.manage",
    chips="state",
    has_pages=True,
    link=True,
    beside=False,
    icon="credit-card",
    empty=(("all", "Nothing was paid out yet. Your own accounts are asked every six hours."),),
)
rules = rows.Rules(listing)


def _with_payout(query):
    return query.join(Payout, on=(Payout.id == PayoutPart.payout))


of_event = rows.Rules(
    Listing(
        *("payout_parts", "payout", "payouts", PayoutPart),
        (
            Field("sent_at", "At the bank", Moment(), filters=False),
            Field("state", "State", STATE, filters=False),
            Field("amount_cents", "Came", Money()),
            Field("refunded_cents", "Went back", Money()),
            Field("fee_cents", "Fees", Money()),
            Field("net_cents", "Net", Money()),
        ),
        NEWEST,
        joins=_with_payout,
        elsewhere=(
            ("sent_at", Payout.sent_at, None),
            ("state", Payout.state, None),
            ("currency", Payout.currency, None),
        ),
        parent=PayoutPart.event,
        stands_in=lambda id, by: events.one(id),
        hears="payout",
        sums=SUMS,
        also=("currency", "payout"),
        title="Payouts",
        about="What of this event is in which payout of your accounts.",
        reads="payments.manage",
        icon="credit-card",
        empty=(("all", "Nothing of this event was paid out yet."),),
    )
)
