"""The dialog that asks again who one is, as browsers with and without scripts and machines meet it."""

import json
import re
from datetime import timedelta

import pytest

import models
from database.clock import now
from domain.people import passwords, sessions, sign_ins
from models import AuditEvent, Challenge, Outgoing, Proof, Session, User
from tests.conftest import PASSWORD
from tests.fixtures.threads import write

JSON = {"Accept": "application/json"}
NEW = "Better horse 2?"
PATH = "/settings/security/password"
PROOF = {"proof_action": "account.change_password", "proof_target": "", "proof_level": "3", "proof_method": "password"}


@pytest.fixture
def bob(browse):
    return browse("bob")


def has(user, password):
    return passwords.fits(password, User.get_by_id(user.id).password_hash)


def hidden(page):
    """What the dialog's form holds."""
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page)
    return {name: value.replace("&#39;", "'").replace("&amp;", "&") for name, value in found}


def code_of(letters):
    return re.search(r"\b\d{6}\b", letters()[-1][2])[0]


# --- what is asked, by who asks -----------------------------------------------------------------------------


def test_htmx_is_shown_the_dialog_with_what_a_script_needs_to_know(bob, hx, cast):
    answer = bob.post(PATH, data={"password": NEW}, headers=hx("password_form"))
    page = answer.get_data(True)
    assert answer.status_code == 403
    assert (answer.headers["HX-Retarget"], answer.headers["HX-Reswap"]) == ("#dialog", "innerHTML")
    assert json.loads(answer.headers["HX-Trigger"]) == {
        "stepup": {"action": "account.change_password", "level": 3, "bound_to": "", "methods": ["password", "email"]}
    }
    assert not page.lstrip().startswith("<!doctype")
    assert 'action="/settings/security/password"' in page
    assert hidden(page)["password"] == NEW
    assert not has(cast.bob, NEW)


def test_a_plain_form_is_shown_a_whole_page(bob, cast):
    answer = bob.post(PATH, data={"password": NEW})
    page = answer.get_data(True)
    assert answer.status_code == 403
    assert page.lstrip().startswith("<!doctype")
    assert "Confirm that it is you" in page
    assert 'action="/settings/security/password"' in page
    assert "HX-Retarget" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    assert not has(cast.bob, NEW)


def test_a_machine_is_told_in_json(bob):
    answer = bob.post(PATH, data={"password": NEW}, headers=JSON)
    assert (answer.status_code, answer.mimetype) == (403, "application/json")
    assert answer.json == {
        "code": "SENSITIVE_VERIFICATION_REQUIRED",
        "message": "Confirm that it is you to choose a new password.",
        "action": "account.change_password",
        "level": 3,
        "target": "",
        "methods": ["password", "email"],
        "request_id": answer.headers["X-Request-Id"],
    }


# --- the right answer -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["htmx", "plain", "json"])
def test_the_right_answer_lets_the_original_request_through_with_its_own_input(how, bob, hx, cast):
    headers = {"htmx": hx("dialog"), "plain": {}, "json": JSON}[how]
    first = bob.post(PATH, data={"password": NEW}, headers=headers)
    assert first.status_code == 403
    form = {"password": NEW} | PROOF if how == "json" else hidden(first.get_data(True))
    answer = bob.post(PATH, data=form | {"proof_answer": PASSWORD}, headers=headers)
    if how == "htmx":
        assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/settings/security")
    else:
        assert (answer.status_code, answer.headers["Location"]) == (303, "/settings/security")
    assert has(cast.bob, NEW)
    assert AuditEvent.select().where(AuditEvent.action == "security.password_changed").count() == 1
    assert Outgoing.select().where(Outgoing.kind == "mail", Outgoing.recipient == cast.bob.email).count() == 1


def test_what_was_sent_twice_or_with_odd_signs_comes_back_as_it_was(bob, hx):
    from werkzeug.datastructures import MultiDict

    sent = MultiDict([("password", NEW), ("more", "a\"<b>'&"), ("more", "zwei"), ("empty", ""), ("proof_x", "ours")])
    page = bob.post(PATH, data=sent, headers=hx()).get_data(True)
    fields = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page)
    assert [f for f in fields if not f[0].startswith("proof_")] == [
        ("password", NEW),
        ("more", "a&#34;&lt;b&gt;&#39;&amp;"),
        ("more", "zwei"),
        ("empty", ""),
    ]
    assert "ours" not in page


