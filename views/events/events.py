"""Events for who makes them: the list, the page of one with its parts, and the lists within it."""

from flask import Blueprint, g, request

from domain.base.allowances import spend
from domain.events import (
    events,
    holds,
    ledger,
    orders,
    passes,
    prices,
    stock,
    tiers,
    vouchers,
)
from domain.events.afterwards import attendees, incidents, order_money, returns
from domain.events.books import payouts, sales, unassigned
from domain.events.carriers import covers
from domain.events.door import checkpoints, devices, scanners, scans
from domain.events.line import places
from domain.events.programme import event_types, sessions, speakers
from domain.events.providers import accounts
from domain.events.referring import referrals
from domain.events.rehearsals import rehearsals, telling
from domain.moderation import reports
from domain.organizations import invitations, permissions
from models import Event, Organization, Tier
from views import access, pages
from views.lists import routes
from views.lists.charts import Drawn

blueprint = Blueprint("events", __name__)

# The pages of an event, in groups: (group, {the list's path: (label, who sees it)}).
GROUPS = (
    ("Event", {"event": ("Event", "events.read")}),
    (
        "Tickets",
        {
            "tiers": ("Kinds of tickets", "events.read"),
            "vouchers": ("Codes", "events.read"),
            "rehearsals": ("Rehearsals", "events.read"),
        },
    ),
    ("Programme", {"sessions": ("Sessions", "events.read"), "speakers": ("Speakers", "events.read")}),
    (
        "Sales",
        {
            "orders": ("Orders", "orders.read"),
            "sales": ("Sold", "orders.read"),
            "line": ("Line", "orders.read"),
            "bringers": ("Brought by", "orders.read"),
            "payouts": ("Payouts", "payments.manage"),
            "ledger": ("Ledger", "orders.read"),
        },
    ),
    (
        "Door",
        {
            "passes": ("Passes", "orders.read"),
            "checkpoints": ("Gates", "events.read"),
            "devices": ("Phones", "events.read"),
            "scanners": ("Scanners", "workspaces.manage"),
            "scans": ("Scans", "orders.read"),
            "conflicts": ("Conflicts", "orders.read"),
            "incidents": ("Incidents", "events.read"),
        },
    ),
)
BELOW = {"brought": "bringers"}  # a list that is reached from another


def standing(event, part="event"):
    """What each page of an event shows above its part: the groups and the lists of the one it is in, as far as this
    member may see them; both as (key, label, address)."""
    base, part = f"/{g.by.organization.slug}/events/{event.id}", BELOW.get(part, part)
    found = {}
    for name, parts in GROUPS:
        seen = {key: label for key, (label, right) in parts.items() if g.by.may(right)}
        found[name] = [(key, label, base if key == "event" else f"{base}/{key}") for key, label in seen.items()]
    here = next(name for name, parts in GROUPS if part in parts)
    tabs = [(name, name, its[0][2]) for name, its in found.items() if its]
    return {"event": event, "event_tabs": tabs, "event_tab": here, "event_lists": found[here], "event_list": part}


def _currency(parent=Event):
    """The currency in which an event's amounts are typed: of the event in the address, or of one of its tiers."""
    row = parent.one(parent.id == (request.view_args or {}).get("parent"))
    event = row if parent is Event else row and row.event
    return event.currency if event else "EUR"


def _around(place):
    return standing(events.one(place.ask.parent), request.path.split("/")[4])


def _within(event):
    return event.title, f"/{g.by.organization.slug}/events/{event.id}"


def _around_scanners(place):
    by, around = place.by, _around(place)
    refusal = permissions.judge(by, "members.invite_staff")
    invited = invitations.of(None, around["event"]) if by.may("invitations.read") else []
    return around | {"invited": invited, "invite_refusal": refusal, "values": {}, "errors": {}}


def _around_row(place, row):
    return _around(place) | {"beside": None}


# --- an event ------------------------------------------------------------------------------------------------------


def _part(errors):
    """Which part of the form is shown: the one that was refused, else the one that is asked for."""
    refused = next((key for key, (_, names) in events.PARTS.items() if errors & set(names)), None)
    asked = request.args.get("part", "")
    return refused or (asked if asked in events.PARTS else next(iter(events.PARTS)))


