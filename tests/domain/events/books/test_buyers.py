"""An address is one buyer of an event, however it is written and under whichever key it was kept."""

import dataclasses

from domain.base import configuration
from domain.events.books import buyers
from models import Event
from tests.domain.events.test_stock import bought
from tests.fixtures.events import make_event


def test_a_mailbox_is_one_buyer_however_its_address_is_written():
    same = {buyers.key_of(one) for one in ("Ann.Lee+x@gmail.com", "annlee@googlemail.com", "a.n.n.lee@GMAIL.com")}
    assert len(same) == 1
    assert buyers.key_of("ann.lee@example.org") != buyers.key_of("annlee@example.org")


def test_a_buyer_is_found_again_under_the_key_before(clock, inside_acme, at, monkeypatch):
    event, (tier,) = make_event(at("alice"))
    order, events = bought(event, tier), Event.select(Event.id)
    before = configuration.active
    newer = dataclasses.replace(before, secret_key="n" * 40, secret_key_fallbacks=(before.secret_key,))
    monkeypatch.setattr(configuration, "active", newer)
    assert buyers.named("ada@example.org", events) == [order.buyer_id]
    assert buyers.named("ada@example.org", events.where(Event.id != event.id)) == []
