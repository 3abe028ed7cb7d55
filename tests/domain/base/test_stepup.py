import contextvars

import pytest

from database.transactions import writes
from domain.base import keys, stepup
from domain.base.stepup import VerificationRequired, demand
from domain.people import passwords, proofs, sessions
from models import Passkey, Proof, User
from tests.conftest import PASSWORD
from tests.fixtures.threads import refused, together, write

BY_LEVEL = {1: "billing.open_portal", 2: "member.remove", 3: "member.change_role", 4: "organization.delete"}


@writes
def act(action, target="", level=0, fails=False):
    """As a sensitive act does: the demand first, in its own transaction."""
    demand(action, target, level=level)
    if fails:
        raise ZeroDivisionError


def refusal(action, target="", **more):
    with pytest.raises(VerificationRequired) as caught:
        act(action, target, **more)
    return caught.value


def prove(action, target="", level=0):
    proofs.prove(action, target, level, "password", PASSWORD)


# --- levels 1 and 2 -------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [1, 2])
def test_a_fresh_session_will_do_for_the_lower_levels(level, signed_in_as, clock):
    signed_in_as("alice")
    act(BY_LEVEL[level], 7)
    clock.forward(minutes=30)
    act(BY_LEVEL[level], 7)
    clock.forward(seconds=1)
    refusal(BY_LEVEL[level], 7)
    prove(BY_LEVEL[level], 7)
    act(BY_LEVEL[level], 7)
    act(BY_LEVEL[level], 7)  # for ten minutes


@pytest.mark.parametrize("level", [3, 4])
def test_no_session_is_fresh_enough_for_the_higher_levels(level, signed_in_as):
    signed_in_as("alice")
    refusal(BY_LEVEL[level], 7)
    prove(BY_LEVEL[level], 7)
    act(BY_LEVEL[level], 7)


def test_freshness_counts_from_the_sign_in_not_from_the_last_click(signed_in_as, clock):
    found = signed_in_as("alice")
    for _ in range(31):
        clock.forward(minutes=1)
        found = sessions.find(found.token)
        stepup.present.set(found)
    assert clock() - found.session.last_seen_at <= sessions.SEEN_EVERY
    refusal("billing.open_portal")


def test_without_a_session_nothing_sensitive_is_done(cast):
    for action in stepup.ACTIONS:
        assert refusal(action).details["methods"] == []


def test_the_refusal_says_what_a_dialog_needs(signed_in_as):
    signed_in_as("alice")
    no = refusal("organization.delete", 7)
    assert (no.code, no.status) == ("SENSITIVE_VERIFICATION_REQUIRED", 403)
    assert no.sentence == "Confirm that it is you to delete this organization."
    assert no.details == {
        "action": "organization.delete",
        "says": "delete this organization",
        "level": 4,
        "target": "7",
        "methods": ["password", "email"],
    }


# --- what a proof is good for ----------------------------------------------------------------------------


def test_a_proof_holds_ten_minutes(signed_in_as, clock):
    signed_in_as("alice")
    prove("member.change_role", 7)
    clock.forward(minutes=10, seconds=-1)
    act("member.change_role", 7)
    clock.forward(seconds=1)
    refusal("member.change_role", 7)


def test_a_proof_is_for_one_action_target_session_and_person(signed_in_as):
    mine = signed_in_as("alice")
    prove("admin.suspend_organization", 7)
    refusal("admin.suspend_organization", 8)
    refusal("admin.suspend_organization")
    refusal("admin.reactivate_organization", 7)
    signed_in_as("alice")  # another browser of hers
    refusal("admin.suspend_organization", 7)
    signed_in_as("bob")
    refusal("admin.suspend_organization", 7)
    stepup.present.set(mine)
    act("admin.suspend_organization", 7)


def test_another_person_on_the_same_browser_inherits_no_proof(signed_in_as, cast):
    """A row that names the session alone isn't enough, nor one that names the person alone."""
    mine = signed_in_as("alice")
    prove("account.change_password")
    for change in ({"user": cast.bob}, {"session": signed_in_as("alice").session}):
        write(Proof.update(**change).execute)
        stepup.present.set(mine)
        refusal("account.change_password")


def test_at_level_four_a_proof_is_used_up(signed_in_as):
    signed_in_as("alice")
    prove("organization.delete", 7)
    act("organization.delete", 7)
    refusal("organization.delete", 7)
    assert Proof.get().consumed_at


