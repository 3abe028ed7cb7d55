"""A holder passes a ticket on and chooses seats with plain forms; the receiver accepts without an account."""

import re

import pytest

from domain.events import events, holds, passes
from domain.events.afterwards import pass_transfers
from models import Pass, PassTransfer, SessionSeat
from tests.domain.events.afterwards.test_seats import part
from tests.domain.events.test_stock import bought
from tests.fixtures.entrance import just_signed_in
from tests.fixtures.events import make_event


@pytest.fixture
def mine(clock, inside_acme, at):
    event, (tier,) = make_event(at("alice"))
    return passes.of(bought(event, tier))[0]


def test_event_case_39_a_stranger_passes_on_and_the_old_address_says_so_without_a_name(mine, browse, letters):
    ada, here = browse(None), passes.address(mine)
    assert "Pass it on to somebody else" in ada.get(here).text
    assert ada.post(f"{here}/transfer", data={"email": "grace@example.org"}).status_code == 303
    assert "You offered this ticket to" in ada.get(here).text
    there = re.search(r"http://\S+(/passes/offered/\S+)", letters()[-1][2])[1]
    grace = browse(None)
    assert "gives you a ticket" in grace.get(there).text
    refused = grace.post(there, data={"holder": ""})
    assert (refused.status_code, "stands on the ticket" in refused.text) == (422, True)
    done = grace.post(there, data={"holder": "Grace Hopper"})
    assert done.status_code == 303
    assert "Grace Hopper" in grace.get(done.location).text
    assert grace.post(there, data={"holder": "Again"}).location == done.location
    assert "This ticket is yours." in grace.get(there).text
    old = ada.get(here).text
    assert "passed on" in old
    for said in ("Grace", "Ada Lovelace", "grace@example.org", done.location):
        assert said not in old
    assert (ada.get(f"{here}/code.svg").status_code, grace.get(f"{done.location}/code.svg").status_code) == (404, 200)
    assert Pass.select().count() == 2


def test_what_is_wrong_is_said_beside_the_field_and_nothing_changes(mine, browse):
    ada, here = browse(None), passes.address(mine)
    refused = ada.post(f"{here}/transfer", data={"email": "nonsense"})
    assert (refused.status_code, 'aria-invalid="true"' in refused.text, "nonsense" in refused.text) == (422, True, True)
    assert refused.text.count("Write a whole e-mail address") == 1
    assert not PassTransfer.select().exists()


def test_it_can_be_kept_after_all(mine, browse):
    ada, here = browse(None), passes.address(mine)
    ada.post(f"{here}/transfer", data={"email": "grace@example.org"})
    assert "Offered to somebody else" in ada.get(holds.address(mine.item.order)).text
    there = pass_transfers.address(PassTransfer.get())
    assert ada.post(f"{here}/transfer/withdrawal").status_code == 303
    gone = browse(None).post(there, data={"holder": "Grace Hopper"})
    assert (gone.status_code, "taken back" in gone.text) == (409, True)
    assert passes.again(mine).state == "active"


def test_these_pages_are_kept_by_nobody_on_the_way(mine, browse):
    there = pass_transfers.address(pass_transfers.offer(mine, {"email": "grace@example.org"}))
    for address in (there, passes.address(mine)):
        headers = browse(None).get(address).headers
        assert (headers["Cache-Control"], headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert browse(None).get(there[:-1]).status_code == 404


def test_seats_are_chosen_on_the_pass_and_a_full_part_says_so(mine, at, browse):
    ada, here = browse(None), passes.address(mine)
    assert "Seats in the programme" not in ada.get(here).text
    event = events.one(mine.event_id)
    made = part(event, at("alice"))
    assert "1 left" in ada.get(here).text
    assert ada.post(f"{here}/seats", data={"session": str(made.id)}).status_code == 303
    assert ">Yours<" in ada.get(here).text
    assert SessionSeat.get().ticket_id == mine.id
    other = part(event, at("alice"), "Talk", "18:30", "20:00")
    refused = ada.post(f"{here}/seats", data={"session": [str(made.id), str(other.id)]})
    assert (refused.status_code, "at the same time" in refused.text) == (409, True)
    assert ada.post(f"{here}/seats").status_code == 303
    assert not SessionSeat.select().exists()


def test_a_ticket_of_a_cancelled_event_shows_no_code_and_is_not_printed(mine, at, browse):
    ada, here = browse(None), passes.address(mine)
    assert f"{here}/code.svg" in ada.get(here).text
    with just_signed_in():
        events.cancel(mine.event_id, "The meadow is under water.", by=at("alice"))
    page = ada.get(here).text
    assert "This event is cancelled." in page
    for gone in ("code.svg", "ticket.pdf", "event.ics"):
        assert gone not in page
    for page in (ada.get(holds.address(mine.item.order)).text, ada.get("/e/jazz-night").text):
        assert ("This event is cancelled." in page, "event.ics" in page) == (True, False)
