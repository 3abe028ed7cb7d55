"""The table, the reasons for one person, and a look through lesser eyes."""

import html
import re

import pytest

import models
from domain.base import roles
from models import AuditEvent, Membership, Organization
from tests.conftest import PASSWORD
from tests.fixtures.threads import write


@pytest.fixture
def alice(browse):
    return browse("alice")


def seat(cast, name, organization="acme"):
    return Membership.get(
        Membership.user == getattr(cast, name), Membership.organization == getattr(cast, organization)
    ).id


def suspended(cast):
    write(Organization.update(status="suspended").where(Organization.id == cast.acme.id).execute)


# --- the table -------------------------------------------------------------------------------------------------


def test_the_table_shows_what_the_server_asks(alice, said):
    page = html.unescape(said(alice.get("/acme/permissions")))
    for name, permission in roles.ORGANIZATION.items():
        assert permission.label in page
        row = page[page.index(f" {name} ") :][:400]
        marks = re.findall(r"\b(yes|no)\b", row)[:4]
        assert marks == ["yes" if role in permission.roles else "no" for role in roles.ROLES], name


@pytest.mark.parametrize(
    ("who", "status"), [("alice", 200), ("bob", 403), ("vera", 403), ("charlie", 404), ("stella", 404), (None, 303)]
)
def test_the_table_is_for_those_who_oversee(who, status, browse):
    assert browse(who).get("/acme/permissions").status_code == status


# --- the reasons -----------------------------------------------------------------------------------------------


def test_use_r9_the_reasons_speak_of_the_person_they_are_about(alice, cast, said):
    page = said(alice.get(f"/acme/permissions?person={seat(cast, 'vera')}&permission=members.invite"))
    assert "The role is viewer; it takes owner, admin" in page
    assert "The plan is Free; it doesn&#39;t include it" in page or "The plan is Free" in page
    assert "Vera&#39;s role here (viewer)" in page
    assert "The organization is active" in page


def test_a_fragment_of_the_reasons_alone(alice, cast, hx, outline):
    answer = alice.get(f"/acme/permissions?person={seat(cast, 'bob')}&permission=tasks.write", headers=hx("why_area"))
    assert outline(answer)[0] == ["why_area"]
    assert "Bob" in answer.get_data(True)


def test_a_question_about_nobody_or_nothing_shows_the_page_without_reasons(alice):
    for query in [
        "person=0&permission=tasks.read",
        "person=x&permission=tasks.read",
        "person=99999999999999999999&permission=x",
        "permission=tasks.read",
        "person=1&permission=admin.read",
        "person=1&permission=__class__",
        "person=²",
        "person=1&person=2&permission=tasks.read&permission=",
    ]:
        assert alice.get(f"/acme/permissions?{query}").status_code == 200, query


def test_nobody_of_another_organization_is_explained(alice, cast, said):
    page = said(alice.get(f"/acme/permissions?person={seat(cast, 'charlie', 'globex')}&permission=tasks.read"))
    assert "Charlie" not in page
    assert "Choose a person and what they want to do" in page


# --- looking through lesser eyes --------------------------------------------------------------------------------


def look_as(client, role):
    return client.post("/acme/permissions/preview", data={"role": role})


def test_a_look_shows_less_changes_nothing_and_ends(alice, task, cast, counted, followed):
    assert look_as(alice, "viewer").headers["Location"] == "/acme"
    page = alice.get("/acme").get_data(True)
    assert "/preview/end" in page
    assert "viewer" in page
    assert alice.get("/acme/permissions").status_code == 403  # as for a viewer
    assert alice.get("/acme/tasks").status_code == 200
    before = counted()
    for path, form in (
        ("/acme/tasks", {"title": "Order paper"}),
        (f"/acme/tasks/{task.id}/removal", {}),
        ("/acme/permissions/preview", {"role": "viewer"}),
        ("/acme/billing/checkout", {"plan": "pro_monthly"}),
    ):
        answer = alice.post(path, data=form, headers={"Accept": "application/json"})
        assert (answer.status_code, answer.json["code"]) == (403, "FORBIDDEN"), path
    after = counted()
    assert {k: v for k, v in after.items() if k != "AuditEvent"} == {
        k: v for k, v in before.items() if k != "AuditEvent"
    }
    ended = alice.post("/preview/end")
    assert ended.headers["Location"] == "/acme/permissions"
    assert "your own eyes again" in followed(alice, ended)
    assert alice.post("/acme/tasks", data={"title": "Order paper"}).status_code == 303


