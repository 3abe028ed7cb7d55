import contextvars
import re
from datetime import timedelta

import pytest

import jobs
import models
from database.scope import everywhere
from domain import Invalid, NotFound, Refused
from domain.base import audit, settings, stepup, tokens
from domain.base.tokens import CodeExpired, WrongCode
from domain.entitlements import credits
from domain.organizations import organizations
from domain.people import accounts, passwords, proofs, sessions
from domain.people.accounts import NotVerified, WrongCredentials
from models import (
    Admin,
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


# --- the sentences ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("password", "lacks"),
    [
        ("", "at least 12 characters, an upper-case letter, a lower-case letter, a digit and a special character"),
        ("Abcdefgh1!", "at least 12 characters"),
        ("abcdefghijk1!", "an upper-case letter"),
        ("ABCDEFGHIJK1!", "a lower-case letter"),
        ("Abcdefghijkl!", "a digit"),
        ("Abcdefghijkl1", "a special character"),
        ("abcdefghijkl!", "an upper-case letter and a digit"),
        ("Ab1!" * 51, "no more than 200 characters"),
    ],
)
def test_the_sentence_lists_exactly_what_the_password_lacks(password, lacks):
    fields = problems(accounts.sign_up, ADA, "Ada", password)
    assert fields == {"password": f"The password still needs {lacks}."}


@pytest.mark.parametrize("password", ["Correct horse 1!", "Abcdefghijk1 ", "Äbcdefghijk1ü!", "Ab1!" * 50])
def test_a_password_that_has_it_all_is_taken(password):
    assert passwords.missing(password) == []


def test_everything_wrong_is_said_at_once_and_nothing_is_kept():
    assert problems(accounts.sign_up, "ada", " \u200b ", "").keys() == {"email", "name", "password"}
    assert AuthToken.select().count() == Outgoing.select().count() == 0


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "ada@",
        "@example.org",
        "ada@example",
        "a da@example.org",
        "ada@@example.org",
        "ada@example.org,b@c.de",
        "ada@example.org\nBcc: x@y.de",
        "<ada@example.org>",
        "a" * 250 + "@example.org",
        "ada@example.",
        None,
    ],
)
def test_what_is_no_address_is_refused(email):
    assert "email" in problems(accounts.sign_up, email, "Ada", "Correct horse 1!")


@pytest.mark.parametrize(
    "hidden", ["\x00", "\u202e", "\u2066", "\u200b", "\ufeff", "\x07", "\u200f", "\u200e", "\u2060", "\uffff"]
)
def test_invisible_and_direction_turning_text_is_cleaned_away(hidden, codes):
    token = sign_up(f"a{hidden}da@example.org", f"Ada{hidden} Love{hidden}lace")
    user, _ = accounts.verify(token, "000001")
    assert (user.email, user.email_norm, user.name) == (ADA, ADA, "Ada Lovelace")


def test_an_address_counts_once_however_it_is_written(codes):
    accounts.verify(sign_up(" Ada@Example.ORG "), "000001")
    assert User.get().email == "Ada@Example.ORG"
    sign_up("ADA@example.org")
    assert Outgoing.select().order_by(Outgoing.id.desc()).first().payload["template"] == "already_registered"


def test_no_sign_up_while_it_is_closed(cast):
    settings.change("sign_up_open", "off", by=cast.stella)
    settings.forget()
    with pytest.raises(Refused) as caught:
        sign_up()
    assert caught.value.status == 403
    assert AuthToken.select().count() == 0


# --- the code -------------------------------------------------------------------------------------------


def test_a_code_makes_the_account_and_all_that_belongs_to_it(codes, letters):
    assert counts() == [0] * 5
    token = sign_up(next_url="/acme/tasks")
    assert counts() == [0] * 5
    ((to, subject, text),) = letters()
    assert (to, subject) == (ADA, "Your code for Guildhall")
    assert "000001" in text
    user, next_url = accounts.verify(token, "000001")
    assert next_url == "/acme/tasks"
    assert counts() == [1] * 5
    organization = Organization.get()
    assert (organization.name, organization.slug, organization.is_personal) == ("Ada's space", "ada-lovelace", True)
    assert (Membership.get().role, User.get().active_organization_id) == ("owner", organization.id)
    assert user.email_verified_at is not None
    assert [event.action for event in AuditEvent.select() if event.category == "auth"] == ["auth.user.created"]
    assert Session.select().count() == 0  # verifying alone signs nobody in


