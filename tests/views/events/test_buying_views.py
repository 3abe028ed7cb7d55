"""A stranger buys: with plain forms, on one address, and nothing is given twice or to the wrong one."""

import gzip
import io
import json
import re
from datetime import timedelta

import pytest
from limits import parse
from pypdf import PdfReader

from database import transactions
from database.clock import now
from database.transactions import writes
from domain.base import allowances
from domain.events import events, holds, orders, passes, payments, tiers
from domain.events.carriers import prints
from domain.events.line import forms
from domain.events.referring import referrals, vias
from domain.lists import rows
from models import Event, Organization, Outgoing, Pass, TicketOrder
from tests.domain.events.test_stock import bought, figures
from tests.fixtures.entrance import just_signed_in
from tests.fixtures.events import make_event, make_tier, make_voucher
from views import kept_pages


@pytest.fixture(scope="module", autouse=True)
def _press_ends():
    yield
    prints.press.end()


WHO = {"name": "Ada Lovelace", "email": "ada@example.org"}
SPAM = "If it does not come, look in your spam folder."


@pytest.fixture
def night(clock, inside_acme, at):
    event, (tier,) = make_event(at("alice"), about="Ten bands & a garden.", address="Mill Lane 1")
    return event, tier


def held(client, event, tier, count=2, **more):
    answer = client.post(f"/e/{event.slug}/orders", data={f"t{tier.id}": str(count), **more})
    assert answer.status_code == 303, answer.text
    return answer.location


def test_a_stranger_buys_free_tickets_with_plain_forms(night, browse):
    event, tier = night
    stranger = browse(None)
    page = stranger.get("/e/jazz-night")
    assert page.status_code == 200
    assert "Friday, 3 July 2026, 20:00 to 01:00 (Berlin time)" in page.text
    there = held(stranger, event, tier)
    assert "Held for you until 14:15" in stranger.get(there).text
    assert "You hold 2 tickets" in stranger.get("/e/jazz-night").text  # its own, and shown as own
    assert "You hold" not in browse(None).get("/e/jazz-night").text
    done = stranger.post(there, data=WHO)
    assert (done.status_code, done.location) == (303, there)
    page = stranger.get(there)
    addresses = re.findall(r'href="(/passes/[^"]+)"', page.text)
    assert (len(addresses), SPAM in page.text) == (2, True)
    assert "Ada Lovelace" in browse(None).get(addresses[0]).text
    code = browse(None).get(f"{addresses[0]}/code.svg")
    assert (code.mimetype, code.text[:4]) == ("image/svg+xml", "<svg")
    again = stranger.post(there, data=WHO)
    assert again.status_code == 303
    assert Pass.select().count() == 2


def test_the_page_weighs_little_and_needs_no_script(night, browse):
    page = browse(None).get("/e/jazz-night")
    with browse(None).get(re.search(r'href="(/static/css/event[^"]+)"', page.text)[1]) as css:
        assert len(gzip.compress(page.data)) + len(gzip.compress(css.data)) < 12_000
    assert page.text.count("<script") == page.text.count('<script type="application/ld+json">') == 1  # data, never run


def test_event_case_09_a_page_may_be_a_second_old_and_the_decision_never_reads_it(night, browse, monkeypatch):
    event, tier = night
    monkeypatch.setattr(kept_pages, "SECONDS", 60)
    kept_pages.pages.clear()
    first = browse(None).get("/e/jazz-night")
    held(browse(None), event, tier, 4)
    second = browse(None).get("/e/jazz-night")
    assert "5 left" in first.text
    assert "5 left" in second.text
    assert second.headers["Content-Security-Policy"] == first.headers["Content-Security-Policy"]
    keys = [re.search(r'name="form_key" value="([^"]+)"', page.text)[1] for page in (first, second)]
    assert len(set(keys)) == 2  # or two strangers got one order
    late = browse(None).post("/e/jazz-night/orders", data={f"t{tier.id}": "2", "key": keys[1]})
    assert (late.status_code, "/line/" in late.location) == (303, True)  # it read the stock, not the page
    assert figures(event) == [(4, 0)]
    assert browse(None).get("/e/no-such-event").status_code == 404


