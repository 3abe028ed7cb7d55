"""Public links as who makes them sees them."""

import html
import re

from database.scope import inside
from domain.records import field_changes
from models import PublicLink
from tests.fixtures.public import form_of, repairs


def test_a_form_is_made_changed_stopped_and_given_another_address(cast, at, browse):
    alice = browse("alice")
    with inside(cast.acme):
        _, known = repairs(at("alice"))
    page = alice.get("/acme/records/repairs/sharing")
    assert "Nothing is shared" in page.text
    new = alice.get("/acme/records/repairs/sharing/form")
    key = re.search(r'name="form_key" value="([^"]+)"', new.text)[1]
    form = form_of(known, "Name", "Mail") | {"form_key": key}
    first, again = (alice.post("/acme/records/repairs/sharing/form", data=form) for _ in range(2))
    assert first.location == again.location
    page = alice.get(first.location)
    address = re.search(r'value="(http[^"]+/p/[^"]{22})"', page.text)[1]
    stranger = browse()
    path = address.partition("/p/")[2]
    assert stranger.get(f"/p/{path}").status_code == 200
    assert "Intake" in alice.get("/acme/public-links").text
    changed = alice.post(first.location, data=form_of(known, "Name", "Where", name="Outtake", ends_at="2099-01-01"))
    assert changed.status_code == 303
    page = stranger.get(f"/p/{path}").text
    assert "Outtake" in page
    assert f'name="{known["Mail"]}"' not in page
    assert 'value="2099-01-01' in alice.get(first.location).text
    alice.post(f"{first.location}/stop")
    assert stranger.get(f"/p/{path}").status_code == 410
    assert "was stopped" in html.unescape(alice.get(first.location).text)
    alice.post(f"{first.location}/opening")
    alice.post(f"{first.location}/renewal")
    assert stranger.get(f"/p/{path}").status_code == 404
    with inside(cast.acme):
        assert (PublicLink.select().count(), PublicLink.get().turn) == (1, 2)


def test_a_form_that_would_leave_a_needed_field_empty_is_refused_when_it_is_built(cast, at, browse):
    alice = browse("alice")
    with inside(cast.acme):
        _, known = repairs(at("alice"))
        field_changes.rule("repairs", int(known["Mail"][1:]), by=at("alice"), is_required=True, is_unique=False)
    at_ = "/acme/records/repairs/sharing/form"
    refused = alice.post(at_, data=form_of(known, "Name", name="Kept"))
    assert (refused.status_code, 'value="Kept"' in refused.text) == (422, True)
    assert "Mail can’t be empty in the table" in html.unescape(refused.text).replace("'", "’")
    hidden = {f"if_{known['Mail'][1:]}": f"{known['Name'][1:]}~not_empty"}
    assert alice.post(at_, data=form_of(known, "Name", "Mail") | hidden).status_code == 422
    assert alice.post(at_, data=form_of(known, "Name", "Mail")).status_code == 303
    backwards = {f"if_{known['Name'][1:]}": f"{known['Mail'][1:]}~not_empty"}
    assert alice.post(at_, data=form_of(known, "Name", "Mail") | backwards).status_code == 422


def test_who_saves_a_form_that_somebody_else_changed_is_told_and_keeps_what_was_typed(cast, at, browse):
    alice, bob = browse("alice"), browse("alice")
    with inside(cast.acme):
        _, known = repairs(at("alice"))
    there = alice.post("/acme/records/repairs/sharing/form", data=form_of(known, "Name", name="Repairs")).location

    def was(page):
        return {"was": re.search(r'name="was" value="([^"]+)"', page.text)[1]}

    hers, his = was(alice.get(there)), was(bob.get(there))
    assert alice.post(there, data=hers | form_of(known, "Name", "Mail", name="Repairs")).status_code == 303
    late = bob.post(there, data=his | form_of(known, "Name", name="Mending"))
    assert (late.status_code, "Somebody else changed this form" in late.text) == (409, True)
    assert 'value="Mending"' in late.text
    with inside(cast.acme):
        assert PublicLink.get().name == "Repairs"
    assert bob.post(there, data=was(late) | form_of(known, "Name", name="Mending")).status_code == 303


def test_what_is_no_origin_is_refused(cast, at, browse):
    alice = browse("alice")
    with inside(cast.acme):
        _, known = repairs(at("alice"))
    at_ = "/acme/records/repairs/sharing/form"
    for wrong in ("example.org", "https://example.org/page", "https://a b", "https://*", "javascript:x", "https://x;y"):
        assert alice.post(at_, data=form_of(known, "Name", embed=wrong)).status_code == 422, wrong
    made = alice.post(at_, data=form_of(known, "Name", embed="https://Example.org\nhttp://localhost:8000"))
    assert made.status_code == 303
    with inside(cast.acme):
        assert PublicLink.get().settings["embed"] == "https://example.org\nhttp://localhost:8000"
