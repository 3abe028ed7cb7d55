import pytest

from domain.base import settings
from models import AuditEvent


@pytest.fixture
def stella(browse):
    return browse("stella")


def audited(action):
    return list(AuditEvent.select().where(AuditEvent.action == action).order_by(AuditEvent.id))


def test_a_setting_is_changed_and_audited_with_before_and_after(stella, cast, followed):
    assert settings.get("site_name") == "Guildhall"
    response = stella.post("/admin/settings/site_name", data={"value": "The <Hall>"})
    assert "The &lt;Hall&gt;" in followed(stella, response)
    assert settings.get("site_name") == "The <Hall>"
    (event,) = audited("settings.changed")
    assert (event.actor_id, event.target_id) == (cast.stella.id, "site_name")
    assert (event.metadata["before"], event.metadata["after"]) == ("Guildhall", "The <Hall>")
    assert event.request_id
    assert event.ip == "127.0.0.1"
    stella.post("/admin/settings/site_name", data={"value": "The <Hall>"})
    assert len(audited("settings.changed")) == 1  # the same again is no change


def test_htmx_gets_the_row_and_a_word(stella, hx):
    shown = stella.get("/admin/settings/site_name", headers=hx("setting_site_name"))
    assert shown.status_code == 200
    assert "<html" not in shown.get_data(True)
    assert 'name="value"' in shown.get_data(True)
    response = stella.post("/admin/settings/site_name", data={"value": "Hall"}, headers=hx("setting_site_name"))
    page = response.get_data(True)
    assert response.status_code == 200
    assert "<html" not in page
    assert "Name: Hall." in page
    closed = stella.get("/admin/settings/site_name?show", headers=hx("setting_site_name")).get_data(True)
    assert "Hall" in closed


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("site_name", " ", "Name can't be empty."),
        ("site_name", "x" * 61, "Keep it to 60 characters; this has 61."),
        ("session_idle_days", "0", "Choose a number from 1 to 3,650."),
        ("session_idle_days", "many", "Write a whole number."),
        ("session_idle_days", "9" * 5000, "Write a whole number."),
        ("sign_up_open", "perhaps", "Choose on or off."),
    ],
)
def test_a_bad_value_is_refused_beside_the_field(stella, hx, name, value, sentence, counted):
    before, stood = counted(), settings.get(name)
    for headers in ({}, hx(f"setting_{name}")):
        response = stella.post(f"/admin/settings/{name}", data={"value": value}, headers=headers)
        assert response.status_code == 422
        assert sentence.replace("'", "&#39;") in response.get_data(True)
    assert counted() == before
    assert settings.get(name) == stood


def test_a_setting_is_put_back_unless_something_newer_stands(stella, followed):
    stella.post("/admin/settings/site_name", data={"value": "One"})
    stella.post("/admin/settings/site_name", data={"value": "Two"})
    one, two = audited("settings.changed")
    old = stella.post(f"/admin/settings/site_name/return/{one.id}", headers={"Accept": "application/json"})
    assert old.status_code == 409
    stella.post(f"/admin/settings/site_name/return/{two.id}")
    assert settings.get("site_name") == "One"
    assert len(audited("settings.changed")) == 3
    other = stella.post(f"/admin/settings/mail_sender_name/return/{two.id}", headers={"Accept": "application/json"})
    assert other.status_code == 409
    assert settings.get("mail_sender_name") == "Guildhall"


def test_an_unknown_setting_is_not_there(stella, hx):
    for headers in ({}, hx()):
        assert stella.get("/admin/settings/secret_key", headers=headers).status_code == 404
        assert stella.post("/admin/settings/secret_key", data={"value": "x"}, headers=headers).status_code == 404
