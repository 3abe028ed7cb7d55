"""What a stranger sees of an event: what is on sale, for how much, and what can't be had and why."""

from dataclasses import dataclass
from datetime import timedelta

from database.clock import now, zone_words
from domain.events import events, reported, stock, tiers, vouchers
from domain.fields.money import written
from domain.fields.price import Price
from models import Tier

FEW = 20  # from here on the page says how many are left


@dataclass(frozen=True)
class Offer:
    """A kind of ticket as the page shows it; `most` is how many of it one order may have now, 0 where none."""

    tier: Tier
    price_cents: int
    full_cents: int
    phase: str
    most: int
    note: str
    currency: str
    wish: int = 0  # how many of it one may wait for, where there aren't enough

    @property
    def is_free(self):
        return not self.price_cents

    @property
    def counts(self):
        """What can be chosen, where that is few."""
        return (0, *range(self.tier.least, max(self.most, self.wish) + 1))

    @property
    def plain_price(self):
        """The price as machines read it: 12.50."""
        return Price(of=self.currency).text(self.price_cents)


def offers(event, code="", held=()):
    """All that somebody with this code sees, in the event's order and less what it takes off, and what they hold
    (tiers' ids). A code that isn't good shows nothing more."""
    stocks, phases = stock.of(event.id), tiers.phases(event.id)
    try:
        shown, voucher = vouchers.shown(event.id, code, held)
    except vouchers.VoucherInvalid:
        shown, voucher = vouchers.shown(event.id, held=held)
    return [_offer(event, tier, stocks, phases.get(tier.id, ()), voucher) for tier in shown]


def why_not(event, code):
    """Why a code is good for nothing, in a sentence; empty where it is."""
    try:
        vouchers.shown(event.id, code)
    except vouchers.VoucherInvalid as refusal:
        return refusal.sentence
    return ""


def _offer(event, tier, stocks, its_phases, voucher):
    cents, phase = tiers.price(tier, its_phases, stocks.get(("tier", tier.id)))
    if vouchers.counts_for(voucher, tier):
        cents -= vouchers.discount(voucher, cents, event.currency)
    end, closed = stock.binds(stocks, tier), tiers.closed(tier)
    left = None if end is None else end.left
    most = 0 if closed or left == 0 else min(tier.most, tier.most if left is None else left)
    most = most if most >= tier.least else 0
    note = _note(tier, closed, left, event)
    wish = tier.most if event.waits and not closed else 0
    return Offer(tier, cents, tier.price_cents, phase.name if phase else "", most, note, event.currency, wish)


def _note(tier, closed, left, event):
    if closed and tier.sale_from_at and "yet" in closed:
        return f"On sale from {_sale_when(event, tier.sale_from_at)}"
    if closed:
        return "Not on sale at the moment" if tier.state != "on" else "Not on sale any more"
    if left == 0:
        return "Sold out"
    if left is not None and left < tier.least:
        return "Too few left"
    if left is not None and left <= FEW:
        return f"{left} left"
    return ""


def _sale_when(event, moment):
    return _day(events.local(event, moment))


def price_range(event, found):
    """What it costs in a few words, from what can be had; empty where nothing can."""
    prices = [offer.price_cents for offer in found if offer.most and offer.tier.kind == "admission"]
    if not prices:
        return ""
    least, most = (written(cents, event.currency) if cents else "Free" for cents in (min(prices), max(prices)))
    return least if least == most else f"{least} to {most}"


def summary(event, found):
    """The event in a line, for whoever it is shared with: as its makers put it, else when, where and for how much."""
    return event.search_about or " · ".join(
        part for part in (when(event), event.venue, price_range(event, found)) if part
    )


def structured(event, found, programme, url):
    """The event as machines read it: schema.org/Event in JSON-LD."""
    there = {"@type": "VirtualLocation", "url": url}
    if event.venue:
        there = {"@type": "Place", "name": event.venue, "address": event.address or event.venue}
    said = {
        "@context": "https://schema.org",
        "@type": "Event",
        "name": event.title,
        "url": url,
        "image": f"{url}/share.png",
        "startDate": events.local(event, event.starts_at).isoformat(),
        "endDate": events.local(event, event.ends_at).isoformat(),
        "eventStatus": f"https://schema.org/{_status(event)}",
        "eventAttendanceMode": f"https://schema.org/{'Offline' if event.venue else 'Online'}EventAttendanceMode",
        "location": there,
        "organizer": {"@type": "Organization", "name": reported.organizer(event)},
        "performer": [{"@type": "Person", "name": name} for name in dict.fromkeys(programme)],
        "offers": [_offered(offer, url) for offer in found],
        "description": event.about or "",
    }
    return {name: value for name, value in said.items() if value}


def _status(event):
    return "EventCancelled" if event.cancelled_at else "EventRescheduled" if event.moved_at else "EventScheduled"


def _offered(offer, url):
    return {
        "@type": "Offer",
        "name": offer.tier.name,
        "price": offer.plain_price,
        "priceCurrency": offer.currency,
        "availability": f"https://schema.org/{'InStock' if offer.most else 'SoldOut'}",
        "url": url,
    }


def when(event):
    """When it is, where it is: «Friday, 3 July 2026, 20:00 to 01:00 (Berlin time)»."""
    start, end = events.local(event, event.starts_at), events.local(event, event.ends_at)
    is_short = event.ends_at - event.starts_at < timedelta(hours=20)
    last = f"{end:%H:%M}" if is_short else _day(end)
    return f"{_day(start)} to {last} ({zone_words(event.timezone)})"


def _day(moment):
    return f"{moment:%A}, {moment.day} {moment:%B %Y, %H:%M}"


def part_when(event, part):
    """When a part of its programme is, where it is."""
    start, end = events.local(event, part.starts_at), events.local(event, part.ends_at)
    return f"{start:%a %H:%M} – {end:%H:%M}"


def clock_time(event, moment):
    """A moment as it is told on its pages, on a clock that is named: the time, another day than today with its date,
    another year with that."""
    told, today = events.local(event, moment), events.local(event, now())
    year = "" if told.year == today.year else f" {told.year}"
    day = "" if told.date() == today.date() else f"{told.day} {told:%B}{year}, "
    return f"{day}{told:%H:%M} {zone_words(event.timezone)}"
