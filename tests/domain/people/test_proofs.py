import contextvars
import re

import pyotp
import pytest

from domain import Refused
from domain.base import keys, notices, stepup, tokens
from domain.people import passkeys, proofs
from domain.people.proofs import StepUpExpired, TooOften, WrongAnswer
from models import AuditEvent, Challenge, Outgoing, Proof, User
from tests.conftest import PASSWORD
from tests.fixtures.threads import refused, together, write

ACT = "account.change_password"


@pytest.fixture
def bob(signed_in_as):
    return signed_in_as("bob").user


def prove(method="password", answer=PASSWORD, action=ACT, target="", level=3):
    return proofs.prove(action, target, level, method, answer)


def no(call, *args, **more):
    with pytest.raises(Refused) as caught:
        call(*args, **more)
    return caught.value


def audited(action):
    return AuditEvent.select().where(AuditEvent.action == action).count()


# --- the password ------------------------------------------------------------------------------------------


def test_the_right_password_is_a_proof_for_this_session_action_and_target(bob):
    prove(target=7)
    proof = Proof.get()
    assert (proof.user, proof.session, proof.action, proof.target) == (bob, stepup.present.get().session, ACT, "7")
    assert (proof.level, proof.single_use, proof.consumed_at) == (3, False, None)
    assert audited("security.stepup_verified") == 1
    assert PASSWORD not in str([row.metadata for row in AuditEvent.select()])


def test_five_wrong_passwords_are_counted_whatever_happens_then_and_the_sixth_waits(bob, clock):
    said = [no(prove, answer="Wrong horse 1!") for _ in range(5)]
    assert {type(one) for one in said} == {WrongAnswer}
    assert [re.search(r"You have (.*) left", s.sentence)[1] for s in said[:4]] == [
        "4 tries",
        "3 tries",
        "2 tries",
        "one try",
    ]
    assert "Wait a while" in said[4].sentence
    clock.forward(minutes=5)
    sixth = no(prove)  # the right one, but too late
    assert (sixth.code, sixth.status, sixth.details["retry_after"]) == ("RATE_LIMITED", 429, 600)
    assert "600 seconds" in sixth.sentence
    assert Proof.select().count() == 0
    assert Challenge.get().attempts == 5
    assert audited("security.stepup_failed") == 5
    clock.forward(minutes=10)
    prove()


def test_the_count_is_for_one_person_and_action(bob, signed_in_as):
    for _ in range(5):
        no(prove, answer="x")
    prove(action="member.change_role")
    no(prove, target="another")  # a target is no way round it
    signed_in_as("alice")
    prove()


def test_another_session_of_the_same_person_has_no_tries_of_its_own(bob, signed_in_as):
    for _ in range(5):
        no(prove, answer="x")
    signed_in_as("bob")
    assert isinstance(no(prove), TooOften)


def test_a_right_answer_begins_the_count_anew(bob):
    for _ in range(4):
        no(prove, answer="x")
    prove()
    for _ in range(4):
        assert isinstance(no(prove, answer="x"), WrongAnswer)
    prove()


def test_many_wrong_passwords_at_once_are_looked_at_five_times_at_most(bob, monkeypatch):
    looked = []
    monkeypatch.setattr(proofs.passwords, "fits", lambda *_: looked.append(1) and False)
    here = [contextvars.copy_context() for _ in range(8)]
    outcomes = together(*(lambda c=c: c.run(prove, answer="x") for c in here))
    assert all(isinstance(one, (WrongAnswer, TooOften)) for one in outcomes), outcomes
    assert len(looked) <= 5
    assert Challenge.select().count() == 1
    assert Challenge.get().attempts == 5


def test_who_has_no_password_is_sent_to_the_mail(bob):
    write(User.update(password_hash=None).where(User.id == bob.id).execute)
    assert stepup.methods(bob) == ["email"]
    for answer in (PASSWORD, "", None, "nobody has this password"):
        assert isinstance(no(prove, answer=answer), WrongAnswer)
    assert Proof.select().count() == 0


@pytest.mark.parametrize("method", ["", "fresh", "backup", "email ", "PASSWORD", "\0", "totp", "passkey"])
def test_a_way_that_the_person_does_not_have_is_none(bob, method):
    assert isinstance(no(prove, method), WrongAnswer)
    assert Proof.select().count() == Challenge.select().count() == 0


