"""The ways in: a password, a code or link by mail, the second factor, and back in without the password."""

import re

import pytest

import jobs
from database.scope import everywhere
from domain import Invalid, Refused
from domain.base import settings
from domain.base.tokens import CodeExpired, WrongCode
from domain.people import accounts, passwords, sessions, sign_ins
from domain.people.codes import send_again
from domain.people.sign_ins import NotVerified, WrongCredentials
from models import (
    AuditEvent,
    AuthToken,
    CreditAccount,
    Membership,
    Organization,
    Outgoing,
    Profile,
    Session,
    User,
)
from tests.fixtures.threads import refused, together, write

pytestmark = pytest.mark.usefixtures("house")
ADA = "ada@example.org"


def sign_up(email=ADA, name="Ada Lovelace", password="Correct horse 1!", **more):
    return accounts.sign_up(email, name, password, **more)


def problems(call, *args):
    with pytest.raises(Invalid) as caught:
        call(*args)
    return caught.value.fields


def counts():
    with everywhere("the test counts"):
        tables = (User, Profile, Organization, Membership, CreditAccount)
        return [table.select().count() for table in tables]


# --- signing in ------------------------------------------------------------------------------------------


def sentence(*args):
    with pytest.raises(Refused) as caught:
        sign_ins.sign_in(*args)
    return type(caught.value), caught.value.sentence, caught.value.status


def test_every_refused_sign_in_sounds_alike(cast, password):
    unknown = sentence("nobody@example.org", password)
    assert unknown[0] is WrongCredentials
    assert sentence(cast.bob.email, "Wrong horse 1!") == unknown
    assert sentence(cast.bob.email, "") == sentence(cast.bob.email, None) == sentence("", "") == unknown
    assert sentence(cast.bob.email, "x" * 10_000) == unknown
    for status in ("suspended", "deleted"):
        write(User.update(status=status).where(User.id == cast.bob.id).execute)
        assert sentence(cast.bob.email, password) == unknown
    assert Outgoing.select().count() == 0  # suspended accounts get no code and no letter


def test_the_right_password_signs_in_however_the_address_is_written(cast, password):
    assert sign_ins.sign_in(" BOB@example.org\u200b", password) == cast.bob


@pytest.mark.parametrize(
    "email", ["bob@example.org", "nobody@example.org", ADA, "vera@example.org", "dora@example.org"]
)
def test_every_sign_in_hashes_once_so_that_time_tells_nothing(email, cast, monkeypatch):
    sign_up(ADA)  # unfinished
    suspend(cast.vera)
    write(User.update(password_hash=None).where(User.id == cast.dora.id).execute)
    fits, asked = passwords.fits, []
    monkeypatch.setattr(passwords, "fits", lambda *given: asked.append(given) or fits(*given))
    sentence(email, "Wrong horse 1!")
    assert len(asked) == 1


def test_an_account_without_a_password_cannot_be_signed_in_to(cast):
    write(User.update(password_hash=None).where(User.id == cast.bob.id).execute)
    assert sentence(cast.bob.email, "nobody has this password")[0] is WrongCredentials


def test_signing_in_before_the_address_is_proven_leads_to_a_new_code(codes, letters, password):
    sign_up()
    with pytest.raises(NotVerified) as caught:
        sign_ins.sign_in(ADA, password)
    assert caught.value.code == "EMAIL_NOT_VERIFIED"
    token = send_again(caught.value.details["token"], "verify_email")
    assert ["000001" in text for _, _, text in letters()] == [True, False]
    accounts.verify(token, "000002")
    assert sign_ins.sign_in(ADA, password).email == ADA


def test_a_wrong_password_before_the_address_is_proven_mails_nothing(codes, letters):
    sign_up()
    assert sentence(ADA, "Wrong horse 1!")[0] is WrongCredentials
    assert len(letters()) == 1


def test_an_unfinished_sign_up_can_be_taken_up_for_a_week(codes, clock, password):
    sign_up()
    clock.forward(days=6)
    jobs.run("tokens")
    with pytest.raises(NotVerified):
        sign_ins.sign_in(ADA, password)
    clock.forward(days=8)
    jobs.run("tokens")
    assert AuthToken.select().count() == 0


# --- in by mail: strict, or neutral ----------------------------------------------------------------------


def no(call, *args, **more):
    with pytest.raises(Refused) as caught:
        call(*args, **more)
    return caught.value


def neutral(cast):
    settings.change("auth_neutral_messages", "on", by=cast.stella)


def suspend(user):
    write(User.update(status="suspended").where(User.id == user.id).execute)


def mailed():
    return [(row.recipient, row.payload["template"]) for row in Outgoing.select().where(Outgoing.kind == "mail")]


ASK = (sign_ins.ask_code, sign_ins.ask_link)