def test_machines_read_what_it_is(night, browse):
    text = browse(None).get("/e/jazz-night").text
    said = json.loads(re.search(r'<script type="application/ld\+json">(.*?)</script>', text)[1])
    assert (said["@type"], said["startDate"]) == ("Event", "2026-07-03T20:00:00+02:00")
    assert said["location"] == {"@type": "Place", "name": "Old Mill", "address": "Mill Lane 1"}
    assert said["offers"][0]["availability"] == "https://schema.org/InStock"
    assert said["description"] == "Ten bands & a garden."
    assert '<meta property="og:image" content="http://localhost/e/jazz-night/share.png' in text
    assert '<meta property="og:title" content="Jazz Night">' in text
    assert "Ten bands &amp; a garden." in text
    calendar = browse(None).get("/e/jazz-night/event.ics")
    assert calendar.mimetype == "text/calendar"
    assert "DTSTART:20260703T180000Z\r\n" in calendar.text
    assert "LOCATION:Old Mill\\, Mill Lane 1\r\n" in calendar.text
    assert all(len(line.encode()) <= 75 for line in calendar.text.split("\r\n"))


def test_search_engines_read_the_words_that_are_theirs(night, browse, at):
    event, _ = night
    words = {"search_title": "Jazz in Berlin <live>", "search_about": "Ten bands in one night."}
    rows.change(events.rules, event.id, words, by=at("alice"))
    text = browse(None).get("/e/jazz-night").text
    assert "<title>Jazz in Berlin &lt;live&gt;</title>" in text
    assert '<meta property="og:title" content="Jazz in Berlin &lt;live&gt;">' in text
    assert '<meta name="description" content="Ten bands in one night.">' in text
    assert '<h1 dir="auto">Jazz Night</h1>' in text


def test_what_is_wrong_is_said_on_the_page_and_the_choice_is_kept(night, browse):
    event, tier = night
    stranger = browse(None)
    nothing = stranger.post("/e/jazz-night/orders", data={f"t{tier.id}": "0"})
    assert (nothing.status_code, "Choose how many tickets you want." in nothing.text) == (422, True)
    held(browse(None), event, tier, 4)
    many = stranger.post("/e/jazz-night/orders", data={f"t{tier.id}": "20"})
    assert (many.status_code, "At most 10 of Day ticket" in many.text) == (422, True)
    wrong = stranger.post("/e/jazz-night/orders", data={f"t{tier.id}": "1", "code": "NOPE"})
    assert "There is no such code here." in wrong.text
    for bad in ("-1", "²", "9" * 40, "x"):
        assert stranger.post("/e/jazz-night/orders", data={f"t{tier.id}": bad}).status_code == 422
    assert stranger.post("/e/jazz-night/orders", data={"t999": "1"}).status_code == 404
    assert TicketOrder.select().count() == 1


def test_a_code_that_is_tried_says_at_once_whether_it_counts_and_keeps_the_choice(clock, inside_acme, at, browse):
    event, (tier,) = make_event(at("alice"), tickets=({"price_cents": "20"},))
    make_voucher(event, at("alice"))
    tried = lambda code: browse(None).get(f"/e/jazz-night?t{tier.id}=2&less=on&code={code}").text  # noqa: E731
    good, bad = tried("summer"), tried("NOPE")
    assert ("This code counts." in good, "€18.00 <s>€20.00</s>" in good) == (True, True)
    assert (bad.count("There is no such code here."), "€18.00" in bad, 'aria-invalid="true" autofocus' in bad) == (
        *(1, False, True),
    )
    for page in (good, bad):
        assert "<option selected>2</option>" in page
    posted = browse(None).post("/e/jazz-night/orders", data={f"t{tier.id}": "1", "code": "NOPE"}).text
    assert posted.count("There is no such code here.") == 1


def test_who_guesses_codes_is_told_nothing_after_some(clock, inside_acme, at, browse, monkeypatch):
    monkeypatch.setattr(allowances.limiter, "enabled", True)
    monkeypatch.setitem(allowances.SPENT, "event_codes", parse("3/hour"))
    event, (tier,) = make_event(at("alice"), tickets=({"price_cents": "20"},))
    make_voucher(event, at("alice"))
    client, tickets = browse(None), {f"t{tier.id}": "1"}
    look = lambda code: client.get(f"/e/jazz-night?code={code}").status_code  # noqa: E731
    order = lambda code: client.post("/e/jazz-night/orders", data=tickets | {"code": code}).status_code  # noqa: E731
    assert [look("summer"), look("NOPE"), look("summer"), look("NO")] == [200] * 4
    assert order("NEVER") in (409, 422)
    assert [look("summer"), order("summer"), order("NOT")] == [429] * 3
    assert (look(""), order("")) == (200, 303)


