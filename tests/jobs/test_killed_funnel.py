"""kill -9 while people come by somebody's link and tell what they do: each order that stands was brought, and the sums are
those of the rows. What is lost is only what waited to be counted."""

from collections import Counter

import pytest

from database.scope import inside
from domain.events.referring import vias
from models import FlyerCount, FlyerEvent, Referral, TicketOrder
from tests.fixtures import deaths
from tests.fixtures.events import make_event
from tests.fixtures.funnels import a_campaign

CHILD = """
from database.scope import inside
from domain.events.line import places
from domain.events.referring import referrals
from domain.flyers import funnel
from tests.fixtures.deaths import awake, dies_at

about = awake()
funnel.Buffer._live = lambda self: None
for where, name in ((referrals, "note"), (referrals, "_insert"), (funnel, "_write"), (funnel, "_raise_sums")):
    dies_at(where, name)
with inside(about["organization"]):
    for n in range(6):
        acts = [("view", "", ""), ("generate", f"{n:0>24}", "")]
        funnel.take(about["campaign"], about["version"], "", acts, visitor=str(n))
        places.join(about["event"], {about["tier"]: 1}, via=about["via"])
        funnel.buffer.flush()
print("lived")
"""


@pytest.mark.parametrize("nth", [2, 4, 6, 7, 12, 13])
def test_orders_and_who_brought_them_are_never_apart(clock, inside_acme, at, nth):
    event, (tier,) = make_event(
        at("alice"), tickets=({"size": "50"},), starts_at="2099-07-03T18:00:00Z", ends_at="2099-07-04T18:00:00Z"
    )
    campaign, version = a_campaign(event=event)
    via = vias.of(event, email="ada@example.org")
    about = {"event": event.id, "tier": tier.id, "campaign": campaign.id, "version": version.id, "via": via.code}
    deaths.die(CHILD, nth=nth, organization=inside_acme.id, **about)
    with inside(inside_acme):
        stand = {order.id for order in TicketOrder.select()}
        assert {row.order_id for row in Referral.select()} == stand
        assert len(stand) == (nth + 3) // 8  # of eight points, the commit of the order lies behind the fourth
    rows = Counter(row.kind for row in FlyerEvent.select())
    sums = Counter()
    for row in FlyerCount.select().where(FlyerCount.scope == "campaign"):
        sums[row.kind] += row.n
    assert rows == sums
