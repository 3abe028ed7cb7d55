"""Money that goes back: each for a reason with a fixed key, sent once, whole or in part."""

from peewee import JOIN, fn

from database.clock import now
from database.transactions import writes
from domain import Refused, existing
from domain.base import outgoing, stepup
from domain.events import providers
from domain.fields.choice import Choice
from domain.fields.email import Email
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.money import Money
from domain.fields.text import Named, Text
from domain.lists.listing import NEWEST, Act, Listing
from models import Profile, TicketOrder, TicketPayment, TicketRefund

UNDER_WAY = ("approved", "sent")  # what a buyer has only asked for isn't
OUTSIDE = "at the provider"
DOUBT = "It isn’t known whether the provider made it. Look there, then note it as sent back, or send it again."
AGAIN = "It is being sent again."


def send(order, payment, cents, reason, key, *, by=None):
    """Leave a refund of so much of a payment to be sent, in the present transaction; the same key leaves one. One that
    was declined, as its money had gone back otherwise, is left anew: not all of it had, or that failed.
    `by` is the user who has it sent, None where a rule does.

    Refuses above what is left of the payment.
    """
    held = TicketRefund.one(TicketRefund.key == key)
    if held is not None and held.state != "declined":
        return None
    if cents > payment.amount_cents - payment.refunded_cents - under_way(payment):
        raise Refused("There isn't so much left of this payment.")
    values: dict = {"amount_cents": cents, "asked_at": now()}
    if held is None:
        made = TicketRefund.create(order=order, payment=payment, reason=reason, key=key, by=by, **values)
    else:
        values |= {"state": "approved", "error": None, "tries": held.tries + 1} | ({"by": by} if by else {})
        TicketRefund.update(**values).where(TicketRefund.id == held.id).execute()
        made = one(held.id)
    if not is_by_hand(payment):
        _leave(made, f"{key}:{made.tries}" if made.tries else key)
    return made


def ask_proof(order):
    """Step-up L2 before somebody gives back what was paid of an order: one proof is good for all of its event, so that
    many orders are cancelled at once. Nothing is asked where no money would go back."""
    if order.paid_cents > order.refunded_cents:
        stepup.demand("orders.refund", order.event_id)


def is_by_hand(payment):
    """Whether what goes back of a payment (its row, or a listed one of a refund of it) is sent by somebody: it was
    transferred, or it came at the site that the organization came from."""
    return payment.provider == "transfer" or payment.account == TicketPayment.ELSEWHERE


def _leave(refund, key):
    outgoing.enqueue("ticket_refund", key, {"refund": refund.id, "organization": refund.organization_id})


def under_way(payment):
    """Minor units of a payment that are on their way back and that its provider hasn't counted yet."""
    return _sum(TicketRefund.payment == payment)


def under_way_of(order):
    """The same of all payments of an order in its currency."""
    return _sum((TicketRefund.order == order) & (TicketPayment.currency == order.currency))


def disputed(order):
    """Minor units of payments that a bank looks at: it may take them back, and then they went back once already."""
    left = fn.COALESCE(fn.SUM(TicketPayment.amount_cents - TicketPayment.refunded_cents), 0)
    mine = TicketPayment.order == order, TicketPayment.state == "paid", TicketPayment.currency == order.currency
    return int(TicketPayment.select(left).where(*mine, TicketPayment.dispute == "open").scalar())


def made_outside(order, cents):
    """Minor units of those that went back of an order in its currency that went at a provider without us: refunded
    there, or reversed."""
    ours = (TicketRefund.order == order) & (TicketRefund.reason != OUTSIDE) & (TicketPayment.currency == order.currency)
    return max(0, cents - _sum(ours, ("sent", "succeeded")))


def arrived(payment):
    """Minor units of a payment that went back, by the refunds we know of."""
    return _sum(TicketRefund.payment == payment, ("succeeded",))


def _sum(whose, states=UNDER_WAY):
    query = TicketRefund.select(fn.COALESCE(fn.SUM(TicketRefund.amount_cents), 0)).join(TicketPayment)
    return int(query.where(whose, TicketRefund.state << states).scalar())