@pytest.mark.parametrize("name", ["See http://evil.example", "WWW.evil.example", "evil.example/win", "x" * 101, ""])
def test_a_name_advertises_nothing_in_letters_to_strangers(name, cast):
    assert problems(sign_up, ADA, name).keys() == {"name"}
    assert problems(accounts.change_profile, User.get_by_id(cast.bob.id), name, "UTC").keys() == {"name"}
    assert mailed() == []


@pytest.mark.parametrize("name", ["Dr. Ada Lovelace", "J.R.R. Tolkien", "José/María", "O'Hara", "李小龍", "X"])
def test_a_name_may_be_any_name(name, codes):
    assert accounts.verify(sign_up(ADA, name), "000001")[0].name == name


@pytest.mark.parametrize("step", ["profile", "organization", "membership", "credits", "audit"])
def test_a_failing_step_leaves_nothing_of_the_account(step, codes, monkeypatch):
    class Broken(Exception):
        pass

    def fails(*_, **__):
        raise Broken

    place, name = {
        "profile": (accounts.Profile, "create"),
        "organization": (organizations, "create_personal"),
        "membership": (organizations.Membership, "create"),
        "credits": (credits, "open_account"),
        "audit": (audit, "record"),
    }[step]
    token = sign_up()
    with monkeypatch.context() as broken:
        broken.setattr(place, name, fails)
        with pytest.raises(Broken):
            accounts.verify(token, "000001")
    assert counts() == [0] * 5
    assert AuthToken.get().consumed_at is None
    accounts.verify(token, "000001")  # the code is still good
    assert counts() == [1] * 5


def test_a_code_holds_ten_minutes(codes, clock):
    token = sign_up()
    clock.forward(minutes=10, seconds=1)
    with pytest.raises(CodeExpired):
        accounts.verify(token, "000001")
    assert counts()[0] == 0
    token = accounts.send_again(token)
    clock.forward(minutes=9, seconds=59)
    accounts.verify(token, "000002")
    assert counts()[0] == 1


def test_a_code_is_good_once(codes):
    token = sign_up()
    accounts.verify(token, "000001")
    with pytest.raises(CodeExpired):
        accounts.verify(token, "000001")
    assert counts() == [1] * 5


def test_wrong_codes_are_counted_and_the_sixth_try_is_none(codes):
    token = sign_up()
    for left in ("4 tries", "3 tries", "2 tries", "one try"):
        with pytest.raises(WrongCode, match=left):
            accounts.verify(token, "999999")
    assert AuthToken.get().attempts == 4
    with pytest.raises(CodeExpired):
        accounts.verify(token, "999999")
    assert AuthToken.get().attempts == 5
    with pytest.raises(CodeExpired):
        accounts.verify(token, "000001")  # right, but too late
    assert counts()[0] == 0


def test_many_guesses_at_the_same_moment_get_no_more_than_five(codes):
    token = sign_up()
    outcomes = together(*(lambda: accounts.verify(token, "999999") for _ in range(12)))
    assert AuthToken.get().attempts == 5
    assert sum(type(o) is WrongCode for o in outcomes) <= 5
    assert all(isinstance(o, (WrongCode, CodeExpired)) for o in outcomes)


@pytest.mark.parametrize("code", ["", None, "abc", "0" * 1000, "١٢٣٤٥٦", "\x00", "-00001"])
def test_what_is_no_code_is_a_wrong_code(code, codes):
    token = sign_up()
    with pytest.raises(WrongCode):
        accounts.verify(token, code)


def test_a_code_may_be_written_with_spaces(codes):
    accounts.verify(sign_up(), " 000 001 ")
    assert counts()[0] == 1


@pytest.mark.parametrize("token", [None, "", "nonsense"])
def test_without_the_browsers_token_no_code_is_good(token, codes):
    sign_up()
    with pytest.raises(CodeExpired):
        accounts.verify(token, "000001")
    assert counts()[0] == 0


def test_a_new_code_voids_the_old(codes):
    first = sign_up()
    second = accounts.send_again(first)
    assert second != first
    with pytest.raises(CodeExpired):
        accounts.verify(first, "000001")
    with pytest.raises(WrongCode):
        accounts.verify(second, "000001")
    accounts.verify(second, "000002")
    assert counts()[0] == 1
    assert accounts.send_again("nonsense") is None


def test_a_strangers_sign_up_slips_no_password_under_the_owners_code(codes, password):
    stranger = sign_up(password="Attacker's own 1!")
    owner = sign_up(password=password)
    accounts.verify(owner, "000002")
    assert accounts.sign_in(ADA, password).email == ADA
    with pytest.raises(WrongCredentials):
        accounts.sign_in(ADA, "Attacker's own 1!")
    with pytest.raises(CodeExpired):
        accounts.verify(stranger, "000001")


