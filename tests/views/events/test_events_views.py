"""An organizer makes an event on its pages: the list, the form in parts, what is within it."""

import re
from datetime import timedelta

import pytest

from domain.base.configuration import Configuration
from domain.events import events
from models import Change, Checkpoint, Event, EventType, Organization, Speaker, Stock, TicketPayment, Tier, Voucher
from tests.domain.events.test_stock import bought
from tests.fixtures.events import FORM, make_event, make_phase
from tests.fixtures.threads import write


@pytest.fixture
def draft(clock, inside_acme, at):
    event, _ = make_event(at("alice"), publish=False, tickets=(), venue="")
    return event


def test_an_organizer_makes_and_publishes_an_event_with_plain_forms(clock, inside_acme, browse, monkeypatch):
    alice = browse("alice")
    assert alice.post("/acme/events", data=FORM).status_code == 303
    event = Event.get()
    base = f"/acme/events/{event.id}"
    page = alice.get(base).text
    assert "Offer at least one kind of ticket." in page
    assert ">Publish<" not in page
    assert alice.post(f"{base}/publication").status_code == 422
    assert Event.get().state == "draft"
    tier = {"name": "Day ticket", "size": "50", "price_cents": "12.50"}
    assert alice.post(f"{base}/tiers", data=tier).status_code == 303
    assert "Ready to be published" in alice.get(base).text
    alice.post(f"{base}/publication")
    assert Event.get().state == "published"
    page = alice.get(base).text
    assert ("0 sold of 50" in page, "nobody could pay" in page) == (True, False)
    monkeypatch.setattr(Configuration, "has_sandbox", False)
    assert "nobody could pay" in alice.get(base).text
    assert Stock.get(Stock.kind == "tier").size == Tier.get().size == 50


def test_its_form_is_in_parts_and_each_saves_alone(draft, browse):
    alice, base = browse("alice"), f"/acme/events/{draft.id}"
    page = alice.get(f"{base}?part=money").text
    assert 'name="capacity"' in page
    assert 'name="title"' not in page
    assert alice.post(f"{base}?part=money", data={"capacity": "80", "was_capacity": ""}).status_code == 303
    assert Event.get().capacity == 80
    refused = alice.post(f"{base}?part=when", data={"ends_at": "2026-01-01", "starts_at": "2026-02-01"})
    assert (refused.status_code, 'name="venue"' in refused.text) == (422, True)
    assert "It must end after it begins." in refused.text


def labelled(page, label):
    after = page.partition(f'<span class="form-label">{label}</span>')[2].partition('<div class="field">')[0]
    return re.sub(r"<[^>]*>", "", after).strip()


def test_who_may_not_change_it_reads_it(draft, browse):
    vera = browse("vera")
    page = vera.get(f"/acme/events/{draft.id}")
    assert page.status_code == 200
    assert '<form id="row_form"' not in page.text
    assert "You can look at events here, but not change them: your role is viewer." in page.text
    assert labelled(page.text, "Who sees it") == "Public"
    when = vera.get(f"/acme/events/{draft.id}?part=when").text
    assert labelled(when, "Begins").endswith("UTC")
    assert labelled(when, "Door opens before") == "60 minutes"
    assert vera.get(f"/acme/events/{draft.id}/orders").status_code == 403
    assert browse("charlie").get(f"/acme/events/{draft.id}").status_code == 404


def test_what_is_within_an_event_is_not_within_another(clock, inside_acme, at, browse):
    event, (tier,) = make_event(at("alice"))
    other, _ = make_event(at("alice"), title="Other", publish=False, tickets=())
    alice = browse("alice")
    assert alice.get(f"/acme/events/{event.id}/tiers/{tier.id}").status_code == 200
    assert alice.get(f"/acme/events/{other.id}/tiers/{tier.id}").status_code == 404
    assert alice.post(f"/acme/events/{other.id}/tiers/{tier.id}", data={"name": "Mine"}).status_code == 404
    assert Tier.get().name == "Day ticket"


