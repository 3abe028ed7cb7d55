"""The demo's events: a festival on sale, one sold out, a market whose door is open, a concert that is over."""

from datetime import timedelta

from database.clock import now, set_clock
from domain.events import events, holds, passes, payments, prices, stock, tiers, vouchers
from domain.events.carriers import covers
from domain.events.door import checkpoints, devices, scans
from domain.events.programme import event_types, sessions, speakers
from domain.lists import rows
from domain.operations import flyer_samples

BUYERS = (
    *("Ada Lovelace", "Grace Hopper", "Łucja Wiśniewska", "Chidi Okafor", "Renée Noël", "Yuki Tanaka", "Omar Haddad"),
    *("Ines Pereira", "Tove Lindqvist", "Mia Rossi", "Kofi Mensah", "Anna Schmidt"),
)
PROGRAMME = (
    ("Gates open", 16, 60, "Main gate", ()),
    ("The Lantern Band", 18, 75, "Lake stage", ("The Lantern Band",)),
    ("Night walk with stories", 19, 90, "Old wood", ("Ada Moreau",)),
    ("Brass on the water", 20, 60, "Lake stage", ("Brass Union",)),
    ("Silent disco", 22, 180, "Barn", ()),
)


def make(owner, seller, chance):
    """Four events of the team: `owner` publishes them, `seller` makes them."""
    for name, tone in (("Concert", "info"), ("Festival", "good"), ("Market", "warn"), ("Workshop", "quiet")):
        rows.create(event_types.rules, {"name": name, "tone": tone}, by=seller)
    _concert(owner, seller, chance)
    festival = _festival(owner, seller)
    covers.put(festival[0].id, flyer_samples.lanterns(chance), "lanterns.jpg", by=seller)
    _sell(festival, chance)
    flyer_samples.make(festival[0], owner, seller, chance)
    _workshop(owner, seller)
    _market(owner, seller)


def _event(seller, title, starts, hours, **form):
    """An event, of the type that is the last word of its title."""
    times = {"starts_at": starts.isoformat(), "ends_at": (starts + timedelta(hours=hours)).isoformat()}
    form = {"title": title, "timezone": "Europe/Brussels", "currency": "EUR"} | times | form
    return rows.create(event_types.typed(), form | {"event_type": title.split()[-1]}, by=seller)


def _tier(event, seller, name, **form):
    return rows.create(tiers.rules_in(event.currency), {"name": name} | form, by=seller, parent=event.id)


def _evening(days):
    return (now() + timedelta(days=days)).replace(hour=16, minute=0, second=0, microsecond=0)


def _festival(owner, seller):
    event = _event(
        *(seller, "Lantern Festival", _evening(40), 34),
        venue="Old Mill Meadow",
        address="Mill Lane 1, 9000 Ghent",
        capacity="900",
        most_each="10",
        tax_bps="6",
        about="Two days by the lake: bands, stories in the wood, food from the valley, and lanterns when it gets dark.",
        refund_policy="Until two weeks before: all of it. After that you can pass your ticket on.",
        age_policy="Children under 12 come in free, with an adult.",
        entry_policy="Bring the code on your phone, or on paper. Please leave glass at home.",
        cover_alt="Paper lanterns over a lake, as evening comes",
        transfer_about="Acme Festival\nIBAN BE71 0961 2345 6769",
    )
    weekend = _tier(event, seller, "Weekend", price_cents="49", size="600", about="Both days, with the night walk.")
    _tier(event, seller, "Saturday", price_cents="29", size="400", place="1")
    neighbour = _tier(event, seller, "Neighbours", size="60", most="4", place="2", about="For who lives in the lane.")
    _tier(event, seller, "Camping", kind="addon", price_cents="12", size="120", place="3", about="One pitch, one tent.")
    crew = _tier(event, seller, "Crew", size="40", place="4")
    tiers.hide(crew.id, "lantern", by=owner)
    phase = {"name": "Early bird", "price_cents": "39", "until_sold": "80"}
    rows.create(prices.rules_in("EUR"), phase, by=seller, parent=weekend.id)
    code = {
        "code": "Friends2026",
        "discount": "percent",
        "value": "15",
        "uses": "50",
        "note": "For last year's helpers",
    }
    rows.create(vouchers.rules_in("EUR"), code, by=seller, parent=event.id)
    _programme(event, seller)
    events.publish(event.id, by=owner)
    return event, weekend, neighbour