@pytest.mark.parametrize("ask", ASK)
def test_signing_in_by_mail_takes_an_account_and_signing_up_takes_none(ask, cast):
    unknown = no(ask, ADA)
    assert (type(unknown), unknown.status, unknown.details["elsewhere"]) == (sign_ins.NoAccount, 404, "/sign-up/code")
    known = no(sign_up, cast.bob.email, password=None)
    assert (type(known), known.details["elsewhere"]) == (accounts.AlreadyRegistered, "/sign-in/code")
    assert (mailed(), AuthToken.select().count()) == ([], 0)
    ask(cast.bob.email)
    sign_up(ADA, password=None)
    assert [to for to, _ in mailed()] == [cast.bob.email, ADA]


@pytest.mark.parametrize("ask", ASK)
def test_a_suspended_account_gets_neither_code_nor_link(ask, cast):
    suspend(cast.bob)
    assert isinstance(no(ask, cast.bob.email), accounts.Suspended)
    neutral(cast)
    ask(cast.bob.email)
    assert mailed() == []


@pytest.mark.parametrize("purpose", ["sign_in", "reset"])
def test_who_is_suspended_meanwhile_is_not_mailed_again(purpose, cast):
    token = {"sign_in": sign_ins.ask_code, "reset": sign_ins.forgot}[purpose](cast.bob.email)
    suspend(cast.bob)
    assert len(mailed()) == 1
    assert send_again(token, purpose)
    assert len(mailed()) == 1


def test_while_messages_are_neutral_every_address_is_answered_alike(cast, letters):
    neutral(cast)
    suspend(cast.vera)
    for email in (ADA, cast.vera.email, cast.bob.email):
        assert len(sign_ins.ask_code(email)) == 24
        assert sign_ins.ask_link(email) is None
        assert len(sign_up(email, password=None)) == 24
    words = ("code", "already", "Sign")
    assert sorted((to, next(w for w in words if w in subject)) for to, subject, _ in letters()) == [
        (ADA, "code"),
        (cast.bob.email, "Sign"),
        (cast.bob.email, "already"),
        (cast.bob.email, "code"),
        (cast.vera.email, "already"),
    ]


def test_a_guessed_code_for_no_account_opens_nothing(cast, codes):
    neutral(cast)
    token = sign_ins.ask_code(ADA)
    assert isinstance(no(sign_ins.sign_in_with_code, token, "999999"), WrongCode)
    assert isinstance(no(sign_ins.sign_in_with_code, token, "000001"), CodeExpired)


def test_a_code_signs_in_once_and_keeps_where_one_was_going(cast, codes, letters):
    token = sign_ins.ask_code(" BOB@example.org", "/acme/tasks")
    assert isinstance(no(sign_ins.sign_in_with_code, token, "000002"), WrongCode)
    assert sign_ins.sign_in_with_code(token, "000001") == (cast.bob, "/acme/tasks")
    assert isinstance(no(sign_ins.sign_in_with_code, token, "000001"), CodeExpired)
    ((to, _, text),) = letters()
    assert to == "bob@example.org"
    assert "000001" in text
    assert Session.select().count() == 0  # the view signs in, after the second factor


def test_an_address_with_invisible_letters_is_the_same_address(cast, codes):
    """Otherwise each way to write it would have a code of its own, with five more tries."""
    first = sign_ins.ask_code(cast.bob.email)
    second = sign_ins.ask_code("b\u200bob@example.org\0")
    assert AuthToken.get().email_norm == cast.bob.email
    assert isinstance(no(sign_ins.sign_in_with_code, first, "000001"), CodeExpired)
    assert sign_ins.sign_in_with_code(second, "000002")[0] == cast.bob
    sign_ins.ask_link("bo\u2060b@example.org")
    assert {t.email_norm for t in AuthToken.select()} == {cast.bob.email}


def link_of(letters):
    return re.search(r"/sign-in/link/(\S+)", letters()[-1][2])[1]


def test_a_link_may_be_looked_at_often_and_signs_in_once(cast, letters):
    sign_ins.ask_link(cast.bob.email, "/acme/tasks")
    link = link_of(letters)
    for _ in range(3):
        assert sign_ins.link_open(link).user == cast.bob
    assert sign_ins.sign_in_with_link(link) == (cast.bob, "/acme/tasks")
    for call in (sign_ins.link_open, sign_ins.sign_in_with_link):
        assert isinstance(no(call, link), CodeExpired)


def test_a_link_used_twice_at_once_is_used_once(cast, letters):
    sign_ins.ask_link(cast.bob.email)
    link = link_of(letters)
    outcomes = together(*(lambda: sign_ins.sign_in_with_link(link) for _ in range(4)))
    assert sum(isinstance(one, tuple) for one in outcomes) == 1
    assert all(isinstance(one, CodeExpired) for one in refused(outcomes)), outcomes


