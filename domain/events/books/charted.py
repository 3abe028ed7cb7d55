"""The lists within an event that have charts, as saved charts and jobs call them: `orders:12` of event 12."""

from domain.events import events, orders
from domain.events.afterwards import attendees
from domain.events.books import sales
from domain.events.door import scans
from domain.imports import targets

LISTS = {rules.listing.name: rules for rules in (orders.rules, sales.rules, attendees.rules, scans.rules)}

for _name, _rules in LISTS.items():
    targets.offer_within(_rules, f"/events/{{}}/{_name}", lambda id: events.one(id).title)
