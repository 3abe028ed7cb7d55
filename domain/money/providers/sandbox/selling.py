"""What the sandbox sells, and to whom: products, prices, customers."""

from datetime import UTC, datetime

from database.clock import months_after
from domain import NotFound
from domain.base import configuration
from domain.money.providers.sandbox.records import Impossible, acts, dialect, find, get, new, put, tell

CURRENCY = "usd"
AMOUNTS: dict[str, tuple[int, str | None]] = {
    "pro_monthly": (1200, "month"),
    "pro_yearly": (12000, "year"),
    "pro_lifetime": (24000, None),
}
CARDS = {
    "ok": "A card that works",
    "declined": "A card that is declined",
    "fails_later": "A card that works now and is declined from the next payment on",
    "confirm": "A card whose bank wants each payment confirmed (3-D Secure)",
    "debit": "A bank debit that takes three days",
    "debit_fails": "A bank debit that fails after three days",
}


def products():
    """What is sold: what the sandbox comes with, then what was put beside it."""
    words = dialect()
    pro = {
        "id": words.PRODUCT,
        "kind": "product",
        "active": True,
        "created": 1767225600,
        "name": "Pro",
        "description": "For teams that work in it all day",
        "images": [],
        "default_price": words.PRICES["pro_monthly"],
        "metadata": {"app": configuration.active.stripe_app_tag or "guildhall"},
    }
    return [pro, *reversed(find("product"))]


def prices():
    """At which prices; `interval` is None where it is bought once."""
    words = dialect()
    ours = [
        {
            "id": words.PRICES[plan],
            "kind": "price",
            "product": words.PRODUCT,
            "active": True,
            "created": 1767225600,
            "amount": amount,
            "currency": CURRENCY,
            "interval": interval,
            "lookup_key": plan,
            "metadata": {},
        }
        for plan, (amount, interval) in AMOUNTS.items()
    ]
    return [*ours, *reversed(find("price"))]


def price(id):
    """One price. Refuses with NotFound."""
    for known in prices()[: len(AMOUNTS)]:
        if known["id"] == id:
            return known
    return get(id, "price")


def later(moment, interval, anchor=None):
    """A period after a moment in seconds; the day of the month is the anchor's, or the month's last."""
    at, day = datetime.fromtimestamp(moment, UTC), datetime.fromtimestamp(anchor or moment, UTC).day
    return int(months_after(at, 12 if interval == "year" else 1, day).timestamp())


@acts
def create_customer(**about):
    """A customer: email, name, metadata. `card` is one of CARDS, or None."""
    usual = {"email": None, "name": None, "card": None, "balance": 0, "deleted": False}
    made = put(new("customer", **usual | about))
    tell("customer.created", made)
    return made


def customer(id):
    """A customer that isn't deleted. Refuses with NotFound."""
    found = get(id, "customer")
    if found["deleted"]:
        raise NotFound(f"The sandbox has no customer {id[:60]}.")
    return found


@acts
def change_customer(id, **values):
    """Change email, name, metadata or card. Refuses with Impossible."""
    held = customer(id)
    if values.get("card") is not None and values["card"] not in CARDS:
        raise Impossible("There is no such card.", "card")
    before = {key: held[key] for key in values if held[key] != values[key]}
    held = put(held | values)
    tell("customer.updated", held, before)
    return held
