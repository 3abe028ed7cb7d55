"""What we ask of Polar: customers, checkouts, changes, refunds."""

from contextlib import suppress

from domain.money.providers.http import Answered, NotThere, moment
from domain.money.providers.polar.wire import MISSING, call, get, pages, quoted, reads
from domain.money.providers.provider import CannotDo, Opened, ProviderFailed, given_along, seats_after_plan

OVER = "AlreadyCanceledSubscription"


def create_customer(organization, email, key):
    """Make the organization's customer and return its id; the same call twice makes one.
    Polar keeps external ids and e-mail addresses unique. Somebody else's customer is never taken over by its
    address: that would open their portal. Refuses with CannotDo when the address is taken, ProviderFailed."""
    ours = organization.public_id
    wanted = {"external_id": ours, "email": email, "name": organization.name, "metadata": {"organization": ours}}
    try:
        with reads():
            return str(call("POST", "/v1/customers/", body=wanted, key=key)["id"])
    except Answered as answered:
        if answered.status not in (409, 422):
            raise
        refused = answered
    with suppress(NotThere), reads():
        return str(get("/v1/customers/external/", ours)["id"])
    others = [held.get("email") for page, _ in pages("/v1/customers/", email=email) for held in page]
    if any(isinstance(other, str) and other.casefold() == email.casefold() for other in others):
        raise CannotDo(
            "Polar knows this e-mail address as another customer's. Buy with another address, "
            "or ask whoever runs this site.",
            code="CONFLICT",
        )
    raise refused


def checkout(customer_id, organization, order, return_url, cancel_url, key):
    """Open a checkout for one product; returns where to send the browser. Refuses with ProviderFailed.
    What is given along as metadata, Polar copies to the order and the subscription. An open one for the same
    order is returned again. A trial is only what the order says, whatever the product offers; seats are fixed.
    https://polar.sh/docs/api-reference/2026-10/checkouts/create-checkout-session"""
    whose = {"customer_id": customer_id} if customer_id else {"external_customer_id": organization.public_id}
    for page, _ in pages("/v1/checkouts/", **whose, status="open", sorting="-created_at"):
        for held in page:
            if (held.get("metadata") or {}).get("checkout") == order.public_id and held.get("status") == "open":
                return _opened(held)
    body = whose | {
        "products": [order.price_id],
        "success_url": return_url,
        "return_url": cancel_url,
        "metadata": given_along(organization, order),
        "allow_trial": order.trial_days > 0,
    }
    if not customer_id and order.email:
        body["customer_email"] = order.email
    if order.trial_days > 0 and not order.once:
        body |= {"trial_interval": "day", "trial_interval_count": order.trial_days}
    if order.quantity > 1:
        body |= dict.fromkeys(("seats", "min_seats", "max_seats"), order.quantity)
    return _opened(call("POST", "/v1/checkouts/", body=body, key=key))


@reads()
def _opened(thing):
    return Opened(str(thing["id"]), str(thing["url"]), moment(thing.get("expires_at")))


def expire_checkout(checkout_id, key):
    """Nothing is done: Polar can't close a checkout, it expires by itself. One that is paid or being paid is
    refused with ProviderFailed, so that it is confirmed instead."""
    if get("/v1/checkouts/", checkout_id).get("status") in ("confirmed", "succeeded"):
        raise ProviderFailed("Polar has taken the payment of this checkout, or is about to.")


def portal(customer_id, return_url, key):
    """The address of the customer's own pages at Polar; it lets in whoever has it. Refuses with ProviderFailed."""
    body = {"customer_id": customer_id, "return_url": return_url}
    with reads():
        return str(call("POST", "/v1/customer-sessions/", body=body, key=key)["customer_portal_url"])


def preview(subscription_id, price_id, quantity):
    """None: what a change would cost Polar tells only its own pages, its API for that isn't public."""
    return None


def change(subscription_id, price_id, quantity, key, token=""):
    """Move a subscription to another product or number of seats, and charge or credit the difference at once.
    With `invoice` Polar changes nothing unless the payment succeeds, see
    https://polar.sh/docs/features/subscriptions/proration. What is so already is left alone, so the same call
    twice charges once. Refuses with CannotDo when the payment fails or it isn't sold by seats, ProviderFailed."""
    held = get("/v1/subscriptions/", subscription_id)
    if held.get("product_id") == price_id:
        _change_seats(subscription_id, key, held, quantity)
        return
    held = _change(subscription_id, key, product_id=price_id, proration_behavior="invoice")
    with seats_after_plan():
        _change_seats(subscription_id, key, held, quantity)


