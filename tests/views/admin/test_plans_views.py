import pytest

import jobs
from database.clock import now
from database.scope import inside
from domain.base import long_jobs
from domain.entitlements import grants, plans
from models import PlanOverride, Subscription
from tests.fixtures.threads import write

pytestmark = pytest.mark.usefixtures("bare_free")

FORM = {"name": "Guild", "gives": "Tea\nBiscuits", "position": "2", "capabilities": ["feature.pro", "billing.portal"]}


@pytest.fixture
def subscribed(cast):
    with inside(cast.acme):
        row = write(
            Subscription.create,
            provider="stripe",
            provider_subscription_id="sub_1",
            provider_customer_id="cus_1",
            plan_key="pro_monthly",
            status="active",
            last_event_at=now(),
        )
        write(grants.follow, row)


def test_a_plan_is_changed_and_shown(browse, followed, said):
    stella = browse("stella")
    page = followed(stella, stella.post("/admin/plans/pro_monthly", data=FORM))
    assert "Guild, monthly is changed." in page
    assert "Biscuits" in page
    assert plans.get("pro_monthly").gives == ("Tea", "Biscuits")
    text = said(stella.get("/admin/plans"))
    assert "Guild, monthly" in text
    assert "1,000" in text


def test_a_refused_form_comes_back_with_what_was_typed(browse, hx, outline):
    response = browse("stella").post(
        "/admin/plans/pro_monthly",
        data=FORM | {"name": "G", "capabilities": list(plans.LIMITS)},
        headers=hx("plan_form"),
    )
    assert (response.status_code, outline(response)[0]) == (422, ["plan_form"])
    page = response.get_data(True)
    assert 'value="G"' in page
    assert "Choose one number of members." in page
    assert 'value="workspace.members.limit.unlimited" checked' in page
    assert "Biscuits" in page
    assert PlanOverride.select().count() == 0


def test_what_touches_subscribers_is_asked_first_with_how_many_and_then_carried_to_them(
    browse, cast, said, subscribed, followed, hx
):
    stella = browse("stella")
    asked = stella.post("/admin/plans/pro_monthly", data=FORM)
    text = said(asked)
    assert asked.status_code == 409
    assert "This changes at once what 1 organization with Pro, monthly may do." in text
    assert "They lose: Inviting members" in text
    assert "Change it for 1 organization" in text
    assert PlanOverride.select().count() == 0
    page = followed(stella, stella.post("/admin/plans/pro_monthly", data=FORM | {"confirmed": "1"}))
    assert "Its subscribers follow now." in page
    assert 'hx-trigger="load delay:1s"' in page
    jobs.work_off()
    over = stella.get("/admin/plans/pro_monthly", headers=hx("plan_grants"))
    assert "Every subscriber has it: 1." in said(over)
    assert "load delay" not in over.get_data(True)
    assert "load delay" not in stella.get("/admin/plans/pro_monthly").get_data(True)
    with inside(cast.acme):
        assert grants.capabilities() == {"feature.pro", "billing.portal"}


def test_work_that_failed_is_said(browse, said, subscribed, cast):
    plans.change("pro_monthly", FORM, by=cast.stella, confirmed=True)
    write(long_jobs.finish, long_jobs.claim(plans.RESYNC), error="It was cut off several times.")
    assert "did not reach all subscribers" in said(browse("stella").get("/admin/plans/pro_monthly"))


def test_the_last_change_can_be_put_back_and_asks_too(browse, followed, said, subscribed, cast):
    plans.change("pro_monthly", FORM, by=cast.stella, confirmed=True)
    stella, (event,) = browse("stella"), plans.history("pro_monthly")
    address = f"/admin/plans/pro_monthly/return/{event.id}"
    assert address in stella.get("/admin/plans/pro_monthly").get_data(True)
    asked = stella.post(address)
    assert (asked.status_code, "They gain: Inviting members" in said(asked)) == (409, True)
    assert f'action="{address}"' in asked.get_data(True)
    assert "Pro, monthly is changed." in followed(stella, stella.post(address, data={"confirmed": "1"}))
    assert plans.get("pro_monthly") == plans.PLANS["pro_monthly"]
    assert stella.post(address, headers={"Accept": "application/json"}).status_code == 409


def test_a_plan_that_is_none_is_not_there(browse):
    stella = browse("stella")
    assert stella.get("/admin/plans/pro_weekly").status_code == 404
    assert stella.post("/admin/plans/pro_weekly", data=FORM).status_code == 404


def test_the_monthly_credits_are_the_setting_of_that_name_edited_in_place(browse, hx, outline):
    stella = browse("stella")
    page = stella.get("/admin/plans/pro_monthly").get_data(True)
    assert 'id="setting_credits_pro"' in page
    piece = stella.get("/admin/settings/credits_pro", headers=hx("setting_credits_pro"))
    assert outline(piece)[0] == ["setting_credits_pro"]


def test_report_14_two_who_change_one_plan(browse):
    stella = browse("stella")
    page = stella.get("/admin/plans/pro_monthly").get_data(True)
    was = page.partition('name="was" value="')[2].partition('"')[0]
    assert stella.post("/admin/plans/pro_monthly", data=FORM | {"was": was}).status_code == 303
    late = stella.post("/admin/plans/pro_monthly", data=FORM | {"name": "Late", "was": was})
    assert (late.status_code, 'value="Late"' in late.get_data(True)) == (409, True)
    assert plans.get("pro_monthly").name == "Guild"