@pytest.mark.parametrize(
    "answer", [None, "", "\0", "x" * 100_000, "{}", '{"id": "\\u0000"}', '{"id": "\\ud800"}', "[]", "null", "1"]
)
def test_whatever_is_typed_is_an_answer_or_a_refusal(bob, answer):
    proofs.send_code(ACT)
    write(User.update(totp_secret=keys.seal(pyotp.random_base32())).where(User.id == bob.id).execute)
    from models import Passkey

    write(Passkey.create, user=bob, credential_id="c", public_key=b"k", name="Key")
    for method in ("password", "email", "totp", "passkey"):
        assert isinstance(no(prove, method, answer), WrongAnswer), method


@pytest.mark.parametrize("target", ["\0", "7\0", "\ud800", "x" * 10_000])
def test_whatever_is_said_to_be_the_target_is_no_failure(bob, target):
    assert isinstance(no(prove, "email", "123456", target=target), Refused)
    assert isinstance(no(prove, "password", "x", target=target), WrongAnswer)


def test_all_actions_together_are_tried_twenty_times(bob, clock):
    """Else a stolen session would have five tries for each of them."""
    actions = list(stepup.ACTIONS)
    for action in actions[:4]:
        for _ in range(5):
            assert isinstance(no(prove, answer="x", action=action), WrongAnswer)
    held = no(prove, action=actions[4])
    assert (type(held), held.details["retry_after"]) == (TooOften, 900)
    clock.forward(minutes=15)
    prove(action=actions[4])


def test_all_actions_together_mail_ten_codes(bob, clock):
    actions = list(stepup.ACTIONS)
    for action in actions[:10]:
        proofs.send_code(action)
    assert isinstance(no(proofs.send_code, actions[10]), TooOften)
    assert Outgoing.select().where(Outgoing.kind == "mail").count() == 10
    clock.forward(minutes=10)
    proofs.send_code(actions[10])


# --- the mailed code ------------------------------------------------------------------------------------------


def test_the_code_is_mailed_to_the_person_and_says_what_for(bob, codes, letters):
    proofs.send_code("organization.delete", 7)
    ((to, _, text),) = letters()
    assert to == "bob@example.org"
    assert "000001" in text
    assert "delete this organization" in text
    assert [one.title for one in notices.newest(bob)] == ["A code was asked for to delete this organization"]
    prove("email", "000 001", "organization.delete", 7, 4)
    assert (Proof.get().single_use, Proof.get().target) == (True, "7")
    assert [e.action for e in AuditEvent.select().where(AuditEvent.category == "security").order_by(AuditEvent.id)] == [
        "security.stepup_requested",
        "security.stepup_verified",
    ]


def test_a_code_is_good_once_ten_minutes_and_five_tries(bob, codes, clock):
    proofs.send_code(ACT)
    prove("email", "000001")
    assert isinstance(no(prove, "email", "000001"), StepUpExpired)
    clock.forward(minutes=1)
    proofs.send_code(ACT)
    clock.forward(minutes=10, seconds=1)
    assert isinstance(no(prove, "email", "000002"), StepUpExpired)
    proofs.send_code(ACT)
    said = [type(no(prove, "email", "999999")) for _ in range(5)]
    assert said == [WrongAnswer] * 4 + [StepUpExpired]
    assert isinstance(no(prove, "email", "000003"), StepUpExpired)
    assert Proof.select().count() == 1


def test_a_code_is_for_its_action_target_and_person(bob, codes, signed_in_as):
    proofs.send_code("organization.delete", 7)
    for action, target in ((ACT, 7), ("organization.delete", 8), ("organization.delete", "")):
        assert isinstance(no(prove, "email", "000001", action, target), StepUpExpired)
    signed_in_as("alice")
    assert isinstance(no(prove, "email", "000001", "organization.delete", 7), StepUpExpired)
    assert Proof.select().count() == 0


def test_a_new_code_voids_the_old(bob, codes, clock):
    proofs.send_code(ACT)
    clock.forward(minutes=1)
    proofs.send_code(ACT)
    assert isinstance(no(prove, "email", "000001"), WrongAnswer)
    prove("email", "000002")


def test_a_minute_between_two_codes_and_three_in_ten_minutes(bob, clock):
    proofs.send_code(ACT)
    clock.forward(seconds=20)
    early = no(proofs.send_code, ACT)
    assert (early.code, early.details["retry_after"]) == ("RATE_LIMITED", 40)
    proofs.send_code("member.change_role")  # another action's
    for _ in range(2):
        clock.forward(seconds=60)
        proofs.send_code(ACT)
    clock.forward(seconds=60)
    assert no(proofs.send_code, ACT).details["retry_after"] == 400
    assert no(proofs.send_code, ACT, "another target").status == 429
    assert Outgoing.select().where(Outgoing.recipient == "bob@example.org", Outgoing.kind == "mail").count() == 4
    clock.forward(seconds=400)
    proofs.send_code(ACT)