def _programme(event, seller):
    on = {}
    for name, role in (("The Lantern Band", "Folk"), ("Ada Moreau", "Tells stories"), ("Brass Union", "Twelve horns")):
        on[name] = rows.create(speakers.rules, {"name": name, "role": role}, by=seller, parent=event.id)
    for title, hour, minutes, room, who in PROGRAMME:
        start = event.starts_at.replace(hour=hour)
        times = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(minutes=minutes)).isoformat()}
        part = rows.create(sessions.rules, {"title": title, "room": room} | times, by=seller, parent=event.id)
        for name in who:
            sessions.put_on(part.id, str(on[name].id), by=seller)


def _sell(festival, chance):
    """Some have tickets, some have promised a transfer, and one is buying at this moment."""
    event, weekend, neighbour = festival
    for place, name in enumerate(BUYERS):
        order = _order(event, name, {(neighbour if place % 3 == 0 else weekend).id: chance.randint(1, 3)})
        if order.total_cents:
            payments.promise_transfer(order.id)
        else:
            payments.take_free(order.id)
    holds.hold(event.id, {weekend.id: 2})


def _order(event, name, wishes):
    order = holds.hold(event.id, wishes)
    email = f"{name.split()[0].lower()}@example.net"
    return holds.say_who(order.id, {"name": name, "email": email if email.isascii() else "lucja@example.net"})


def _concert(owner, seller, chance):
    """It was a fortnight ago: time goes back for it, and on again."""
    today = now()
    set_clock(lambda: today - timedelta(days=20))
    event = _event(seller, "Spring Concert", _evening(6), 4, venue="Town hall", capacity="40")
    seat = _tier(event, seller, "Seat", size="40")
    events.publish(event.id, by=owner)
    sold = []
    for place, name in enumerate(BUYERS):
        set_clock(lambda at=today - timedelta(days=20) + timedelta(hours=9 * place): at)  # over some days
        sold.append(payments.take_free(_order(event, name, {seat.id: chance.randint(1, 4)}).id))
    set_clock(lambda: event.starts_at)
    _let_in(seller, event, [one for order in sold for one in passes.of(order)][3:])
    set_clock(None)


def _market(owner, seller):
    """Its door is open now: some are in, and some codes are left to try."""
    event = _event(seller, "Lantern Market", now() - timedelta(hours=1), 8, venue="Market hall")
    day = _tier(event, seller, "Day ticket", size="80", place="0")
    stall = _tier(event, seller, "Stall", size="10", place="1", about="For who sells: come in and out as you like.")
    events.publish(event.id, by=owner)
    wishes = [{stall.id: 1} if place % 5 == 4 else {day.id: 1} for place in range(len(BUYERS))]
    sold = [payments.take_free(_order(event, *one).id) for one in zip(BUYERS, wishes, strict=True)]
    rows.create(checkpoints.rules, {"name": "Stalls", "rule": "in_out"}, by=seller, parent=event.id)
    _let_in(seller, event, [one for order in sold[:7] for one in passes.of(order)])


def _let_in(by, event, coming):
    """They come to the entrance, and the first of them once more."""
    gate = rows.create(checkpoints.rules, {"name": "Entrance"}, by=by, parent=event.id)
    keeper = devices.Keeper(by.user, by.organization, event, by.role)
    phone, _ = devices.open_door(keeper, "Left gate", gate.id)
    for number, one in enumerate([*coming, coming[0]]):
        scans.take(keeper, phone, [scans.Asked(f"demo {event.id} {number}", serial=one.serial)])


def _workshop(owner, seller):
    event = _event(seller, "Lantern Workshop", _evening(12), 3, venue="Barn", visibility="unlisted")
    place = _tier(event, seller, "Place", size="8", most="8")
    events.publish(event.id, by=owner)
    payments.take_free(_order(event, "Ada Lovelace", {place.id: 8}).id)
    assert not stock.check(event.id)
