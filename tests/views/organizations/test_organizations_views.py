import re

import pytest

from database.scope import inside
from domain.base import settings
from domain.events import codes
from domain.organizations import organizations, transfers
from models import AuditEvent, Membership, Organization, OrganizationKey, Session, Transfer, User
from tests.conftest import PASSWORD
from tests.fixtures.entrance import proof
from tests.fixtures.threads import write

JSON = {"Accept": "application/json"}


@pytest.fixture
def confirmed():
    """Post as JSON; when it is asked for, once more with the password."""

    def post(client, address, password=PASSWORD, **form):
        first = client.post(address, data=form, headers=JSON)
        if first.status_code != 403 or first.json["code"] != "SENSITIVE_VERIFICATION_REQUIRED":
            return first
        asked = {f"proof_{part}": first.json[part] for part in ("action", "target", "level")}
        return client.post(
            address, data=form | asked | {"proof_method": "password", "proof_answer": password}, headers=JSON
        )

    return post


def membership(cast, name):
    return Membership.get(organization=cast.acme, user=getattr(cast, name))


def turn(cast, name, value):
    settings.change(name, value, by=cast.stella)
    settings.forget()


# --- founding and switching -------------------------------------------------------------------------------------


def test_a_team_is_founded_and_open_at_once(cast, browse, followed):
    bob = browse("bob")
    assert "New organization" in bob.get("/organizations/new").get_data(True)
    response = bob.post("/organizations", data={"name": "Bob's Works"})
    assert response.headers["Location"] == "/bob-s-works"
    assert "Invite the people" in followed(bob, response)
    made = Organization.get(Organization.slug == "bob-s-works")
    assert Session.get(Session.user == cast.bob).active_organization_id == made.id


def test_a_name_that_cannot_be_is_refused_beside_its_field(browse):
    response = browse("bob").post("/organizations", data={"name": "x"})
    assert response.status_code == 422
    assert "2 to 80 characters" in response.get_data(True)


def test_in_personal_mode_teams_are_neither_offered_nor_founded(cast, browse):
    turn(cast, "organization_mode", "personal")
    alice = browse("alice")
    assert "Teams are switched off" in alice.get("/organizations/new").get_data(True)
    response = alice.post("/organizations", data={"name": "More works"}, headers=JSON)
    assert (response.status_code, response.json["code"]) == (403, "PERSONAL_MODE_DISABLED")
    assert 'href="/organizations/new"' not in alice.get("/acme").get_data(True)


def test_the_switcher_moves_the_person_and_this_browser(cast, browse):
    bob = browse("bob")
    page = bob.get("/bob").get_data(True)
    assert 'action="/organizations/acme/opening"' in page
    response = bob.post("/organizations/acme/opening")
    assert (response.status_code, response.headers["Location"]) == (303, "/acme")
    assert User.get_by_id(cast.bob.id).active_organization_id == cast.acme.id
    assert Session.get(Session.user == cast.bob).active_organization_id == cast.acme.id
    assert bob.get("/app").headers["Location"] == "/acme"


def test_a_strangers_organization_is_not_opened(cast, browse):
    assert browse("charlie").post("/organizations/acme/opening").status_code == 404
    assert User.get_by_id(cast.charlie.id).active_organization_id != cast.acme.id


def test_a_suspended_one_is_looked_at_and_not_made_active(cast, browse):
    write(Organization.update(status="suspended").where(Organization.id == cast.acme.id).execute)
    vera = browse("vera")
    response = vera.post("/organizations/acme/opening")
    assert response.headers["Location"] == "/acme"
    assert User.get_by_id(cast.vera.id).active_organization_id != cast.acme.id
    assert vera.get("/acme/settings").headers["Location"] == "/acme"


def test_with_one_organization_the_switcher_is_a_setting(cast, browse):
    stella = browse("stella")
    assert "/opening" not in stella.get("/stella").get_data(True)
    turn(cast, "organization_switcher", "always")
    assert 'action="/organizations/stella/opening"' in stella.get("/stella").get_data(True)


