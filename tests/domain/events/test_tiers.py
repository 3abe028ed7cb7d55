"""Kinds of tickets: what is asked of them, and what stays."""

import pytest

from domain import Forbidden, Invalid
from domain.events import holds, tiers
from domain.lists import rows
from models import Tier
from tests.domain.events.test_stock import bought
from tests.fixtures.events import make_event, make_tier


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"least": "5", "most": "2"}, "most"),
        ({"price_cents": "1.234"}, "price_cents"),
        ({"price_cents": "-1"}, "price_cents"),
        ({"size": "²"}, "size"),
        ({"sale_from_at": "2026-02-02", "sale_until_at": "2026-02-01"}, "sale_until_at"),
    ],
)
def test_what_makes_no_sense_is_refused_beside_its_field(night, at, form, field):
    event, _ = night
    with pytest.raises(Invalid) as refusal:
        make_tier(event, at("alice"), **form)
    assert set(refusal.value.fields) == {field}


def test_what_was_ordered_stays_and_what_was_not_goes(night, at):
    event, tier = night
    bought(event, tier)
    rules = tiers.rules_in("EUR")
    with pytest.raises(Forbidden, match="were ordered, so it stays"):
        rows.remove(rules, tier.id, by=at("alice"), parent=event.id)
    other = make_tier(event, at("alice"), name="Never sold")
    gone = rows.remove(rules, other.id, by=at("alice"), parent=event.id)
    assert rows.undo(rules, gone.batch, by=at("alice")) == 1
    assert Tier.get_by_id(other.id).name == "Never sold"


def test_a_price_is_typed_with_its_point_in_the_events_currency(clock, inside_acme, at):
    _, (one,) = make_event(at("alice"), tickets=({"price_cents": "12.50"},))
    _, (two,) = make_event(at("alice"), title="Tokyo", currency="JPY", tickets=({"price_cents": "1200"},))
    assert (one.price_cents, two.price_cents) == (1250, 1200)
    assert tiers.rules_in("KWD").listing.by_name["price_cents"].kind.read("1.234") == 1234


def test_a_viewer_makes_none(night, at):
    event, _ = night
    with pytest.raises(Forbidden):
        make_tier(event, at("vera"))


def test_what_was_ordered_keeps_its_kind_by_which_its_places_are_counted(night, at):
    event, tier = night
    rules, by = tiers.rules_in("EUR"), at("alice")
    addon = make_tier(event, by, name="Dinner", kind="addon")
    holds.hold(event.id, {tier.id: 1, addon.id: 2})
    for one, kind in ((tier, "addon"), (addon, "admission")):
        with pytest.raises(Invalid) as refusal:
            rows.change(rules, one.id, {"kind": kind}, by=by, parent=event.id)
        assert set(refusal.value.fields) == {"kind"}
    fresh = make_tier(event, by, name="Lunch")
    rows.change(rules, fresh.id, {"kind": "addon"}, by=by, parent=event.id)
    assert Tier.get_by_id(fresh.id).kind == "addon"