def test_a_code_asked_for_by_somebody_else_does_not_fit_the_owners_browser(codes):
    owner = sign_up()
    sign_up(password="Attacker's own 1!")  # its code is mailed to the owner, who types it
    with pytest.raises(CodeExpired):
        accounts.verify(owner, "000002")
    assert counts()[0] == 0


def test_a_later_sign_up_changes_nothing_about_an_account(codes, password):
    accounts.verify(sign_up(), "000001")
    before = User.select().dicts().get()
    later = sign_up(name="Somebody else", password="Attacker's own 1!")
    with pytest.raises(CodeExpired, match="has an account"):
        accounts.verify(later, "000002")  # a lucky guess: this code was never mailed
    assert User.select().dicts().get() == before
    assert accounts.sign_in(ADA, password).name == "Ada Lovelace"


def test_a_known_address_gets_the_same_answer_and_a_letter_that_says_so(codes, letters):
    unknown = sign_up()
    accounts.verify(unknown, "000001")
    known = sign_up()
    assert type(known) is type(unknown)
    assert len(known) == len(unknown)
    (_, (to, subject, text)) = letters()
    assert to == ADA
    assert "code" not in subject.lower()
    assert not re.search(r"\b\d{6}\b", text)
    again = accounts.send_again(known)
    assert len(again) == len(unknown)
    assert len(letters()) == 2  # and no code on asking again


def test_two_sign_ups_with_one_address_at_once_make_one_account(quick, monkeypatch):
    monkeypatch.setattr(accounts.secrets, "randbelow", lambda _: 7)
    tokens = together(*[sign_up] * 4)
    assert refused(tokens) == []
    outcomes = together(*(lambda t=t: accounts.verify(t, "000007") for t in tokens))
    assert sum(isinstance(o, tuple) for o in outcomes) == 1
    assert all(isinstance(o, (tuple, Refused)) for o in outcomes), outcomes
    assert counts() == [1] * 5


def test_two_browsers_with_a_code_each_make_one_account(quick):
    """As when both asked at the same moment and neither voided the other."""
    payload = {"email": ADA, "name": "Ada", "password_hash": "x", "known": False}

    def token():
        made, code = tokens.new("verify_email", ADA, payload)
        AuthToken.update(email_norm="x").where(AuthToken.id == made.id).execute()
        return made, code

    made = [write(token) for _ in range(4)]
    write(AuthToken.update(email_norm=ADA).execute)
    outcomes = together(*(lambda t=t, c=c: accounts.verify(t.public_id, c) for t, c in made))
    assert sum(isinstance(o, tuple) for o in outcomes) == 1
    assert all(isinstance(o, (tuple, Refused)) for o in outcomes), outcomes
    assert counts() == [1] * 5


def test_no_secret_is_kept_readable(codes, letters, monkeypatch):
    numbers = iter([735_186, 735_187, 735_188])
    monkeypatch.setattr(accounts.secrets, "randbelow", lambda _: next(numbers))
    accounts.verify(sign_up(), "735186")
    sign_up("bob@example.org", "Bob")
    accounts.forgot(ADA)
    browser = sessions.start(User.get())
    letters()
    written = []
    with everywhere("the test reads every column"):
        for table in models.TABLES:
            for row in table.select().tuples():
                written.append(" ".join(bytes(v).decode() if isinstance(v, bytes) else str(v) for v in row))
    all_of_it = "\n".join(written)
    assert ADA in all_of_it
    for secret in ("735186", "735187", "735188", "Correct horse 1!", browser):
        assert secret not in all_of_it


# --- signing in -------------------------------------------------------------------------------------------


def sentence(*args):
    with pytest.raises(Refused) as caught:
        accounts.sign_in(*args)
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
    assert accounts.sign_in(" BOB@example.org\u200b", password) == cast.bob


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
        accounts.sign_in(ADA, password)
    assert caught.value.code == "EMAIL_NOT_VERIFIED"
    token = accounts.send_again(caught.value.details["token"])
    assert ["000001" in text for _, _, text in letters()] == [True, False]
    accounts.verify(token, "000002")
    assert accounts.sign_in(ADA, password).email == ADA


def test_a_wrong_password_before_the_address_is_proven_mails_nothing(codes, letters):
    sign_up()
    assert sentence(ADA, "Wrong horse 1!")[0] is WrongCredentials
    assert len(letters()) == 1


def test_an_unfinished_sign_up_can_be_taken_up_for_a_week(codes, clock, password):
    sign_up()
    clock.forward(days=6)
    jobs.run("tokens")
    with pytest.raises(NotVerified):
        accounts.sign_in(ADA, password)
    clock.forward(days=8)
    jobs.run("tokens")
    assert AuthToken.select().count() == 0


