import re

import pytest

import jobs
from domain.base import outgoing
from domain.base.letters import suppressions
from models import Letter, Suppression
from tests.fixtures.threads import write


@pytest.fixture
def stella(cast, browse):
    return browse("stella")


@pytest.fixture
def letter(house):
    write(outgoing.letter, "verify_email", "ada@example.org", "k", name="Ada", code="735186")
    jobs.work_off()
    return Letter.get()


def test_the_log_shows_every_letter_and_nothing_of_what_it_says(stella, letter, browse):
    page = stella.get("/admin/mail").get_data(True)
    assert "ada@example.org" in page
    assert "Code for a new account" in page
    for asked in ("code FOR a new account", "verify_email"):
        assert "ada@example.org" in stella.get("/admin/mail", query_string={"template": asked}).get_data(True)
    one = stella.get(f"/admin/mail/{letter.id}").get_data(True)
    assert "Handed over to the outbox of this machine" in one
    assert "735186" not in page + one
    assert stella.get("/admin/mail?to=ADA@example.org&status=sent").get_data(True).count("ada@example.org") > 0
    assert stella.get("/admin/mail/999").status_code == 404
    assert browse("alice").get(f"/admin/mail/{letter.id}").status_code == 404


def test_an_address_is_blocked_and_written_to_again_with_reasons(stella, letter):
    page = "/admin/mail/suppressions"
    assert "An address comes here by itself" in stella.get(page).get_data(True)
    refused = stella.post(page, data={"email": "ada@example.org", "reason": "x"})
    assert (refused.status_code, "Say why" in refused.get_data(True)) == (422, True)
    assert stella.post(page, data={"email": "ada@example.org", "reason": "She asked us to."}).status_code == 303
    held = Suppression.get()
    assert "She asked us to." in stella.get(page).get_data(True)
    assert "This address isn’t written to" in stella.get(f"/admin/mail/{letter.id}").get_data(True)
    assert "Why" in stella.get(f"{page}/{held.id}/lifting").get_data(True)
    refused = stella.post(f"{page}/{held.id}/lifting", data={"reason": "x"})
    assert (refused.status_code, "Say why" in refused.get_data(True)) == (422, True)
    assert stella.post(f"{page}/{held.id}/lifting", data={"reason": "She asked again."}).status_code == 303
    assert Suppression.get().state == "lifted"


def test_all_of_one_cause_are_written_to_again(stella, letter):
    page = "/admin/mail/suppressions"
    suppressions.suppress("ada@example.org", "all", "bounced", letter=letter)
    assert "Write them again" not in stella.get(page).get_data(True)
    assert "Write to them again" in stella.get(page).get_data(True)
    refused = stella.post(f"{page}/causes", data={"template": "verify_email", "reason": ""})
    assert (refused.status_code, refused.get_data(True).count("Say why")) == (422, 1)
    asked = {"template": "verify_email", "reason": "A header of ours was wrong."}
    assert stella.post(f"{page}/causes", data=asked).status_code == 303
    assert Suppression.get().state == "lifted"


def test_who_signs_up_is_told_beside_the_field(web, letter):
    suppressions.suppress("ada@example.org", "all", "bounced")
    form = {"email": "ada@example.org", "name": "Ada"}
    answer = web.test_client().post("/sign-up/code", data=form)
    assert answer.status_code == 422
    assert "We can’t write to this address: a letter to it came back on" in answer.get_data(True)
    suppressions.suppress("ida@example.org", "all", "manual", note="She threatened us.")
    told = web.test_client().post("/sign-up/code", data=form | {"email": "ida@example.org"}).get_data(True)
    assert "We can’t write to this address. Use another one." in told  # why is nobody's but the staff's


def test_how_each_letter_looks_is_shown_in_a_frame_that_runs_nothing(stella, cast):
    page = "/admin/mail/templates"
    assert "event_moved" in stella.get(page).get_data(True)
    shown = stella.get(f"{page}/event_moved?width=narrow").get_data(True)
    assert "Jazz Night is moved" in shown
    assert re.search(r"<iframe[^>]* sandbox ", shown)
    letter = stella.get(f"{page}/event_moved/html")
    assert "Jazz Night" in letter.get_data(True)
    assert letter.headers["X-Frame-Options"] == "sameorigin"
    policy = letter.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert policy.endswith("sandbox")
    assert stella.get(f"{page}/nothing").status_code == 404
    assert stella.post(f"{page}/event_moved/letter").status_code == 303
    assert Letter.get().recipient == cast.stella.email
