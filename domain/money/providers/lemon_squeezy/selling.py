"""What we ask of Lemon Squeezy: customers, checkouts, changes, refunds."""

from contextlib import suppress
from datetime import timedelta

from database.clock import now
from domain.money import providers
from domain.money.providers.http import Answered, NotThere
from domain.money.providers.lemon_squeezy.wire import (
    call,
    get,
    listed,
    path_of,
    payment_path,
    present,
    thing_in,
    written,
)
from domain.money.providers.provider import (
    CannotDo,
    Opened,
    ProviderFailed,
    after_asking,
    given_along,
    seats_after_plan,
)

CHECKOUT_LASTS = timedelta(hours=1)  # short, because it can't be closed


def create_customer(organization, email, key):
    """The id of the store's customer with this address, made where there is none.
    An address is one customer of a store, whatever organizations it looks after. https://docs.lemonsqueezy.com/
    api/customers/create-customer documents no idempotency, and refuses a second customer: so it is looked for."""
    if known := _customer_with(email):
        return known
    try:
        return str(_make("customers", {"name": organization.name, "email": email})["id"])
    except Answered as answered:
        known = _customer_with(email) if answered.status == 422 else None  # another process was faster
        if not known:
            raise
        return known


def _customer_with(email):
    return next((str(one["id"]) for one in _by_address("customers", "email", email)), None)


def _by_address(kind, field, email):
    """The objects of our store that bear just this e-mail address."""
    for thing, _ in listed(kind, **{f"filter[{field}]": email}):
        if str(thing["attributes"].get(field) or "").lower() == email.lower():
            yield thing


def _make(kind, attributes, **related):
    """A new object of the store; `related` are ids of what else it belongs to, by their kind."""
    related |= {"store": providers.account().store}
    relationships = {one: {"data": {"type": f"{one}s", "id": str(id)}} for one, id in related.items()}
    data = {"type": kind, "attributes": attributes, "relationships": relationships}
    return thing_in(call("POST", kind, data=data))


def _number(id):
    """The API wants ids as numbers in some places."""
    if not str(id).isdecimal():
        raise ProviderFailed(f"Lemon Squeezy: {str(id)[:40]} isn't an id of theirs.", asked=False)
    return int(id)


def checkout(customer_id, organization, order, return_url, cancel_url, key):
    """Open a checkout for one variant: https://docs.lemonsqueezy.com/api/checkouts/create-checkout

    `Opened.id` is the order's own public id, not theirs: their webhooks bring back our custom data, and never
    the id of the checkout. Made twice it is two addresses, of which nobody sees the first. It can't be given a
    customer or a way back, and can't be closed, so it lasts an hour. Whoever had a subscription gets no second
    trial.
    """
    live = providers.account().live
    variant, expires_at = _number(order.price_id), now() + CHECKOUT_LASTS
    had = not order.once and order.email and any(_by_address("subscriptions", "user_email", order.email))
    attributes = {
        "product_options": {"redirect_url": return_url, "enabled_variants": [variant]},
        "checkout_options": {"skip_trial": True} if had else {},
        "checkout_data": {
            "email": order.email,
            "custom": given_along(organization, order),
            "variant_quantities": [{"variant_id": variant, "quantity": order.quantity}],
        },
        "expires_at": written(expires_at),
        "test_mode": not live,
    }
    url = _make("checkouts", attributes, variant=variant)["attributes"].get("url")
    if not isinstance(url, str) or not url.startswith("https://" if live else ("https://", "http://")):
        raise ProviderFailed("Lemon Squeezy: the checkout's address can't be read.")
    return Opened(order.public_id, url, expires_at)


def expire_checkout(checkout_id, key):
    """Nothing: it has no call that closes a checkout. Its hour passes."""


def _change(subscription_id, attributes, done):
    """Change a subscription; `done` says of the answer whether it did.
    Refuses with CannotDo where it didn't: of a subscription that is paid by PayPal nothing is changed, without an
    error (docs.lemonsqueezy.com/api/subscriptions/update-subscription)."""
    changed = thing_in(_patch("subscriptions", subscription_id, attributes))
    if not done(changed["attributes"]):
        raise CannotDo("Lemon Squeezy didn't change this subscription. Change it in the customer portal instead.")
    return changed


def _patch(kind, id, attributes):
    return call("PATCH", path_of(kind, id), data={"type": kind, "id": str(id), "attributes": attributes})


