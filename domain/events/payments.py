"""Money for orders: what came, whether it fits, and what follows. One place decides, however the money came.

A provider's page or redirect proves nothing: facts are adopted as whole states, as often as they come, and `settle`
asks of the sums alone what the order gets. Why: docs/decisions/tickets.md
"""

import logging
from datetime import timedelta

from peewee import fn

from database.clock import now
from database.scope import everywhere, inside
from database.transactions import writes
from domain import Invalid, Refused
from domain.base import audit, configuration, history, outgoing, settings
from domain.events import events, holds, passes, refunds, reported, stock
from domain.fields.money import written
from domain.fields.number import counted
from models import (
    OrderItem,
    Organization,
    Pass,
    PaymentAttempt,
    Place,
    TicketOrder,
    TicketPayment,
    TicketRefund,
    Tier,
)

log = logging.getLogger("guildhall.tickets")

# --- without money, and by a transfer ---------------------------------------------------------------------------


@writes
def take_free(order_id):
    """Give the passes of an order that costs nothing. Refuses with HoldExpired, and while it isn't known whose it is.
    One that is paid already stays as it is."""
    order = holds.locked(order_id)
    if order.state == "paid":
        return order
    holds.check_live(order)
    check_known(order)
    if order.total_cents:
        raise Refused("This order isn't free.")
    give_free(order, holds.standing(order))
    return TicketOrder.get_by_id(order_id)


def give_free(order, items):
    """The same of an order that was looked at, with its items, in the present transaction."""
    _sell(order, items, TicketOrder.state == "held", TicketOrder.total_cents == 0)


def check_known(order):
    """Refuse with Invalid while it isn't known where the tickets go."""
    if not order.email:
        raise Invalid({"email": "Write where the tickets go first."})


@writes
def promise_transfer(order_id):
    """Keep what is held for as long as a transfer takes; promised again, not a moment longer. Refuses with
    HoldExpired, and where the event takes none."""
    order = holds.own(order_id)
    if order.state == "paying" and _promised(order):
        return order
    event = events.one(order.event_id)
    check_known(order)
    if not event.transfer_about or not order.total_cents:
        raise Refused("This event takes no transfers.")
    mine = PaymentAttempt.order == order, PaymentAttempt.provider == "transfer"
    first = PaymentAttempt.select().where(*mine).order_by(PaymentAttempt.id).first()
    since = first.created_at if first else now()  # whoever tried another way in between has no more time by it
    until = max(order.hold_until_at, min(since + timedelta(days=event.transfer_days), event.ends_at))
    open_attempt(order, "transfer", until)
    due = written(order.due_cents, order.currency)
    write(order, "order_transfer", f"transfer:{order.id}", sum=due, account=event.transfer_about)
    return TicketOrder.get_by_id(order_id)


def _promised(order):
    mine = PaymentAttempt.order == order, PaymentAttempt.state == "open", PaymentAttempt.provider == "transfer"
    return PaymentAttempt.one(*mine)


def open_attempt(order, provider, until, **values):
    """The one open attempt of an order, which is held as long at least, in the present transaction: what was offered
    for longer stays so."""
    held = PaymentAttempt.one(PaymentAttempt.order == order, PaymentAttempt.state == "open")
    if held is not None and held.provider != provider:
        PaymentAttempt.update(state="abandoned").where(PaymentAttempt.id == held.id).execute()
        held = None
    if held is None:
        usual = {"amount_cents": order.total_cents, "currency": order.currency, "expires_at": until}
        held = PaymentAttempt.create(order=order, provider=provider, **usual | values)
    moved = TicketOrder.update(state="paying", hold_until_at=max(order.hold_until_at, until)).where(
        TicketOrder.id == order.id, TicketOrder.state << TicketOrder.LIVE
    )
    moved.execute()
    return held


@writes
def note_transfer(order_id, cents, *, by):
    """Note by hand that so much came by transfer. Refuses with NotFound; what doesn't fit is flagged, not refused."""
    by.require("orders.write")
    order = holds.locked(order_id)
    number = TicketPayment.select().where(TicketPayment.order == order).count() + 1
    payment = TicketPayment.create(
        order=order,
        provider="transfer",
        provider_payment_id=f"{order.public_id}:{number}",
        state="paid",
        amount_cents=cents,
        currency=order.currency,
        paid_at=now(),
    )
    sum = written(payment.amount_cents, payment.currency)
    settle(order.id)
    history.note("payment.noted", f"{sum} by transfer were noted for order {order.number}", order, by=by)
    return f"{sum} are noted for order {order.number}."