def test_the_hold_changes_and_is_given_up_from_its_page(night, browse):
    event, tier = night
    stranger = browse(None)
    there = held(stranger, event, tier, 5)
    assert stranger.post(f"{there}/tickets", data={f"t{tier.id}": "3"}).location == there
    assert figures(event) == [(3, 0)]
    refused = stranger.post(f"{there}/tickets", data={f"t{tier.id}": "9"})
    assert (refused.status_code, "only 5 left" in refused.text) == (409, True)
    assert stranger.post(f"{there}/release").location == "/e/jazz-night"
    assert figures(event) == [(0, 0)]
    assert "is cancelled" in stranger.get(there).text


def test_a_form_with_a_bad_address_comes_back_with_what_was_typed(night, browse):
    event, tier = night
    stranger = browse(None)
    there = held(stranger, event, tier)
    answer = stranger.post(there, data={"name": "Ada Lovelace", "email": "ada@"})
    assert answer.status_code == 422
    assert 'value="Ada Lovelace"' in answer.text
    assert re.search(r'id="email"[^>]* autofocus><span class="error" id="email_error">', answer.text)


def test_event_case_17_our_page_says_which_it_was_when_the_time_is_over(night, browse, clock):
    event, tier = night
    stranger = browse(None)
    there = held(stranger, event, tier)
    clock.forward(minutes=16)
    assert "weren't bought in time" in stranger.get(there).text.replace("&#39;", "'")
    late = stranger.post(there, data=WHO)
    assert (late.status_code, "The time is over" in late.text) == (410, True)


def test_members_alone_see_a_private_event_and_get_tickets(night, browse, cast):
    event, tier = night
    writes(Event.update(visibility="private").execute)()
    bob, wish = browse("bob"), {f"t{tier.id}": "1"}
    for other in (browse(None), browse("charlie")):
        assert other.get("/e/jazz-night").status_code == 404
        assert other.post("/e/jazz-night/orders", data=wish).status_code == 404
    page = bob.get("/e/jazz-night")
    assert "Only members of" in page.text
    assert ("noindex" in page.text, "/report/event/" in page.text) == (True, False)  # of what strangers don't see
    assert bob.post(held(bob, event, tier, 1), data=WHO).status_code == 303
    assert Pass.select().count() == 1


def test_a_suspended_organization_sells_nothing_and_its_page_says_so(night, browse, cast):
    event, tier = night
    stranger, late = browse(None), browse(None)
    there = held(stranger, event, tier)
    mine = Organization.id == cast.acme.id
    writes(Organization.update(status="suspended").where(mine).execute)()
    page = late.get("/e/jazz-night")
    assert (page.status_code, "unavailable for now" in page.text) == (404, True)
    assert late.post("/e/jazz-night/orders", data={f"t{tier.id}": "1"}).status_code == 404
    refused = stranger.post(there, data=WHO)
    assert (refused.status_code, "Nothing is sold here for now" in refused.text) == (403, True)
    assert not Pass.select().exists()
    assert not events.is_selling(Event.get_by_id(event.id))  # so nobody in line is called
    writes(Organization.update(status="active").where(mine).execute)()
    assert stranger.post(there, data=WHO).status_code == 303
    assert Pass.select().count() == 2


def test_a_hidden_ticket_shows_with_its_code_alone(night, browse, at):
    event, _ = night
    crew = make_tier(event, at("alice"), name="Crew pass")
    tiers.hide(crew.id, "trombone", by=at("alice"))
    make_voucher(event, at("alice"))
    assert "Crew pass" not in browse(None).get("/e/jazz-night").text
    assert "Crew pass" in browse(None).get("/e/jazz-night?code=Trombone").text
    assert held(browse(None), event, crew, 1, code="trombone")


