import contextvars
import re
from datetime import timedelta

import pytest

import models
from database.scope import everywhere, inside
from domain import Invalid, NotFound, Refused
from domain.base import audit, outgoing, settings, stepup, tokens
from domain.base.letters import suppressions
from domain.base.tokens import CodeExpired, WrongCode
from domain.entitlements import credits
from domain.organizations import invitations, organizations
from domain.people import accounts, passwords, proofs, sessions, sign_ins
from domain.people.codes import send_again
from domain.people.sign_ins import WrongCredentials
from models import (
    Admin,
    AuditEvent,
    AuthToken,
    CreditAccount,
    Erasure,
    Feedback,
    Letter,
    Membership,
    Organization,
    Outgoing,
    Profile,
    Session,
    Suppression,
    User,
)
from tests.domain.events.test_stock import bought
from tests.fixtures.events import make_event
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


def no(call, *args, **more):
    with pytest.raises(Refused) as caught:
        call(*args, **more)
    return caught.value


def mailed():
    return [(row.recipient, row.payload["template"]) for row in Outgoing.select().where(Outgoing.kind == "mail")]


def neutral(cast):
    settings.change("auth_neutral_messages", "on", by=cast.stella)


# --- the sentences ---------------------------------------------------------------------------------------


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


def test_whom_an_invitation_waits_for_signs_up_also_while_it_is_closed(cast, at, clock):
    settings.change("sign_up_open", "off", by=cast.stella)
    with inside(cast.globex):
        invitations.invite("ida@example.org", "viewer", by=at("charlie", "globex"))
    assert sign_up("Ida@example.org")
    clock.forward(hours=49)
    with pytest.raises(Refused):
        sign_up("ida@example.org")


# --- the code --------------------------------------------------------------------------------------------


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


def test_a_strangers_sign_up_slips_no_password_under_the_owners_code(codes, password):
    stranger = sign_up(password="Attacker's own 1!")
    owner = sign_up(password=password)
    accounts.verify(owner, "000002")
    assert sign_ins.sign_in(ADA, password).email == ADA
    with pytest.raises(WrongCredentials):
        sign_ins.sign_in(ADA, "Attacker's own 1!")
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
    assert sign_ins.sign_in(ADA, password).name == "Ada Lovelace"


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
    again = send_again(known, "verify_email")
    assert len(again) == len(unknown)
    assert len(letters()) == 2  # and no code on asking again


def test_two_sign_ups_with_one_address_at_once_make_one_account(monkeypatch):
    monkeypatch.setattr(tokens.secrets, "randbelow", lambda _: 7)
    began = together(*[sign_up] * 4)
    assert refused(began) == []
    outcomes = together(*(lambda t=t: accounts.verify(t, "000007") for t in began))
    assert sum(isinstance(o, tuple) for o in outcomes) == 1
    assert all(isinstance(o, (tuple, Refused)) for o in outcomes), outcomes
    assert counts() == [1] * 5


def test_two_browsers_with_a_code_each_make_one_account():
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
    monkeypatch.setattr(tokens.secrets, "randbelow", lambda _: next(numbers))
    accounts.verify(sign_up(), "735186")
    sign_up("bob@example.org", "Bob")
    sign_ins.forgot(ADA)
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


# --- the first admin -------------------------------------------------------------------------------------


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


def test_two_people_with_the_set_up_link_make_one_admin(password):
    secret = accounts.setup_secret()
    outcomes = together(
        *(lambda n=n: accounts.set_up(secret, f"{n}@example.org", f"Ada{n}", password) for n in range(4))
    )
    assert sum(isinstance(o, User) for o in outcomes) == 1, outcomes
    assert Admin.select().count() == User.select().count() == 1


def test_the_clock_of_a_token_is_ours(clock):
    sign_up()
    assert AuthToken.get().expires_at == clock() + timedelta(minutes=10)


# --- a new password --------------------------------------------------------------------------------------


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
    waiting = sign_ins.begin_second_factor(cast.bob, "password", "/acme")
    assert accounts.change_password(bob, "Another horse 2?") == 1
    assert sessions.find(here)
    assert sessions.find(other) is None
    assert Session.get(Session.end_reason.is_null(False)).end_reason == "password_changed"
    assert sign_ins.sign_in(bob.email, "Another horse 2?") == cast.bob
    assert isinstance(no(sign_ins.sign_in, bob.email, password), WrongCredentials)
    assert isinstance(no(sign_ins.finish_second_factor, waiting, "x", lambda *_: True), CodeExpired)
    assert [to for to, subject, _ in letters() if "password" in subject] == [bob.email]
    assert AuditEvent.select().where(AuditEvent.action == "security.password_changed").count() == 1


def test_without_a_proof_no_password_is_changed(signed_in_as, password):
    user = signed_in_as("bob").user
    assert isinstance(no(accounts.change_password, user, "Another horse 2?"), stepup.VerificationRequired)
    assert sign_ins.sign_in(user.email, password)
    assert "password" in problems(accounts.change_password, user, "weak")