# The lists beside the events themselves: where the money of all of them is looked after.
BESIDE = (
    ("events", "Events", events.rules),
    ("refunds", "Refunds", returns.rules),
    ("payouts", "Payouts", payouts.rules),
    ("money", "Without an order", unassigned.rules),
    ("payment-accounts", "Accounts", accounts.rules),
)


def _beside(place):
    base = f"/{g.by.organization.slug}"
    seen = [(key, label, f"{base}/{key}") for key, label, rules in BESIDE if g.by.may(rules.listing.reads)]
    return {"beside": seen if len(seen) > 1 else [], "part": place.url.rpartition("/")[2]}


def _gaps(row):
    """What stands in the way of publishing it, and once it is, of paying."""
    if row.state == "draft":
        return events.missing(row)
    return [gap for gap in events.missing(row) if gap[0] == "money"] if events.is_selling(row) else []


class Sold(Drawn):
    """The chart of the tickets that an event sold, as its own page shows it."""

    said = "Tickets sold and not given back, by day"

    def __init__(self, event, url):
        asked, found = sales.by_day(event, g.by)
        super().__init__(asked, found, f"{url}/sales", sales.BY_DAY)
        self.event_url = url


def _of_event(place, row):
    url, stocks = f"{place.url}/{row.id}", stock.of(row.id)
    figures = [(tier, stocks.get(("tier", tier.id)), stock.explain(stocks, tier)) for tier in tiers.of(row.id)]
    return standing(row) | {
        "parts": [(key, label, f"{url}?part={key}") for key, (label, _) in events.PARTS.items()],
        "part_of": lambda errors: _part(set(errors or ())),
        "fields_of": lambda part: [f for f in map(place.listing.by_name.get, events.PARTS[part][1]) if not f.acted],
        "missing": _gaps(row),
        "figures": figures,
        "sold": Sold(row, url) if figures and g.by.may("orders.read") else None,
        "cover": covers.of(row.id),
        "has_door": devices.is_there(row),
        "room": stocks.get(("event", row.id)),
        "wrong": stock.check(row.id),
        "is_hidden": reports.is_hidden("event", row.id),
    }


routes.add(
    blueprint,
    events.rules,
    "/events",
    find=event_types.typed,
    template="events/index.html",
    context=_beside,
    row_template="events/show.html",
    row_context=_of_event,
    heads_with_acts=True,
)
routes.add(blueprint, event_types.rules, "/events/types", nav="events", prefix="types_")

# --- what is within one ------------------------------------------------------------------------------------------

IN_EVENT = {"nav": "events", "within": lambda parent: _within(events.one(parent))}
PART = IN_EVENT | {"template": "events/list.html", "context": _around}
ROW = {"row_template": "events/row.html", "row_context": _around_row}


def _tier_row(place, row):
    return _around(place) | {"beside": ("Price phases", f"/{g.by.organization.slug}/tickets/{row.id}/prices")}


routes.add(
    blueprint,
    tiers.rules_in("EUR"),
    "/events/<id:parent>/tiers",
    find=lambda: tiers.rules_in(_currency()),
    prefix="tiers_",
    **PART,
    row_template="events/row.html",
    row_context=_tier_row,
)
routes.add(
    blueprint,
    vouchers.rules_in("EUR"),
    "/events/<id:parent>/vouchers",
    find=lambda: vouchers.rules_in(_currency()),
    prefix="vouchers_",
    **PART,
    **ROW,
)
routes.add(blueprint, sessions.rules, "/events/<id:parent>/sessions", prefix="sessions_", **PART, **ROW)
routes.add(blueprint, speakers.rules, "/events/<id:parent>/speakers", prefix="speakers_", **PART, **ROW)


def _around_order(place, row):
    items, asked = holds.standing(row), returns.requested(row)
    return _around(place) | {
        "lines": order_money.lines(row),
        "items": items,
        "extras": [item for item in items if item.tier.kind == "addon" and item.standing],
        "its_passes": passes.of(row),
        "asked": asked,
        "may_return": g.by.may("orders.write") and row.state == "paid" and any(item.standing for item in items),
    }


ORDER = {"row_template": "events/order_page.html", "row_context": _around_order}
routes.add(blueprint, orders.rules, "/events/<id:parent>/orders", prefix="orders_", **PART, **ORDER)
routes.add(blueprint, sales.rules, "/events/<id:parent>/sales", prefix="sales_", **PART)


