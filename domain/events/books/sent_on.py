"""What this site took for organizations that sell tickets by its own account at a provider, and what it sent on to
them by hand, at its bank. What went is noted here, and the organization reads it among its payouts."""

from dataclasses import dataclass

from peewee import JOIN, Case, fn

from database.clock import now
from database.columns import spelled
from database.locks import lock
from database.scope import everywhere, inside
from database.transactions import writes
from domain import Invalid
from domain.base import audit
from domain.events import refunds
from domain.fields.forms import read_whole
from domain.fields.kinds import Field, Unfit
from domain.fields.moment import Moment
from domain.fields.money import Money, written
from domain.fields.price import Price
from domain.fields.text import Named, Text
from domain.lists import rows
from domain.lists.listing import NEWEST, Listing
from domain.lists.searches import Parts
from models import Organization, Payout, Profile, TicketPayment, TicketRefund, User

MOST = 100  # organizations and currencies that are shown to be owed


@dataclass(frozen=True)
class Owed:
    """What the site has of an organization's money in one currency."""

    organization: Organization
    currency: str
    came_cents: int
    back_cents: int  # to buyers, or to banks that dispute it
    sent_cents: int
    going_cents: int  # back to buyers, or it failed to go and is tried again

    @property
    def left_cents(self):
        return self.came_cents - self.back_cents - self.sent_cents - self.going_cents

    @property
    def key(self):
        """What a form calls it."""
        return f"{self.organization.public_id}:{self.currency}"


def owed(*conditions):
    """[Owed] where there is something left, the most first, at most MOST."""
    # A bank takes what is disputed at once: https://docs.stripe.com/disputes/how-disputes-work
    taken = TicketPayment.dispute << ("open", "lost")
    back = Case(None, ((taken, TicketPayment.amount_cents),), TicketPayment.refunded_cents)
    sums = [fn.SUM(TicketPayment.amount_cents), fn.SUM(back)]
    with everywhere("the platform's staff sees what the site took for all organizations"):
        theirs = Payout.organization == TicketPayment.organization, Payout.currency == TicketPayment.currency
        sent = Payout.select(fn.COALESCE(fn.SUM(Payout.amount_cents), 0))
        sums.append(sent.where(Payout.provider == "", *theirs))
        query = TicketPayment.select(TicketPayment.organization, TicketPayment.currency, *sums)
        here = spelled("account = '' AND state = 'paid' AND provider <> 'transfer'")
        query = query.where(here, *conditions)  # out of the index ticket_payment_here alone
        query = query.group_by(TicketPayment.organization, TicketPayment.currency)
        left = sums[0] - sums[1] - sums[2]
        query = query.having(left > 0).order_by(left.desc()).limit(MOST)
        found = list(query.tuples())
        known = {one.id: one for one in Organization.select().where(Organization.id << [row[0] for row in found])}
        going = _going()
    every = (
        Owed(known[id], currency, int(came), int(back), int(sent), int(going.get((id, currency), 0)))
        for id, currency, came, back, sent in found
    )
    return [one for one in every if one.left_cents > 0]


def _going():
    """(organization's id, currency) → what is owed back to buyers of what came here, and hasn't gone yet."""
    goes = TicketRefund.state << (*refunds.UNDER_WAY, "failed"), TicketRefund.reason != refunds.OUTSIDE
    here = TicketPayment.account == "", TicketPayment.provider != "transfer"
    stands = TicketPayment.dispute.is_null() | (TicketPayment.dispute == "won")
    of = TicketPayment.organization, TicketPayment.currency
    query = TicketRefund.select(*of, fn.SUM(TicketRefund.amount_cents)).join(TicketPayment)
    query = query.where(*here, stands, *goes).group_by(*of)
    return {(organization, currency): cents for organization, currency, cents in query.tuples()}


FORM = (
    Field("whose", "Whose", Text(60), True, missing="Choose whose money it is."),
    Field("reference", "Reference", Text(160), True, help="As the statement of the bank has it."),
)


@writes
def note(form, *, by):
    """Note that money was sent on to an organization: `whose` (an Owed's key), `amount` and `reference`; returns what
    to say. Refuses with Invalid, also where less is left of it."""
    values = read_whole(FORM, form)
    id, _, currency = values["whose"].partition(":")
    organization = Organization.one(Organization.public_id == id)
    if organization is None:
        raise Invalid({"whose": "Nothing of theirs is here any more."})
    lock("sent on", organization.id)
    theirs = owed(TicketPayment.organization == organization.id, TicketPayment.currency == currency)
    left = theirs[0].left_cents if theirs else 0
    try:
        amount = Price(of=currency).read(form.get("amount", ""))
    except Unfit as unfit:
        raise Invalid({"amount": str(unfit)}) from None
    if not 0 < amount <= left:
        raise Invalid({"amount": f"Choose an amount up to {written(left, currency)}: so much is left."})
    about = {"amount_cents": amount, "currency": currency, "reference": values["reference"], "sent_at": now(), "by": by}
    with inside(organization):
        made = Payout.create(**about)
    sum = written(amount, currency)
    audit.record("payouts.sent_on", f"{sum} were sent on", by=by, organization=organization, target=made)
    return f"Noted: {sum} went to {organization.name}."


def _joined(query):
    query = query.join(Organization, on=(Organization.id == Payout.organization))
    query = query.join_from(Payout, User, JOIN.LEFT_OUTER, on=(User.id == Payout.by))
    return query.join_from(User, Profile, JOIN.LEFT_OUTER, on=(Profile.user == User.id))


rules = rows.Rules(
    Listing(
        *("sent_on", "payout", "payouts", Payout),
        (
            Field("whose", "Organization", Text(120)),
            Field("sent_at", "Sent on", Moment(past=True)),
            Field("amount_cents", "Amount", Money()),
            Field("reference", "Reference", Text(160)),
            Field("who", "Noted by", Named()),
        ),
        NEWEST,
        joins=_joined,
        elsewhere=(("whose", Organization.name, None), ("who", Profile.full_name, None)),
        search=Parts((Organization.name, Organization.slug, Payout.reference)),
        only=Payout.provider == "",
        also=("currency",),
        sums=("amount_cents",),
        ranges=("sent_at",),
        title="Payouts",
        about="Money for tickets that came to this site’s own account, and was sent on to whoever sold them.",
        reads="subscriptions.read",
        icon="credit-card",
        empty=(("all", "Nothing was sent on yet. What is owed stands above, and is noted there once it went."),),
    )
)