# --- a new address ---------------------------------------------------------------------------------------


def test_a_new_address_is_proven_and_both_are_told(bob, cast, codes, letters):
    earlier = sign_ins.forgot(bob.email)  # mailed to the old address
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
    assert isinstance(no(sign_ins.reset, earlier, "000001", "Another horse 2?"), CodeExpired)
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
    again = send_again(token, "change_email")
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


# --- the profile -----------------------------------------------------------------------------------------


def test_a_profile_is_changed_in_order_and_once_in_the_log(cast):
    bob = User.get_by_id(cast.bob.id)
    assert problems(accounts.change_profile, bob, "\u200b", "Nowhere/Else").keys() == {"name", "timezone"}
    assert problems(accounts.change_profile, bob, "x" * 101, "UTC").keys() == {"name"}
    accounts.change_profile(bob, " Bob\r\nBcc: eve@example.org ", "Europe/Brussels")
    held = User.get_by_id(bob.id)
    assert (held.name, held.timezone) == ("Bob Bcc: eve@example.org", "Europe/Brussels")
    accounts.change_profile(held, held.name, held.timezone)
    (event,) = AuditEvent.select().where(AuditEvent.action == "auth.user.updated")
    assert event.metadata["before"] == {"name": "Bob", "timezone": "UTC", "country": None, "currency": None}


def test_where_one_is_is_what_new_things_of_theirs_begin_with(cast, at):
    bob, elsewhere = cast.bob, ("Bob", "UTC", "", "Atlantis", "shells")
    assert problems(accounts.change_profile, bob, *elsewhere).keys() == {"country", "currency"}
    accounts.change_profile(bob, "Bob", "UTC", "", "CH", "CHF")
    assert organizations.create("Alps", by=bob).default_currency == "CHF"
    assert ("CH", "Switzerland") in accounts.countries()
    accounts.change_profile(bob, "Bob", "UTC")
    assert organizations.create("Plain", by=bob).default_currency == "USD"


def test_what_one_says_of_oneself_is_short_and_no_business_of_the_log(cast):
    assert problems(accounts.change_profile, cast.bob, "Bob", "UTC", "x" * 301).keys() == {"bio"}
    accounts.change_profile(cast.bob, "Bob", "UTC", "Lights and sound.\nAsk me at night.")
    assert Profile.get(Profile.user == cast.bob).bio == "Lights and sound.\nAsk me at night."
    assert "Lights" not in str(AuditEvent.get(AuditEvent.action == "auth.user.updated").metadata)
    accounts.change_profile(cast.bob, "Bob", "UTC", "")
    assert not Profile.get(Profile.user == cast.bob).bio


# --- leaving for good ------------------------------------------------------------------------------------


def test_deletion_takes_what_names_the_person_and_leaves_what_others_need(bob, cast, letters, password):
    from database.scope import inside
    from domain.lists import rows
    from domain.tasks import tasks
    from models import Task

    with inside(cast.acme):
        task = rows.create(tasks.rules, {"title": "Order paper"}, by=organizations.reach(cast.bob, "acme"))
    own = Organization.get(Organization.owner == cast.bob, Organization.is_personal)
    accounts.change_profile(bob, "Bob", "UTC", "I do lights", "CH", "CHF")
    token, other = stepup.present.get().token, sessions.start(cast.bob)
    sign_ins.forgot(bob.email)
    write(suppressions.suppress, bob.email, "all", "complained", note="550 5.1.1 <bob@example.org> is unknown")
    write(lambda: Feedback.create(user=bob, kind="complaint", category="other", title="I go", body="This is why."))
    counts = accounts.delete(bob)
    held = User.get_by_id(bob.id)
    # The receipt counts what went, by table; it stands with the erasure, in the audit log, and in the last letter.
    assert counts["user_session"] >= 2
    assert (counts["organization_member"], counts["suppression"], counts["user"]) == (2, 1, 1)
    assert (counts["feedback"], Feedback.select().count()) == (1, 0)
    assert Erasure.get(Erasure.user_id == bob.id).counts == counts
    assert AuditEvent.get(AuditEvent.action == "auth.user.deleted").metadata["removed"] == counts
    # What isn't to be written to is known by a hash, and by nothing else.
    (kept,) = Suppression.select()
    assert (kept.email_norm.startswith("erased:"), kept.note) == (True, None)
    assert suppressions.blocking("Bob@Example.org", "news") == kept
    assert (held.status, held.name) == ("deleted", "Somebody who left")
    assert "bob" not in f"{held.email}{held.email_norm}"
    assert (held.password_hash, held.totp_secret, held.email_verified_at) == (None, None, None)
    assert (held.country, held.currency, held.profile.bio) == (None, None, None)
    assert [sessions.find(t) for t in (token, other)] == [None, None]
    assert not Membership.one(Membership.user == bob)
    assert Organization.get_by_id(own.id).status == "deleted"
    assert not AuthToken.one(AuthToken.user == bob)
    assert isinstance(no(sign_ins.sign_in, "bob@example.org", password), WrongCredentials)
    with inside(cast.acme):
        survivor = Task.get_by_id(task.id)
        assert (survivor.title, survivor.user_id) == ("Order paper", bob.id)
    with inside(own):
        assert CreditAccount.select().count() == 1
    assert AuditEvent.select().where(AuditEvent.action == "auth.user.deleted").count() == 1
    (last,) = [text for to, subject, text in letters() if to == "bob@example.org" and "deleted" in subject]
    assert f"organization member: {counts['organization_member']}" in last
    assert not [row for row in Outgoing.select() if row.recipient == "bob@example.org"]
    assert not Letter.select().where(Letter.recipient == "bob@example.org").exists()


