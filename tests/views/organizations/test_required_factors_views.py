import re
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest

from models import AuditEvent, Organization, User
from tests.fixtures.entrance import proof
from tests.fixtures.threads import write
from tests.test_bad_input import filled
from views import live

JSON = {"Accept": "application/json"}
CLOSED = "/settings/security/factor/required?organization=acme"


@pytest.fixture
def required(cast, clock):
    """Acme asks for a second factor, and bob has none."""
    write(Organization.update(second_factor_from=clock()).where(Organization.id == cast.acme.id).execute)


def doors(web):
    """Every route inside an organization, but for leaving it: (method, path)."""
    for rule in web.url_map.iter_rules():
        door = web.view_functions[rule.endpoint].door
        if door.kind == "member" and door.capability != "members.leave":
            yield from ((method, filled(rule.rule)) for method in sorted(rule.methods & {"GET", "POST"}))


def test_every_door_leads_who_has_none_to_set_one_up(web, browse, hx, required):
    client, tried = browse("bob"), list(doors(web))
    assert len(tried) > 60
    for method, path in tried:
        page = client.open(path, method=method)
        assert (page.status_code, page.headers.get("Location", "").startswith(CLOSED)) == (303, True), (method, path)
        block = client.open(path, method=method, headers=hx("task_list"))
        assert block.headers["HX-Redirect"].startswith(CLOSED), (method, path)
        assert block.get_data() == b"", (method, path)
        machine = client.open(path, method=method, headers=JSON)
        assert (machine.status_code, machine.json["code"]) == (403, "SECOND_FACTOR_REQUIRED"), (method, path)


def test_an_open_stream_ends_when_it_begins_to_be_asked_for(browse, cast, clock):
    with browse("bob").get("/acme/live", buffered=False) as answer:  # closed: it counts among the open ones till then
        stream = answer.response
        assert next(stream) == b"retry: 1000\n\n"
        write(Organization.update(second_factor_from=clock()).where(Organization.id == cast.acme.id).execute)
        assert b"event: over" in next(stream)
    assert live._open == 0


def test_one_is_led_through_the_set_up_and_back_and_the_others_go_on(browse, cast, clock, required, said, followed):
    client = browse("bob")
    led = client.get("/acme/tasks?q=printer").headers["Location"]
    page = said(client.get(led))
    assert "Acme asks for a second factor" in page
    assert "Leave Acme" in page
    assert client.get("/bob/tasks").status_code == 200  # nothing else is lost
    assert client.get("/notifications").status_code == 200
    target = parse_qs(urlsplit(led).query)["next"][0]
    assert target == "/acme/tasks?q=printer"
    begun = client.post(
        "/settings/security/factor/beginning", data={"next": target} | proof("security.enable_2fa")
    ).headers["Location"]
    form = client.get(begun).get_data(True)
    assert f'name="next" value="{target}"' in form
    secret = re.search(r'id="totp_secret">([A-Z2-7 ]+)<', form)[1].replace(" ", "")
    data = {"code": pyotp.TOTP(secret).at(clock.moment), "next": target}
    assert f'href="{target}"' in client.post("/settings/security/factor", data=data).get_data(True)
    assert client.get(target).status_code == 200
    assert client.get(led).headers["Location"] == target  # nothing is asked for any more


def test_where_one_is_led_to_goes_to_no_other_site(browse, required):
    for target in ("https://evil.example/x", "//evil.example", "\\\\evil.example"):
        page = browse("bob").get(
            "/settings/security/factor/required", query_string={"organization": "acme", "next": target}
        )
        assert "evil.example" not in page.get_data(True)
    assert browse("bob").get("/settings/security/factor/required?organization=globex").headers["Location"] == "/app"


def test_who_has_none_may_leave(browse, required):
    assert browse("bob").post("/acme/departure").headers["Location"] == "/bob"


def test_a_refused_change_leaves_its_trace(browse, required):
    browse("bob").post("/acme/tasks", data={"title": "x"})
    assert AuditEvent.get(AuditEvent.result == "denied").metadata["reason"] == "SECOND_FACTOR_REQUIRED"


def test_the_palette_shows_nothing_of_it(browse, task, required, hx):
    client = browse("bob")
    client.post("/organizations/acme/opening")
    found = client.get("/palette?q=printer", headers=hx("palette_results")).get_data(True)
    assert "Call the printer" not in found
    people = client.get("/palette?q=vera", headers=hx("palette_results")).get_data(True)
    assert "Vera" not in people


def test_the_owner_turns_it_on_and_sees_who_has_none(browse, cast, clock, followed, said):
    write(User.update(second_factor_at=clock()).where(User.id == cast.alice.id).execute)
    client = browse("alice")
    page = said(client.get("/acme/settings"))
    assert "3 of its members have none" in page
    form = {"second_factor": "1", "days": "7"}
    refused = client.post("/acme/settings/second-factor", data=form, headers=JSON)
    assert refused.json["code"] == "SENSITIVE_VERIFICATION_REQUIRED"
    page = followed(
        client,
        client.post(
            "/acme/settings/second-factor", data=form | proof("organization.require_factor", str(cast.acme.id))
        ),
    )
    assert "Everybody needs a second factor." in page
    assert "No second factor" in said(client.get("/acme/members"))
    assert "From" in said(browse("bob").get("/acme/tasks"))
    assert "is open to those alone who have a second factor" in said(browse("bob").get("/acme/tasks"))
    assert browse("bob").post("/acme/settings/second-factor", data=form, headers=JSON).status_code == 403
    assert "No second factor" not in said(browse("bob").get("/acme/members"))