# --- reset ------------------------------------------------------------------------------------------------


def test_a_reset_ends_all_sessions_and_says_so_by_letter(cast, codes, letters, password):
    token = accounts.forgot("BOB@example.org")
    browsers = [sessions.start(cast.bob), sessions.start(cast.bob)]
    others = sessions.start(cast.alice)
    assert all(sessions.find(browser) for browser in browsers)
    accounts.reset(token, "000001", "Another horse 2?")
    assert [sessions.find(browser) for browser in browsers] == [None, None]
    assert sessions.find(others).user == cast.alice
    assert {s.end_reason for s in Session.select().where(Session.user == cast.bob)} == {"password_changed"}
    assert accounts.sign_in(cast.bob.email, "Another horse 2?") == cast.bob
    assert sentence(cast.bob.email, password)[0] is WrongCredentials
    found = letters()
    assert [to for to, _, _ in found] == [cast.bob.email] * 2
    assert "000001" in found[0][2]
    assert AuditEvent.select().where(AuditEvent.action == "security.password_reset").count() == 1


def test_a_reset_code_is_good_once_and_five_tries(cast, codes):
    token = accounts.forgot(cast.bob.email)
    with pytest.raises(Invalid):
        accounts.reset(token, "000001", "short")
    assert AuthToken.get().attempts == 0  # a password that won't do is no guess
    with pytest.raises(WrongCode):
        accounts.reset(token, "000002", "Another horse 2?")
    assert AuthToken.get().attempts == 1
    accounts.reset(token, "000001", "Another horse 2?")
    with pytest.raises(CodeExpired):
        accounts.reset(token, "000001", "A third horse 3?")
    assert accounts.sign_in(cast.bob.email, "Another horse 2?") == cast.bob


def test_a_sign_up_code_resets_no_password_nor_the_reverse(cast, codes):
    up, back = sign_up(), accounts.forgot(cast.bob.email)
    with pytest.raises(CodeExpired):
        accounts.reset(up, "000001", "Another horse 2?")
    with pytest.raises(CodeExpired):
        accounts.verify(back, "000002")


@pytest.mark.parametrize("who", ["nobody@example.org", "suspended"])
def test_forgot_answers_alike_and_mails_nothing_without_an_active_account(cast, codes, letters, who):
    if who == "suspended":
        write(User.update(status="suspended").where(User.id == cast.bob.id).execute)
        who = cast.bob.email
    token = accounts.forgot(who)
    assert len(token) == len(accounts.forgot(cast.alice.email))
    assert [to for to, _, _ in letters()] == [cast.alice.email]
    with pytest.raises(WrongCode):
        accounts.reset(token, "999999", "Another horse 2?")


def test_guessing_the_code_of_no_account_changes_nothing(cast, codes):
    token = accounts.forgot("nobody@example.org")
    with pytest.raises((WrongCode, CodeExpired)):
        accounts.reset(token, "000001", "Another horse 2?")


# --- the first admin ----------------------------------------------------------------------------------------


def test_the_set_up_link_makes_the_first_admin_once(password):
    secret = accounts.setup_secret()
    accounts.setup_open(secret)
    with pytest.raises(NotFound):
        accounts.set_up("guess", ADA, "Ada", password)
    with pytest.raises(Invalid):
        accounts.set_up(secret, ADA, "Ada", "short")
    user = accounts.set_up(secret, ADA, "Ada", password)
    assert Admin.get().email_norm == user.email_norm
    assert user.email_verified_at is not None
    assert counts() == [1] * 5
    with pytest.raises(NotFound):
        accounts.set_up(secret, "bob@example.org", "Bob", password)
    assert accounts.setup_secret() is None
    assert counts() == [1] * 5


def test_a_newer_set_up_link_voids_the_older(password):
    older, newer = accounts.setup_secret(), accounts.setup_secret()
    with pytest.raises(NotFound):
        accounts.setup_open(older)
    accounts.setup_open(newer)
    assert secret_is_hashed(newer)


def secret_is_hashed(secret):
    return all(secret not in str(row) for row in AuthToken.select().tuples())


def test_the_set_up_link_is_shut_once_there_is_an_account(codes, password):
    secret = accounts.setup_secret()
    accounts.verify(sign_up("bob@example.org", "Bob"), "000001")
    with pytest.raises(NotFound):
        accounts.setup_open(secret)
    with pytest.raises(NotFound):
        accounts.set_up(secret, ADA, "Ada", password)
    assert Admin.select().count() == 0


def test_the_set_up_link_holds_a_week(clock):
    secret = accounts.setup_secret()
    clock.forward(days=7, seconds=1)
    with pytest.raises(NotFound):
        accounts.setup_open(secret)


