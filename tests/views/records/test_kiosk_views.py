"""A kiosk as a tablet at a counter has it: without a session, without a script, without a way on."""

import pytest
from werkzeug.datastructures import MultiDict

from database.scope import inside
from domain.lists import rows
from domain.records import collections, listings
from domain.records.handling import buttons
from domain.records.public import links
from models import Record
from tests.fixtures.public import opened, token_of


@pytest.fixture
def link(cast, at):
    by = at("alice")
    with inside(cast.acme):
        table = collections.make("Things", by=by, fields=(("Name", "text"), ("Code", "text"), ("State", "text")))
        rows.create(listings.of(table, by), {"f1": "Drill <b>", "f2": "AB-17"}, by=by)
        made = buttons.add(table.slug, "Give back", {"does": "set", "field_0": "3", "value_0": "back"}, by=by)
        form = MultiDict({"name": "Counter", "find": "2", "button": str(made.id), "show_1": "1"})
        return opened(table.slug, form, by=by, purpose="kiosk")


def test_a_tablet_finds_presses_and_goes_nowhere_else(browse, link, cast, at):
    web = browse()
    with inside(cast.acme):
        at_kiosk = f"/p/{token_of(link)}"
    page = web.get(at_kiosk)
    assert page.status_code == 200
    assert "Scan or type the code" in page.text
    assert "camera=(self)" in page.headers["Permissions-Policy"]
    assert "worker-src 'self'" in page.headers["Content-Security-Policy"]
    found = web.get(f"{at_kiosk}?code=ab-17").text
    assert "Drill &lt;b&gt;" in found
    assert "Give back" in found
    for drawn in (page.text, found):
        body = drawn[drawn.index("<main") :]
        assert {one.split('"')[0] for one in body.split('href="')[1:]} <= {at_kiosk}
    pressed = web.post(f"{at_kiosk}/press", data={"code": "AB-17"})
    assert (pressed.status_code, pressed.location) == (303, f"{at_kiosk}?done=AB-17")
    assert "Give back: done." in web.get(pressed.location).text
    assert "Set-Cookie" not in pressed.headers
    with inside(cast.acme):
        assert '"s3":"back"' in Record.get().cells
    wrong = web.post(f"{at_kiosk}/press", data={"code": "nope"})
    assert wrong.status_code == 404
    assert "Nothing here has this code." in wrong.text
    assert web.post(at_kiosk, data={}).status_code == 404  # it is no form
    assert web.post(f"{at_kiosk}/press", data={}).status_code == 404


def test_a_kiosk_is_ended(browse, link, cast, at):
    web = browse()
    with inside(cast.acme):
        at_kiosk = f"/p/{token_of(link)}"
        links.stop(link.id, by=at("alice"))
    assert web.get(at_kiosk).status_code == 410
    assert web.post(f"{at_kiosk}/press", data={"code": "AB-17"}).status_code == 410
    with inside(cast.acme):
        assert '"s3"' not in Record.get().cells


def test_a_kiosk_is_built_by_a_plain_form(browse, link, cast):
    alice = browse("alice")
    page = alice.get(f"/acme/public-links/{link.id}").text
    assert "What it does" in page
    assert alice.get("/acme/records/things/sharing/kiosk").status_code == 200
    refused = alice.post(f"/acme/public-links/{link.id}", data={"name": "Counter", "find": "9"})
    assert refused.status_code in (422, 403)