def test_fields_of_the_proof_never_become_input_of_the_act(bob, monkeypatch):
    """They travel beside it under a name of their own, and the act's own field of any other name stays."""
    from views.base import stepup

    assert stepup.OURS == "proof_"
    answer = bob.post(PATH, data={"password": NEW, "proof_password": "x"})
    assert "proof_password" not in hidden(answer.get_data(True))


def test_the_address_with_its_question_is_where_the_answer_goes(bob, hx):
    page = bob.post(PATH + "?a=1&b=%2F", data={"password": NEW}, headers=hx()).get_data(True)
    assert 'action="/settings/security/password?a=1&amp;b=%2F"' in page
    page = bob.post(PATH + "?a=1", data={"password": NEW, "proof_answer": "x"} | PROOF, headers=hx()).get_data(True)
    assert 'action="/settings/security/password?a=1"' in page


# --- wrong answers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["htmx", "plain", "json"])
def test_a_wrong_password_is_counted_and_the_act_is_not_done(how, bob, hx, cast):
    headers = {"htmx": hx("dialog"), "plain": {}, "json": JSON}[how]
    form = {"password": NEW, "proof_answer": "Wrong horse 1!"} | PROOF
    for left in ("4 tries", "3 tries"):
        answer = bob.post(PATH, data=form, headers=headers)
        assert answer.status_code == 422
        assert left in answer.get_data(True)
        assert "Wrong horse" not in answer.get_data(True)
        if how == "htmx":
            assert answer.headers["HX-Retarget"] == "#dialog"
        if how != "json":
            assert hidden(answer.get_data(True))["password"] == NEW
    assert Challenge.get().attempts == 2
    assert not has(cast.bob, NEW)
    assert bob.post(PATH, data=form | {"proof_answer": PASSWORD}, headers=headers).status_code in (204, 303)
    assert has(cast.bob, NEW)


@pytest.mark.parametrize("how", ["htmx", "plain", "json"])
def test_after_five_wrong_ones_it_waits_and_says_how_long(how, bob, hx, cast, clock):
    headers = {"htmx": hx("dialog"), "plain": {}, "json": JSON}[how]
    form = {"password": NEW, "proof_answer": "Wrong horse 1!"} | PROOF
    for _ in range(5):
        assert bob.post(PATH, data=form, headers=headers).status_code == 422
    clock.forward(minutes=3)
    answer = bob.post(PATH, data=form | {"proof_answer": PASSWORD}, headers=headers)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "720"
    assert "720 seconds" in answer.get_data(True)
    if how == "json":
        assert (answer.json["code"], answer.json["retry_after"]) == ("RATE_LIMITED", 720)
    assert not has(cast.bob, NEW)
    assert AuditEvent.select().where(AuditEvent.action == "security.stepup_failed").count() == 5


def test_a_right_answer_and_an_act_that_is_refused_leave_the_count_and_the_proof(bob, cast, hx):
    """The tries stay counted though the act's own transaction was rolled back."""
    weak = {"password": "weak", "proof_answer": PASSWORD} | PROOF
    answer = bob.post(PATH, data=weak, headers=hx("password_form"))
    assert answer.status_code == 422
    assert "still needs" in answer.get_data(True)
    assert Proof.select().count() == 1
    assert bob.post(PATH, data={"password": NEW}).status_code == 303  # no second question within ten minutes
    assert has(cast.bob, NEW)


def test_a_proof_answered_wrongly_stops_the_request_though_another_proof_holds(bob, cast):
    write(
        Proof.create,
        user=cast.bob,
        session=Session.get(),
        action="account.change_password",
        level=3,
        single_use=False,
        expires_at=now() + timedelta(minutes=10),
    )
    assert bob.post(PATH, data={"password": NEW, "proof_answer": "x"} | PROOF).status_code == 422
    assert not has(cast.bob, NEW)