def test_two_people_with_the_set_up_link_make_one_admin(quick, password):
    secret = accounts.setup_secret()
    outcomes = together(
        *(lambda n=n: accounts.set_up(secret, f"{n}@example.org", f"Ada{n}", password) for n in range(4))
    )
    assert sum(isinstance(o, User) for o in outcomes) == 1, outcomes
    assert Admin.select().count() == User.select().count() == 1


def test_the_clock_of_a_token_is_ours(clock):
    sign_up()
    assert AuthToken.get().expires_at == clock() + timedelta(minutes=10)


# --- in by mail: strict, or neutral (A3.1-2, 3) ----------------------------------------------------------------


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


ASK = (accounts.ask_code, accounts.ask_link)


@pytest.mark.parametrize("ask", ASK)
def test_signing_in_by_mail_takes_an_account_and_signing_up_takes_none(ask, cast):
    unknown = no(ask, ADA)
    assert (type(unknown), unknown.status, unknown.details["elsewhere"]) == (accounts.NoAccount, 404, "/sign-up/code")
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
    token = {"sign_in": accounts.ask_code, "reset": accounts.forgot}[purpose](cast.bob.email)
    suspend(cast.bob)
    assert len(mailed()) == 1
    assert accounts.send_again(token)
    assert len(mailed()) == 1


def test_while_messages_are_neutral_every_address_is_answered_alike(cast, letters):
    neutral(cast)
    suspend(cast.vera)
    for email in (ADA, cast.vera.email, cast.bob.email):
        assert len(accounts.ask_code(email)) == 24
        assert accounts.ask_link(email) is None
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
    token = accounts.ask_code(ADA)
    assert isinstance(no(accounts.sign_in_with_code, token, "999999"), WrongCode)
    assert isinstance(no(accounts.sign_in_with_code, token, "000001"), CodeExpired)


def test_a_code_signs_in_once_and_keeps_where_one_was_going(cast, codes, letters):
    token = accounts.ask_code(" BOB@example.org", "/acme/tasks")
    assert isinstance(no(accounts.sign_in_with_code, token, "000002"), WrongCode)
    assert accounts.sign_in_with_code(token, "000001") == (cast.bob, "/acme/tasks")
    assert isinstance(no(accounts.sign_in_with_code, token, "000001"), CodeExpired)
    ((to, _, text),) = letters()
    assert to == "bob@example.org"
    assert "000001" in text
    assert Session.select().count() == 0  # the view signs in, after the second factor


def test_an_address_with_invisible_letters_is_the_same_address(cast, codes):
    """Otherwise each way to write it would have a code of its own, with five more tries."""
    first = accounts.ask_code(cast.bob.email)
    second = accounts.ask_code("b\u200bob@example.org\0")
    assert AuthToken.get().email_norm == cast.bob.email
    assert isinstance(no(accounts.sign_in_with_code, first, "000001"), CodeExpired)
    assert accounts.sign_in_with_code(second, "000002")[0] == cast.bob
    accounts.ask_link("bo\u2060b@example.org")
    assert {t.email_norm for t in AuthToken.select()} == {cast.bob.email}


def link_of(letters):
    return re.search(r"/sign-in/link/(\S+)", letters()[-1][2])[1]


def test_a_link_may_be_looked_at_often_and_signs_in_once(cast, letters):
    accounts.ask_link(cast.bob.email, "/acme/tasks")
    link = link_of(letters)
    for _ in range(3):
        assert accounts.link_open(link).user == cast.bob
    assert accounts.sign_in_with_link(link) == (cast.bob, "/acme/tasks")
    for call in (accounts.link_open, accounts.sign_in_with_link):
        assert isinstance(no(call, link), CodeExpired)


def test_a_link_used_twice_at_once_is_used_once(cast, letters):
    accounts.ask_link(cast.bob.email)
    link = link_of(letters)
    outcomes = together(*(lambda: accounts.sign_in_with_link(link) for _ in range(4)))
    assert sum(isinstance(one, tuple) for one in outcomes) == 1
    assert all(isinstance(one, CodeExpired) for one in refused(outcomes)), outcomes


def test_a_link_holds_ten_minutes_and_a_new_one_voids_it(cast, letters, clock):
    accounts.ask_link(cast.bob.email)
    first = link_of(letters)
    accounts.ask_link(cast.bob.email)
    second = link_of(letters)
    assert isinstance(no(accounts.sign_in_with_link, first), CodeExpired)
    clock.forward(minutes=10, seconds=1)
    assert isinstance(no(accounts.sign_in_with_link, second), CodeExpired)