@writes
def note_sent_back(refund_id, *, by):
    """Somebody sent a refund by hand: the sums of its payment and of its order follow, once. Refuses with NotFound,
    while a provider is at it, and above what is left of the payment."""
    by.require("orders.write")
    refund = refunds.one(refund_id)
    holds.locked(refund.order_id)
    refund = refunds.one(refund_id)
    payment, others = refund.payment, refunds.under_way(refund.payment)
    if not refunds.is_by_hand(payment) and not refunds.is_stuck(refund) and refund.state != "succeeded":
        raise Refused("The provider is sending it. Should that fail, you can note it here.")
    others -= refund.amount_cents if refund.state in refunds.UNDER_WAY else 0
    left = payment.amount_cents - payment.refunded_cents - others
    if refund.state != "succeeded" and refund.amount_cents > left:
        raise Refused("There isn't so much left of this payment: another refund sent it back, or is about to.")
    if refunds.move(refund.id, "succeeded"):
        note_refunded(payment, payment.refunded_cents + refund.amount_cents)
        settle(refund.order_id)
        tell_of_refund(refund)
        sum = written(refund.amount_cents, payment.currency)
        history.note("refund.noted", f"{sum} were noted as sent back by hand", refund, by=by)
    return "Noted: the money went back."


# --- facts --------------------------------------------------------------------------------------------------------


def adopt(fact):
    """Write down what a provider tells of a payment, as often as it does, and do what follows; in the present
    transaction and scope. Money whose order isn't known stays as nobody's."""
    attempt = PaymentAttempt.one(PaymentAttempt.public_id == fact.reference)
    if attempt is not None:
        holds.locked(attempt.order_id)
    known = {
        "state": fact.state,
        "amount_cents": fact.amount_cents,
        "currency": fact.currency.upper(),
        "paid_at": fact.at or now(),
    }
    if fact.dispute:
        known["dispute"] = fact.dispute
    at = {"provider": fact.provider, "account": fact.account, "provider_payment_id": fact.id}
    same = [getattr(TicketPayment, name) == value for name, value in at.items()]
    if not TicketPayment.update(**known).where(*same).execute():
        order = attempt.order if attempt else None
        TicketPayment.create(attempt=attempt, order=order, **at, **known)
    payment = TicketPayment.one(*same)
    note_refunded(payment, max(fact.refunded_cents, refunds.arrived(payment)))
    if attempt is not None and fact.state == "paid":
        PaymentAttempt.update(state="succeeded").where(PaymentAttempt.id == attempt.id).execute()
    if payment.order_id:
        settle(payment.order_id)
    return payment


def note_refunded(payment, cents):
    """So much of a payment went back, in the present transaction: what its provider counts, or what we know of."""
    cents = min(cents, payment.amount_cents)
    TicketPayment.update(refunded_cents=cents).where(TicketPayment.id == payment.id).execute()


def attempt_ended(fact):
    """A try is over without money: the order is as it was before, for the rest of its time."""
    moved = PaymentAttempt.update(state=fact.state).where(
        PaymentAttempt.public_id == fact.reference, PaymentAttempt.state == "open"
    )
    if moved.execute():
        attempt = PaymentAttempt.one(PaymentAttempt.public_id == fact.reference)
        TicketOrder.update(state="held").where(
            TicketOrder.id == attempt.order_id, TicketOrder.state == "paying"
        ).execute()


# --- what follows ---------------------------------------------------------------------------------------------------


def settle(order_id, reason="", by=None):
    """Look at all the money of an order and do what is due, in the present transaction; done again it does nothing.
    `reason` is what a refund that comes of it is noted with, `by` the user whose act it comes of, if it does of one.

    Enough in its currency: sold, its passes made. After its time: taken again if that is still free, else sent back.
    Twice or too much: the rest goes back. Too little or foreign: flagged, nothing is given and nothing lost.
    """
    order = holds.locked(order_id)
    mine = TicketPayment.order == order, TicketPayment.state == "paid"
    payments = list(TicketPayment.select().where(*mine).order_by(TicketPayment.id))
    fitting = [one for one in payments if one.currency == order.currency]
    paid, back = sum(one.amount_cents for one in fitting), sum(map(_gone, fitting))
    trouble = _trouble(order, payments, fitting, paid, back)
    sums = {"paid_cents": paid, "refunded_cents": back, "trouble": trouble}
    TicketOrder.update(**sums).where(TicketOrder.id == order.id).execute()
    order = TicketOrder.get_by_id(order.id)
    if order.state in TicketOrder.LIVE and paid - back >= order.total_cents and fitting:
        still = TicketOrder.state << TicketOrder.LIVE, TicketOrder.total_cents <= paid - back
        _sell(order, holds.standing(order), *still)
    elif order.state == "expired" and paid - back >= order.total_cents and fitting:
        _sell_late(order)
    order = TicketOrder.get_by_id(order.id)
    _follow_disputes(order, payments)
    if order.state in ("paid", "cancelled", "expired"):
        _send_back_rest(order, fitting, reason, by)
        _send_back_foreign(order, [one for one in payments if one not in fitting], by)