# --- the mailed code ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["htmx", "plain"])
def test_a_code_is_mailed_and_lets_the_request_through(how, bob, hx, cast, letters):
    headers = hx("dialog") if how == "htmx" else {}
    form = hidden(bob.post(PATH, data={"password": NEW}, headers=headers).get_data(True))
    asked = bob.post("/step-up", data=form | {"proof_switch": "email"}, headers=headers)
    page = asked.get_data(True)
    assert asked.status_code == 200
    assert "bob@example.org" in page
    assert "spam" in page.lower()
    form = hidden(page)
    assert (form["password"], form["proof_method"]) == (NEW, "email")
    assert 'action="/settings/security/password"' in page
    code = code_of(letters)
    wrong = bob.post(PATH, data=form | {"proof_answer": "000000" if code != "000000" else "1"}, headers=headers)
    assert (wrong.status_code, hidden(wrong.get_data(True))["password"]) == (422, NEW)
    assert bob.post(PATH, data=form | {"proof_answer": code}, headers=headers).status_code in (204, 303)
    assert has(cast.bob, NEW)


def test_asking_again_within_a_minute_says_how_long_to_wait(bob, hx, clock):
    form = {"password": NEW, "proof_switch": "email", "proof_for": PATH} | PROOF
    assert bob.post("/step-up", data=form, headers=hx()).status_code == 200
    clock.forward(seconds=15)
    again = bob.post("/step-up", data=form, headers=hx())
    assert (again.status_code, again.headers["Retry-After"]) == (429, "45")
    assert "45 seconds" in again.get_data(True)
    assert 'name="proof_answer"' in again.get_data(True)  # the code that is on its way can be typed
    assert Outgoing.select().where(Outgoing.kind == "mail").count() == 1
    assert bob.post("/step-up", data=form, headers=JSON).json["code"] == "RATE_LIMITED"


def test_a_flood_of_requests_for_codes_mails_three(bob, clock):
    form = {"proof_switch": "email", "proof_for": PATH} | PROOF
    for _ in range(9):
        bob.post("/step-up", data=form)
        clock.forward(seconds=61)
    assert Outgoing.select().where(Outgoing.kind == "mail").count() == 3


def test_who_has_no_password_is_offered_the_mail(bob, hx, cast):
    write(User.update(password_hash=None).where(User.id == cast.bob.id).execute)
    answer = bob.post(PATH, data={"password": NEW}, headers=hx())
    assert json.loads(answer.headers["HX-Trigger"])["stepup"]["methods"] == ["email"]
    assert "Send the code" in answer.get_data(True)
    assert 'type="password"' not in answer.get_data(True)
    assert bob.post(PATH, data={"password": NEW, "proof_answer": ""} | PROOF).status_code == 422


# --- single use, and bound ---------------------------------------------------------------------------------------


def test_a_proof_for_one_account_or_action_deletes_no_other(bob, cast):
    form = {"proof_action": "account.delete", "proof_level": "4", "proof_method": "password", "proof_answer": PASSWORD}
    for target in ("", str(cast.vera.id), f"{cast.bob.id} ", "0"):
        assert bob.post("/account/deletion", data=form | {"proof_target": target}).status_code == 403
    assert bob.post("/account/deletion", data=form | PROOF | {"proof_answer": PASSWORD}).status_code == 403
    assert User.get_by_id(cast.bob.id).status == "active"
    right = form | {"proof_target": str(cast.bob.id)}
    assert bob.post("/account/deletion", data=right).headers["Location"] == "/"
    assert User.get_by_id(cast.bob.id).status == "deleted"
    assert bob.post("/account/deletion", data=right).headers["Location"].startswith("/sign-in")


def test_a_browser_that_names_a_lower_level_gets_no_weaker_proof(bob, cast):
    form = {"proof_action": "account.delete", "proof_target": str(cast.bob.id), "proof_method": "password"}
    bob.post(PATH, data=form | {"password": "weak", "proof_level": "1", "proof_answer": PASSWORD})
    assert (Proof.get().level, Proof.get().single_use) == (4, True)


