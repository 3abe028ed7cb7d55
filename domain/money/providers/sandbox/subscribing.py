"""The lives of subscriptions at the sandbox: begun, changed, paused, renewed."""

from domain.money.providers.sandbox.invoicing import become, collect, draft, end, issue, line, running, void_what_waits
from domain.money.providers.sandbox.records import (
    DAY,
    FIRST_PAYMENT_LASTS,
    Declined,
    Impossible,
    acts,
    clock,
    dialect,
    find,
    get,
    new,
    put,
    tell,
)
from domain.money.providers.sandbox.selling import customer, later, price


def _recurring(price_id, param):
    found = price(price_id)
    if not found["interval"]:
        raise Impossible("This price is paid once; a subscription needs one that recurs.", param)
    return found


@acts
def subscribe(
    customer_id,
    price_id,
    quantity=1,
    *,
    trial_days=0,
    metadata=None,
    card=None,
    confirmed=False,
    without_card="create_invoice",
    checkout=None,
):
    """Begin a subscription; its first invoice is due at once, or after the trial. Returns it.
    Where the first payment fails it is incomplete, and expires after 23 hours. `without_card` says what the end
    of a trial does then: create_invoice, cancel or pause."""
    bought, at, buyer = _recurring(price_id, "items[0][price]"), clock(), customer(customer_id)
    ends = at + trial_days * DAY if trial_days else later(at, bought["interval"])
    held = new(
        "subscription",
        customer=customer_id,
        price=price_id,
        quantity=quantity,
        item=dialect().new_id("item"),
        start=at,
        period_start=at,
        period_end=ends,
        anchor=ends if trial_days else at,
        metadata=metadata or {},
        status="trialing" if trial_days else "incomplete",
        trial_start=at if trial_days else None,
        trial_end=ends if trial_days else None,
        warned=trial_days <= 3,
        cancel_at_period_end=False,
        cancel_at=None,
        canceled_at=None,
        ended_at=None,
        ended_because=None,
        pause=None,
        pending=None,
        pending_lines=[],
        currency=bought["currency"],
        without_card=without_card,
    )
    lines = [line(bought, quantity, at, ends, 0 if trial_days else None)]
    invoice = draft(buyer, lines, "create", bought["currency"], held["id"], checkout=checkout)
    tell("subscription.created", put(held | {"latest_invoice": invoice["id"]}))
    if collect(issue(invoice), card or buyer["card"], confirmed) == "processing":
        become(get(held["id"]), status="active")
    return get(held["id"])


@acts
def schedule_end(id, at_period_end=False, at=None):
    """Have a subscription end with its period, or at a moment, or (neither) not at all."""
    held = running(id)
    if at is not None and at <= clock():
        raise Impossible("The end must lie in the future.", "cancel_at")
    canceled_at = (held["canceled_at"] or clock()) if at_period_end or at else None
    return become(held, cancel_at_period_end=at_period_end, cancel_at=at, canceled_at=canceled_at)


@acts
def pause(id, behavior="void", resumes_at=None):
    """Stop collecting (behavior: void, keep_as_draft or mark_uncollectible), or rest altogether from the period's
    end on (at_period_end); None: collect again."""
    return become(running(id), pause=behavior and {"behavior": behavior, "resumes_at": resumes_at})


@acts
def resume(id):
    """Go on after a trial that ended without a card, or after a rest: a period begins now. Refuses with Impossible."""
    held = running(id)
    if held["status"] != "paused":
        raise Impossible("This subscription isn't paused.")
    held |= {"pause": None}
    tell("subscription.resumed", held)
    cycle(put(held | {"period_end": clock(), "anchor": clock()}), status="active")
    return get(id)


@acts
def describe(id, metadata):
    """Change what is noted of a subscription."""
    return become(running(id), metadata=metadata)


@acts
def move_trial_end(id, moment):
    """Have the trial end at another moment (now: it is over), or begin one. Refuses with Impossible."""
    held = running(id)
    if held["status"] not in ("trialing", "active") or moment < clock():
        raise Impossible("The trial can't end then.", "trial_end")
    began = held["trial_start"] or clock()
    values = {"period_end": moment, "anchor": moment, "trial_start": began, "trial_end": moment, "warned": False}
    held = become(held, status="trialing", **values)
    if moment <= clock():
        end_trial(held)
    return get(id)


def quote(held, price_id, quantity, at=None, behavior="create_prorations"):
    """(lines, the period's start, its end) of a change: unused time back, what is left of the period charged.
    To the second; another interval begins a period of its own at once, in a trial nothing is prorated:
    https://docs.stripe.com/billing/subscriptions/prorations"""
    old, bought, at = price(held["price"]), _recurring(price_id, "items[0][price]"), clock() if at is None else at
    start, end = held["period_start"], held["period_end"]
    if held["status"] == "trialing":
        return [], start, end
    anew = old["interval"] != bought["interval"]
    span, left = max(1, end - start), min(max(0, end - at), end - start)

    def part(amount):
        return (2 * amount * left + span) // (2 * span)

    lines = []
    if behavior != "none" and (price_id, quantity) != (held["price"], held["quantity"]):
        lines.append(line(old, held["quantity"], at, end, -part(old["amount"] * held["quantity"]), True))
        if not anew:
            lines.append(line(bought, quantity, at, end, part(bought["amount"] * quantity), True))
    if anew:
        start, end = at, later(at, bought["interval"])
        lines.append(line(bought, quantity, start, end))
    return lines, start, end