def _gone(payment):
    """Minor units of a payment that aren't here any more: what went back, or all of it to a bank that disputed it."""
    return payment.amount_cents if payment.dispute == "lost" else payment.refunded_cents


def _trouble(order, payments, fitting, paid, back):
    has = paid - back
    if disputed := next((one for one in payments if one.dispute in ("open", "lost")), None):
        sum = written(disputed.amount_cents, disputed.currency)
        return f"The buyer’s bank {'took back' if disputed.dispute == 'lost' else 'disputes'} {sum}."
    if foreign := next((one for one in payments if one not in fitting and _gone(one) < one.amount_cents), None):
        sum = written(foreign.amount_cents, foreign.currency)
        return f"{sum} came, but the order is in {order.currency}. Nothing was given for it."
    if fitting and 0 < has < order.total_cents and order.state != "paid":
        return f"Only {written(has, order.currency)} of {written(order.total_cents, order.currency)} came."
    misses = order.state == "paid" and has < price_of(order, holds.standing(order))
    if misses and (outside := refunds.made_outside(order, back)):
        sum = written(outside, order.currency)
        return f"{sum} went back at the provider, and the tickets still stand. Cancel what they were for."
    return None


def _follow_disputes(order, payments):
    """Passes are void once a bank took back what they cost, and good again once it is here again; while a bank looks
    at that, they are as the site's setting says. What else is paid for the order pays for them: a lost dispute of a
    payment that came twice ends nothing."""
    states = {one.dispute for one in payments}
    if order.state != "paid" or states <= {None}:
        return
    has = order.paid_cents - order.refunded_cents - refunds.under_way_of(order)
    price = price_of(order, holds.standing(order))
    if "lost" in states and has < price:
        if gone := sum(passes.void(one, "dispute") for one in passes.of(order)):
            said = f"{counted(gone, 'pass', 'passes')} of order {order.number}: the bank took the money back"
            audit.record("pass.voided", said, organization=order.organization_id, target=order)
    elif "open" in states and has - refunds.disputed(order) < price:
        if settings.get("tickets_disputed") == "suspend":
            passes.suspend(order)
    else:
        passes.resume(order)


def _sell(order, items, *still):
    """From held to sold, once and while it is `still` so: passes, and the letter with them."""
    if not TicketOrder.update(state="paid", paid_at=now()).where(TicketOrder.id == order.id, *still).execute():
        return
    stock.sell(order, holds.wants_of(order, items))
    holds.moved(order, "paid")
    _give(order, items)


def _sell_late(order):
    """Money that came after the time: the same tickets if they are still free, else all of it back."""
    event = events.one(order.event_id)
    try:
        if not events.is_selling(event):
            raise holds.HoldExpired("The sale is over.")
        stock.take(order, holds.wants_of(order), kind="retake")
    except (stock.SoldOut, holds.HoldExpired):
        write(order, "order_failed", f"order_failed:{order.id}", sum=_sum(order))
        return
    TicketOrder.update(state="paid", paid_at=now()).where(TicketOrder.id == order.id).execute()
    holds.moved(order, "paid")
    if order.buyer_id:
        holds.count_again(order)
    _give(order, holds.standing(order))


def _give(order, items):
    Place.update(state="taken").where(Place.order == order.id, Place.state << ("called", "lapsed")).execute()
    made = passes.issue(order, items)
    write(order, "tickets", f"tickets:{order.id}", count=len(made))


def _send_back_rest(order, fitting, reason, by):
    """What is owed back: of an order that stands what is above its price, of one that ended all."""
    owed, items = owed_back(order), holds.standing(order)
    why = {"expired": "late", "cancelled": "ended"}.get(order.state, "double")
    for payment in reversed(fitting):
        if payment.dispute in ("open", "lost"):  # the bank has it: it would go back twice
            continue
        sent = payment.refunded_cents + refunds.under_way(payment)
        if (part := min(owed, payment.amount_cents - sent)) > 0:
            left = sum(item.standing for item in items)
            key = f"refund:{order.id}:{why}:{payment.id}:{left}:{sent}"
            refunds.send(order, payment, part, reason or why, key, by=by)
            owed -= part


def _send_back_foreign(order, foreign, by):
    """Money in another currency than the order's buys nothing: it goes back whole, as soon as the order has ended."""
    for payment in foreign:
        rest = payment.amount_cents - payment.refunded_cents - refunds.under_way(payment)
        if rest > 0 and payment.dispute not in ("open", "lost"):
            refunds.send(order, payment, rest, "foreign", f"refund:{order.id}:foreign:{payment.id}", by=by)