def test_signing_in_as_somebody_else_in_the_same_browser_brings_no_proof_along(web, cast):
    client = web.test_client()
    client.post("/sign-in", data={"email": "bob@example.org", "password": PASSWORD})
    client.post(PATH, data={"password": "weak", "proof_answer": PASSWORD} | PROOF)
    assert Proof.select().count() == 1
    client.post("/sign-in", data={"email": "vera@example.org", "password": PASSWORD})
    assert client.post(PATH, data={"password": NEW}).status_code == 403
    client.post("/sign-in", data={"email": "bob@example.org", "password": PASSWORD})
    assert client.post(PATH, data={"password": NEW}).status_code == 403  # another session of bob's
    assert has(cast.bob, PASSWORD)
    assert has(cast.vera, PASSWORD)


# --- made-up input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "action"),
    [
        *[({}, action) for action in ("", "nonsense", "organization.read", "__class__", "x" * 100_000)],
        *[(headers, "nonsense") for headers in ({"HX-Request": "true"}, JSON)],
    ],
)
def test_a_foreign_action_is_refused(headers, action, bob):
    form = {"proof_action": action, "proof_method": "password", "proof_answer": PASSWORD, "password": NEW}
    for path in ("/step-up", PATH):
        answer = bob.post(path, data=form | {"proof_switch": "email"}, headers=headers)
        assert answer.status_code in (422, 303), (path, answer.status_code)
        if answer.status_code == 303:
            assert answer.headers["Location"].startswith("/")
    assert Proof.select().count() == Challenge.select().count() == Outgoing.select().count() == 0


@pytest.mark.parametrize(
    "field",
    [
        {"proof_target": "\0"},
        {"proof_target": "x" * 100_000},
        {"proof_target": "\U0001f600\u202e"},
        {"proof_level": "99999999999999999999"},
        {"proof_level": "-1"},
        {"proof_level": "\0"},
        {"proof_method": "\0"},
        {"proof_method": "passkey"},
        {"proof_method": "totp"},
        {"proof_answer": "\0"},
        {"proof_answer": "x" * 500_000},
        {"proof_switch": "passkey"},
        {"proof_switch": "\0"},
        {"proof_for": "//evil.example"},
        {"proof_for": "\0"},
        {"proof_for": "x" * 100_000},
        {"password": "\0" * 1000},
    ],
)
def test_made_up_fields_are_answered_and_change_nothing(field, bob, cast):
    form = {"password": NEW, "proof_answer": "123456"} | PROOF
    for more in ({}, {"proof_method": "email"}, {"proof_switch": "email"}):
        for path in (PATH, "/step-up"):
            answer = bob.post(path, data=form | more | field)
            assert answer.status_code < 500, (path, more, field)
            assert "evil.example" not in answer.headers.get("Location", "")
    assert has(cast.bob, PASSWORD)
    assert Proof.select().count() == 0


@pytest.mark.parametrize("target", ["//evil.example", "javascript:alert(1)", "/\t/evil.example"])
def test_the_dialog_posts_to_this_site_only(target, bob, hx):
    page = bob.post("/step-up", data={"proof_switch": "password", "proof_for": target} | PROOF, headers=hx()).get_data(
        True
    )
    (action,) = re.findall(r'<form id="stepup_form" method="post" action="([^"]*)"', page)
    assert action.startswith("/")
    assert not re.match(r"/[/\\]", action)
    assert "javascript" not in action


# --- who may ask at all ------------------------------------------------------------------------------------------------


def test_another_site_cannot_ask_in_somebodys_name(bob):
    form = {"password": NEW, "proof_answer": PASSWORD} | PROOF
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ):
        for path in (
            "/step-up",
            PATH,
            "/account/deletion",
            "/account/address",
            "/preview/end",
            "/acme/permissions/preview",
        ):
            assert bob.post(path, data=form | {"proof_switch": "email"}, headers=headers).status_code == 403
    assert Challenge.select().count() == Proof.select().count() == Outgoing.select().count() == 0