def test_a_hidden_ticket_that_is_held_stays_where_others_change(night, browse, at):
    event, tier = night
    crew = make_tier(event, at("alice"), name="Crew pass")
    tiers.hide(crew.id, "trombone", by=at("alice"))
    stranger = browse(None)
    there = held(stranger, event, crew, 1, code="trombone")
    page = stranger.get(there).text
    fields = dict(re.findall(r'name="(t\d+)" id="[^"]+" value="(\d+)"', page))
    assert fields == {f"t{tier.id}": "0", f"t{crew.id}": "1"}
    assert stranger.post(f"{there}/tickets", data=fields | {f"t{tier.id}": "2"}).location == there
    assert {item.tier_id: item.quantity for item in holds.standing(TicketOrder.get())} == {tier.id: 2, crew.id: 1}


def test_a_voucher_that_shows_hidden_ones_shows_them_for_its_order_too(night, browse, at):
    event, tier = night
    crew = make_tier(event, at("alice"), name="Crew pass")
    tiers.hide(crew.id, "trombone", by=at("alice"))
    make_voucher(event, at("alice"), shows_hidden="on")
    stranger = browse(None)
    assert "Crew pass" in stranger.get("/e/jazz-night?code=summer").text
    assert "Crew pass" in stranger.get(held(stranger, event, tier, 1, code="summer")).text


@pytest.mark.parametrize("price", ["0", "20"])
def test_strangers_cause_few_letters_to_one_address(clock, inside_acme, at, browse, monkeypatch, price):
    monkeypatch.setattr(allowances.limiter, "enabled", True)
    event, (tier,) = make_event(
        at("alice"), tickets=({"price_cents": price, "size": "50"},), transfer_about="IBAN DE02"
    )
    for _ in range(3):
        stranger = browse(None)
        there = held(stranger, event, tier, 1)
        for _ in range(2):  # pressed again it is one letter
            assert stranger.post(there, data=WHO).status_code == 303
    stranger = browse(None)
    there = held(stranger, event, tier, 1)
    answer = stranger.post(there, data=WHO | {"email": "Ada@Example.org"})
    assert (answer.status_code, "Too many tries. Wait" in answer.text) == (429, True)
    assert Outgoing.select().where(Outgoing.kind == "mail").count() == 3
    assert "Who gets them?" in stranger.get(there).text  # what is held stays held
    assert stranger.post(there, data=WHO | {"email": "bob@example.org"}).status_code == 303


def test_an_order_asks_the_database_few_things_and_is_bought_in_one_piece(night, browse, queries, monkeypatch):
    """A place in line asks of many stocks, tiers and phases what it needs once, and buying reads its order once: twice
    as many statements were half of what a server can sell."""
    event, tier = night
    pieces = []

    class Noted(transactions.Piece):
        def __init__(self, function, *args, **more):
            pieces.append(function.__name__)
            super().__init__(function, *args, **more)

    monkeypatch.setattr(transactions, "Piece", Noted)
    for _ in range(2):  # the second finds what is kept
        stranger, key = browse(None), forms.fresh_token(age=5)
        queries.clear(), pieces.clear()
        assert stranger.post(held(stranger, event, tier, 1, form_key=key), data=WHO).status_code == 303
    assert pieces == ["join", "_bought"]
    assert len(queries) <= 39, "\n".join(queries)
    assert TicketOrder.select().where(TicketOrder.state == "paid").count() == 2


def test_who_gets_no_tickets_may_have_as_many_letters_as_before(night, browse, monkeypatch):
    event, tier = night
    monkeypatch.setattr(allowances.limiter, "enabled", True)
    stranger = browse(None)
    there = held(stranger, event, tier, 1)
    writes(TicketOrder.update(hold_until_at=now() - timedelta(minutes=1)).execute)()
    for _ in range(4):
        assert stranger.post(there, data=WHO).status_code == 410
    assert stranger.post(held(browse(None), event, tier, 1), data=WHO).status_code == 303