def price_of(order, items):
    """Minor units that what stands of a paid order costs: all of it, less the shares of what was given back, and with
    the fee that was kept of those."""
    if order.state != "paid":
        return 0
    whole = sum(item.total_cents for item in items)
    gone = sum(item.total_cents * (item.quantity - item.standing) // item.quantity for item in items)
    added = order.total_cents - whole  # tax on top, in proportion
    return order.total_cents - gone - (added * gone // whole if whole else 0) + order.fee_cents


def owed_back(order):
    """Minor units that the house has and that aren't its: paid − refunded − under way − what banks look at − the price
    of what stands."""
    if order.state in TicketOrder.LIVE:
        return 0
    gone = order.refunded_cents + refunds.under_way_of(order) + refunds.disputed(order)
    return max(0, order.paid_cents - gone - price_of(order, holds.standing(order)))


def _sum(order):
    return written(order.total_cents, order.currency)


def write(order, template, key, *, at_will=False, good_until=None, **values):
    """Leave a letter to who ordered, with the link to its page. Refuses with TooOften what is sent `at_will`."""
    event, site = order.event, configuration.active.site_url
    outgoing.letter(
        template,
        order.email,
        key,
        at_will=at_will,
        good_until=good_until,
        name=order.name or "",
        event=event.title,
        emblem=reported.emblem(order),
        when=event.when,
        where=event.where,
        number=order.number,
        link=site + holds.address(order),
        **values,
    )


def tell_of_refund(refund):
    """A letter to the buyer that money went back, once for each refund that did."""
    back = written(refund.amount_cents, refund.payment.currency)
    write(refund.order, "refund_confirmed", f"refund_confirmed:{refund.id}:{refund.tries}", sum=back)


# --- alarms -----------------------------------------------------------------------------------------------------------


def look_after(limit=200):
    """Each minute, for all events: holds that lapsed end, and money of orders that ended goes back; returns how many
    holds ended."""
    swept = holds.sweep_all(limit)
    with everywhere("money is looked after for all organizations"):
        going = TicketRefund.select(fn.COALESCE(fn.SUM(TicketRefund.amount_cents), 0)).where(
            TicketRefund.payment == TicketPayment.id, TicketRefund.state << refunds.UNDER_WAY
        )
        stranded = TicketPayment.select(TicketOrder.id, TicketOrder.organization).join(TicketOrder)
        stranded = stranded.where(
            TicketPayment.state == "paid",
            TicketPayment.account != TicketPayment.ELSEWHERE,  # whoever took it there looks after it
            TicketOrder.organization.not_in(Organization.arriving()),
            TicketPayment.dispute.is_null() | (TicketPayment.dispute == "won"),
            TicketPayment.amount_cents - TicketPayment.refunded_cents > going,
            TicketOrder.state << ("expired", "cancelled"),
        )  # the newest first: those whose refund failed or was declined stay among them
        found = list(stranded.distinct().order_by(TicketOrder.id.desc()).limit(limit).tuples())
    for id, organization in found:
        try:
            with inside(organization):
                writes(settle)(id)
        except Exception:  # the others' money goes back all the same
            log.exception("money of an order couldn't be looked after", extra={"order": id})
    return swept


def _lets_in(order):
    return any(item.tier.kind == "admission" for item in holds.standing(order))


def paid_for_nothing():
    """Orders that have money enough and neither passes nor a refund under way: must be none."""
    mine = TicketOrder.select().where(TicketOrder.paid_cents - TicketOrder.refunded_cents > 0)
    return [
        order
        for order in mine
        if (order.state != "paid" and owed_back(order))
        or (order.state == "paid" and not passes.of(order) and _lets_in(order))
    ]


def for_nothing():
    """The same of the last weeks as conditions, for many events: those that stand, and those that ended. Of an order
    that has a refund, whatever became of that, the list of refunds tells."""
    mine = OrderItem.order == TicketOrder.id
    asks = fn.EXISTS(OrderItem.select(OrderItem.id).join(Tier).where(mine, Tier.kind == "admission"))
    has = fn.EXISTS(Pass.select(Pass.id).join(OrderItem, on=(OrderItem.id == Pass.item)).where(mine))
    goes = fn.EXISTS(TicketRefund.select(TicketRefund.id).where(TicketRefund.order == TicketOrder.id))
    taken = TicketPayment.order == TicketOrder.id, TicketPayment.dispute << ("open", "lost")
    disputed = fn.EXISTS(TicketPayment.select(TicketPayment.id).where(*taken))
    lately = TicketOrder.created_at > now() - timedelta(days=30)
    gone = TicketOrder.state << ("expired", "cancelled"), TicketOrder.paid_cents > TicketOrder.refunded_cents
    return (TicketOrder.state == "paid", lately, asks, ~has), (*gone, lately, ~goes, ~disputed)