@pytest.mark.parametrize(
    "part", ["tiers", "vouchers", "sessions", "speakers", "orders", "passes", "ledger", "incidents", "conflicts"]
)
def test_each_list_within_it_is_drawn_empty_and_full(draft, browse, part):
    page = browse("alice").get(f"/acme/events/{draft.id}/{part}")
    assert page.status_code == 200
    assert "Parts of Jazz Night" in page.text


def links(page, label):
    """[(words, whether it is the current one)] of a nav."""
    nav = page.partition(f'aria-label="{label}">')[2].partition("</nav>")[0]
    return [(words, "aria-current" in more) for more, words in re.findall(r"<a href=[^ >]*([^>]*)>([^<]*)<", nav)]


def test_events_and_the_pages_of_their_money_lead_to_one_another(draft, browse):
    names = ["Events", "Refunds", "Payouts", "Without an order", "Accounts"]
    for here, path in zip(names, ("events", "refunds", "payouts", "money", "payment-accounts"), strict=True):
        page = browse("alice").get(f"/acme/{path}").text
        assert links(page, "Events and their money") == [(name, name == here) for name in names]
    assert "Events and their money" not in browse("vera").get("/acme/events").text


def test_an_events_pages_are_in_groups_and_the_current_one_is_among_them(draft, browse):
    groups = ["Event", "Tickets", "Programme", "Sales", "Door"]
    page = browse("alice").get(f"/acme/events/{draft.id}/vouchers").text
    assert links(page, "Parts of Jazz Night") == [(name, name == "Tickets") for name in groups]
    assert links(page, "Tickets") == [("Kinds of tickets", False), ("Codes", True), ("Rehearsals", False)]
    brought = browse("alice").get(f"/acme/events/{draft.id}/brought").text
    assert ("Brought by", True) in links(brought, "Sales")
    vera = browse("vera").get(f"/acme/events/{draft.id}/checkpoints").text
    assert [name for name, _ in links(vera, "Parts of Jazz Night")] == [g for g in groups if g != "Sales"]
    assert [name for name, _ in links(vera, "Door")] == ["Gates", "Phones", "Incidents"]


def test_each_page_of_something_within_an_event_names_the_event(draft, browse):
    alice, base = browse("alice"), f"/acme/events/{draft.id}"
    alice.post(f"{base}/vouchers", data={"code": "Friends"})
    page = alice.get(f"{base}/vouchers/{Voucher.get().id}").text
    assert "<title>Friends · Jazz Night" in page
    assert "<h1><bdi>Jazz Night</bdi></h1>" in page
    for below in ("new", "trash", "changes"):
        page = alice.get(f"{base}/vouchers/{below}").text
        assert f'<a href="{base}"><bdi>Jazz Night</bdi></a>' in page, below


def test_a_switch_in_a_list_is_turned_in_its_row_and_a_symbol_for_who_only_reads(draft, browse, hx):
    alice, base = browse("alice"), f"/acme/events/{draft.id}/checkpoints"
    alice.post(base, data={"name": "East"})
    gate = Checkpoint.get()
    assert re.search(
        r'role="switch" aria-checked="false" aria-label="Closed: East"[^>]* data-turns="False"', alice.get(base).text
    )
    turned = alice.post(
        f"{base}/{gate.id}/cells/is_closed", data={"was": "False", "is_closed": "on"}, headers=hx(f"row_{gate.id}")
    )
    assert 'aria-checked="true"' in turned.text
    assert Checkpoint.get().is_closed
    stale = alice.post(
        f"{base}/{gate.id}/cells/is_closed", data={"was": "False", "is_closed": "off"}, headers=hx(f"row_{gate.id}")
    )
    assert (stale.status_code, 'data-value="True" aria-selected' in stale.text) == (409, True)
    seen = browse("vera").get(base).text
    assert 'role="switch"' not in seen
    assert 'title="Yes"' in seen