def test_many_who_ask_at_once_get_one_letter(bob):
    here = [contextvars.copy_context() for _ in range(5)]
    outcomes = together(*(lambda c=c: c.run(proofs.send_code, ACT) for c in here))
    assert outcomes.count(None) == 1
    assert all(isinstance(one, TooOften) for one in refused(outcomes))
    assert Challenge.select().count() == 1


def test_many_wrong_codes_at_once_get_five_tries(bob, codes):
    proofs.send_code(ACT)
    here = [contextvars.copy_context() for _ in range(8)]
    outcomes = together(*(lambda c=c: c.run(prove, "email", "999999") for c in here))
    assert all(isinstance(one, (WrongAnswer, StepUpExpired)) for one in outcomes), outcomes
    assert Challenge.get().attempts == 5
    assert isinstance(no(prove, "email", "000001"), StepUpExpired)


def test_one_code_at_once_from_two_sides_is_one_proof(bob, codes):
    proofs.send_code(ACT)
    here = [contextvars.copy_context() for _ in range(4)]
    outcomes = together(*(lambda c=c: c.run(prove, "email", "000001") for c in here))
    assert outcomes.count(None) == 1
    assert Proof.select().count() == 1


def test_other_codes_are_no_proof(bob, codes):
    """A code that was mailed to sign in with, or to choose a new password, proves nothing here."""
    for purpose in ("sign_in", "reset", "change_email"):
        tokens.new(purpose, bob.email, {"email": bob.email}, bob)
    for code in ("000001", "000002", "000003"):
        assert isinstance(no(prove, "email", code), StepUpExpired)


def test_the_code_is_kept_only_as_a_hash(bob, codes):
    proofs.send_code(ACT)
    row = Challenge.get()
    assert "000001" not in str(Challenge.select().tuples().get())
    assert row.salt
    assert row.secret_hash == tokens.hashed("000001", row.salt)


# --- app and passkey ---------------------------------------------------------------------------------------


def test_the_apps_code_is_a_proof_once(bob, clock):
    secret = pyotp.random_base32()
    write(User.update(totp_secret=keys.seal(secret)).where(User.id == bob.id).execute)
    code = pyotp.TOTP(secret).at(clock())
    assert isinstance(no(prove, "totp", "000000" if code != "000000" else "1"), WrongAnswer)
    prove("totp", code)
    assert isinstance(no(prove, "totp", code), WrongAnswer)  # a replay
    assert Proof.select().count() == 1


def test_a_passkey_must_be_the_persons_own(bob, cast, monkeypatch):
    from models import Passkey

    for person in (cast.bob, cast.alice):
        write(Passkey.create, user=person, credential_id=person.email, public_key=b"k", name="Key")
    asked = []

    def answered_by(answer, challenge, user=None):
        asked.append(user)
        if answer != "good":
            raise passkeys.NotRecognised("no")
        return user

    monkeypatch.setattr(proofs.passkeys, "answered_by", answered_by)
    assert isinstance(no(prove, "passkey", "bad"), WrongAnswer)
    prove("passkey", "good")
    assert [u.id for u in asked] == [bob.id, bob.id]
    assert Proof.get().user == cast.bob


# --- the rest ------------------------------------------------------------------------------------------------


def test_a_name_nobody_declared_confirms_nothing(bob):
    for action in ("", "nonsense", "\0", "x" * 10_000):
        assert isinstance(no(prove, action=action), WrongAnswer)
        assert isinstance(no(proofs.send_code, action), WrongAnswer)
    assert Challenge.select().count() == Proof.select().count() == 0


def test_without_a_session_there_is_nothing_to_prove(cast):
    assert no(prove).code == "UNAUTHENTICATED"
    assert no(proofs.send_code, ACT).code == "UNAUTHENTICATED"


def test_what_has_expired_is_removed_in_batches(bob, clock):
    for _ in range(3):
        prove()
    proofs.send_code(ACT)
    clock.forward(minutes=15)
    prove()
    clock.forward(minutes=20, seconds=1)
    assert proofs.prune(2) == 4  # two of each kind
    while proofs.prune(2):
        pass
    assert Proof.select().count() == 1
