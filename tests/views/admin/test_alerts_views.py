import pytest

from models import Alert, AuditEvent


@pytest.fixture
def stella(browse):
    return browse("stella")


def audited(action):
    return list(AuditEvent.select().where(AuditEvent.action == action).order_by(AuditEvent.id))


def test_an_alert_is_broadcast_and_taken_back(stella, browse):
    assert stella.post("/admin/alerts", data={"message": "Tea <b>is</b> ready."}).status_code == 303
    assert "Tea &lt;b&gt;is&lt;/b&gt; ready." in browse("bob").get("/account").get_data(True)
    alert = Alert.get()
    assert stella.post(f"/admin/alerts/{alert.id}/retraction").status_code == 303
    assert "Tea" not in browse("bob").get("/account").get_data(True)
    assert (
        stella.post(f"/admin/alerts/{alert.id}/retraction", headers={"Accept": "application/json"}).status_code == 409
    )
    page = stella.get("/admin/alerts").get_data(True)
    assert "Taken back" in page
    assert f'/admin/alerts/{alert.id}/retraction"' not in page
    for state, seen in (("retracted", True), ("shown", False), ("over", False)):
        assert ("ready" in stella.get(f"/admin/alerts?state={state}").get_data(True)) is seen
    assert [len(audited(a)) for a in ("alert.created", "alert.retracted")] == [1, 1]


@pytest.mark.parametrize(("message", "sentence"), [("", "Write what everybody"), ("x" * 501, "this has 501")])
def test_a_bad_alert_is_refused_with_its_text_kept(stella, message, sentence):
    response = stella.post("/admin/alerts", data={"message": message})
    assert response.status_code == 422
    assert sentence in response.get_data(True)
    assert message in response.get_data(True)
    assert Alert.select().count() == 0