def test_a_link_that_was_tampered_with_opens_nothing(cast, letters):
    accounts.ask_link(cast.bob.email)
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
        for call in (accounts.link_open, accounts.sign_in_with_link):
            assert isinstance(no(call, spoilt), CodeExpired), spoilt
    assert accounts.sign_in_with_link(link)


def test_no_token_does_the_work_of_another(cast, codes, letters):
    """Each secret is tried at every door but its own."""
    token = {
        "verify_email": sign_up(ADA),
        "sign_in": accounts.ask_code(cast.bob.email),
        "reset": accounts.forgot(cast.bob.email),
        "second_factor": accounts.begin_second_factor(cast.bob, "password"),
    }
    doors = {
        "verify_email": lambda id, code: accounts.verify(id, code),
        "sign_in": lambda id, code: accounts.sign_in_with_code(id, code),
        "reset": lambda id, code: accounts.reset(id, code, "Another horse 2?"),
        "second_factor": lambda id, code: accounts.finish_second_factor(id, code, lambda *_: True),
        "magic_link": lambda id, code: accounts.sign_in_with_link(f"{id}.{code}"),
        "change_email": lambda id, code: accounts.change_address(cast.bob, id, code),
        "setup": lambda id, code: accounts.set_up(f"{id}.{code}", "eve@example.org", "Eve", "Another horse 2?"),
    }
    for purpose, id in token.items():
        for door, open_ in doors.items():
            if door != purpose:
                for code in ("000001", "000002", "000003", "000004"):
                    assert isinstance(no(open_, id, code), (CodeExpired, NotFound)), (purpose, door)
    assert {t.attempts for t in AuthToken.select()} == {0}


# --- the second factor at sign-in -------------------------------------------------------------------------------


def second(cast):
    return accounts.begin_second_factor(cast.bob, "password", "/acme")


def test_the_second_factor_is_asked_five_times_and_counted_before_it_is_looked_at(cast):
    token, looked = second(cast), []

    def check(user, answer):
        looked.append(answer)
        return answer == "right"

    for number in range(4):
        assert isinstance(no(accounts.finish_second_factor, token, str(number), check), WrongCode)
    assert isinstance(no(accounts.finish_second_factor, token, "4", check), CodeExpired)
    assert isinstance(no(accounts.finish_second_factor, token, "right", check), CodeExpired)
    assert looked == list("01234")
    assert AuditEvent.select().where(AuditEvent.action == "auth.sign_in_failed").count() == 1  # at most one a minute


def test_six_second_factors_at_once_are_five_tries(cast):
    token, looked = second(cast), []
    outcomes = together(
        *(lambda: accounts.finish_second_factor(token, "x", lambda *_: looked.append(1)) for _ in range(6))
    )
    assert all(isinstance(one, (WrongCode, CodeExpired)) for one in outcomes)
    assert len(looked) <= 5
    assert AuthToken.get().attempts == 5


def test_the_second_factor_lets_in_once(cast):
    token = second(cast)
    outcomes = together(*(lambda: accounts.finish_second_factor(token, "x", lambda *_: True) for _ in range(3)))
    assert [one for one in outcomes if isinstance(one, tuple)] == [(cast.bob, "password", "/acme")]


def test_a_new_password_sends_whoever_waits_at_the_second_factor_back(cast, codes):
    waiting = second(cast)
    accounts.reset(accounts.forgot(cast.bob.email), "000002", "Another horse 2?")
    assert isinstance(no(accounts.finish_second_factor, waiting, "x", lambda *_: True), CodeExpired)


# --- a new password ------------------------------------------------------------------------------------------------


@pytest.fixture
def bob(signed_in_as):
    """bob, who has just proven to be himself for whatever an account's pages ask."""
    found = signed_in_as("bob")
    for action, target in (
        ("account.change_password", ""),
        ("account.change_email", ""),
        ("account.delete", found.user.id),
    ):
        proofs.prove(action, target, 0, "password", "Correct horse 1!")
    return found.user


def test_a_new_password_takes_a_proof_ends_the_others_and_says_so(bob, cast, password, letters):
    here, other = stepup.present.get().token, sessions.start(cast.bob)
    waiting = second(cast)
    assert accounts.change_password(bob, "Another horse 2?") == 1
    assert sessions.find(here)
    assert sessions.find(other) is None
    assert Session.get(Session.end_reason.is_null(False)).end_reason == "password_changed"
    assert accounts.sign_in(bob.email, "Another horse 2?") == cast.bob
    assert isinstance(no(accounts.sign_in, bob.email, password), WrongCredentials)
    assert isinstance(no(accounts.finish_second_factor, waiting, "x", lambda *_: True), CodeExpired)
    assert [to for to, subject, _ in letters() if "password" in subject] == [bob.email]
    assert AuditEvent.select().where(AuditEvent.action == "security.password_changed").count() == 1


