"""Price phases of a kind of ticket: early birds, by day and by how many are taken."""

from functools import cache

from domain import Invalid
from domain.events import tiers
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.number import Number
from domain.fields.price import Price
from domain.fields.text import Text
from domain.lists import rows
from domain.lists.listing import Listing, Sort
from models import PricePhase


def _derive(phase, values):
    ends = [values.get(name, phase and getattr(phase, name)) for name in ("until_at", "until_sold")]
    if not any(ends):
        raise Invalid({"until_at": "Say when it ends: a time, a number, or both."})
    return {} if phase else {"event": tiers.one(values["tier"]).event_id}


@cache
def rules_in(currency):
    """The list of a tier's price phases."""
    listing = Listing(
        *("prices", "price phase", "price phases", PricePhase),
        (
            Field("name", "Name", Text(80), required=True, help="Such as Early bird."),
            Field("price_cents", f"Price, {currency}", Price(of=currency), default=0),
            Field("until_at", "Until", Moment()),
            Field("until_sold", "Until so many are taken", Number(1, 1_000_000)),
        ),
        (Sort("first", "In the order they count"), Sort("last", "The other way round", descending=True)),
        about="The first one that isn't over counts; after them the ticket's own price.",
        parent=PricePhase.tier,
        stands_in=lambda id, by: tiers.one(id),
        reads="events.read",
        writes="events.write",
        icon="tag",
        version=currency,
        empty=(("all", "One price for everybody, at any time. Add an early one.", "One price, at any time."),),
    )
    writes = lambda row, *rest: rest[-1].may("events.write")  # noqa: E731
    return rows.Rules(listing, may_change=writes, may_remove=writes, derive=_derive)
