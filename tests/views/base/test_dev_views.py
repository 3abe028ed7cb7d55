import dataclasses
import re

import pytest

from database.connections import database
from domain.base import configuration
from views import factory as application


@pytest.fixture
def letter(browse, letters):
    browse(None).post("/forgot-password", data={"email": "bob@example.org"})
    return letters()


def test_kept_letters_are_shown_and_run_nothing(browse, letter):
    client = browse(None)
    page = client.get("/dev/mail").get_data(True)
    assert letter[0][1] in page
    assert re.search(r'<time datetime="[\dT:-]+Z"', page)  # a browser takes a time without a zone for its own
    number = page.split("/dev/mail/")[1].split('"')[0]
    html = client.get(f"/dev/mail/{number}")
    assert html.status_code == 200
    policy = html.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "script-src" not in policy


def test_a_letter_that_is_not_kept_is_not_there(browse, letter):
    for number in ("0", "99", "9" * 25, "9" * 300):
        assert browse(None).get(f"/dev/mail/{number}").status_code == 404, number


def test_the_patterns_page_draws_everything(browse):
    assert browse("bob").get("/dev/patterns").status_code == 200


def test_one_click_sign_in_is_the_demos_alone(browse, cast):
    client = browse(None)
    assert client.get("/dev/cast").status_code == 404
    assert client.post(f"/dev/sign-in/{cast.bob.id}").status_code == 404
    assert client.get("/acme").status_code == 303
    configuration.use(dataclasses.replace(configuration.active, env="demo"))
    assert "Bob" in client.get("/dev/cast").get_data(True)
    assert client.post(f"/dev/sign-in/{cast.bob.id}").status_code == 303
    assert client.get("/acme").status_code == 200
    assert client.post("/dev/sign-in/999").status_code == 404
    assert client.post(f"/dev/sign-in/{2**70}").status_code == 404


def test_in_production_none_of_it_exists(house):
    chosen = dataclasses.replace(configuration.active, env="production", billing_provider="none")
    database.close_all()
    made = application.create_app(chosen)
    rules = {rule.rule for rule in made.url_map.iter_rules()}
    assert not [rule for rule in rules if rule.startswith(("/dev", "/sandbox"))]
    client = made.test_client()
    for path in ("/dev/mail", "/dev/patterns", "/dev/cast", "/sandbox"):
        assert client.get(path, headers={"Accept": "application/json"}).status_code in (401, 404), path
    assert client.post("/dev/sign-in/1").status_code in (404, 405)