def test_a_link_holds_ten_minutes_and_a_new_one_voids_it(cast, letters, clock):
    sign_ins.ask_link(cast.bob.email)
    first = link_of(letters)
    sign_ins.ask_link(cast.bob.email)
    second = link_of(letters)
    assert isinstance(no(sign_ins.sign_in_with_link, first), CodeExpired)
    clock.forward(minutes=10, seconds=1)
    assert isinstance(no(sign_ins.sign_in_with_link, second), CodeExpired)


def test_a_link_that_was_tampered_with_opens_nothing(cast, letters):
    sign_ins.ask_link(cast.bob.email)
    link = link_of(letters)
    id, _, secret = link.partition(".")
    for spoilt in (
        "",
        ".",
        id,
        id + ".",
        "." + secret,
        link + "x",
        link[:-1],
        f"{id}.{secret[::-1]}",
        f"{id}.é\0",
        "x" * 100_000,
        f"{secret}.{id}",
    ):
        for call in (sign_ins.link_open, sign_ins.sign_in_with_link):
            assert isinstance(no(call, spoilt), CodeExpired), spoilt
    assert sign_ins.sign_in_with_link(link)


# --- the second factor at sign-in ------------------------------------------------------------------------


def second(cast):
    return sign_ins.begin_second_factor(cast.bob, "password", "/acme")


def test_the_second_factor_is_asked_five_times_and_counted_before_it_is_looked_at(cast):
    token, looked = second(cast), []

    def check(user, answer):
        looked.append(answer)
        return answer == "right"

    for number in range(4):
        assert isinstance(no(sign_ins.finish_second_factor, token, str(number), check), WrongCode)
    assert isinstance(no(sign_ins.finish_second_factor, token, "4", check), CodeExpired)
    assert isinstance(no(sign_ins.finish_second_factor, token, "right", check), CodeExpired)
    assert looked == list("01234")
    assert AuditEvent.select().where(AuditEvent.action == "auth.sign_in_failed").count() == 1  # at most one a minute


def test_six_second_factors_at_once_are_five_tries(cast):
    token, looked = second(cast), []
    outcomes = together(
        *(lambda: sign_ins.finish_second_factor(token, "x", lambda *_: looked.append(1)) for _ in range(6))
    )
    assert all(isinstance(one, (WrongCode, CodeExpired)) for one in outcomes)
    assert len(looked) <= 5
    assert AuthToken.get().attempts == 5


def test_the_second_factor_lets_in_once(cast):
    token = second(cast)
    outcomes = together(*(lambda: sign_ins.finish_second_factor(token, "x", lambda *_: True) for _ in range(3)))
    assert [one for one in outcomes if isinstance(one, tuple)] == [(cast.bob, "password", "/acme")]


def test_a_new_password_sends_whoever_waits_at_the_second_factor_back(cast, codes):
    waiting = second(cast)
    sign_ins.reset(sign_ins.forgot(cast.bob.email), "000002", "Another horse 2?")
    assert isinstance(no(sign_ins.finish_second_factor, waiting, "x", lambda *_: True), CodeExpired)


# --- reset -----------------------------------------------------------------------------------------------


def test_a_reset_ends_all_sessions_and_says_so_by_letter(cast, codes, letters, password):
    token = sign_ins.forgot("BOB@example.org")
    browsers = [sessions.start(cast.bob), sessions.start(cast.bob)]
    others = sessions.start(cast.alice)
    assert all(sessions.find(browser) for browser in browsers)
    sign_ins.reset(token, "000001", "Another horse 2?")
    assert [sessions.find(browser) for browser in browsers] == [None, None]
    assert sessions.find(others).user == cast.alice
    assert {s.end_reason for s in Session.select().where(Session.user == cast.bob)} == {"password_changed"}
    assert sign_ins.sign_in(cast.bob.email, "Another horse 2?") == cast.bob
    assert sentence(cast.bob.email, password)[0] is WrongCredentials
    found = letters()
    assert [to for to, _, _ in found] == [cast.bob.email] * 2
    assert "000001" in found[0][2]
    assert AuditEvent.select().where(AuditEvent.action == "security.password_reset").count() == 1


def test_a_new_password_that_will_not_do_is_no_guess(cast, codes):
    token = sign_ins.forgot(cast.bob.email)
    with pytest.raises(Invalid):
        sign_ins.reset(token, "000001", "short")
    assert AuthToken.get().attempts == 0


@pytest.mark.parametrize("who", ["nobody@example.org", "suspended"])
def test_forgot_answers_alike_and_mails_nothing_without_an_active_account(cast, codes, letters, who):
    if who == "suspended":
        write(User.update(status="suspended").where(User.id == cast.bob.id).execute)
        who = cast.bob.email
    token = sign_ins.forgot(who)
    assert len(token) == len(sign_ins.forgot(cast.alice.email))
    assert [to for to, _, _ in letters()] == [cast.alice.email]
    with pytest.raises(WrongCode):
        sign_ins.reset(token, "999999", "Another horse 2?")