def change(subscription_id, price_id, quantity, key, token=""):
    """Move a subscription to another variant or number of seats, and have the difference invoiced at once.
    Asks first and sends only what differs, so the same wish twice is charged once. The variant changes at once;
    whether its invoice is paid is told by the events that follow. There is no preview, so `token` is nothing."""
    thing = get("subscriptions", subscription_id)
    if thing["attributes"].get("payment_processor") == "paypal":
        raise CannotDo("This subscription is paid by PayPal: change it in the customer portal of Lemon Squeezy.")
    variant = _number(price_id)
    if str(thing["attributes"].get("variant_id")) == str(variant):
        _change_seats(thing, quantity)
        return
    asked = {"variant_id": variant, "invoice_immediately": True}
    thing = _change(subscription_id, asked, lambda it: str(it.get("variant_id")) == str(variant))
    with seats_after_plan():
        _change_seats(thing, quantity)


def _change_seats(thing, quantity):
    item = thing["attributes"].get("first_subscription_item") or {}
    if int(item.get("quantity") or 1) == quantity:
        return
    if not item.get("id"):
        raise CannotDo("The number of seats can be changed once the trial is over.")
    _patch("subscription-items", item["id"], {"quantity": quantity, "invoice_immediately": True})


def set_cancel_at_period_end(subscription_id, cancel, key):
    """Cancel: it lasts to its period's end, and then is over. Or take that back while it lasts.
    https://docs.lemonsqueezy.com/api/subscriptions/cancel-subscription; twice is once. Refuses with CannotDo to
    take up again what is over."""
    if cancel:
        end(subscription_id, key)
        return
    thing = get("subscriptions", subscription_id)
    if thing["attributes"].get("status") == "expired":
        raise CannotDo("This subscription is over.")
    if thing["attributes"].get("cancelled"):
        _change(subscription_id, {"cancelled": False}, lambda it: not it.get("cancelled"))


def pause(subscription_id, resumes_at, key):
    """Collect nothing until then, or until it is unpaused; its invoices are void. Twice is once."""
    asked = {"mode": "void"} | ({"resumes_at": written(resumes_at)} if resumes_at else {})
    _change(subscription_id, {"pause": asked}, lambda it: it.get("pause"))


def unpause(subscription_id, key):
    """Collect again. Twice is once."""
    _change(subscription_id, {"pause": None}, lambda it: not it.get("pause"))


def end(subscription_id, key):
    """Cancel the subscription: it has no call that ends one before its period does, so nothing more is charged.
    One that is over, or that it doesn't know, is as good."""
    thing, _ = present("subscriptions", subscription_id)
    if thing and thing["attributes"].get("status") not in ("cancelled", "expired"):
        with suppress(NotThere):
            call("DELETE", path_of("subscriptions", subscription_id))


def refund(payment_id, amount, key):
    """Give back some of a payment in minor units, or all that is left of it.

    https://docs.lemonsqueezy.com/api/orders/issue-refund, and the same of /v1/subscription-invoices. Asks first:
    what is refunded in full already isn't again. Where no answer comes it asks whether the refund was made; a
    part that was given by a call from elsewhere in between can't be told from it. Refuses with CannotDo more
    than is left.
    """
    kind, id = payment_path(payment_id)
    total, before = _refunded(get(kind, id))
    left = total - before
    if amount is None and left <= 0:
        return
    given = left if amount is None else amount
    if not 0 < given <= left:
        raise CannotDo("That is more than is left of this payment.")
    data = {"type": kind, "id": id, "attributes": {"amount": given}}
    try:
        call("POST", f"{path_of(kind, id)}/refund", data=data)
    except Answered:
        raise
    except ProviderFailed:
        with after_asking():
            given_back = _refunded(get(kind, id))[1]
        if given_back < before + given:
            raise


def _refunded(thing):
    attributes = thing["attributes"]
    total = int(attributes.get("total") or 0)
    whole = attributes.get("refunded") or attributes.get("status") == "refunded"
    return total, total if whole else int(attributes.get("refunded_amount") or 0)


def portal(customer_id, return_url, key):
    """The address of the customer portal, signed for a day, made for this visit; it knows no way back.
    https://docs.lemonsqueezy.com/guides/developer-guide/customer-portal. Refuses with CannotDo where the
    customer never had a subscription."""
    url = (get("customers", customer_id)["attributes"].get("urls") or {}).get("customer_portal")
    if not url:
        raise CannotDo("Lemon Squeezy opens its portal only for customers with a subscription.")
    return str(url)


def preview(subscription_id, price_id, quantity):
    """None: it can't tell beforehand what a change would cost."""
    return None
