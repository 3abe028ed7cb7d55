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


def test_report_14_who_saves_over_anothers_change_is_told_and_keeps_what_was_typed(stella, hx, cast):
    seen = {"was_value": "Guildhall"}
    stella.post("/admin/settings/site_name", data={"value": "First", **seen})
    for headers in ({}, hx("setting_site_name")):
        late = stella.post("/admin/settings/site_name", data={"value": "Second", **seen}, headers=headers)
        assert late.status_code == 409
        page = late.get_data(True)
        assert "This was changed meanwhile, to: First." in page
        assert 'value="Second"' in page
        assert 'name="was_value" value="First"' in page  # saving again is a decision
    assert settings.get("site_name") == "First"
    assert len(audited("settings.changed")) == 1
    # what both wanted is no difference, and a form without the mark (a script's) just sets
    assert stella.post("/admin/settings/site_name", data={"value": "First", **seen}).status_code == 303
    late = stella.post("/admin/settings/sign_up_open", data={"value": "off", "was_value": "False"})
    assert (late.status_code, settings.get("sign_up_open")) == (409, True)


def test_use_r6_on_or_off_is_a_switch_in_the_row_with_undo_in_the_notice(stella, hx):
    page = stella.get("/admin/settings").get_data(True)
    assert 'role="switch" name="value" value="on" id="value_sign_up_open"' in page
    sent = {"value": "off", "was_value": "True"}
    done = stella.post("/admin/settings/sign_up_open", data=sent, headers=hx("setting_sign_up_open")).get_data(True)
    assert settings.get("sign_up_open") is False
    (event,) = audited("settings.changed")
    undo = f"/admin/settings/sign_up_open/return/{event.id}"
    assert undo in done
    undone = stella.post(undo, headers=hx()).get_data(True)
    assert settings.get("sign_up_open") is True
    assert 'id="setting_sign_up_open" aria-label="Open sign-up" hx-swap-oob="true"' in undone
    assert "Undo" not in undone


def test_use_r5_a_new_name_of_the_site_shows_at_once_in_header_and_title(stella, hx):
    done = stella.post("/admin/settings/site_name", data={"value": "A <b> Hall"}, headers=hx("setting_site_name"))
    page = done.get_data(True)
    assert "<title>Settings · A &lt;b&gt; Hall</title>" in page
    assert '<span id="site_brand" hx-swap-oob="innerHTML">A &lt;b&gt; Hall</span>' in page
    other = stella.post("/admin/settings/mail_sender_name", data={"value": "Hall"}, headers=hx("x"))
    assert "site_brand" not in other.get_data(True)
