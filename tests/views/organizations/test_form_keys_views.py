"""A form that is sent twice (a double click without scripts, a reload) makes one of whatever it makes."""

import re

import pytest

from database.clock import now
from database.scope import everywhere, inside
from domain.operations import alerts
from domain.organizations import organizations
from models import (
    Alert,
    AuditEvent,
    Change,
    Collection,
    Grant,
    InvitationLink,
    Membership,
    Organization,
    RecordField,
    Task,
    Workspace,
)
from tests.fixtures.entrance import proof
from tests.fixtures.threads import together, write


def key_on(client, path):
    return re.search(r'name="form_key" value="([^"]+)"', client.get(path).get_data(True))[1]


def many(table):
    with everywhere("a test counts"):
        return table.select().count()


def test_report_20_one_organization_is_founded(browse):
    client, before = browse("bob"), many(Organization)
    form = {"name": "Night school", "form_key": key_on(client, "/organizations/new")}
    said = [client.post("/organizations", data=form).headers["Location"] for _ in range(3)]
    assert said == ["/night-school"] * 3
    assert many(Organization) == before + 1
    assert Membership.select().join(Organization).where(Organization.slug == "night-school").count() == 1
    other = form | {"form_key": key_on(client, "/organizations/new")}
    assert client.post("/organizations", data=other).headers["Location"] == "/night-school-2"  # that was meant


def test_report_20_a_key_of_somebody_else_makes_ones_own(browse, cast):
    form = {"name": "Night school", "form_key": "a" * 26}
    for name in ("bob", "charlie"):
        browse(name).post("/organizations", data=form)
    assert many(Organization) == 10
    assert {o.owner_id for o in Organization.select().where(Organization.name == "Night school")} == {
        cast.bob.id,
        cast.charlie.id,
    }


@pytest.mark.parametrize("key", ["", "short", "x" * 41, "a b" * 9, "é" * 20, "\0" * 20])
def test_report_20_what_is_no_key_is_none(browse, key):
    client, before = browse("bob"), many(Organization)
    for _ in range(2):
        assert client.post("/organizations", data={"name": "School", "form_key": key}).status_code == 303
    assert many(Organization) == before + 2


def test_report_20_two_at_once_found_one(cast):
    before = many(Organization)
    done = together(*[lambda: organizations.create("School", by=cast.bob, key="k" * 26)] * 3)
    assert len({one.id for one in done}) == 1
    assert many(Organization) == before + 1


def test_report_20_one_link_is_made_and_shown_again(browse):
    client = browse("charlie")
    form = {"role": "member", "most": "5", "days": "7"}
    form["form_key"] = key_on(client, "/globex/invitation-links/new")
    shown = [
        re.search(r"/accept-invitation/[^\"<]+", client.post("/globex/invitation-links", data=form).get_data(True))
        for _ in "12"
    ]
    assert shown[0][0] == shown[1][0]
    assert many(InvitationLink) == 1
    with everywhere("its history is removed after a while"):
        write(Change.delete().execute)
    again = client.post("/globex/invitation-links", data=form).get_data(True)
    assert shown[0][0] in again
    assert many(InvitationLink) == 1


def test_report_20_one_workspace_is_made(browse):
    client, before = browse("alice"), many(Workspace)
    form = {"name": "Main stage", "form_key": key_on(client, "/acme/workspaces")}
    answers = [client.post("/acme/workspaces", data=form) for _ in "12"]
    assert [one.status_code for one in answers] == [303, 303]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert many(Workspace) == before + 1


def test_report_20_one_table_is_made_by_its_name_and_by_a_template(browse):
    client = browse("alice")
    for count, form in ((1, {"name": "Repairs"}), (2, {"template": "contacts"})):
        form |= {"form_key": key_on(client, "/acme/records")}
        said = {client.post("/acme/records", data=form).headers["Location"] for _ in range(2)}
        assert (len(said), many(Collection)) == (1, count)


def test_report_20_a_field_is_added_once_whose_answer_did_not_arrive(browse):
    client = browse("alice")
    client.post("/acme/records", data={"name": "Repairs"})
    form = {"label": "Mail", "form_key": key_on(client, "/acme/records/repairs")}
    for _ in "12":
        assert client.post("/acme/records/repairs/fields", data=form).status_code == 303
    again = form | {"form_key": key_on(client, "/acme/records/repairs/fields")}
    assert client.post("/acme/records/repairs/fields", data=again).status_code == 303
    with everywhere("a test counts"):
        assert RecordField.select().where(RecordField.label.startswith("Mail")).count() == 2


def test_report_20_a_plan_is_given_once(browse, cast):
    client, path = browse("stella"), f"/admin/organizations/{cast.acme.id}"
    form = {"what": "seats", "seats": "5", "until": f"{now():%Y-%m-%d}", "reason": "A school of ours"}
    form["form_key"] = key_on(client, path)
    for _ in "12":
        sent = client.post(f"{path}/gifts", data=form | proof("admin.give_plan", str(cast.acme.id)))
        assert sent.status_code == 303
    with everywhere("a test counts"):
        assert Grant.select(Grant.source).where(Grant.source_type == "manual").distinct().count() == 1
    assert AuditEvent.select().where(AuditEvent.action == "plan.given").count() == 1


def test_report_20_the_same_alert_twice_within_a_minute_is_one(cast, clock):
    for _ in "12":
        alerts.broadcast("Tea is ready.", by=cast.stella)
    assert Alert.select().count() == 1
    clock.forward(minutes=2)
    alerts.broadcast("Tea is ready.", by=cast.stella)
    assert Alert.select().count() == 2
    write(Alert.delete().execute)


def test_a_form_that_one_goes_back_to_and_fills_anew_is_another(browse, cast):
    client, key = browse("alice"), {"form_key": "k" * 26}
    for title in ("Order paper", "Order ink", "Order ink"):
        assert client.post("/acme/tasks", data=key | {"title": title}).status_code == 303
    for text in ("Title\nFold", "Title\nCut\nGlue", "Title\nCut\nGlue"):
        client.post("/acme/tasks/paste", data=key | {"text": text, "to_0": "title", "head": "1", "put": "1"})
    with inside(cast.acme):
        titles = sorted(task.title for task in Task.select())
    assert titles == ["Cut", "Fold", "Glue", "Order ink", "Order paper"]
    for name in ("School", "Night school"):
        client.post("/organizations", data=key | {"name": name})
    assert Organization.select().where(Organization.name.in_(("School", "Night school"))).count() == 2