def one(id):
    """A refund by its id. Refuses with NotFound."""
    return existing(TicketRefund.one(TicketRefund.id == id))


@writes
def send_again(id, *, by):
    """Have the provider asked anew. Refuses with NotFound, and where it isn't stuck."""
    by.require("orders.write")
    refund = one(id)
    if not _can_be_sent(refund) or is_by_hand(refund.payment):
        raise Refused("There is nothing to send again.")
    TicketRefund.update(error=AGAIN).where(TicketRefund.id == id).execute()
    _leave(refund, f"{refund.key}:{refund.tries}:{now():%Y%m%d%H%M}")
    return "The provider is asked again."


def is_stuck(refund):
    """Whether somebody may act on it: it failed, nobody knows whether it was made, or its provider wouldn't take it."""
    waits = refund.state == "sent" and refund.error not in (None, "", AGAIN) and not refund.provider_refund_id
    return refund.state == "failed" or waits


def are_stuck(since):
    """The same of rows, as a condition: and since then."""
    doubtful = TicketRefund.error.is_null(False) & TicketRefund.error.not_in(("", AGAIN))
    waits = (TicketRefund.state == "sent") & doubtful & TicketRefund.provider_refund_id.is_null()
    return ((TicketRefund.state == "failed") | waits) & (TicketRefund.created_at < since)


def _can_be_sent(refund):
    """Whether a provider may be asked for it anew: what somebody made there was never ours to ask for, and is left anew
    as far as it is owed."""
    return is_stuck(refund) and refund.reason != OUTSIDE


def move(id, state, **values):
    """Move a refund on, in the present transaction; False where it stands so already or was declined."""
    before = (*UNDER_WAY, "failed") if state == "succeeded" else (*UNDER_WAY, "succeeded", "failed")
    moved = TicketRefund.update(state=state, **values).where(
        TicketRefund.id == id, TicketRefund.state << before, TicketRefund.state != state
    )
    return bool(moved.execute())


# --- as a list -----------------------------------------------------------------------------------------------------

STATE = Choice(
    (
        ("requested", "Asked for", "warn"),
        ("approved", "Waiting", "info"),
        ("declined", "Declined", "off"),
        ("sent", "Sent", "info"),
        ("succeeded", "Arrived", "good"),
        ("failed", "Failed", "bad"),
    )
)


def _joined(query):
    query = query.join(TicketOrder, on=(TicketOrder.id == TicketRefund.order))
    query = query.join_from(TicketRefund, TicketPayment, on=(TicketPayment.id == TicketRefund.payment))
    return query.join_from(TicketRefund, Profile, JOIN.LEFT_OUTER, on=(Profile.user == TicketRefund.by))


listing = Listing(
    *("refunds", "refund", "refunds", TicketRefund),
    (
        Field("email", "Buyer", Email()),
        Field("amount_cents", "Amount", Money()),
        Field("state", "State", STATE),
        Field("reason", "Why", Text(200)),
        Field("error", "What is wrong", Text(500)),
        Field("provider", "By", providers.BY, filters=False),
        Field("who", "Decided by", Named(), filters=False),
        Field("created_at", "Since", Moment(past=True)),
    ),
    NEWEST,
    joins=_joined,
    elsewhere=(
        ("email", TicketOrder.email, None),
        ("currency", TicketOrder.currency, None),
        ("provider", TicketPayment.provider, None),
        ("who", Profile.full_name, None),
        ("account", TicketPayment.account, None),
        ("event", TicketOrder.event, None),
    ),
    acts=(
        Act(
            *("delivery", "Send again", send_again, "orders.write"),
            when=lambda row: not is_by_hand(row) and _can_be_sent(row),
        ),
    ),
    also=("currency", "account", "provider_refund_id"),
    reads="orders.read",
    chips="state",
    icon="arrow-back-up",
    about="What buyers ask back, and what goes back to them. You begin one on an order: take back some of its tickets.",
    empty=(("all", "No money had to go back."),),
)
