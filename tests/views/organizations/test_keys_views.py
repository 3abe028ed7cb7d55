import html
import re

import pytest

from database.scope import inside
from domain.organizations import api_keys
from domain.records import collections
from models import ApiKey
from tests.conftest import PASSWORD
from tests.fixtures.keys import pay

FORM = {"name": "Door app", "scopes": ["tasks.read", "events.check_in"], "days": "30"}


@pytest.fixture
def alice(cast, browse):
    pay(cast.acme)
    return browse("alice")


def proof(cast):
    asked = {"proof_action": "keys.make", "proof_target": str(cast.acme.id), "proof_level": "3"}
    return asked | {"proof_method": "password", "proof_answer": PASSWORD}


def test_a_key_is_made_with_a_proof_shown_once_and_revoked(alice, cast, followed):
    assert 'name="scopes"' in alice.get("/acme/keys/new").text
    asked = alice.post("/acme/keys", data=FORM)
    assert (asked.status_code, "make a key for programs" in asked.text) == (403, True)
    made = alice.post("/acme/keys", data=FORM | proof(cast))
    assert (made.status_code, made.headers["Cache-Control"]) == (200, "no-store")
    secret = re.search(r'value="(ghk_[^"]+)"', made.text)[1]
    assert api_keys.FORM.fullmatch(secret)
    listed = alice.get("/acme/keys").text
    assert "Door app" in listed
    assert "Check people in at the door" in listed
    assert secret.rpartition("_")[2] not in listed
    with inside(cast.acme):
        id = ApiKey.get().id
    assert "is revoked" in followed(alice, alice.post(f"/acme/keys/{id}/revocation"))


def test_a_wrong_form_comes_back_with_what_was_typed(alice, hx):
    page = alice.post("/acme/keys", data=FORM | {"networks": "somewhere", "name": "Mine"}, headers=hx("key_form"))
    assert page.status_code == 422
    assert 'value="Mine"' in page.text
    assert "somewhere</textarea>" in page.text
    assert "is no network" in page.text
    assert re.search(r'value="events.check_in"[^>]* checked', page.text)


def test_a_key_is_bounded_to_tables_and_fields_in_its_form(alice, cast, at, followed):
    with inside(cast.acme):
        table = collections.make("Offers", by=at("alice"), fields=(("Name", "text"), ("Salary", "number")))
        first = collections.fields(table)[0].id
    page = alice.get("/acme/keys/new").text
    assert (f'<option value="{table.id}">Offers</option>' in page, "Salary" in page) == (True, False), "nothing of it"
    page = alice.post("/acme/keys", data={"do": "look", "table": table.id, "name": "Report"}).text
    assert f'name="table_{table.id}"' in page
    assert 'value="Report"' in page
    assert f'name="fields_{table.id}" id="fields_{table.id}_{first}" value="{first}"' in page
    form = FORM | {"scopes": ["records.read"], f"table_{table.id}": "see", f"fields_{table.id}": [str(first)]}
    for wrong, said in (
        ({"scopes": ["tasks.read"]}, "chosen above"),
        ({f"table_{table.id}": "change"}, "chosen above"),
        ({f"table_{table.id}": ""}, "choose what it may there"),
        ({f"table_{table.id}": "everything"}, "Choose from the list"),
        ({f"fields_{table.id}": ["99"]}, "Choose from the list"),
        ({"table_99": "see"}, "Choose from the list"),
    ):
        refused = alice.post("/acme/keys", data=form | wrong)
        assert (refused.status_code, said in refused.text) == (422, True), wrong
    assert re.search(rf'value="see" selected.*value="{first}" checked', refused.text, re.S), "what was chosen is kept"
    assert alice.post("/acme/keys", data=form | proof(cast)).status_code == 200
    with inside(cast.acme):
        assert ApiKey.get().tables == {str(table.id): {"may": "see", "fields": [first], "where": []}}
    assert "Offers: see, 1 field" in alice.get("/acme/keys").text