def test_orders_and_passes_show_who_bought(clock, inside_acme, at, browse):
    event, (tier,) = make_event(at("alice"))
    bought(event, tier, 2)
    alice, base = browse("alice"), f"/acme/events/{event.id}"
    assert "ada@example.org" in alice.get(f"{base}/orders").text
    assert alice.get(f"{base}/passes?q=lovelace").text.count("Ada Lovelace") >= 2
    ledger = alice.get(f"{base}/ledger").text
    assert "Figures, ledger and orders agree." in ledger
    assert "Sold" in ledger
    assert "The whole event" in ledger


def test_an_orders_page_says_when_its_money_came(clock, inside_acme, at, browse):
    event, (tier,) = make_event(at("alice"))
    order = bought(event, tier, 1)
    about = {"provider": "transfer", "provider_payment_id": "1", "state": "paid", "currency": "EUR"}
    write(TicketPayment.create, order=order, amount_cents=2000, paid_at=clock(), **about)
    page = browse("alice").get(f"/acme/events/{event.id}/orders/{order.id}").text
    assert f'Paid by transfer</bdi> <span class="quiet"><time datetime="{clock():%Y-%m-%d}' in page


def test_nothing_leads_to_a_door_that_is_not_there_and_none_cancels_beside_cancel(clock, inside_acme, at, browse):
    event, _ = make_event(at("alice"))
    alice, base = browse("alice"), f"/acme/events/{event.id}"
    assert ">Open the door<" in alice.get(base).text
    asks = alice.get(f"{base}/cancellation").text.partition('id="act_asks"')[2].partition("</form>")[0]
    assert (asks.count("Cancel event<"), asks.count("Back<")) == (1, 1)
    clock.moment = event.ends_at + timedelta(days=1)
    assert ">Open the door<" not in browse("alice").get(base).text
    assert browse("alice").get(f"/door/{event.public_id}").status_code == 404


def test_amounts_are_typed_and_shown_in_the_events_currency(clock, inside_acme, at, browse):
    event, _ = make_event(at("alice"), currency="JPY", publish=False, tickets=())
    alice = browse("alice")
    refused = alice.post(f"/acme/events/{event.id}/tiers", data={"name": "Seat", "price_cents": "12.50"})
    assert (refused.status_code, "JPY has no places" in refused.text) == (422, True)
    alice.post(f"/acme/events/{event.id}/tiers", data={"name": "Seat", "price_cents": "1200"})
    assert "¥1,200" in alice.get(f"/acme/events/{event.id}/tiers").text


def test_a_tickets_price_phases_have_a_list(clock, inside_acme, at, browse):
    event, (tier,) = make_event(at("alice"))
    make_phase(tier, at("alice"), until_sold="5")
    alice = browse("alice")
    assert f"/acme/tickets/{tier.id}/prices" in alice.get(f"/acme/events/{event.id}/tiers/{tier.id}").text
    assert "Early bird" in alice.get(f"/acme/tickets/{tier.id}/prices").text


def test_acts_ask_and_answer(clock, inside_acme, at, browse):
    event, (tier,) = make_event(at("alice"))
    alice, base = browse("alice"), f"/acme/events/{event.id}"
    alice.post(f"{base}/vouchers", data={"code": "SUMMER"})
    alice.post(f"{base}/vouchers/{Voucher.get().id}/copies", data={"value": "3", "count": "3"})
    assert Voucher.select().count() == 4
    alice.post(f"{base}/cancellation", data={"reason": "It rains cats."})
    assert events.one(event.id).cancel_reason == "It rains cats."
    assert tier.event_id == event.id


def test_what_was_removed_comes_back_unless_its_event_is_gone(draft, at, browse):
    alice, base = browse("alice"), f"/acme/events/{draft.id}"
    alice.post(f"{base}/speakers", data={"name": "Ada"})
    alice.post(f"{base}/speakers/1/removal")

    removal = Change.get(Change.table == "speaker", Change.verb == "deleted").id
    other, _ = make_event(at("alice"), title="Other", publish=False, tickets=())
    events.delete(draft.id, by=at("alice"))
    gone = alice.post(f"/acme/events/{other.id}/speakers/restoration", data={"one": str(removal)})
    assert gone.status_code in (303, 404)
    assert not Speaker.select().exists()