def _change_seats(subscription_id, key, held, quantity):
    if (held.get("seats") or 1) == quantity:
        return
    if held.get("seats") is None:
        raise CannotDo("This plan isn't sold by seats at Polar, so their number can't be changed.")
    _change(subscription_id, f"{key}-seats", seats=quantity, proration_behavior="invoice")


def _change(subscription_id, key, **body):
    """https://polar.sh/docs/api-reference/2026-10/subscriptions/update-subscription"""
    try:
        return call("PATCH", f"/v1/subscriptions/{quoted(subscription_id)}", body=body, key=key)
    except Answered as answered:
        if answered.status == 402:
            raise CannotDo(
                "The payment didn't go through, so this wasn't changed. Check the card and try again.", code="CONFLICT"
            ) from answered
        if answered.error in (OVER, "InactiveSubscription"):
            raise CannotDo("This subscription is ending or not running, so it can't be changed.") from answered
        raise


def set_cancel_at_period_end(subscription_id, cancel, key):
    """Cancel at the period's end, or take that back; as it is already is as good. Refuses with CannotDo once it
    is over, ProviderFailed."""
    if bool(get("/v1/subscriptions/", subscription_id).get("cancel_at_period_end")) != cancel:
        _change(subscription_id, key, cancel_at_period_end=cancel)


def pause(subscription_id, resumes_at, key):
    """Charge nothing from the end of the paid period on, until `resumes_at` or until it is resumed.
    Access ends with the period: https://polar.sh/docs/features/subscriptions/manage#pause-and-resume. Paused
    already is as good. Refuses with CannotDo for a day within the paid period, ProviderFailed."""
    held = get("/v1/subscriptions/", subscription_id)
    if held.get("pause_at_period_end") or held.get("status") == "paused":
        return
    with reads():
        ends = moment(held.get("current_period_end"))
    if resumes_at and ends and resumes_at <= ends:
        raise CannotDo(f"Polar pauses from the end of the paid period on, so not for a day before {ends:%-d %B %Y}.")
    until = {"resumes_at": resumes_at.isoformat()} if resumes_at else {}
    _change(subscription_id, key, pause_at_period_end=True, **until)


def unpause(subscription_id, key):
    """Take a planned pause back, or end one that has begun, which charges at once for a new period.
    One that isn't paused is as good. Refuses with CannotDo when the payment fails, ProviderFailed."""
    held = get("/v1/subscriptions/", subscription_id)
    if held.get("status") == "paused":
        _change(subscription_id, key, resume=True)
    elif held.get("pause_at_period_end"):
        _change(subscription_id, key, pause_at_period_end=False)


def end(subscription_id, key):
    """End the subscription now. One that is over, or that Polar doesn't know, is as good."""
    try:
        call("DELETE", f"/v1/subscriptions/{quoted(subscription_id)}", key=key)
    except Answered as answered:
        if answered.error not in (OVER, MISSING):
            raise
        if answered.error == OVER:
            held = get("/v1/subscriptions/", subscription_id)
            if held.get("status") != "canceled" and not held.get("ended_at"):
                raise  # only on its way


def refund(payment_id, amount, key):
    """Give back `amount` minor units of an order, tax included, or what is left of it.
    Polar wants the amount without its tax and adds that in proportion. A refund with our key is made once;
    an order that has nothing left is as good. Refuses with CannotDo for more than is left, ProviderFailed.
    https://polar.sh/docs/api-reference/2026-10/refunds/create-refund"""
    order = get("/v1/orders/", payment_id)
    for page, _ in pages("/v1/refunds/", order_id=payment_id, sorting="-created_at"):
        for made in page:
            if (made.get("metadata") or {}).get("key") == key and made.get("status") in ("pending", "succeeded"):
                return
    net = _net(order, amount)
    if net > 0:
        body = {"order_id": payment_id, "reason": "customer_request", "amount": net, "metadata": {"key": key}}
        call("POST", "/v1/refunds/", body=body, key=key)


@reads()
def _net(order, amount):
    """How much without tax makes `amount` with it, of what may still be given back."""
    net, tax = int(order["net_amount"]), int(order["tax_amount"])
    left, left_tax = int(order["refundable_amount"]), int(order["refundable_tax_amount"])
    if amount is None or amount == left + left_tax:
        return left
    if amount > left + left_tax:
        raise CannotDo("That is more than is left of this payment.", code="CONFLICT")
    near = round(amount * net / (net + tax))
    tried = [one for one in (near, near - 1, near + 1) if 0 <= one <= left]
    return min(tried, key=lambda one: abs(one + round(one * tax / net) - amount))