def test_somebody_who_looks_on_can_neither_prove_nor_ask(web, cast):
    token = sessions.look_on(cast.bob, cast.stella, "A question", lasts=timedelta(minutes=30))
    client = web.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = token
    assert client.get("/acme").status_code == 200
    form = {"password": NEW, "proof_answer": PASSWORD, "proof_switch": "email"} | PROOF
    for path in (PATH, "/step-up", "/account/deletion", "/account"):
        assert client.post(path, data=form).status_code == 403
    assert Challenge.select().count() == Proof.select().count() == Outgoing.select().count() == 0
    assert has(cast.bob, PASSWORD)


def test_machines_and_providers_are_not_asked_by_this_dialog(web):
    """Their bodies are theirs: a field of ours in one means nothing."""
    answer = web.test_client().post("/webhooks/stripe", data=PROOF)
    assert answer.status_code == 400
    assert Challenge.select().count() == 0


# --- check 6 ----------------------------------------------------------------------------------------------------------


def age(minutes):
    write(Session.update(created_at=now() - timedelta(minutes=minutes)).execute)


@pytest.fixture
def team(browse, cast):
    """alice, who removes people from Acme."""
    return browse("alice")


def member_id(cast, name):
    return models.Membership.get(
        models.Membership.user == getattr(cast, name), models.Membership.organization == cast.acme
    ).id


def test_check_6_a_thirty_one_minutes_old_session_fails_however_busy_it_was(team, cast):
    age(31)
    assert team.get("/acme").status_code == 200  # busy a moment ago
    path = f"/acme/members/{member_id(cast, 'bob')}/removal"
    assert team.post(path).status_code == 403
    age(29)
    assert team.post(path).status_code == 303
    assert not models.Membership.one(models.Membership.user == cast.bob, models.Membership.organization == cast.acme)


def test_check_6_level_3_has_no_fresh_bypass(bob, cast):
    age(0)
    assert bob.post(PATH, data={"password": NEW}).status_code == 403
    assert has(cast.bob, PASSWORD)


def test_check_6_the_level_rises_with_the_role_of_the_target(team, cast):
    write(models.Membership.update(role="admin").where(models.Membership.id == member_id(cast, "vera")).execute)
    for name, level in (("vera", 3), ("bob", None)):
        answer = team.post(f"/acme/members/{member_id(cast, name)}/removal", headers=JSON)
        if level:
            assert (answer.status_code, answer.json["level"]) == (403, level)
            assert answer.json["target"] == str(member_id(cast, name))
        else:
            assert answer.status_code == 303


def test_check_6_a_proof_for_suspending_one_organization_suspends_no_other_and_works_once(cast, browse):
    """Said here of the demand itself; the admin pages' own story is in tests/domain/people/test_suspensions.py."""
    from database.transactions import writes
    from domain.base import stepup
    from domain.people import proofs

    @writes
    def suspend(organization):
        stepup.demand("admin.suspend_organization", organization.id)
        models.Organization.update(status="suspended").where(models.Organization.id == organization.id).execute()

    token = sessions.start(cast.stella)
    stepup.present.set(sessions.find(token))
    try:
        proofs.prove("admin.suspend_organization", cast.acme.id, 4, "password", PASSWORD)
        with pytest.raises(stepup.VerificationRequired):
            suspend(cast.globex)
        suspend(cast.acme)
        with pytest.raises(stepup.VerificationRequired):
            suspend(cast.acme)
    finally:
        stepup.present.set(None)
    status = {o.slug: o.status for o in models.Organization.select()}
    assert (status["acme"], status["globex"]) == ("suspended", "active")


def test_check_6_who_has_no_password_goes_to_the_mail(bob, cast, letters):
    write(User.update(password_hash=None).where(User.id == cast.bob.id).execute)
    assert bob.post(PATH, data={"password": NEW}, headers=JSON).json["methods"] == ["email"]
    bob.post("/step-up", data={"proof_switch": "email", "proof_for": PATH} | PROOF)
    form = {"password": NEW} | PROOF | {"proof_method": "email", "proof_answer": code_of(letters)}
    assert bob.post(PATH, data=form).status_code == 303
    assert sign_ins.sign_in("bob@example.org", NEW) == cast.bob