def test_a_new_event_is_asked_for_little_and_is_told_where_its_team_lives(clock, inside_acme, browse):
    write(Organization.update(timezone="Europe/Lisbon", default_currency="CHF").execute)
    page = browse("alice").get("/acme/events/new").text
    assert set(re.findall(r'<(?:input|select)[^>]* name="(\w+)"', page)) >= {"title", "venue", "timezone"}
    assert 'name="refund_policy"' not in page
    for chosen in ("Europe/Lisbon", "CHF"):
        assert re.search(rf'<option value="{chosen}"[^>]* selected', page)


def test_what_is_pressed_on_an_events_page_leads_back_to_it(clock, inside_acme, at, browse):
    event, _ = make_event(at("alice"), publish=False)
    alice, base = browse("alice"), f"/acme/events/{event.id}"
    pressed = {"HX-Request": "true", "HX-Current-URL": f"http://localhost{base}?part=when"}
    assert alice.post(f"{base}/publication", headers=pressed).headers["HX-Redirect"] == base
    assert ("Published" in alice.get(base).text, Event.get().state) == (True, "published")
    assert alice.post(f"{base}/cancellation", data={"reason": "It rains."}, headers={"Referer": base}).location == base
    other, _ = make_event(at("alice"), title="Other", publish=False)
    there = f"/acme/events/{other.id}"
    assert alice.post(f"{there}/deletion", headers={"Referer": there}).location == "/acme/events"
    on_list = {"HX-Request": "true", "HX-Current-URL": "http://localhost/acme/events"}
    assert "HX-Redirect" not in alice.post(f"{base}/archival", headers=on_list).headers


def test_types_are_kept_beside_the_list_and_an_event_shows_its_own(clock, inside_acme, at, browse):
    bob, event = browse("bob"), make_event(at("alice"))[0]
    assert ">Type: any<" not in bob.get("/acme/events").text  # nobody needs the filter before there is one
    assert bob.post("/acme/events/types", data={"name": "Concert", "tone": "info"}).status_code == 303
    assert "Concert" in bob.get("/acme/events/types").text
    kind = EventType.get()
    assert f'<option value="{kind.id}">Concert</option>' in bob.get(f"/acme/events/{event.id}?part=about").text
    form = {"title": event.title, "event_type": str(kind.id)}
    assert bob.post(f"/acme/events/{event.id}?part=about", data=form).status_code == 303
    assert event.title in bob.get(f"/acme/events?event_type={kind.id}").text
    assert "<bdi>Concert</bdi>" in browse(None).get(f"/e/{event.slug}").text
    bob.post(f"/acme/events/types/{kind.id}/cells/is_offered", data={"is_offered": "0"})
    assert not EventType.get().is_offered
    chosen = f'<option value="{kind.id}" selected>Concert</option>'
    assert chosen in bob.get(f"/acme/events/{event.id}?part=about").text  # or saving it would lose it
    assert bob.post(f"/acme/events/{event.id}?part=about", data=form).status_code == 303
    other = make_event(at("alice"))[0]
    assert ">Concert</option>" not in bob.get(f"/acme/events/{other.id}?part=about").text


def test_letting_more_in_by_a_form_that_is_sent_twice_lets_them_in_once(clock, inside_acme, at, browse):
    event, (tier,) = make_event(at("alice"))
    alice, there = browse("alice"), f"/acme/events/{event.id}/tiers/{tier.id}/more"
    refused = alice.post(there, data={"count": "many", "form_key": "k" * 22})
    (key,) = re.findall(r'name="form_key" value="([^"]+)"', refused.text)
    assert key == "k" * 22  # a form that comes back is the same one
    (fresh,) = re.findall(r'name="form_key" value="([^"]+)"', alice.get(there).text)
    for _ in range(2):
        assert alice.post(there, data={"count": "3", "form_key": fresh}).status_code == 303
    assert Stock.get(Stock.kind == "tier").over == 3