@acts
def change(id, price_id, quantity, *, behavior="create_prorations", payment="allow_incomplete", at=None):
    """Another price or quantity. `behavior`: none, create_prorations (on the next invoice) or always_invoice.
    `payment` says what a failed payment does: with allow_incomplete the change is made all the same, with
    pending_if_incomplete it waits, with error_if_incomplete it is refused with Declined."""
    held = running(id)
    if held["status"] == "incomplete":
        raise Impossible("This subscription waits for its first payment.", "items")
    if at is not None and not held["period_start"] <= at <= held["period_end"]:
        raise Impossible("The proration date must lie in the current period.", "proration_date")
    lines, start, end = quote(held, price_id, quantity, at, behavior)
    wanted, anew = {"price": price_id, "quantity": quantity}, end != held["period_end"]
    if anew:
        wanted |= {"period_start": start, "period_end": end, "anchor": start}
    if not lines or (behavior != "always_invoice" and not anew):
        return become(held, **wanted, pending=None, pending_lines=held["pending_lines"] + lines)
    buyer = customer(held["customer"])
    invoice = draft(buyer, held["pending_lines"] + lines, "update", held["currency"], id)
    if held["pending"]:
        void_what_waits(held)
    held |= {"latest_invoice": invoice["id"], "pending": None}
    if payment == "pending_if_incomplete":
        expires = min(clock() + FIRST_PAYMENT_LASTS, held["period_end"])
        put(held | {"pending": {"wanted": wanted, "invoice": invoice["id"], "expires": expires}})
        if collect(issue(invoice), buyer["card"]) != "succeeded":
            tell("subscription.updated", get(id), {"pending": None})
        return get(id)
    become(held, **wanted, pending_lines=[])
    outcome = collect(issue(invoice), buyer["card"])
    if payment == "error_if_incomplete" and outcome in ("failed", "action_required"):
        raise Declined("The card was declined.")
    return get(id)


def cycle(held, card=None, **values):
    """The next period begins with its invoice, which also has what was prorated before."""
    paused = held["pause"] and held["pause"]["behavior"]
    if paused == "at_period_end" and held["status"] == "active":
        tell("subscription.paused", put(held | {"status": "paused"}))
        return
    bought, start, buyer = price(held["price"]), held["period_end"], customer(held["customer"])
    end = later(start, bought["interval"], held["anchor"])
    status = {"void": "void", "keep_as_draft": "draft", "mark_uncollectible": "uncollectible"}.get(paused, "open")
    status = "draft" if held["status"] == "unpaid" else status
    lines = [line(bought, held["quantity"], start, end), *held["pending_lines"]]
    invoice = draft(buyer, lines, "cycle", held["currency"], held["id"], status=status)
    become(held, period_start=start, period_end=end, pending_lines=[], latest_invoice=invoice["id"], **values)
    issue(invoice)
    if status in ("void", "uncollectible"):
        tell("invoice.voided" if status == "void" else "invoice.uncollectible", invoice)
    elif status == "open":
        collect(invoice, card or buyer["card"])


def end_trial(held):
    """With a card the first period is charged; without one, what the checkout said."""
    todo = "create_invoice" if customer(held["customer"])["card"] else held["without_card"]
    if todo == "cancel":
        end(held["id"])
    elif todo == "pause":
        tell("subscription.paused", put(held | {"status": "paused"}))
    else:
        cycle(held, status="active")


@acts
def renew(id, *, paid=True):
    """The next period begins now, whatever the clock says; its invoice is paid, or the payment fails."""
    held = running(id)
    if held["cancel_at"]:
        raise Impossible("This subscription is cancelled for its period's end; end the period instead.")
    if held["status"] in ("incomplete", "paused"):
        raise Impossible("This subscription hasn't begun to be paid, so it can't be renewed.")
    cycle(held, "ok" if paid else "declined", **{"status": "active"} if held["status"] == "trialing" else {})


@acts
def end_period(id):
    """The period is over: a cancelled subscription ends, and so does one that wasn't paid. Refuses with Impossible."""
    held = running(id)
    if not held["cancel_at"] and held["status"] not in ("past_due", "unpaid", "incomplete", "paused"):
        raise Impossible("This subscription renews; cancel it first, or let a payment fail.")
    end(id)


def subscriptions():
    """The newest hundred subscriptions, the newest first."""
    return find("subscription", limit=100)