def test_a_look_is_at_one_organization_and_others_stay_as_they_are(alice, cast):
    look_as(alice, "viewer")
    own = Organization.get(Organization.owner == cast.alice, Organization.is_personal)
    assert alice.post(f"/{own.slug}/tasks", data={"title": "Mine"}).status_code == 303


def test_only_a_lesser_role_can_be_looked_through(alice):
    for role in ["owner", "", "nobody", "\0", "OWNER", "manager", "super_admin"]:
        assert look_as(alice, role).status_code == 403, role
        assert "/preview/end" not in alice.get("/acme").get_data(True), role
        assert alice.post("/acme/tasks", data={"title": "Order paper"}).status_code == 303, role


def test_an_admin_looks_through_no_owners_eyes(browse, cast):
    write(Membership.update(role="admin").where(Membership.id == seat(cast, "bob")).execute)
    bob = browse("bob")
    for role in ("owner", "admin"):
        assert look_as(bob, role).status_code == 403
    assert look_as(bob, "member").status_code == 303


def test_whoever_sinks_below_the_role_they_look_through_sees_with_their_own(alice, cast):
    """The look never gives more than the real role: it is asked anew each time."""
    look_as(alice, "admin")
    write(Membership.update(role="viewer").where(Membership.id == seat(cast, "alice")).execute)
    assert alice.get("/acme/permissions").status_code == 403
    assert (
        alice.post("/acme/tasks", data={"title": "Order paper"}, headers={"Accept": "application/json"}).status_code
        == 403
    )


def test_a_look_ends_with_the_session_and_ending_none_is_harmless(web, browse, cast):
    client = web.test_client()
    client.post("/sign-in", data={"email": "alice@example.org", "password": PASSWORD})
    look_as(client, "viewer")
    client.post("/sign-in", data={"email": "alice@example.org", "password": PASSWORD})
    assert client.post("/acme/tasks", data={"title": "Order paper"}).status_code == 303
    assert client.post("/preview/end").headers["Location"] == "/app"
    assert browse(None).post("/preview/end").headers["Location"].startswith("/sign-in")


# --- for support -------------------------------------------------------------------------------------------------


def test_support_sees_the_reasons_for_anybody(browse, cast, said):
    suspended(cast)
    stella = browse("stella")
    path = f"/admin/users/{cast.vera.id}/permissions"
    page = said(stella.get(path))
    assert "Acme" in page
    page = said(stella.get(f"{path}?organization=acme&permission=tasks.write"))
    assert "The role is viewer" in page
    assert "The organization is suspended" in page
    assert AuditEvent.select().where(AuditEvent.result == "denied").count() == 0


@pytest.mark.parametrize(
    "query",
    [
        "organization=globex&permission=tasks.read",
        "organization=no&permission=tasks.read",
        "organization=acme&permission=no",
        "organization=%F0%9F%98%80",
    ],
)
def test_support_asks_only_about_organizations_the_person_is_in(query, browse, cast):
    answer = browse("stella").get(f"/admin/users/{cast.vera.id}/permissions?{query}")
    assert answer.status_code == 200
    assert "Globex" not in answer.get_data(True)


@pytest.mark.parametrize("who", [None, "alice", "bob", "vera", "charlie"])
def test_to_everybody_else_there_is_nothing(who, browse, cast):
    assert browse(who).get(f"/admin/users/{cast.vera.id}/permissions").status_code == 404


def test_nobody_has_no_reasons(browse):
    stella = browse("stella")
    for id in ("999", "2147483647", "2147483648", "0", "x"):
        assert stella.get(f"/admin/users/{id}/permissions").status_code == 404
    assert models.User.select().count() == 6