def test_without_a_proof_no_password_is_changed(signed_in_as, password):
    user = signed_in_as("bob").user
    assert isinstance(no(accounts.change_password, user, "Another horse 2?"), stepup.VerificationRequired)
    assert accounts.sign_in(user.email, password)
    assert "password" in problems(accounts.change_password, user, "weak")


# --- a new address ---------------------------------------------------------------------------------------------------


def test_a_new_address_is_proven_and_both_are_told(bob, cast, codes, letters):
    earlier = accounts.forgot(bob.email)  # mailed to the old address
    token = accounts.ask_new_address(bob, "New@Example.org")
    assert [to for to, subject, _ in letters() if "reset" not in subject and to != bob.email] == ["New@Example.org"]
    assert User.get_by_id(bob.id).email == "bob@example.org"
    assert isinstance(no(accounts.change_address, bob, token, "999999"), WrongCode)
    assert accounts.change_address(bob, token, "000002") == "New@Example.org"
    held = User.get_by_id(bob.id)
    assert (held.email, held.email_norm) == ("New@Example.org", "new@example.org")
    told = [to for to, subject, _ in letters() if "changed" in subject]
    assert sorted(told) == ["New@Example.org", "bob@example.org"]
    event = AuditEvent.get(AuditEvent.action == "security.email_changed")
    assert (event.metadata["before"], event.metadata["after"]) == ("bob@example.org", "New@Example.org")
    assert isinstance(no(accounts.reset, earlier, "000001", "Another horse 2?"), CodeExpired)
    assert isinstance(no(accounts.change_address, held, token, "000002"), CodeExpired)


def test_a_code_for_a_new_address_is_for_the_one_who_asked(bob, cast, codes):
    token = accounts.ask_new_address(bob, "new@example.org")
    assert isinstance(no(accounts.change_address, cast.vera, token, "000001"), CodeExpired)
    assert User.get_by_id(cast.vera.id).email == "vera@example.org"


def test_an_address_that_is_taken_is_refused_or_while_neutral_its_owner_is_told(bob, cast, codes, letters):
    assert "another account" in problems(accounts.ask_new_address, bob, cast.vera.email.upper())["email"]
    assert "already" in problems(accounts.ask_new_address, bob, " BOB@example.org")["email"]
    neutral(cast)
    token = accounts.ask_new_address(bob, cast.vera.email)
    again = accounts.send_again(token)
    assert [to for to, _, _ in letters()] == [cast.vera.email]
    assert not re.search(r"\b\d{6}\b", letters()[0][2])
    assert isinstance(no(accounts.change_address, bob, again, "000002"), CodeExpired)
    assert User.get_by_id(bob.id).email == "bob@example.org"


def test_two_who_want_one_address_at_once_get_it_once(bob, cast, codes, signed_in_as):
    mine = accounts.ask_new_address(bob, "new@example.org")
    signed_in_as("vera")
    proofs.prove("account.change_email", "", 0, "password", "Correct horse 1!")
    hers = accounts.ask_new_address(cast.vera, "newer@example.org")
    write(AuthToken.update(email_norm="new@example.org", payload={"email": "new@example.org"}).execute)
    outcomes = together(
        lambda: accounts.change_address(cast.bob, mine, "000001"),
        lambda: accounts.change_address(cast.vera, hers, "000002"),
    )
    assert outcomes.count("new@example.org") == 1
    assert len(refused(outcomes)) == 1
    assert isinstance(refused(outcomes)[0], CodeExpired)


def test_without_a_proof_and_for_an_admin_no_address_is_changed(signed_in_as, cast):
    bob = signed_in_as("bob").user
    assert isinstance(no(accounts.ask_new_address, bob, "new@example.org"), stepup.VerificationRequired)
    stella = signed_in_as("stella").user
    proofs.prove("account.change_email", "", 0, "password", "Correct horse 1!")
    assert "admin list" in no(accounts.ask_new_address, stella, "new@example.org").sentence
    assert mailed() == []


# --- the profile -----------------------------------------------------------------------------------------------------


