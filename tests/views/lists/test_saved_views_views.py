"""Saved views through a list's page."""

from werkzeug.datastructures import MultiDict

from database.scope import inside
from domain.records import collections, rules
from tests.fixtures.threads import write


def test_a_view_is_saved_opened_and_removed(browse):
    alice = browse("alice")
    answer = alice.post("/acme/tasks/views", data={"name": "Late", "query": "due=overdue&tab=all", "shared": "1"})
    address = answer.headers["Location"]
    assert address == "/acme/tasks?due=overdue&tab=all&saved=1"
    page = alice.get(address).text
    assert "Late" in page
    assert "isn’t here any more" not in page
    assert "saved=1" in browse("bob").get("/acme/tasks/views").text
    alice.post("/acme/tasks/views/1/removal")
    assert "saved=1" not in browse("bob").get("/acme/tasks/views").text


def test_what_is_shown_now_is_what_is_saved_from_the_dialog(browse):
    alice, dialog = browse("alice"), {"HX-Request": "true", "HX-Target": "dialog"}
    assert "/acme/tasks/views?tab=all&amp;due=overdue" in alice.get("/acme/tasks?due=overdue&tab=all").text
    asked = alice.get("/acme/tasks/views?tab=all&due=overdue", headers=dialog).text
    assert 'name="query" value="tab=all&amp;due=overdue"' in asked
    refused = alice.post("/acme/tasks/views", data={"name": "", "query": "due=overdue"}, headers=dialog)
    assert refused.status_code == 422
    assert 'name="query" value="due=overdue"' in refused.text  # nothing is lost


def test_a_name_that_is_missing_is_said_beside_it(browse):
    answer = browse("alice").post("/acme/tasks/views", data={"name": "", "query": ""})
    assert answer.status_code == 422
    assert "Write a name." in answer.text


def test_records_34_what_a_view_asks_and_its_reader_may_not_see_is_left_out_and_said(browse, cast, at):
    with inside(cast.acme):
        collections.make("Offers", by=at("alice"), fields=(("Name", "text"), ("Budget", "number")))
        form = {"sees": "all", "changes": "all", "others": "change", "field_2": "nothing"}
        write(lambda: rules.change("offers", "role:member", MultiDict(form), by=at("alice")))
    alice = browse("alice")
    alice.post("/acme/records/offers", data={"f1": "Toaster", "f2": "100"})
    view = {"name": "Big", "query": "where=and~f2~more~500", "shared": "1"}
    address = alice.post("/acme/records/offers/views", data=view).headers["Location"]
    assert "Toaster" not in alice.get(address).text
    page = browse("bob").get(address).text
    assert "isn’t yours to see" in page
    assert "1 condition is about something" in page
    assert "Toaster" in page  # what remains is shown