def test_a_last_letter_that_cant_be_sent_leaves_no_address_either(bob, letters):
    write(suppressions.suppress, bob.email, "all", "bounced")
    accounts.delete(bob)
    assert letters() == []
    assert not [row for row in Outgoing.select() if row.recipient]
    assert not [row for row in Letter.select() if row.recipient]


def test_the_last_letter_waits_for_what_is_tried_again_and_then_no_address_is_left(bob, letters, clock):
    write(lambda: outgoing.letter("password_changed", "Bob@Example.ORG", "sent", name=bob.name))
    assert len(letters()) == 1
    write(lambda: outgoing.letter("password_changed", "BOB@example.org", "again", name=bob.name))
    later = {"next_attempt_at": clock() + timedelta(minutes=5), "attempts": 1}
    write(Outgoing.update(**later).where(Outgoing.key == "again").execute)
    accounts.delete(bob)
    assert not Outgoing.select().where(Outgoing.key == "sent").exists(), "whatever its capitals"
    assert len(letters()) == 1, "the one of before"
    clock.forward(minutes=6)
    letters()
    clock.forward(minutes=6)
    assert [subject for to, subject, _ in letters() if to == "bob@example.org"][-1].endswith("is deleted")
    assert not [row for row in Outgoing.select() if row.recipient]
    assert not [row for row in Letter.select() if row.recipient or row.email_norm]


def test_addresses_that_an_account_had_are_forgotten_with_it_unless_they_are_anothers(bob, letters):
    def moved():
        old, new = bob.email, "robert@new.example"
        User.update(email=new, email_norm=new).where(User.id == bob.id).execute()
        audit.record("security.email_changed", "Changed", by=bob, target=bob, before="alice@example.org", after=old)
        audit.record("security.email_changed", "Changed", by=bob, target=bob, before=old, after=new)
        for to in (old, new, "alice@example.org"):
            outgoing.letter("email_changed", to, f"changed:{to}", name="Bob", old=old, new=new)

    write(moved)
    letters()
    write(suppressions.suppress, "bob@example.org", "all", "complained")
    accounts.delete(User.get_by_id(bob.id))
    assert Suppression.get().email_norm.startswith("erased:")
    letters()
    assert {row.recipient for row in Outgoing.select() if row.recipient} == {"alice@example.org"}
    assert {row.recipient for row in Letter.select() if row.recipient} == {"alice@example.org"}


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
    assert sorted(type(one).__name__ for one in outcomes) == ["LastOwner", "dict"], outcomes
    assert Membership.select().where(Membership.organization == cast.acme, Membership.role == "owner").count() == 1


def test_the_last_admin_stays(signed_in_as, cast):
    stella = signed_in_as("stella").user
    proofs.prove("account.delete", stella.id, 4, "password", "Correct horse 1!")
    assert isinstance(no(accounts.delete, stella), Refused)
    assert User.get_by_id(stella.id).status == "active"
    assert Admin.select().count() == 1


def test_an_account_stays_while_people_have_tickets_for_an_event_of_its_own_space(at, signed_in_as, clock):
    bob, by = signed_in_as("bob").user, at("bob", "bob")
    with inside(by.organization):
        event, (tier,) = make_event(by)
        bought(event, tier)
    proofs.prove("account.delete", bob.id, 4, "password", "Correct horse 1!")
    assert "Jazz Night" in no(accounts.delete, bob).sentence
    with inside(by.organization):
        write(models.Event.update(state="archived").execute)
    accounts.delete(bob)
    assert User.get_by_id(bob.id).status == "deleted"


def test_an_account_is_deleted_only_with_a_proof_for_itself(signed_in_as, cast):
    bob = signed_in_as("bob").user
    proofs.prove("account.delete", cast.vera.id, 4, "password", "Correct horse 1!")
    assert isinstance(no(accounts.delete, bob), stepup.VerificationRequired)
    assert User.get_by_id(bob.id).status == "active"