def test_an_act_that_fails_gives_its_proof_back(signed_in_as):
    signed_in_as("alice")
    prove("organization.delete", 7)
    with pytest.raises(ZeroDivisionError):
        act("organization.delete", 7, fails=True)
    assert Proof.get().consumed_at is None
    act("organization.delete", 7)
    refusal("organization.delete", 7)


def test_two_acts_at_once_on_one_proof_are_one_act(signed_in_as):
    signed_in_as("alice")
    prove("organization.delete", 7)
    here = [contextvars.copy_context() for _ in range(4)]
    outcomes = together(*(lambda c=c: c.run(act, "organization.delete", 7) for c in here))
    assert outcomes.count(None) == 1
    assert all(isinstance(one, VerificationRequired) for one in refused(outcomes))
    assert len(refused(outcomes)) == 3


def test_two_proofs_are_two_acts(signed_in_as):
    signed_in_as("alice")
    prove("organization.delete", 7)
    prove("organization.delete", 7)
    act("organization.delete", 7)
    act("organization.delete", 7)
    refusal("organization.delete", 7)


# --- levels that rise ------------------------------------------------------------------------------------


def test_a_raised_level_ends_the_fresh_bypass_and_lower_proofs_fall_short(signed_in_as):
    signed_in_as("alice")
    act("member.remove", 7)
    assert refusal("member.remove", 7, level=3).details["level"] == 3
    prove("member.remove", 7, level=2)
    refusal("member.remove", 7, level=3)
    prove("member.remove", 7, level=3)
    act("member.remove", 7, level=3)
    act("member.remove", 7, level=3)
    act("member.remove", 7)


def test_no_act_lowers_the_level_of_its_action(signed_in_as):
    signed_in_as("alice")
    assert refusal("organization.delete", 7, level=1).details["level"] == 4
    prove("organization.delete", 7, level=1)  # nor does what a browser sends
    assert (Proof.get().level, Proof.get().single_use) == (4, True)


def test_a_level_beyond_the_highest_is_the_highest(signed_in_as):
    signed_in_as("alice")
    prove("member.remove", 7, level=9)
    assert (Proof.get().level, Proof.get().single_use) == (4, True)


# --- methods ---------------------------------------------------------------------------------------------


def test_the_methods_are_those_the_person_has_and_mail_always(cast):
    assert stepup.methods(cast.bob) == ["password", "email"]
    write(User.update(password_hash=None).where(User.id == cast.bob.id).execute)
    assert stepup.methods(cast.bob) == ["email"]
    write(User.update(totp_secret=keys.seal("A" * 32)).where(User.id == cast.bob.id).execute)
    write(Passkey.create, user=cast.bob, credential_id="c", public_key=b"k", name="Key")
    assert stepup.methods(cast.bob) == ["passkey", "totp", "email"]
    write(User.update(password_hash=passwords.hashed(PASSWORD)).where(User.id == cast.bob.id).execute)
    assert stepup.methods(cast.bob) == ["passkey", "password", "totp", "email"]
    assert stepup.methods(cast.vera) == ["password", "email"]


def test_every_action_has_a_level_and_words_that_finish_the_sentence():
    for action, about in stepup.ACTIONS.items():
        assert about.level in (1, 2, 3, 4), action
        assert about.says[0].islower(), action
        assert not about.says.endswith("."), action


def test_the_levels_of_the_specification():
    """The list of what takes a proof, and how strong a one."""
    assert {
        action: stepup.ACTIONS[action].level
        for action in (
            "billing.open_portal",
            "member.remove",
            "member.change_role",
            "security.disable_2fa",
            "account.change_email",
            "billing.cancel",
            "organization.delete",
            "organization.transfer",
            "account.delete",
            "admin.suspend_organization",
            "admin.reactivate_organization",
            "admin.change_whitelist",
        )
    } == {
        "billing.open_portal": 1,
        "member.remove": 2,
        "member.change_role": 3,
        "security.disable_2fa": 3,
        "account.change_email": 3,
        "billing.cancel": 3,
        "organization.delete": 4,
        "organization.transfer": 4,
        "account.delete": 4,
        "admin.suspend_organization": 4,
        "admin.reactivate_organization": 4,
        "admin.change_whitelist": 4,
    }
