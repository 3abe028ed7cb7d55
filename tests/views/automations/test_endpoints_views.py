import re

import pytest

import jobs
from database.scope import inside
from domain.automations.webhooks import addresses
from models import WebhookDelivery, WebhookEndpoint

FORM = {"name": "Our chat", "url": "https://hooks.example.org/in"}
AT = "/acme/automations/webhooks"


@pytest.fixture
def alice(browse):
    return browse("alice")


def test_an_address_is_added_its_secret_shown_once_tried_and_removed(alice, cast, followed, monkeypatch):
    monkeypatch.setattr(addresses, "post", lambda url, body, headers: (200, "thank you"))
    made = alice.post(AT, data=FORM)
    assert made.headers["Cache-Control"] == "no-store"
    secret = re.search(r'value="(whsec_[^"]+)"', made.text)[1]
    with inside(cast.acme):
        id = WebhookEndpoint.get().id
    page = alice.get(f"{AT}/{id}").text
    assert secret not in page
    assert "is on its way" in followed(alice, alice.post(f"{AT}/{id}/trial"))
    jobs.work_off()
    with inside(cast.acme):
        message = WebhookDelivery.get()
    told = alice.get(f"/acme/automations/deliveries/{message.id}").text
    assert message.message_id in told
    assert "thank you" in told
    assert "Our chat" in alice.get("/acme/automations/deliveries").text
    assert "sent again" in followed(alice, alice.post(f"/acme/automations/deliveries/{message.id}/replay"))
    renewed = alice.post(f"{AT}/{id}/secret").text
    assert re.search(r'value="(whsec_[^"]+)"', renewed)[1] != secret
    assert "by the one before, too" in renewed
    assert "Chat is saved" in followed(alice, alice.post(f"{AT}/{id}", data=FORM | {"name": "Chat"}))
    assert "is removed" in followed(alice, alice.post(f"{AT}/{id}/removal"))
    assert alice.get(f"{AT}/{id}").status_code == 404


@pytest.mark.parametrize("url", ["http://example.org", "https://10.0.0.1/x", "https://localhost/", "x" * 1000, ""])
def test_an_address_inside_is_refused_beside_its_field(alice, hx, url):
    page = alice.post(AT, data=FORM | {"url": url}, headers=hx("endpoint_form"))
    assert page.status_code == 422
    assert 'id="url_error"' in page.text
    assert 'value="Our chat"' in page.text


def test_members_reach_none_of_it(browse):
    for path in (AT, f"{AT}/new", f"{AT}/1", "/acme/automations/deliveries", "/acme/automations/deliveries/1"):
        assert browse("bob").get(path).status_code == 403