def test_a_profile_is_changed_in_order_and_once_in_the_log(cast):
    bob = User.get_by_id(cast.bob.id)
    assert problems(accounts.change_profile, bob, "\u200b", "Nowhere/Else").keys() == {"name", "timezone"}
    assert problems(accounts.change_profile, bob, "x" * 101, "UTC").keys() == {"name"}
    accounts.change_profile(bob, " Bob\r\nBcc: eve@example.org ", "Europe/Brussels")
    held = User.get_by_id(bob.id)
    assert (held.name, held.timezone) == ("Bob Bcc: eve@example.org", "Europe/Brussels")
    accounts.change_profile(held, held.name, held.timezone)
    (event,) = AuditEvent.select().where(AuditEvent.action == "auth.user.updated")
    assert event.metadata["before"] == {"name": "Bob", "timezone": "UTC"}


# --- leaving for good --------------------------------------------------------------------------------------------------


def test_deletion_takes_what_names_the_person_and_leaves_what_others_need(bob, cast, letters, password):
    from database.scope import inside
    from domain.lists import rows
    from domain.tasks import tasks
    from models import Task

    with inside(cast.acme):
        task = rows.create(tasks.rules, {"title": "Order paper"}, by=organizations.reach(cast.bob, "acme"))
    own = Organization.get(Organization.owner == cast.bob, Organization.is_personal)
    token, other = stepup.present.get().token, sessions.start(cast.bob)
    accounts.forgot(bob.email)
    accounts.delete(bob)
    held = User.get_by_id(bob.id)
    assert (held.status, held.name) == ("deleted", "Somebody who left")
    assert "bob" not in f"{held.email}{held.email_norm}"
    assert (held.password_hash, held.totp_secret, held.email_verified_at) == (None, None, None)
    assert [sessions.find(t) for t in (token, other)] == [None, None]
    assert not Membership.one(Membership.user == bob)
    assert Organization.get_by_id(own.id).status == "deleted"
    assert not AuthToken.one(AuthToken.user == bob)
    assert isinstance(no(accounts.sign_in, "bob@example.org", password), WrongCredentials)
    with inside(cast.acme):
        survivor = Task.get_by_id(task.id)
        assert (survivor.title, survivor.user_id) == ("Order paper", bob.id)
    with inside(own):
        assert CreditAccount.select().count() == 1
    assert AuditEvent.select().where(AuditEvent.action == "auth.user.deleted").count() == 1
    assert ("bob@example.org", True) in [(to, "deleted" in subject) for to, subject, _ in letters()]


def test_the_address_of_a_deleted_account_is_free_again_and_inherits_nothing(bob, codes):
    accounts.delete(bob)
    user, _ = accounts.verify(sign_up("bob@example.org", "Another Bob"), "000001")
    assert user.id != bob.id
    assert [o.name for o in organizations.of(user)] == ["Another's space"]


def test_the_only_owner_of_a_team_stays_until_it_is_handed_over(signed_in_as, cast):
    alice = signed_in_as("alice").user
    proofs.prove("account.delete", alice.id, 4, "password", "Correct horse 1!")
    held = no(accounts.delete, alice)
    assert (held.code, held.status) == ("LAST_OWNER", 409)
    assert "Acme" in held.sentence
    assert [o.name for o in accounts.ties(alice)] == ["Acme"]
    assert User.get_by_id(alice.id).status == "active"
    write(
        Membership.update(role="owner").where(Membership.user == cast.bob, Membership.organization == cast.acme).execute
    )
    accounts.delete(alice)  # the proof of before was not used up by the refusal
    assert User.get_by_id(alice.id).status == "deleted"


def test_two_owners_who_leave_at_once_leave_one(signed_in_as, cast):
    write(
        Membership.update(role="owner").where(Membership.user == cast.bob, Membership.organization == cast.acme).execute
    )
    works = []

    def leaver(user):
        here = contextvars.copy_context()
        return lambda: here.run(accounts.delete, user)

    for name in ("alice", "bob"):
        user = signed_in_as(name).user
        proofs.prove("account.delete", user.id, 4, "password", "Correct horse 1!")
        works.append(leaver(user))
    outcomes = together(*works)
    assert outcomes.count(None) == 1, outcomes
    assert Membership.select().where(Membership.organization == cast.acme, Membership.role == "owner").count() == 1


def test_the_last_admin_stays(signed_in_as, cast):
    stella = signed_in_as("stella").user
    proofs.prove("account.delete", stella.id, 4, "password", "Correct horse 1!")
    assert isinstance(no(accounts.delete, stella), Refused)
    assert User.get_by_id(stella.id).status == "active"
    assert Admin.select().count() == 1


def test_an_account_is_deleted_only_with_a_proof_for_itself(signed_in_as, cast):
    bob = signed_in_as("bob").user
    proofs.prove("account.delete", cast.vera.id, 4, "password", "Correct horse 1!")
    assert isinstance(no(accounts.delete, bob), stepup.VerificationRequired)
    assert User.get_by_id(bob.id).status == "active"