# --- settings -------------------------------------------------------------------------------------------------------


def test_an_owner_changes_the_settings(cast, browse, followed):
    alice = browse("alice")
    form = {"name": "Acme Works", "timezone": "Europe/Brussels", "currency": "EUR"}
    assert "Saved." in followed(alice, alice.post("/acme/settings", data=form))
    page = alice.get("/acme/settings").get_data(True)
    assert 'value="Acme Works"' in page
    assert '<option value="EUR" selected>' in page


def test_what_cannot_be_is_said_beside_the_field_and_the_rest_is_kept(browse):
    form = {"name": "x", "timezone": "Mars", "currency": "EUR"}
    response = browse("alice").post("/acme/settings", data=form)
    assert response.status_code == 422
    page = response.get_data(True)
    assert 'id="name_error"' in page
    assert 'id="timezone_error"' in page
    assert '<option value="EUR" selected>' in page


@pytest.mark.parametrize("name", ["bob", "vera"])
def test_members_see_the_settings_and_may_leave_and_nothing_else(browse, name):
    page = browse(name).get("/acme/settings").get_data(True)
    assert 'action="/acme/departure"' in page
    assert 'action="/acme/deletion"' not in page
    assert 'action="/acme/settings"' not in page
    assert "Hand over" not in page


def test_the_only_owner_is_told_why_they_cannot_leave(browse):
    page = browse("alice").get("/acme/settings").get_data(True)
    assert "You are its only owner" in page
    assert 'action="/acme/departure"' not in page


def test_a_personal_space_has_no_danger_zone_and_no_members_place(browse):
    page = browse("alice").get("/alice/settings").get_data(True)
    assert "This is your personal space" in page
    assert "/alice/deletion" not in page
    assert 'href="/alice/members"' not in page


def test_the_tabs_are_what_one_may_see(browse, said):
    assert "General Workspaces Permissions Audit log" in said(browse("alice").get("/acme/settings"))
    page = browse("bob").get("/acme/settings").get_data(True)
    assert 'href="/acme/members"' in page
    for hidden in ("workspaces", "permissions", "audit"):
        assert f'href="/acme/{hidden}"' not in page


# --- handing over ----------------------------------------------------------------------------------------------------


def test_it_is_handed_over_by_an_offer_that_is_accepted(cast, at, browse, confirmed, followed):
    alice, bob = browse("alice"), browse("bob")
    response = confirmed(alice, "/acme/transfer", to=str(membership(cast, "bob").id))
    assert response.status_code == 303, response.json
    assert "Offered to Bob" in alice.get("/acme/settings").get_data(True)
    assert "Alice wants to hand Acme over to you" in bob.get("/acme/settings").get_data(True)
    assert "wants to hand" not in browse("vera").get("/acme/settings").get_data(True)
    assert "Acme is yours now." in followed(bob, bob.post("/acme/transfer/acceptance"))
    assert (at("bob").role, at("alice").role) == ("owner", "admin")


def test_an_offer_is_declined_or_taken_back(cast, browse, confirmed):
    alice, bob = browse("alice"), browse("bob")
    confirmed(alice, "/acme/transfer", to=str(membership(cast, "bob").id))
    assert bob.post("/acme/transfer/refusal").status_code == 303
    with inside(cast.acme):
        assert Transfer.get().status == "cancelled"
    confirmed(alice, "/acme/transfer", to=str(membership(cast, "bob").id))
    assert alice.post("/acme/transfer/cancellation").status_code == 303
    assert bob.post("/acme/transfer/acceptance", headers=JSON).json["message"] == transfers.NONE


# --- the end ------------------------------------------------------------------------------------------------------------