def _around_bringer(place, row):
    found = referrals.brought(row)[row.id]
    return _around(place) | {"found": found, "whom": referrals.whom(row), "tree": referrals.tree(row)}


BRINGER = {"row_template": "events/bringer.html", "row_context": _around_bringer}
routes.add(blueprint, referrals.bringers, "/events/<id:parent>/bringers", prefix="bringers_", **PART, **BRINGER)
routes.add(blueprint, referrals.orders_brought, "/events/<id:parent>/brought", prefix="brought_", **PART)
routes.add(blueprint, attendees.rules, "/events/<id:parent>/passes", prefix="passes_", **PART)
routes.add(blueprint, places.rules, "/events/<id:parent>/line", prefix="line_", **PART)
routes.add(blueprint, checkpoints.rules, "/events/<id:parent>/checkpoints", prefix="checkpoints_", **PART)
routes.add(blueprint, devices.rules, "/events/<id:parent>/devices", prefix="devices_", **PART)
SCANNERS = PART | {"template": "events/scanners.html", "context": _around_scanners}
scanners_list = routes.add(blueprint, scanners.rules, "/events/<id:parent>/scanners", prefix="scanners_", **SCANNERS)


@blueprint.post("/<organization>/events/<id:parent>/scanners/people")
@access.member("workspaces.manage")
@pages.again(scanners_list.again)
def scanners_add(parent):
    words = scanners.add(
        parent, request.form.get("email", ""), by=g.by, allow=lambda: spend("invitations", g.by.organization)
    )
    return pages.go(f"/{g.by.organization.slug}/events/{parent}/scanners", words)


routes.add(blueprint, scans.rules, "/events/<id:parent>/scans", prefix="scans_", **PART)
routes.add(blueprint, scans.conflicts, "/events/<id:parent>/conflicts", prefix="conflicts_", **PART)
routes.add(blueprint, incidents.rules, "/events/<id:parent>/incidents", prefix="incidents_", **PART, **ROW)


def _around_rehearsal(place, row):
    return _around(place) | {
        "job": rehearsals.job_of(row),
        "told": row.report and telling.told(row),
        "span": telling.span,
    }


REHEARSAL = {"row_template": "events/rehearsal.html", "row_context": _around_rehearsal}
routes.add(blueprint, rehearsals.rules, "/events/<id:parent>/rehearsals", prefix="rehearsals_", **PART, **REHEARSAL)


def _around_ledger(place):
    return _around(place) | {"wrong": stock.check(place.ask.parent)}


LEDGER = PART | {"template": "events/ledger.html", "context": _around_ledger}
routes.add(blueprint, ledger.rules, "/events/<id:parent>/ledger", prefix="ledger_", **LEDGER)


routes.add(blueprint, payouts.of_event, "/events/<id:parent>/payouts", prefix="parts_", **PART)


def _around_prices(place):
    tier = tiers.one(place.ask.parent)
    return standing(tier.event, "tiers") | {"tier": tier}


routes.add(
    blueprint,
    prices.rules_in("EUR"),
    "/tickets/<id:parent>/prices",
    find=lambda: prices.rules_in(_currency(Tier)),
    nav="events",
    template="events/list.html",
    context=_around_prices,
    within=lambda parent: _within(tiers.one(parent).event),
    prefix="prices_",
)
MONEY = {"nav": "events", "template": "events/books.html", "context": _beside}
routes.add(blueprint, returns.rules, "/refunds", prefix="refunds_", **MONEY)
routes.add(blueprint, accounts.rules, "/payment-accounts", prefix="accounts_", **MONEY)


def _unassigned():
    return unassigned.rules_in(Organization.get_by_id(g.by.organization.id).default_currency)


def _around_payout(place, row):
    return {"payout": row, "parts": payouts.parts(row), "name": payouts.NAMES[row.provider]}


routes.add(blueprint, unassigned.rules, "/money", find=_unassigned, prefix="money_", **MONEY)
routes.add(
    blueprint,
    payouts.rules,
    "/payouts",
    prefix="payouts_",
    row_template="events/payout.html",
    row_context=_around_payout,
    **MONEY,
)