def test_a_person_begins_ten_orders_an_hour_and_what_is_not_to_be_had_counts_for_none(night, browse, at, monkeypatch):
    monkeypatch.setattr(allowances.limiter, "enabled", True)
    monkeypatch.setitem(allowances.SPENT, "network_checkouts", parse("2/hour"))
    (_, tier), (_, (big,)) = night, make_event(at("alice"), title="Big", tickets=({"size": "500"},))

    def begin(client, times):
        return [client.post("/e/big/orders", data={f"t{big.id}": "1"}).status_code for _ in range(times)]

    bob = browse("bob")
    for _ in range(12):
        assert bob.post("/e/big/orders", data={f"t{tier.id}": "1"}).status_code == 404  # of another event
    assert begin(bob, 11) == [303] * 10 + [429]
    assert begin(browse(None), 3) == [303] * 2 + [429]
    assert begin(browse("dora"), 1) == [303]
    refused = bob.post("/e/big/orders", data={f"t{big.id}": "1"}, headers={"Accept": "application/json"})
    assert (refused.json["code"], int(refused.headers["Retry-After"]) > 3000) == ("RATE_LIMITED", True)


def test_old_addresses_lead_on_and_drafts_are_not_there(night, browse, at):
    event, _ = night
    events.move(event.id, "Midsummer", by=at("alice"))
    moved = browse(None).get("/e/jazz-night")
    assert (moved.status_code, moved.location) == (301, "/e/midsummer")
    make_event(at("alice"), title="Secret", publish=False)
    for path in ("/e/secret", "/e/nothing", "/orders/x/y", "/passes/x/y"):
        assert browse(None).get(path).status_code == 404


def test_a_cancelled_event_says_so_and_sells_nothing(night, browse, at):
    event, tier = night
    with just_signed_in():
        events.cancel(event.id, "The mill burnt down.", by=at("alice"))
    page = browse(None).get("/e/jazz-night")
    assert (page.status_code, "The mill burnt down." in page.text) == (200, True)
    assert "<form" not in page.text
    assert browse(None).post("/e/jazz-night/orders", data={f"t{tier.id}": "1"}).status_code == 409


def test_an_order_that_costs_waits_for_a_transfer(clock, inside_acme, at, browse):
    event, (tier,) = make_event(at("alice"), tickets=({"price_cents": "20"},), transfer_about="IBAN DE02")
    stranger = browse(None)
    there = held(stranger, event, tier, 1)
    assert "Pay €20.00 by transfer" in stranger.get(there).text
    assert stranger.post(there, data=WHO).status_code == 303
    page = stranger.get(there).text
    assert "Please transfer €20.00" in page
    assert "IBAN DE02" in page
    assert TicketOrder.get().number in page


def test_a_pass_that_is_void_has_no_code(night, browse, at):
    event, tier = night
    (one,) = passes.of(bought(event, tier))
    address = passes.address(one)
    with just_signed_in():
        orders.take_back(one.id, by=at("alice"))
    assert "This ticket is void." in browse(None).get(address).text
    for part in ("code.svg", "ticket.pdf"):
        assert browse(None).get(f"{address}/{part}").status_code == 404


def test_event_case_37_all_tickets_of_an_order_are_in_one_pdf(night, browse):
    event, tier = night
    order = bought(event, tier, 3)
    answer = browse(None).get(f"{holds.address(order)}/tickets.pdf")
    assert (answer.mimetype, answer.data[:5]) == ("application/pdf", b"%PDF-")
    assert len(PdfReader(io.BytesIO(answer.data)).pages) == 3


def test_an_order_is_kept_by_nobody_on_the_way(night, browse):
    event, tier = night
    there = held(browse(None), event, tier)
    page = browse(None).get(there)
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert holds.address(TicketOrder.get()) == there


def test_words_of_an_organizer_never_end_the_data_of_the_page(clock, inside_acme, at, browse):
    make_event(at("alice"), title="Jazz</script><script>alert(1)</script>", about="<!-- <script>")
    text = browse(None).get(f"/e/{events.Event.get().slug}").text
    said = json.loads(re.search(r'<script type="application/ld\+json">(.*?)</script>', text)[1])
    assert said["name"] == "Jazz</script><script>alert(1)</script>"
    assert text.count("<script") == 1


