"""Buttons of a table by plain forms: said, pressed in the list and on the row's page, and leading out."""

import pytest

from database.scope import inside
from domain.lists import rows
from domain.records import collections, listings


@pytest.fixture
def things(cast, at):
    with inside(cast.acme):
        table = collections.make("Things", by=at("alice"), fields=(("Name", "text"), ("State", "text")))
        rows.create(listings.of(table, at("alice")), {"f1": "Drill <b>"}, by=at("alice"))
        return table


AT = "/acme/records/things"


def test_a_button_is_said_pressed_and_taken_back(browse, things):
    alice = browse("alice")
    asked = alice.post(f"{AT}/fields", data={"label": "Give back", "kind": "button"})
    assert asked.location == f"{AT}/buttons?label=Give+back"
    assert "Give back" in alice.get(asked.location).text
    form = {"label": "Give back", "does": "set", "field_0": "2", "value_0": "Back", "confirm": "1"}
    refused = alice.post(f"{AT}/buttons", data=form | {"field_0": ""})
    assert refused.status_code == 422
    assert "Choose a field that it changes." in refused.text
    assert alice.post(f"{AT}/buttons", data=form).location == AT
    assert "Press “Give back” for Drill &lt;b&gt;?" in alice.get(AT).text
    assert alice.get(f"{AT}/fields/3").location == f"{AT}/fields/3/button"
    assert 'value="Back"' in alice.get(f"{AT}/fields/3/button").text
    assert f"{AT}/1/buttons/3" in alice.get(f"{AT}/1").text
    pressed = alice.post(f"{AT}/1/buttons/3", headers={"Referer": f"http://localhost{AT}/1"})
    assert pressed.location == f"{AT}/1"
    page = alice.get(f"{AT}/1").text
    assert "Back</bdi>" in page
    assert alice.post(f"{AT}/1/buttons/3", headers={"HX-Request": "true"}).status_code == 200
    assert alice.post(f"{AT}/bulk", data={"ids": "1", "act": "buttons/3"}).status_code == 303
    assert alice.post(f"{AT}/fields/3/button", data={"act": "away"}).location == f"{AT}/fields"
    assert alice.post(f"{AT}/1/buttons/3").status_code == 404


def test_a_button_leads_out_in_a_tab_of_its_own(browse, things):
    alice = browse("alice")
    form = {"label": "Look it up", "does": "open", "address": "https://example.org/?q={Name}"}
    assert alice.post(f"{AT}/buttons", data=form).status_code == 303
    assert f'href="{AT}/1/buttons/3" target="_blank" rel="noopener noreferrer"' in alice.get(AT).text
    left = alice.get(f"{AT}/1/buttons/3")
    assert (left.status_code, left.location) == (303, "https://example.org/?q=Drill%20%3Cb%3E")
    assert alice.post(f"{AT}/1/buttons/3").status_code == 404
    assert browse("vera").get(f"{AT}/1/buttons/3").status_code == 303
    assert alice.get(f"{AT}/99/buttons/3").status_code == 404
    assert alice.get(f"{AT}/1/buttons/{10**9}").status_code == 404