def test_a_key_is_bounded_to_rows_by_conditions_and_has_a_rate(alice, cast, at):
    with inside(cast.acme):
        table = collections.make("Offers", by=at("alice"), fields=(("Name", "text"), ("Amount", "number")))
        name, amount = (field.id for field in collections.fields(table))
    own = {f"table_{table.id}": "see", "scopes": ["records.read"], "rate": "100"}
    asked = own | {"c_about": f"{table.id}:{amount}", "do": "look"}
    page = alice.post("/acme/keys", data=asked).text
    assert 'name="c_op"' in page
    page = alice.post("/acme/keys", data=asked | {"do": "condition", "c_op": "more", "c_value": "5"}).text
    (kept,) = re.findall(rf'name="where_{table.id}" value="([^"]*)"', page)
    assert "Amount > 5" in html.unescape(re.sub("<[^>]*>", "", page))
    assert "c_op" not in page, "the next one is asked anew"
    both = own | {f"where_{table.id}": [kept, f"and~{name}~begins~A"]}
    page = alice.post("/acme/keys", data=both | {"do": f"forget:{table.id}:2"}).text
    assert re.findall(rf'name="where_{table.id}" value="([^"]*)"', page) == [kept]
    for wrong in (
        {"c_about": f"{table.id}:{amount}"},
        {"c_about": f"{table.id}:99", "c_op": "is", "c_value": "1"},
        {"c_about": f"99:{amount}"},
        {f"where_{table.id}": [f"and~{amount}~nothing~5"]},
        {"table": table.id, f"table_{table.id}": ""},
        {"rate": "7"},
    ):
        assert alice.post("/acme/keys", data=FORM | own | wrong | proof(cast)).status_code == 422, wrong
    more = {f"where_{table.id}": [kept], "c_about": f"{table.id}:{name}", "c_op": "begins", "c_value": "A"}
    assert alice.post("/acme/keys", data=FORM | own | more | proof(cast)).status_code == 200
    with inside(cast.acme):
        made = ApiKey.get()
        assert (made.rate, len(made.tables[str(table.id)]["where"])) == (100, 2)
    shown = html.unescape(re.sub("<[^>]*>", "", alice.get("/acme/keys").text))
    assert "Offers: see, where Amount > 5, and Name begins with A" in shown
    assert "at most 100 a minute" in shown


def test_a_key_is_bounded_to_some_rows_of_a_list_of_the_house(alice, cast):
    page = alice.post("/acme/keys", data={"c_about": "tasks:priority", "do": "look"}).text
    assert 'name="c_op"' in page
    assert "contains" not in alice.post("/acme/keys", data={"c_about": "tasks:title", "do": "look"}).text
    asked = {"c_about": "tasks:priority", "c_op": "any_of", "c_value": ["high"], "do": "condition"}
    page = alice.post("/acme/keys", data=asked).text
    assert re.findall(r'name="where_tasks" value="([^"]*)"', page) == ["and~priority~any_of~high"]
    assert "Only rows of Tasks where Priority is any of High" in html.unescape(re.sub("<[^>]*>", "", page))
    held = {"where_tasks": ["and~priority~any_of~high", "or~category~is~door"]}
    page = alice.post("/acme/keys", data=held | {"do": "forget:tasks:1"}).text
    assert re.findall(r'name="where_tasks" value="([^"]*)"', page) == ["or~category~is~door"]
    for wrong in ({"where_tasks": ["and~title~contains~a"]}, {"where_nothing": ["and~title~is~a"]}):
        assert alice.post("/acme/keys", data=FORM | wrong | proof(cast)).status_code == 422, wrong
    assert alice.post("/acme/keys", data=FORM | held | proof(cast)).status_code == 200
    with inside(cast.acme):
        assert (ApiKey.get().lists, ApiKey.get().tables) == ({"tasks": held["where_tasks"]}, {})
    shown = html.unescape(re.sub("<[^>]*>", "", alice.get("/acme/keys").text))
    assert "Tasks: where Priority is any of High or Category is exactly door" in shown
