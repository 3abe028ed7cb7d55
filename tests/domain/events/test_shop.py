"""What a stranger reads of an event is what they could do at this moment."""

from datetime import datetime, timedelta

import pytest

from database.clock import now
from domain.events import shop, tiers, vouchers
from models import Event, Voucher
from tests.domain.events.test_stock import bought
from tests.fixtures.events import make_event, make_phase, make_tier, make_voucher
from tests.fixtures.threads import write


def notes(event, code=""):
    return [(offer.tier.name, offer.note, offer.most) for offer in shop.offers(event, code)]


def test_what_can_be_had_and_why_not(clock, inside_acme, at):
    event, (tier,) = make_event(at("alice"), tickets=({"size": "30"},))
    make_tier(event, at("alice"), name="Later", sale_from_at="2026-06-20T16:00:00Z", place="1")
    make_tier(event, at("alice"), name="Paused", state="paused", place="2")
    pair = make_tier(event, at("alice"), name="Pair", least="2", size="3", place="3")
    assert notes(event) == [
        ("Day ticket", "", 10),
        ("Later", "On sale from Saturday, 20 June 2026, 18:00", 0),
        ("Paused", "Not on sale at the moment", 0),
        ("Pair", "3 left", 3),
    ]
    bought(event, tier, 10)
    bought(event, pair, 2, "bob@example.org")
    assert notes(event)[0] == ("Day ticket", "20 left", 10)
    assert notes(event)[-1] == ("Pair", "Too few left", 0)


def test_a_hidden_one_shows_with_its_code(night, at):
    event, tier = night
    tiers.hide(tier.id, "trombone", by=at("alice"))
    assert notes(event) == []
    assert len(notes(event, "TROMBONE")) == 1


def test_a_voucher_shows_hidden_ones_that_it_is_good_for_while_it_is_good(night, at):
    event, tier = night
    vip = make_tier(event, at("alice"), name="Vip", place="1")
    for one in (tier, vip):
        tiers.hide(one.id, "trombone", by=at("alice"))
    make_voucher(event, at("alice"), code="PLAIN")
    showing = make_voucher(event, at("alice"), shows_hidden="on")
    assert notes(event, "PLAIN") == notes(event, "NOPE") == []
    assert [name for name, *_ in notes(event, "summer")] == ["Day ticket", "Vip"]
    vouchers.only_for(showing.id, str(vip.id), by=at("alice"))
    assert [name for name, *_ in notes(event, "summer")] == ["Vip"]
    write(Voucher.update(state="paused").execute)
    assert notes(event, "summer") == []


@pytest.mark.parametrize(
    ("prices", "said"),
    [(("0",), "Free"), (("5",), "€5.00"), (("5", "9"), "€5.00 to €9.00"), (("0", "9"), "Free to €9.00"), ((), "")],
)
def test_what_it_costs_in_a_word(clock, inside_acme, at, prices, said):
    event, _ = make_event(at("alice"), publish=False, tickets=[{"price_cents": price} for price in prices])
    assert shop.price_range(event, shop.offers(event)) == said


def test_a_phase_shows_its_name_and_the_full_price(clock, inside_acme, at):
    event, (tier,) = make_event(at("alice"), tickets=({"price_cents": "30"},))
    make_phase(tier, at("alice"), price_cents="20", until_sold="2")
    (offer,) = shop.offers(event)
    assert (offer.price_cents, offer.full_cents, offer.phase, offer.plain_price) == (2000, 3000, "Early bird", "20.00")


def test_a_code_shows_what_it_takes_off_or_why_it_counts_for_nothing(clock, inside_acme, at):
    event, (tier,) = make_event(at("alice"), tickets=({"price_cents": "30"},))
    make_phase(tier, at("alice"), price_cents="20", until_sold="2")
    code = make_voucher(event, at("alice"))
    prices = lambda code: [(offer.price_cents, offer.full_cents) for offer in shop.offers(event, code)]  # noqa: E731
    assert (prices(""), prices("summer"), prices("NOPE")) == ([(2000, 3000)], [(1800, 3000)], [(2000, 3000)])
    assert (shop.why_not(event, "Summer"), shop.why_not(event, "NOPE")[:26]) == ("", "There is no such code here")
    other = make_tier(event, at("alice"), name="Other", price_cents="10")
    vouchers.only_for(code.id, str(other.id), by=at("alice"))
    assert prices("summer") == [(2000, 3000), (900, 1000)]


def test_a_moment_is_told_with_as_much_of_its_date_as_it_needs(clock, inside_acme, at):
    event, _ = make_event(at("alice"))
    told = [shop.clock_time(event, now() + timedelta(days=days)) for days in (0, 1, 365)]
    assert told == ["14:00 Berlin time", "16 June, 14:00 Berlin time", "15 June 2027, 14:00 Berlin time"]


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("2026-07-03T18:00+00:00", "2026-07-03T23:00+00:00", "Friday, 3 July 2026, 20:00 to 01:00 (Berlin time)"),
        ("2026-10-25T00:30+00:00", "2026-10-25T01:30+00:00", "Sunday, 25 October 2026, 02:30 to 02:30 (Berlin time)"),
        (
            "2026-07-03T18:00+00:00",
            "2026-07-05T16:00+00:00",
            "Friday, 3 July 2026, 20:00 to Sunday, 5 July 2026, 18:00 (Berlin time)",
        ),
    ],
)
def test_times_are_told_where_the_event_is(start, end, said):
    times = {"starts_at": datetime.fromisoformat(start), "ends_at": datetime.fromisoformat(end)}
    assert shop.when(Event(timezone="Europe/Berlin", **times)) == said