def test_an_owner_deletes_it_after_the_password_and_lands_at_home(cast, browse, confirmed, hx):
    alice, bob = browse("alice"), browse("bob")
    asked = alice.post("/acme/deletion", headers=hx())
    assert (asked.status_code, asked.headers["HX-Retarget"]) == (403, "#dialog")
    wrong = confirmed(alice, "/acme/deletion", password="Wrong horse 1!")
    assert (wrong.status_code, wrong.json["code"]) == (422, "INVALID_INPUT")
    assert Organization.get_by_id(cast.acme.id).status == "active"
    done = confirmed(alice, "/acme/deletion")
    assert done.headers["Location"] == "/app"
    assert alice.get("/app").headers["Location"] == "/alice"
    assert alice.get("/acme").status_code == bob.get("/acme").status_code == 404
    assert AuditEvent.select().where(AuditEvent.action == "organization.deleted").count() == 1


def test_a_page_that_is_open_asks_for_its_settings_anew_when_they_change(cast, browse, hx, outline):
    response = browse("bob").get("/acme/settings", headers=hx("settings_area"))
    assert outline(response)[0] == ["settings_area"]
    organizations.reach(cast.bob, "acme")


def test_report_14_two_who_save_the_settings_of_one_organization(cast, browse):
    alice = browse("alice")
    was = {"was_name": "Acme", "was_timezone": "UTC", "was_currency": "USD"}
    form = {"name": "Acme Hall", "timezone": "UTC", "currency": "USD"}
    assert alice.post("/acme/settings", data=form | was).status_code == 303
    late = alice.post("/acme/settings", data=form | was | {"name": "Late", "currency": "EUR"})
    page = late.get_data(True)
    assert (late.status_code, "This was changed meanwhile, to: Acme Hall." in page) == (409, True)
    assert 'value="Late"' in page
    assert Organization.get_by_id(cast.acme.id).default_currency == "USD"  # nothing of the form was kept
    other = alice.post("/acme/settings", data=form | was | {"currency": "EUR"})
    assert other.status_code == 303  # another field: nothing of theirs is lost


def test_report_25_a_choice_of_more_than_twenty_is_searched(browse):
    page = browse("alice").get("/acme/settings").get_data(True)
    assert 'data-narrows="timezone" aria-label="Search time zone"' in page
    assert 'data-narrows="currency"' not in page  # few need no search


def test_an_owner_renews_the_key_of_tickets_and_proves_who_they_are(browse, cast, followed):
    client = browse("alice")
    assert "Key of tickets" not in client.get("/acme/settings").text
    with inside(cast.acme):
        codes.prepare()
    assert (
        "Tickets that are out, on paper or on phones, stay good, until you end the earlier keys."
        in client.get("/acme/settings").text
    )
    where = "/acme/settings/ticket-key"
    assert client.post(where, headers=JSON).json["code"] == "SENSITIVE_VERIFICATION_REQUIRED"
    page = followed(client, client.post(where, data=proof("events.renew_key", str(cast.acme.id))))
    assert "A new key signs tickets. Those that are out stay good." in page
    with inside(cast.acme):
        assert OrganizationKey.select().count() == 2
    assert AuditEvent.select().where(AuditEvent.action == "events.key_renewed").count() == 1
    page = followed(client, client.post(f"{where}/end", data=proof("events.renew_key", str(cast.acme.id))))
    assert ("taken any more." in page, "End earlier keys" in page) == (True, False)
    assert "Key of tickets" not in browse("bob").get("/acme/settings").text


@pytest.mark.above_sql
@pytest.mark.parametrize("tab", ["settings", "workspaces", "permissions", "audit", "export", "verification", "reports"])
def test_every_tab_of_the_settings_is_a_part_of_the_settings(browse, tab):
    main = browse("alice").get(f"/acme/{tab}").text.partition('<nav class="places"')[2].partition("</nav>")[0]
    assert re.findall(r'<a href="([^"]*)"[^>]* aria-current="page"', main) == ["/acme/settings"]