def test_free_tickets_wait_for_the_code_that_was_mailed_where_the_event_asks_for_it(night, browse, letters):
    event, tier = night
    writes(Event.update(proves_free=True).where(Event.id == event.id).execute)()
    stranger = browse(None)
    there = held(stranger, event, tier)
    assert stranger.post(there, data=WHO).location == there
    page = stranger.get(there)
    assert "A code with six digits is on its way to <bdi>ada@example.org</bdi>" in page.text
    assert ("/passes/" in page.text, SPAM in page.text) == (False, True)
    wrong = stranger.post(f"{there}/code", data={"code": "12"})
    assert (wrong.status_code, "That isn&#39;t the code" in wrong.text) == (422, True)
    code = re.search(r"\b\d{6}\b", letters()[-1][2]).group()
    assert stranger.post(f"{there}/code", data={"code": code}).location == there
    assert len(re.findall(r'href="(/passes/[^"]+)"', stranger.get(there).text)) == 2


def test_codes_are_mailed_from_one_place_to_thirty_addresses_an_hour(night, browse):
    event, tier = night
    writes(Event.update(proves_free=True).where(Event.id == event.id).execute)()
    stranger = browse(None)
    there = held(stranger, event, tier)
    allowances.limiter.enabled = True
    answers = [stranger.post(there, data=WHO | {"email": f"a{n}@example.org"}).status_code for n in range(31)]
    assert (answers[29], answers[30]) == (303, 429)


def test_something_is_added_to_tickets_that_are_paid_or_waited_for(browse, night, at):
    (event, tier), client = night, browse(None)
    pitch = make_tier(event, at("alice"), name="Pitch", kind="addon", size="1")
    there = held(client, event, tier, 1)
    assert "Add something" not in client.get(there).text
    order = TicketOrder.get()
    holds.say_who(order.id, WHO)
    payments.take_free(order.id)
    assert "Add something" in client.get(there).text
    first = client.post(f"{there}/extras", data={f"t{pitch.id}": "1"})
    assert first.location.startswith("/orders/")
    assert 'value="ada@example.org"' in client.get(first.location).text
    assert "you get in line" in client.get(there).text
    second = client.post(f"{there}/extras", data={f"t{pitch.id}": "1"})
    assert second.location.startswith("/line/")
    assert "You are in line" in client.get(second.location).text
    left = client.post(f"{second.location}/departure")
    assert f'href="{there}"' in client.get(left.location).text
    refused = client.post(f"{there}/extras", data={f"t{tier.id}": "1"})
    assert (refused.status_code, "add-ons" in refused.text) == (422, True)


def test_who_comes_by_a_link_brings_its_owner_an_order_without_a_script(night, browse):
    event, tier = night
    stranger, field = browse(None), 'name="via" value="{}"'
    assert 'name="via"' not in stranger.get("/e/jazz-night").text  # nobody brings anybody here
    via = vias.of(event, email="bo@example.org")
    assert field.format("") in stranger.get("/e/jazz-night").text
    assert field.format(via.code) in stranger.get(f"/e/jazz-night?via={via.code}").text
    assert field.format("") in stranger.get("/e/jazz-night?via=<script>").text
    refused = stranger.post(f"/e/{event.slug}/orders", data={f"t{tier.id}": "0", "via": via.code})
    assert field.format(via.code) in refused.text
    there = held(stranger, event, tier, via=via.code)
    assert "whoever sent me" in stranger.get(there).text
    stranger.post(there, data=WHO | {"shows_name": "on"})
    assert referrals.first_names(via) == ["Ada"]


def test_who_goes_back_and_chooses_otherwise_is_not_led_to_what_was_chosen_before(night, browse):
    event, tier = night
    stranger, page = browse(None), "/e/jazz-night/orders"
    form = {"form_key": "k" * 24, f"t{tier.id}": "1"}
    first = stranger.post(page, data=form).location
    assert stranger.post(page, data=form).location == first  # a double press
    said = stranger.post(page, data=form | {f"t{tier.id}": "2"})
    assert (said.status_code, "chose tickets on this page before" in said.text) == (409, True)
    assert f'href="{first}"' in said.text
    again = form | {f"t{tier.id}": "2", "form_key": re.search(r'name="form_key" value="([^"]+)"', said.text)[1]}
    assert stranger.post(page, data=again).location not in (None, first)
    stranger.post(f"{first}/release")
    assert stranger.post(page, data=form).status_code == 409
    assert figures(event) == [(2, 0)]
